#include "services/accountability/policy/first_policy.h"

#include "services/common/data/code_lists.h"

namespace waterline::accountability {
namespace {

constexpr std::string_view kNetworkPartition = "network";
constexpr std::string_view kNetworkSteward = "network_steward";
constexpr std::string_view kPlatformAdmin = "platform_admin";

Verdict Deny(std::string reason) {
  Verdict verdict;
  verdict.reason = std::move(reason);
  return verdict;
}

Verdict Permit(std::string basis) {
  Verdict verdict;
  verdict.result = v1::RESULT_PERMIT;
  verdict.level = common::v1::RELEASE_LEVEL_IDENTIFIABLE;
  verdict.basis = std::move(basis);
  return verdict;
}

bool NeedsLaterRules(const std::string& purpose) {
  return purpose == "research" || purpose == "safeguarding" || purpose == "rights_request";
}

Verdict EvaluateNetwork(const v1::Question& question, std::string_view host) {
  const auto& caller = question.caller();
  if (question.operation() == v1::OPERATION_WRITE) {
    if (caller.organisation() == host && caller.role() == kNetworkSteward)
      return Permit("NETWORK_STEWARD");
    return Deny("ROLE_NOT_PERMITTED");
  }
  if (caller.organisation() == host || question.caller_is_member())
    return Permit("NETWORK_DIRECTORY");
  return Deny("NOT_MEMBER");
}

}  // namespace

Verdict Evaluate(const v1::Question& question, std::string_view host) {
  if (!data::IsKnownCode("purpose", question.purpose())) return Deny("PURPOSE_REQUIRED");
  if (!question.agreement().empty()) return Deny("AGREEMENT_NOT_FOUND");
  if (NeedsLaterRules(question.purpose())) return Deny("PURPOSE_NOT_AVAILABLE");
  if (question.controller() == kNetworkPartition) return EvaluateNetwork(question, host);
  if (question.caller().organisation() != question.controller()) return Deny("NOT_CONTROLLER");
  if (question.caller().role() == kPlatformAdmin) return Deny("ROLE_NOT_PERMITTED");
  return Permit("OWN_RECORDS");
}

}  // namespace waterline::accountability
