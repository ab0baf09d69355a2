#include "services/accountability/policy/evaluate.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "services/accountability/policy/conditions.h"
#include "services/common/data/code_lists.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

using common::v1::ReleaseLevel;
using enum common::v1::ReleaseLevel;

constexpr std::string_view kNetworkPartition = "network";
constexpr std::string_view kAgreementsPartition = "agreements";
constexpr std::string_view kNetworkSteward = "network_steward";
constexpr std::string_view kPlatformAdmin = "platform_admin";
constexpr std::string_view kOwnSafeguardingRole = "safeguarding_lead";
constexpr size_t kJustificationMin = 20;  // Code points.
constexpr size_t kJustificationMax = 500;
constexpr size_t kSubjectIdBytes = 16;

Verdict Deny(const Snapshot& rules, std::string_view reason) {
  Verdict verdict;
  verdict.reason = std::string(reason);
  verdict.revision = rules.revision();
  return verdict;
}

Verdict Permit(const Snapshot& rules, const v1::Question& question, std::string_view basis) {
  Verdict verdict;
  verdict.result = v1::RESULT_PERMIT;
  verdict.level = question.asked();
  verdict.basis = std::string(basis);
  verdict.revision = rules.revision();
  return verdict;
}

bool IsOwn(const v1::Question& question) {
  return !question.controller().empty() &&
         question.caller().organisation() == question.controller();
}

// ---- Step 1: why, and what ----------------------------------------------------------------------

std::string_view OperationProblem(const v1::Question& question) {
  const bool is_known = question.operation() != v1::OPERATION_UNSPECIFIED &&
                        v1::Operation_IsValid(question.operation());
  return is_known ? "" : "OPERATION_NOT_COVERED";
}

std::string_view Problem(const v1::Question& question) {
  if (!data::IsKnownCode("purpose", question.purpose())) return "PURPOSE_REQUIRED";
  if (question.purpose() == "research" && question.approval().empty()) return "APPROVAL_REQUIRED";
  if (question.purpose() != "safeguarding") return OperationProblem(question);
  const size_t length = text::CodePoints(question.justification());
  const bool justified = length >= kJustificationMin && length <= kJustificationMax;
  return justified ? OperationProblem(question) : "JUSTIFICATION_REQUIRED";
}

// ---- Steps 2 and 3: what needs no agreement -----------------------------------------------------

// An agreement that is named where none is needed must still be one of the caller's.
bool NamesAnothers(const Snapshot& rules, const v1::Question& question) {
  if (question.agreement().empty()) return false;
  const auto named = rules.Find(question.agreement());
  if (named == nullptr) return true;
  const auto& parties = named->parties;
  return std::find(parties.begin(), parties.end(), question.caller().organisation()) ==
         parties.end();
}

Verdict EvaluateNetwork(const Snapshot& rules, const v1::Question& question) {
  const auto& caller = question.caller();
  if (NamesAnothers(rules, question)) return Deny(rules, "AGREEMENT_NOT_FOUND");
  if (question.operation() == v1::OPERATION_WRITE) {
    if (caller.organisation() == rules.host() && caller.role() == kNetworkSteward)
      return Permit(rules, question, "NETWORK_STEWARD");
    return Deny(rules, "ROLE_NOT_PERMITTED");
  }
  if (caller.organisation() == rules.host() || question.caller_is_member())
    return Permit(rules, question, "NETWORK_DIRECTORY");
  return Deny(rules, "NOT_MEMBER");
}

Verdict EvaluateAgreements(const Snapshot& rules, const v1::Question& question) {
  if (NamesAnothers(rules, question)) return Deny(rules, "AGREEMENT_NOT_FOUND");
  if (!question.caller_is_party()) return Deny(rules, "NOT_CONTROLLER");
  if (question.caller().role() == kPlatformAdmin) return Deny(rules, "ROLE_NOT_PERMITTED");
  return Permit(rules, question, "AGREEMENT_PARTY");
}

// What running the network may touch: nothing that people said or that was made of it.
bool IsForOperators(const v1::Question& question) {
  const auto& categories = question.categories();
  return !categories.empty() &&
         std::all_of(categories.begin(), categories.end(), [](const int category) {
           return category == common::v1::CATEGORY_ORGANISATION ||
                  category == common::v1::CATEGORY_EVENT ||
                  category == common::v1::CATEGORY_LEDGER ||
                  category == common::v1::CATEGORY_ESTIMATE;
         });
}

