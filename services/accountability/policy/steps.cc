#include "services/accountability/policy/steps.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "services/accountability/policy/standing.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

using common::v1::ReleaseLevel;
using enum common::v1::ReleaseLevel;

constexpr std::string_view kOwnSafeguardingRole = "safeguarding_lead";
constexpr size_t kSubjectIdBytes = 16;
constexpr size_t kJustificationMin = 20;  // Code points.
constexpr size_t kJustificationMax = 500;

// ---- Steps 4 to 6: one agreement ----------------------------------------------------------------

// Narrower first: what an answer rests on allows no more than it must.
auto Width(const CompiledAgreement& agreement) {
  return std::make_tuple(agreement.scopes.size(), agreement.categories, agreement.purposes.size(),
                         std::popcount(agreement.operations));
}

bool ReachesARecord(const Candidacy& candidacy) {
  const auto& records = candidacy.question.records();
  return records.empty() ||
         std::any_of(records.begin(), records.end(),
                     [&](const v1::RecordFacts& record) { return Covers(candidacy, &record); });
}

// Whether `a` is the better one to rely on. Both hold.
bool IsBetter(const Candidacy& a, const Candidacy& b) {
  const bool a_reaches = ReachesARecord(a);
  if (a_reaches != ReachesARecord(b)) return a_reaches;
  if (a.cap != b.cap) return a.cap > b.cap;
  if (Width(a.agreement) != Width(b.agreement)) return Width(a.agreement) < Width(b.agreement);
  if (a.agreement.reference != b.agreement.reference)
    return a.agreement.reference < b.agreement.reference;
  return a.agreement.version > b.agreement.version;
}

// ---- Steps 7 to 9: persons, flags, text ---------------------------------------------------------

// What a person's standing or a record's flags leave of a level, and why.
struct Lowered {
  ReleaseLevel level;
  std::string_view reason;
};

// For these purposes a person's standing is set aside: they serve the person, or a person's safety.
bool StandingApplies(const v1::Question& question) {
  if (question.operation() == v1::OPERATION_WRITE) return false;
  if (question.purpose() == "safeguarding" || question.purpose() == "rights_request") return false;
  const auto& categories = question.categories();
  return categories.empty() ||
         std::any_of(categories.begin(), categories.end(), [](const int category) {
           return category != common::v1::CATEGORY_PERMISSIONS;
         });
}

bool IsConsentIndependent(const CompiledAgreement* agreement, const std::string& purpose) {
  if (agreement == nullptr) return false;
  const auto found = agreement->purposes.find(purpose);
  return found != agreement->purposes.end() && found->second.consent_independent;
}

Lowered ByStanding(uint32_t bits, const v1::Question& question,
                   const CompiledAgreement* agreement) {
  if ((bits & kObjectionUpheld) != 0) return {RELEASE_LEVEL_NOTHING, "OBJECTION"};
  if ((bits & kRestricted) != 0) return {RELEASE_LEVEL_NOTHING, "RESTRICTION"};
  if (agreement == nullptr) return {RELEASE_LEVEL_IDENTIFIABLE, ""};
  if ((bits & kHeld) != 0) return {RELEASE_LEVEL_NOTHING, "HOLD"};
  const Permission sharing = SharingOf(bits);
  const auto reuse = PermissionOf(bits, v1::STANDING_ITEM_REUSE_FOR_RESEARCH_CONTACT);
  switch (sharing) {
    case Permission::kRefused:
    case Permission::kWithdrawn:
      return {IsConsentIndependent(agreement, question.purpose()) ? RELEASE_LEVEL_PSEUDONYMISED
                                                                  : RELEASE_LEVEL_NOTHING,
              sharing == Permission::kRefused ? "PERMISSION_REFUSED" : "PERMISSION_WITHDRAWN"};
    case Permission::kUnknown:
      return {RELEASE_LEVEL_PSEUDONYMISED, "PERMISSION_UNKNOWN"};
    case Permission::kGiven:
      break;
  }
  if (question.purpose() == "research" && reuse != Permission::kGiven)
    return {RELEASE_LEVEL_PSEUDONYMISED, "PERMISSION_UNKNOWN"};
  return {RELEASE_LEVEL_IDENTIFIABLE, ""};
}

// A person's standing, where less than the person is nothing.
Lowered ByPerson(uint32_t bits, const v1::Question& question, const CompiledAgreement* agreement) {
  Lowered lowered = ByStanding(bits, question, agreement);
  const bool is_partial = agreement != nullptr && lowered.level < RELEASE_LEVEL_IDENTIFIABLE;
  if (is_partial && NeedsThePerson(question)) lowered.level = RELEASE_LEVEL_NOTHING;
  return lowered;
}

// Who may open a flagged contribution: one role of each organisation, under one purpose.
bool IsSafeguarding(const v1::Question& question, const Candidacy* candidacy) {
  if (question.purpose() != "safeguarding") return false;
  const std::string& role = question.caller().role();
  if (candidacy == nullptr) return role == kOwnSafeguardingRole;
  return !candidacy->recipient->safeguarding_role.empty() &&
         role == candidacy->recipient->safeguarding_role;
}

// Reads what people said. To its controller a flag hides nothing else.
bool ReadsText(const v1::Question& question) {
  const auto& categories = question.categories();
  return question.operation() != v1::OPERATION_WRITE &&
         std::find(categories.begin(), categories.end(), common::v1::CATEGORY_CONTRIBUTION_TEXT) !=
             categories.end();
}

