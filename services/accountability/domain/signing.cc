#include <algorithm>
#include <iterator>
#include <set>

#include "services/accountability/domain/agreement_rules.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

absl::Status Refuse(const Reason& why, const std::string& message, const std::string& key,
                    const std::string& value) {
  return Error(why, message, {{key, value}});
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

bool IsTitle(const std::string& word) {
  static const auto& titles =
      *new std::set<std::string>{"mr",        "mrs", "ms",   "miss", "mx",   "dr", "prof",
                                 "professor", "sir", "dame", "lord", "lady", "rev"};
  return titles.count(word) != 0;
}

// Lower case of ASCII and of the accented letters of Latin-1; a no-break space becomes a space, a
// curly apostrophe a straight one.
std::string Fold(const std::string& name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    const auto next = static_cast<unsigned char>(i + 1 < name.size() ? name[i + 1] : 0);
    if (byte == 0xC3 && next >= 0x80 && next <= 0x9E && next != 0x97) {
      out += {name[i], static_cast<char>(next + 0x20)};
      ++i;
    } else if (byte == 0xC2 && next == 0xA0) {
      out += ' ';
      ++i;
    } else if (name.compare(i, 3, "\u2019") == 0) {
      out += '\'';
      i += 2;
    } else {
      out += name[i];
    }
  }
  return text::ToLower(out);
}

absl::Status CheckOthers(const v1::Agreement& agreement, const v1::Signature& signature,
                         const std::string& handle, const std::vector<std::string>& handles) {
  if (handles.size() != static_cast<size_t>(agreement.signatures_size()) || handle.empty())
    return Error(reason::kUnexpected, "a signature is stored without the handle of who made it");
  for (int i = 0; i < agreement.signatures_size(); ++i) {
    const auto& earlier = agreement.signatures(i);
    if (handles[static_cast<size_t>(i)] == handle ||
        ComparedName(earlier.signatory()) == ComparedName(signature.signatory())) {
      return Refuse(reason::kSignedForAnother,
                    "this person has signed for another party; each party signs by a person of its "
                    "own. Two people of one name add what tells them apart",
                    "organisation", earlier.organisation());
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string ComparedName(const std::string& name) {
  std::vector<std::string> words(1);
  for (char c : Fold(name)) {
    if (IsWordByte(c)) words.back() += c;
    if (!IsWordByte(c) && c != '\'' && !words.back().empty()) words.emplace_back();
  }
  words.erase(std::remove_if(words.begin(), words.end(),
                             [](const auto& word) { return word.empty() || IsTitle(word); }),
              words.end());
  std::sort(words.begin(), words.end());
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

absl::Status CheckSigning(const v1::Agreement& agreement, const v1::Signature& signature,
                          const std::string& handle,
                          const std::vector<std::string>& earlier_handles) {
  const auto* party = FindParty(agreement.terms(), signature.organisation());
  if (party == nullptr) {
    return Refuse(reason::kNotParty, "only a party signs", "organisation",
                  signature.organisation());
  }
  for (const auto& earlier : agreement.signatures()) {
    if (earlier.organisation() == signature.organisation()) {
      return Error(reason::kStateForbids, signature.organisation() + " has signed",
                   {{"name", agreement.name()}, {"state", "signed"}, {"wanted", "not signed yet"}});
    }
  }
  if (!agreement.assessment().dpia_approved() || !agreement.assessment().dpo_advice_recorded()) {
    return Refuse(reason::kNotAssessed,
                  "the impact assessment is not approved, or the data protection officer's advice "
                  "is not recorded; its lead records them with RecordAssessment",
                  "name", agreement.name());
  }
  const auto& roles = party->signatory_roles();
  if (std::find(roles.begin(), roles.end(), signature.role()) == roles.end()) {
    return Refuse(reason::kSignatoryNotAuthorised,
                  "this role may not sign for this party; its signatory_roles say who may", "role",
                  signature.role());
  }
  return CheckOthers(agreement, signature, handle, earlier_handles);
}

}  // namespace waterline::accountability