Verdict EvaluateOwn(const Snapshot& rules, const v1::Question& question) {
  if (question.caller().role() == kPlatformAdmin) return Deny(rules, "ROLE_NOT_PERMITTED");
  if (question.purpose() == "system_administration" && !IsForOperators(question))
    return Deny(rules, "ROLE_NOT_PERMITTED");
  if (NamesAnothers(rules, question)) return Deny(rules, "AGREEMENT_NOT_FOUND");
  return Permit(rules, question, "OWN_RECORDS");
}

// ---- Steps 4 to 6: one agreement ----------------------------------------------------------------

// How far a candidate got: the place of the first condition that failed; their number: all held.
size_t FirstFailure(const Candidacy& candidacy) {
  const auto& rules = ConditionRules();
  const auto failed = std::find_if(rules.begin(), rules.end(), [&](const ConditionRule& rule) {
    return !rule.holds(candidacy);
  });
  return static_cast<size_t>(failed - rules.begin());
}

// Narrower first: what an answer rests on allows no more than it must.
auto Width(const CompiledAgreement& agreement) {
  return std::make_tuple(agreement.scopes.size(), agreement.categories, agreement.purposes.size(),
                         std::popcount(agreement.operations));
}

bool ReachesARecord(const Candidacy& candidacy) {
  const auto& records = candidacy.question.records();
  return records.empty() ||
         std::any_of(records.begin(), records.end(), [&](const v1::RecordFacts& record) {
           return Covers(candidacy.agreement, candidacy.question, &record);
         });
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

struct Choice {
  std::optional<Candidacy> chosen;
  std::string_view reason;  // Of none.
};

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

// ---- Steps 7 and 8: persons and flags -----------------------------------------------------------

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
  if (candidacy != nullptr && !Covers(candidacy->agreement, question, &record))
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

std::vector<uint32_t> StandingsOf(const Snapshot& rules, const v1::Question& question,
                                  int64_t now_ms) {
  std::vector<uint32_t> bits;
  bits.reserve(static_cast<size_t>(question.subject_ids_size()));
  for (const auto& id : question.subject_ids())
    bits.push_back(BitsAt(rules.StandingOf(id), now_ms));
  return bits;
}

// A question without rows is one about each of its subjects.
std::vector<v1::RecordFacts> RecordsOf(const v1::Question& question) {
  std::vector<v1::RecordFacts> records(question.records().begin(), question.records().end());
  if (!records.empty()) return records;
  for (int i = 0; i < question.subject_ids_size(); ++i)
    records.emplace_back().set_subject(static_cast<uint32_t>(i + 1));
  return records;
}

// What cannot leave rows out has the lowest of its records as its ceiling.
bool IsOneAnswer(const v1::Question& question) {
  return question.records().empty() || question.operation() == v1::OPERATION_READ ||
         question.operation() == v1::OPERATION_WRITE;
}

void LowerTheWhole(const std::vector<v1::RecordRelease>& releases, Verdict* verdict) {
  for (const auto& release : releases) verdict->level = std::min(verdict->level, release.level());
}

// Lowers a permit by what stands about its records and their people.
void LowerRecords(const Snapshot& rules, const v1::Question& question, int64_t now_ms,
                  const Candidacy* candidacy, Verdict* verdict) {
  const auto records = RecordsOf(question);
  if (records.empty()) return;
  const auto bits = StandingsOf(rules, question, now_ms);
  std::vector<v1::RecordRelease> releases;
  releases.reserve(records.size());
  // At a lower level the projection shows text only where it is told to.
  bool exceptional = verdict->level < RELEASE_LEVEL_IDENTIFIABLE;
  for (const auto& record : records) {
    const uint32_t place = record.subject();
    const uint32_t standing = place > 0 && place <= bits.size() ? bits[place - 1] : 0;
    releases.push_back(ReleaseOf(record, standing, verdict->level, question, candidacy));
    exceptional |= releases.back().level() < verdict->level || !releases.back().text();
  }
  if (IsOneAnswer(question)) LowerTheWhole(releases, verdict);
  if (exceptional && !question.records().empty()) verdict->records = std::move(releases);
}

// The platform's policy, or what is at least as strict as that and the agreement's.
v1::SmallNumberPolicy SmallNumbersOf(const CompiledAgreement& agreement) {
  const bool is_the_platforms = agreement.small_numbers == v1::SMALL_NUMBER_POLICY_UNSPECIFIED ||
                                agreement.small_numbers == v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5;
  return is_the_platforms ? v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5
                          : v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY;
}

// Step 10: what a permit has become. The codes do not tell why a record was lowered: the entry and
// the receipt show them to who asked.
Verdict Concluded(const Snapshot& rules, const v1::Question& question, Verdict verdict) {
  if (verdict.result == v1::RESULT_DENY) return verdict;
  if (verdict.level <= RELEASE_LEVEL_NOTHING) return Deny(rules, "NOT_COVERED");
  const bool lowered =
      std::any_of(verdict.records.begin(), verdict.records.end(),
                  [&](const v1::RecordRelease& record) { return record.level() < verdict.level; });
  if (verdict.level < question.asked()) {
    verdict.result = v1::RESULT_REDUCED;
    verdict.reason = "LEVEL_NOT_COVERED";
  } else if (lowered) {
    verdict.result = v1::RESULT_REDUCED;
    verdict.reason = "NOT_COVERED";
  }
  return verdict;
}

Verdict EvaluateShared(const Snapshot& rules, const v1::Question& question, int64_t now_ms) {
  const Choice choice = Choose(rules, question, now_ms);
  if (!choice.chosen) return Deny(rules, choice.reason);
  const auto& agreement = choice.chosen->agreement;
  Verdict verdict = Permit(rules, question, "AGREEMENT");
  verdict.level = choice.chosen->cap;
  verdict.agreement = agreement.name;
  verdict.agreement_reference = agreement.reference;
  verdict.agreement_version = agreement.version;
  verdict.small_numbers = SmallNumbersOf(agreement);
  verdict.decisions_per_minute = agreement.decisions_per_minute;
  LowerRecords(rules, question, now_ms, &*choice.chosen, &verdict);
  return Concluded(rules, question, std::move(verdict));
}

v1::Question WithDefaults(const v1::Question& question) {
  v1::Question filled = question;
  filled.set_asked(RELEASE_LEVEL_IDENTIFIABLE);
  return filled;
}

// ---- Telling it ---------------------------------------------------------------------------------

v1::Candidate Tell(const Candidacy& candidacy, bool to_controller) {
  v1::Candidate told;
  told.set_agreement(candidacy.agreement.name);
  told.set_reference(candidacy.agreement.reference);
  told.set_version(candidacy.agreement.version);
  told.set_cap(candidacy.cap);
  uint32_t failed = 0;
  for (const auto& rule : ConditionRules()) {
    if (rule.tells_of_the_records && !to_controller) continue;
    auto* condition = told.add_conditions();
    condition->set_condition(rule.name);
    condition->set_held(rule.holds(candidacy));
    if (condition->held()) continue;
    condition->set_detail(rule.detail(candidacy));
    ++failed;
  }
  told.set_failed(failed);
  return told;
}

// The remedies of the nearest candidate's failures.
std::vector<std::string> RemediesOf(const Candidacy& nearest, bool to_controller) {
  std::vector<std::string> remedies;
  for (const auto& rule : ConditionRules()) {
    if ((rule.tells_of_the_records && !to_controller) || rule.holds(nearest)) continue;
    remedies.push_back(rule.remedy(nearest));
  }
  return remedies;
}

void TellCandidates(const Snapshot& rules, const v1::Question& question, int64_t now_ms,
                    bool to_controller, v1::Explanation* told) {
  std::vector<std::pair<v1::Candidate, const CompiledAgreement*>> all;
  for (const auto& one : rules.Between(question.controller(), question.caller().organisation()))
    all.emplace_back(Tell(Candidacy(*one, question, now_ms), to_controller), one.get());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first.failed() < b.first.failed();
  });
  const bool refused = told->result() == v1::RESULT_DENY;
  if (refused && !all.empty()) {
    const Candidacy nearest(*all.front().second, question, now_ms);
    for (const auto& remedy : RemediesOf(nearest, to_controller)) told->add_what_would_help(remedy);
  }
  if (refused && all.empty() && !IsOwn(question))
    told->add_what_would_help("an agreement between the two; draft one from this refusal");
  for (auto& [candidate, unused] : all) *told->add_candidates() = std::move(candidate);
}