Lowered ByFlags(const v1::RecordFacts& record, const v1::Question& question,
                const Candidacy* candidacy) {
  if (candidacy != nullptr && !Covers(*candidacy, &record))
    return {RELEASE_LEVEL_NOTHING, "NOT_COVERED"};
  if (candidacy != nullptr && record.lead_only()) return {RELEASE_LEVEL_NOTHING, "LEAD_ONLY"};
  const bool flag_counts = candidacy != nullptr || ReadsText(question);
  if (record.safeguarding() && flag_counts && !IsSafeguarding(question, candidacy))
    return {RELEASE_LEVEL_NOTHING, "SAFEGUARDING"};
  return {RELEASE_LEVEL_IDENTIFIABLE, ""};
}

bool TextMayLeave(const v1::RecordFacts& record, uint32_t bits, const Candidacy* candidacy,
                  const v1::Question& question) {
  if (candidacy == nullptr) return true;
  if (record.safeguarding() && IsSafeguarding(question, candidacy)) return true;
  const auto quote = PermissionOf(bits, v1::STANDING_ITEM_QUOTE_ANONYMOUSLY);
  return record.text_reviewed() && quote != Permission::kRefused && quote != Permission::kWithdrawn;
}

// Whether the record's subject is one whose standing can be looked up.
bool SubjectIsListed(const v1::RecordFacts& record, const v1::Question& question) {
  const auto listed = static_cast<uint32_t>(question.subject_ids_size());
  return record.subject() <= listed &&
         question.subject_ids(static_cast<int>(record.subject()) - 1).size() == kSubjectIdBytes;
}

Lowered ByAll(const v1::RecordFacts& record, uint32_t bits, const v1::Question& question,
              const Candidacy* candidacy) {
  const Lowered by_flags = ByFlags(record, question, candidacy);
  if (by_flags.level == RELEASE_LEVEL_NOTHING) return by_flags;
  if (record.subject() == 0 || !StandingApplies(question)) return by_flags;
  if (!SubjectIsListed(record, question)) return {RELEASE_LEVEL_NOTHING, "NOT_COVERED"};
  return ByPerson(bits, question, candidacy == nullptr ? nullptr : &candidacy->agreement);
}

// One record of the answer, and the standing of whose it is.
v1::RecordRelease ReleaseOf(const v1::RecordFacts& record, uint32_t bits, ReleaseLevel ceiling,
                            const v1::Question& question, const Candidacy* candidacy) {
  const Lowered lowered = ByAll(record, bits, question, candidacy);
  v1::RecordRelease release;
  release.set_level(std::min(lowered.level, ceiling));
  if (release.level() < ceiling) release.set_reason(std::string(lowered.reason));
  release.set_text(release.level() > RELEASE_LEVEL_AGGREGATE &&
                   TextMayLeave(record, bits, candidacy, question));
  return release;
}

}  // namespace

bool IsJustified(const v1::Question& question) {
  const size_t length = text::CodePoints(question.justification());
  return length >= kJustificationMin && length <= kJustificationMax;
}

bool IsOwn(const v1::Question& question) {
  return !question.controller().empty() &&
         question.caller().organisation() == question.controller();
}

size_t FirstFailure(const Candidacy& candidacy) {
  const auto& rules = ConditionRules();
  const auto failed = std::find_if(rules.begin(), rules.end(), [&](const ConditionRule& rule) {
    return !rule.holds(candidacy);
  });
  return static_cast<size_t>(failed - rules.begin());
}

Choice Choose(const Snapshot& rules, const v1::Question& question, int64_t now_ms) {
  const auto& candidates = rules.Between(question.controller(), question.caller().organisation());
  const auto& conditions = ConditionRules();
  Choice choice;
  choice.reason = question.agreement().empty() ? "NOT_CONTROLLER" : "AGREEMENT_NOT_FOUND";
  std::optional<size_t> furthest;
  for (const auto& candidate : candidates) {
    if (!question.agreement().empty() && candidate->name != question.agreement()) continue;
    Candidacy candidacy(*candidate, question, now_ms);
    const size_t reached = FirstFailure(candidacy);
    if (reached == conditions.size()) {
      if (!choice.chosen || IsBetter(candidacy, *choice.chosen)) choice.chosen.emplace(candidacy);
    } else if (!furthest || reached > *furthest) {
      furthest = reached;
      choice.reason = conditions[reached].reason;
    }
  }
  return choice;
}

std::vector<uint32_t> StandingsOf(const Snapshot& rules, const v1::Question& question,
                                  int64_t now_ms, int64_t* until_ms) {
  std::vector<uint32_t> bits;
  bits.reserve(static_cast<size_t>(question.subject_ids_size()));
  for (const auto& id : question.subject_ids()) {
    const Standing standing = rules.StandingOf(id);
    bits.push_back(BitsAt(standing, now_ms));
    for (const int64_t expires_ms : standing.expires_ms) {
      if (expires_ms > now_ms) *until_ms = std::min(*until_ms, expires_ms);
    }
  }
  return bits;
}

std::vector<v1::RecordRelease> ReleasesOf(const v1::Question& question,
                                          const std::vector<uint32_t>& standings,
                                          ReleaseLevel ceiling, const Candidacy* candidacy) {
  std::vector<v1::RecordRelease> releases;
  const auto add = [&](const v1::RecordFacts& record) {
    const uint32_t place = record.subject();
    const uint32_t bits = place > 0 && place <= standings.size() ? standings[place - 1] : 0;
    releases.push_back(ReleaseOf(record, bits, ceiling, question, candidacy));
  };
  releases.reserve(
      static_cast<size_t>(std::max(question.records_size(), question.subject_ids_size())));
  for (const auto& record : question.records()) add(record);
  if (!releases.empty()) return releases;
  v1::RecordFacts of_subject;
  for (int i = 0; i < question.subject_ids_size(); ++i) {
    of_subject.set_subject(static_cast<uint32_t>(i + 1));
    add(of_subject);
  }
  return releases;
}

}  // namespace waterline::accountability
