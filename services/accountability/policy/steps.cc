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
constexpr size_t kJustificationMin = 20;  // Code points.
constexpr size_t kJustificationMax = 500;

// ---- Steps 4 to 6: one agreement ----------------------------------------------------------------

bool ReachesARecord(const Candidacy& candidacy) {
  const auto& records = candidacy.question.records();
  return records.empty() ||
         std::any_of(records.begin(), records.end(),
                     [&](const v1::RecordFacts& record) { return Covers(candidacy, &record); });
}

// The order of the agreements that hold: the least is relied on. Narrower comes before wider, so
// that an answer rests on what allows no more than it must.
auto RankOf(const Candidacy& candidacy) {
  const auto& agreement = candidacy.agreement;
  return std::make_tuple(
      !ReachesARecord(candidacy), -static_cast<int>(candidacy.cap), agreement.scopes.size(),
      agreement.categories, agreement.purpose_codes.size(), std::popcount(agreement.operations),
      std::string_view(agreement.reference), -static_cast<int64_t>(agreement.version));
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

// What bears on every record of a question alike.
struct Answer {
  Answer(const Asked& of, const Candidacy* candidate)
      : asked(of),
        candidacy(candidate),
        standing_applies(StandingApplies(of.question)),
        is_safeguarding(IsSafeguarding(of.question, candidate)),
        flag_counts(candidate != nullptr || ReadsText(of.question)),
        is_consent_independent(candidate != nullptr &&
                               (candidate->agreement.consent_independent & of.purpose) != 0),
        is_research(of.question.purpose() == "research") {}

  const Asked& asked;
  const Candidacy* candidacy;  // Null for own records.
  bool standing_applies;
  bool is_safeguarding;  // May open what is flagged.
  bool flag_counts;
  bool is_consent_independent;
  bool is_research;
};

Lowered BySharing(uint32_t bits, const Answer& answer) {
  const Permission sharing = SharingOf(bits);
  const auto reuse = PermissionOf(bits, v1::STANDING_ITEM_REUSE_FOR_RESEARCH_CONTACT);
  switch (sharing) {
    case Permission::kRefused:
    case Permission::kWithdrawn:
      return {answer.is_consent_independent ? RELEASE_LEVEL_PSEUDONYMISED : RELEASE_LEVEL_NOTHING,
              sharing == Permission::kRefused ? "PERMISSION_REFUSED" : "PERMISSION_WITHDRAWN"};
    case Permission::kUnknown:
      return {RELEASE_LEVEL_PSEUDONYMISED, "PERMISSION_UNKNOWN"};
    case Permission::kGiven:
      break;
  }
  if (answer.is_research && reuse != Permission::kGiven)
    return {RELEASE_LEVEL_PSEUDONYMISED, "PERMISSION_UNKNOWN"};
  return {RELEASE_LEVEL_IDENTIFIABLE, ""};
}

// A person's standing, where less than the person is nothing.
Lowered ByPerson(uint32_t bits, const Answer& answer) {
  if ((bits & kObjectionUpheld) != 0) return {RELEASE_LEVEL_NOTHING, "OBJECTION"};
  if ((bits & kRestricted) != 0) return {RELEASE_LEVEL_NOTHING, "RESTRICTION"};
  if (answer.candidacy == nullptr) return {RELEASE_LEVEL_IDENTIFIABLE, ""};
  if ((bits & kHeld) != 0) return {RELEASE_LEVEL_NOTHING, "HOLD"};
  Lowered lowered = BySharing(bits, answer);
  const bool is_partial = lowered.level < RELEASE_LEVEL_IDENTIFIABLE;
  if (is_partial && answer.asked.needs_the_person) lowered.level = RELEASE_LEVEL_NOTHING;
  return lowered;
}

Lowered ByFlags(const v1::RecordFacts& record, const Answer& answer) {
  const bool is_shared = answer.candidacy != nullptr;
  if (is_shared && !Covers(*answer.candidacy, &record))
    return {RELEASE_LEVEL_NOTHING, "NOT_COVERED"};
  if (is_shared && record.lead_only()) return {RELEASE_LEVEL_NOTHING, "LEAD_ONLY"};
  if (record.safeguarding() && answer.flag_counts && !answer.is_safeguarding)
    return {RELEASE_LEVEL_NOTHING, "SAFEGUARDING"};
  return {RELEASE_LEVEL_IDENTIFIABLE, ""};
}

bool TextMayLeave(const v1::RecordFacts& record, uint32_t bits, const Answer& answer) {
  if (answer.candidacy == nullptr) return true;
  if (record.safeguarding() && answer.is_safeguarding) return true;
  const auto quote = PermissionOf(bits, v1::STANDING_ITEM_QUOTE_ANONYMOUSLY);
  return record.text_reviewed() && quote != Permission::kRefused && quote != Permission::kWithdrawn;
}

// Whether the record's subject is one whose standing can be looked up.
bool SubjectIsListed(const v1::RecordFacts& record, const v1::Question& question) {
  const auto listed = static_cast<uint32_t>(question.subject_ids_size());
  return record.subject() <= listed &&
         question.subject_ids(static_cast<int>(record.subject()) - 1).size() == kSubjectIdBytes;
}

Lowered ByAll(const v1::RecordFacts& record, uint32_t bits, const Answer& answer) {
  const Lowered by_flags = ByFlags(record, answer);
  if (by_flags.level == RELEASE_LEVEL_NOTHING) return by_flags;
  if (record.subject() == 0 || !answer.standing_applies) return by_flags;
  if (!SubjectIsListed(record, answer.asked.question))
    return {RELEASE_LEVEL_NOTHING, "NOT_COVERED"};
  return ByPerson(bits, answer);
}

// One record of the answer, and the standing of whose it is.
Release ReleaseOf(const v1::RecordFacts& record, uint32_t bits, ReleaseLevel ceiling,
                  const Answer& answer) {
  const Lowered lowered = ByAll(record, bits, answer);
  Release release;
  release.level = std::min(lowered.level, ceiling);
  if (release.level < ceiling) release.reason = lowered.reason;
  release.text = release.level > RELEASE_LEVEL_AGGREGATE && TextMayLeave(record, bits, answer);
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

Choice Choose(const Snapshot& rules, const Asked& asked, int64_t now_ms) {
  const auto& question = asked.question;
  const auto& passages = rules.Between(question.controller(), question.caller().organisation());
  const auto& conditions = ConditionRules();
  Choice choice;
  choice.reason = question.agreement().empty() ? "NOT_CONTROLLER" : "AGREEMENT_NOT_FOUND";
  std::optional<decltype(RankOf(*choice.chosen))> best;
  std::optional<size_t> furthest;
  for (const auto& passage : passages) {
    if (!question.agreement().empty() && passage.agreement->name != question.agreement()) continue;
    const Candidacy candidacy(passage, asked, now_ms);
    const size_t reached = FirstFailure(candidacy);
    if (reached == conditions.size()) {
      const auto rank = RankOf(candidacy);
      if (best && *best <= rank) continue;
      best = rank;
      choice.chosen.emplace(candidacy);
    } else if (!furthest || reached > *furthest) {
      furthest = reached;
      choice.reason = conditions[reached].reason;
    }
  }
  return choice;
}

void Prefetch(const Snapshot& rules, const v1::Question& question) {
  for (const auto& passage : rules.Between(question.controller(), question.caller().organisation()))
    passage.Prefetch();
  for (const auto& id : question.subject_ids()) rules.PrefetchStanding(id);
}

StandingBits StandingsOf(const Snapshot& rules, const v1::Question& question, int64_t now_ms,
                         int64_t* until_ms) {
  StandingBits bits;
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

std::vector<Release> ReleasesOf(const Asked& asked, const StandingBits& standings,
                                ReleaseLevel ceiling, const Candidacy* candidacy) {
  const auto& question = asked.question;
  const Answer answer(asked, candidacy);
  std::vector<Release> releases;
  const auto add = [&](const v1::RecordFacts& record) {
    const uint32_t place = record.subject();
    const uint32_t bits = place > 0 && place <= standings.size() ? standings[place - 1] : 0;
    releases.push_back(ReleaseOf(record, bits, ceiling, answer));
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