// What lowered the records, counted by why and how far.
void TellStanding(const Snapshot& rules, const v1::Question& question, int64_t now_ms,
                  v1::Explanation* told) {
  const Choice choice = IsOwn(question) ? Choice() : Choose(rules, question, now_ms);
  const auto& chosen = choice.chosen;
  if (!IsOwn(question) && !chosen) return;
  const auto bits = StandingsOf(rules, question, now_ms);
  const ReleaseLevel ceiling = chosen ? chosen->cap : question.asked();
  std::map<std::pair<std::string, ReleaseLevel>, uint32_t> effects;
  for (const auto& record : RecordsOf(question)) {
    const uint32_t place = record.subject();
    const uint32_t standing = place > 0 && place <= bits.size() ? bits[place - 1] : 0;
    const auto release =
        ReleaseOf(record, standing, ceiling, question, chosen ? &*chosen : nullptr);
    if (release.level() < ceiling) ++effects[{release.reason(), release.level()}];
  }
  for (const auto& [effect, records] : effects) {
    auto* out = told->add_standing();
    out->set_effect(effect.first);
    out->set_lowered_to(effect.second);
    out->set_records(records);
    told->add_what_would_help("ask the people concerned, or leave their records out (" +
                              effect.first + ")");
  }
}

}  // namespace

