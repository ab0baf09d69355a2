#include "services/accountability/policy/evaluate.h"

#include <algorithm>

#include "services/accountability/policy/steps.h"

namespace waterline::accountability {
namespace {

using common::v1::ReleaseLevel;
using enum common::v1::ReleaseLevel;

constexpr std::string_view kNetworkPartition = "network";
constexpr std::string_view kAgreementsPartition = "agreements";
constexpr std::string_view kNetworkSteward = "network_steward";
constexpr std::string_view kPlatformAdmin = "platform_admin";

Verdict Deny(const Snapshot& rules, std::string_view reason) {
  Verdict verdict;
  verdict.reason = std::string(reason);
  verdict.revision = rules.revision();
  return verdict;
}

Verdict Permit(const Snapshot& rules, const Asked& asked, std::string_view basis) {
  Verdict verdict;
  verdict.result = v1::RESULT_PERMIT;
  verdict.level = asked.level;
  verdict.basis = std::string(basis);
  verdict.revision = rules.revision();
  return verdict;
}

// ---- Step 1: why, and what ----------------------------------------------------------------------

std::string_view OperationProblem(const v1::Question& question) {
  const bool is_known = question.operation() != v1::OPERATION_UNSPECIFIED &&
                        v1::Operation_IsValid(question.operation());
  return is_known ? "" : "OPERATION_NOT_COVERED";
}

std::string_view Problem(const Asked& asked) {
  const auto& question = asked.question;
  if (asked.purpose == 0) return "PURPOSE_REQUIRED";
  if (question.purpose() == "research" && question.approval().empty()) return "APPROVAL_REQUIRED";
  if (question.purpose() != "safeguarding") return OperationProblem(question);
  return IsJustified(question) ? OperationProblem(question) : "JUSTIFICATION_REQUIRED";
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

Verdict EvaluateNetwork(const Snapshot& rules, const Asked& asked) {
  const auto& question = asked.question;
  const auto& caller = question.caller();
  if (NamesAnothers(rules, question)) return Deny(rules, "AGREEMENT_NOT_FOUND");
  if (question.operation() == v1::OPERATION_WRITE) {
    if (caller.organisation() == rules.host() && caller.role() == kNetworkSteward)
      return Permit(rules, asked, "NETWORK_STEWARD");
    return Deny(rules, "ROLE_NOT_PERMITTED");
  }
  if (caller.organisation() == rules.host() || question.caller_is_member())
    return Permit(rules, asked, "NETWORK_DIRECTORY");
  return Deny(rules, "NOT_MEMBER");
}

Verdict EvaluateAgreements(const Snapshot& rules, const Asked& asked) {
  const auto& question = asked.question;
  if (NamesAnothers(rules, question)) return Deny(rules, "AGREEMENT_NOT_FOUND");
  if (!question.caller_is_party()) return Deny(rules, "NOT_CONTROLLER");
  if (question.caller().role() == kPlatformAdmin) return Deny(rules, "ROLE_NOT_PERMITTED");
  return Permit(rules, asked, "AGREEMENT_PARTY");
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

Verdict EvaluateOwn(const Snapshot& rules, const Asked& asked) {
  const auto& question = asked.question;
  if (question.caller().role() == kPlatformAdmin) return Deny(rules, "ROLE_NOT_PERMITTED");
  if (question.purpose() == "system_administration" && !IsForOperators(question))
    return Deny(rules, "ROLE_NOT_PERMITTED");
  if (NamesAnothers(rules, question)) return Deny(rules, "AGREEMENT_NOT_FOUND");
  return Permit(rules, asked, "OWN_RECORDS");
}

// What cannot leave rows out has the lowest of its records as its ceiling.
bool IsOneAnswer(const v1::Question& question) {
  return question.records().empty() || question.operation() == v1::OPERATION_READ ||
         question.operation() == v1::OPERATION_WRITE;
}

void LowerTheWhole(const std::vector<Release>& releases, Verdict* verdict) {
  for (const auto& release : releases) verdict->level = std::min(verdict->level, release.level);
}

// Lowers a permit by what stands about its records and their people.
void LowerRecords(const Snapshot& rules, const Asked& asked, int64_t now_ms,
                  const Candidacy* candidacy, Verdict* verdict) {
  const auto& question = asked.question;
  const auto standings = StandingsOf(rules, question, now_ms, &verdict->holds_until_ms);
  auto releases = ReleasesOf(asked, standings, verdict->level, candidacy);
  // At a lower level the projection shows text only where it is told to.
  const bool exceptional =
      verdict->level < RELEASE_LEVEL_IDENTIFIABLE ||
      std::any_of(releases.begin(), releases.end(), [&](const Release& release) {
        return release.level < verdict->level || !release.text;
      });
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
Verdict Concluded(const Snapshot& rules, const Asked& asked, Verdict verdict) {
  if (verdict.result == v1::RESULT_DENY) return verdict;
  if (verdict.level <= RELEASE_LEVEL_NOTHING) return Deny(rules, "NOT_COVERED");
  const bool lowered =
      std::any_of(verdict.records.begin(), verdict.records.end(),
                  [&](const Release& record) { return record.level < verdict.level; });
  if (verdict.level < asked.level) {
    verdict.result = v1::RESULT_REDUCED;
    verdict.reason = "LEVEL_NOT_COVERED";
  } else if (lowered) {
    verdict.result = v1::RESULT_REDUCED;
    verdict.reason = "NOT_COVERED";
  }
  return verdict;
}

Verdict EvaluateShared(const Snapshot& rules, const Asked& asked, int64_t now_ms) {
  Prefetch(rules, asked.question);
  const Choice choice = Choose(rules, asked, now_ms);
  if (!choice.chosen) return Deny(rules, choice.reason);
  const auto& agreement = choice.chosen->agreement;
  Verdict verdict = Permit(rules, asked, "AGREEMENT");
  verdict.level = choice.chosen->cap;
  verdict.agreement = agreement.name;
  verdict.agreement_reference = agreement.reference;
  verdict.agreement_version = agreement.version;
  verdict.small_numbers = SmallNumbersOf(agreement);
  verdict.decisions_per_minute = agreement.decisions_per_minute;
  verdict.holds_until_ms = std::min(agreement.end_ms, agreement.review_due_ms);
  LowerRecords(rules, asked, now_ms, &*choice.chosen, &verdict);
  return Concluded(rules, asked, std::move(verdict));
}

}  // namespace

Verdict Evaluate(const Snapshot& rules, const v1::Question& question, int64_t now_ms) {
  const Asked asked(question);
  const auto problem = Problem(asked);
  if (!problem.empty()) return Deny(rules, problem);
  if (question.controller() == kNetworkPartition)
    return Concluded(rules, asked, EvaluateNetwork(rules, asked));
  if (question.controller() == kAgreementsPartition)
    return Concluded(rules, asked, EvaluateAgreements(rules, asked));
  if (!IsOwn(question)) return EvaluateShared(rules, asked, now_ms);
  Verdict verdict = EvaluateOwn(rules, asked);
  if (verdict.result == v1::RESULT_DENY) return verdict;
  Prefetch(rules, question);
  LowerRecords(rules, asked, now_ms, nullptr, &verdict);
  return Concluded(rules, asked, std::move(verdict));
}

std::string ControllerName(const std::string& controller) {
  const bool is_shared = controller == kNetworkPartition || controller == kAgreementsPartition;
  return is_shared ? controller : "organisations/" + controller;
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

}  // namespace waterline::accountability
