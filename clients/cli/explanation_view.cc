#include "clients/cli/explanation_view.h"

#include <fmt/format.h>

#include <vector>

#include "clients/cli/fields.h"
#include "google/protobuf/util/time_util.h"
#include "services/common/text/id.h"
#include "services/common/text/position.h"

namespace waterline::cli {
namespace {

using accountability::v1::Candidate;
using accountability::v1::Explanation;
using text::IdOf;

// The word of an enum's value; a number of a newer version is unknown.
std::string Word(const google::protobuf::EnumDescriptor* type, int number) {
  const auto* value = type->FindValueByNumber(number);
  return value == nullptr ? "unknown" : EnumText(*value);
}

std::string Level(common::v1::ReleaseLevel level) {
  return Word(common::v1::ReleaseLevel_descriptor(), level);
}

template <class Items>
std::string Joined(const Items& items) {
  return fmt::format("{}", fmt::join(items, ", "));
}

std::string CategoriesOf(const Explanation& explanation) {
  std::vector<std::string> words;
  for (const int category : explanation.categories()) {
    words.push_back(Word(common::v1::Category_descriptor(), category));
  }
  return Joined(words);
}

std::string ResultWord(accountability::v1::Result result) {
  switch (result) {
    case accountability::v1::RESULT_PERMIT:
      return "PERMITTED";
    case accountability::v1::RESULT_REDUCED:
      return "REDUCED";
    case accountability::v1::RESULT_DENY:
      return "REFUSED";
    default:
      return "FAILED";
  }
}

std::string CandidateLine(const Candidate& candidate) {
  std::vector<std::string> parts;
  for (const auto& condition : candidate.conditions()) {
    std::string part = condition.condition() + (condition.held() ? " ok" : " FAIL");
    if (!condition.held() && !condition.detail().empty()) part += " (" + condition.detail() + ")";
    parts.push_back(std::move(part));
  }
  parts.push_back("cap " + Level(candidate.cap()));
  return fmt::format("  {} v{}  {}\n", candidate.reference(), candidate.version(),
                     fmt::join(parts, " | "));
}

std::string NearestLine(const Explanation& explanation) {
  if (explanation.candidates().empty() || explanation.result() != accountability::v1::RESULT_DENY)
    return "";
  const auto& nearest = explanation.candidates(0);
  return fmt::format("  nearest: {}, {} condition{}\n", nearest.reference(), nearest.failed(),
                     nearest.failed() == 1 ? "" : "s");
}

std::string Heading(const Explanation& explanation) {
  return fmt::format("{}  {} ({}) asked {} to {} {} for {}\n", ResultWord(explanation.result()),
                     IdOf(explanation.organisation()), explanation.role(),
                     IdOf(explanation.controller()),
                     Word(accountability::v1::Operation_descriptor(), explanation.operation()),
                     CategoriesOf(explanation),
                     explanation.purpose().empty() ? "no purpose" : explanation.purpose());
}

std::string LevelLine(const Explanation& explanation) {
  std::string line =
      fmt::format("  asked {}, given {}", Level(explanation.asked()), Level(explanation.given()));
  if (!explanation.reasons().empty()) line += ": " + Joined(explanation.reasons());
  if (!explanation.relied_on().empty()) line += ", relying on " + explanation.relied_on();
  return line + "\n";
}

std::string WhereLine(const Explanation& explanation) {
  std::string line = fmt::format("  rules of revision {}", explanation.policy_revision());
  if (explanation.has_position())
    line += ", ledger position " + text::FormatPosition(explanation.position());
  if (explanation.has_decided_at())
    line += ", " + google::protobuf::util::TimeUtil::ToString(explanation.decided_at());
  return line + "\n";
}

}  // namespace

std::string ExplanationText(const Explanation& explanation) {
  std::string text = Heading(explanation) + LevelLine(explanation) + WhereLine(explanation);
  for (const auto& candidate : explanation.candidates()) text += CandidateLine(candidate);
  if (explanation.candidates().empty() && explanation.organisation() != explanation.controller())
    text += "  no agreement between the two\n";
  for (const auto& effect : explanation.standing()) {
    text += fmt::format("  {} lowered {} record{} to {}\n", effect.effect(), effect.records(),
                        effect.records() == 1 ? "" : "s", Level(effect.lowered_to()));
  }
  text += NearestLine(explanation);
  for (const auto& help : explanation.what_would_help()) text += "  would help: " + help + "\n";
  if (!explanation.complete())
    text += "  the controller sees more: which record, and what stands about its people\n";
  return text;
}

bool ParsePosition(const std::string& typed, common::v1::LedgerPosition* position) {
  const bool with_epoch = typed.find('/') != std::string::npos;
  const auto parsed = text::ParsePosition(with_epoch ? typed : "0/" + typed);
  if (parsed) *position = *parsed;
  return parsed.has_value();
}

}  // namespace waterline::cli