Verdict Evaluate(const Snapshot& rules, const v1::Question& question, int64_t now_ms) {
  if (question.asked() == RELEASE_LEVEL_UNSPECIFIED ||
      question.asked() > RELEASE_LEVEL_IDENTIFIABLE)
    return Evaluate(rules, WithDefaults(question), now_ms);
  const auto problem = Problem(question);
  if (!problem.empty()) return Deny(rules, problem);
  if (question.controller() == kNetworkPartition)
    return Concluded(rules, question, EvaluateNetwork(rules, question));
  if (question.controller() == kAgreementsPartition)
    return Concluded(rules, question, EvaluateAgreements(rules, question));
  if (!IsOwn(question)) return EvaluateShared(rules, question, now_ms);
  Verdict verdict = EvaluateOwn(rules, question);
  if (verdict.result == v1::RESULT_DENY) return verdict;
  LowerRecords(rules, question, now_ms, nullptr, &verdict);
  return Concluded(rules, question, std::move(verdict));
}

Verdict RateLimited(const Verdict& permit) {
  Verdict verdict;
  verdict.reason = "RATE_LIMITED";
  verdict.agreement = permit.agreement;
  verdict.agreement_reference = permit.agreement_reference;
  verdict.agreement_version = permit.agreement_version;
  verdict.revision = permit.revision;
  return verdict;
}

v1::Explanation Explain(const Snapshot& rules, const v1::Question& question, int64_t now_ms,
                        bool to_controller) {
  if (question.asked() == RELEASE_LEVEL_UNSPECIFIED)
    return Explain(rules, WithDefaults(question), now_ms, to_controller);
  const Verdict verdict = Evaluate(rules, question, now_ms);
  v1::Explanation told;
  told.set_result(verdict.result);
  told.set_asked(question.asked());
  told.set_given(verdict.level);
  if (!verdict.reason.empty()) told.add_reasons(verdict.reason);
  told.set_organisation("organisations/" + question.caller().organisation());
  told.set_controller(question.controller() == kNetworkPartition ||
                              question.controller() == kAgreementsPartition
                          ? question.controller()
                          : "organisations/" + question.controller());
  told.set_purpose(question.purpose());
  told.set_operation(question.operation());
  told.set_role(question.caller().role());
  *told.mutable_categories() = question.categories();
  told.set_policy_revision(verdict.revision);
  told.set_relied_on(verdict.agreement);
  told.set_complete(to_controller);
  TellCandidates(rules, question, now_ms, to_controller, &told);
  if (to_controller) TellStanding(rules, question, now_ms, &told);
  return told;
}

}  // namespace waterline::accountability
