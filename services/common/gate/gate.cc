#include "services/common/gate/gate.h"

#include <utility>

#include "absl/strings/cord.h"
#include "services/common/crypto/random.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::gate {
namespace {

constexpr int kWithheldPathsMax = 64;

accountability::v1::Question ToQuestion(const rpc::Call& call, const struct Ask& ask) {
  accountability::v1::Question question;
  *question.mutable_caller() = call.caller;
  question.set_purpose(call.purpose);
  question.set_agreement(call.agreement);
  question.set_approval(call.approval);
  question.set_method(call.method);
  question.set_request_id(call.request_id);
  question.set_operation(ask.operation);
  question.set_controller(ask.controller);
  question.set_collection(ask.collection);
  question.set_resource_name(ask.resource_name);
  question.set_filter(ask.filter);
  for (auto category : ask.categories) question.add_categories(category);
  question.set_asked(call.asked);
  for (const auto& subject : ask.subject_ids) question.add_subject_ids(subject);
  question.set_informants(ask.informants);
  question.set_caller_is_member(ask.caller_is_member);
  question.set_caller_is_party(ask.caller_is_party);
  for (const auto& scope : ask.scopes) question.add_scopes(scope);
  for (const auto& record : ask.records) *question.add_records() = record;
  question.set_justification(call.justification);
  return question;
}

absl::Status Gone() { return absl::CancelledError("nobody waits for this call any more"); }

// What a refusal says: only what follows from the request (contracts.md 2).
absl::Status Refusal(const accountability::v1::Question& question,
                     const accountability::v1::Decision& answer) {
  struct Row {
    const Reason& reason;
    const char* message;
  };
  static const Row kRows[] = {
      {reason::kPurposeRequired, "say why you ask: name a purpose of the code list `purpose`"},
      {reason::kPurposeNotAvailable, "this version has no rule for this purpose yet"},
      {reason::kAgreementNotFound,
       "no agreement of this name is known; ask without one for your own records"},
      {reason::kNotMember,
       "your organisation is not a member of this network; its host can add it"},
      {reason::kRoleNotPermitted, "your role may not do this"},
      {reason::kNotController, "it does not exist, or another organisation is its controller"},
  };
  const std::string name = answer.reasons().empty() ? "" : answer.reasons(0);
  for (const auto& row : kRows) {
    if (row.reason.name != name) continue;
    return Error(row.reason, row.message,
                 {{"purpose", question.purpose()},
                  {"role", question.caller().role()},
                  {"controller", question.controller()},
                  {"agreement", question.agreement()}});
  }
  return Error(reason::kUnexpected, "accountability refused without a known reason");
}

}  // namespace

coro::Task<absl::StatusOr<Decision>> Gate::Ask(const rpc::Call& call, struct Ask ask) {
  auto question = ToQuestion(call, ask);
  question.set_attempt(crypto::RandomBytes(16));
  co_return co_await AskQuestion(std::move(question), call.cancelled, call.deadline);
}

coro::Task<absl::StatusOr<Decision>> Gate::Refresh(Decision decision) {
  if (*decision.cancelled_) co_return Gone();
  if (now_() - decision.decided_at_ <= kDecisionLife) co_return decision;
  auto question = std::move(decision.question_);
  question.set_attempt(crypto::RandomBytes(16));
  co_return co_await AskQuestion(std::move(question), decision.cancelled_, decision.deadline_);
}

coro::Task<absl::StatusOr<Decision>> Gate::AskQuestion(
    accountability::v1::Question question, std::shared_ptr<const std::atomic<bool>> cancelled,
    std::chrono::steady_clock::time_point deadline) {
  if (*cancelled) co_return Gone();
  Decision decision;
  decision.cancelled_ = std::move(cancelled);
  decision.deadline_ = deadline;
  decision.decided_at_ = now_();
  decision.question_ = std::move(question);
  WATERLINE_CO_ASSIGN_OR_RETURN(decision.answer_,
                                co_await decider_->DecideUntil(decision.question_, deadline));
  const auto result = decision.answer_.result();
  if (result == accountability::v1::RESULT_PERMIT || result == accountability::v1::RESULT_REDUCED) {
    co_return decision;
  }
  absl::Status refusal = Refusal(decision.question_, decision.answer_);
  refusal.SetPayload(kReceiptUrl, absl::Cord(decision.answer_.receipt().SerializeAsString()));
  co_return refusal;
}

void Gate::Project(google::protobuf::Message* message, common::v1::ReleaseLevel level,
                   accountability::v1::Receipt* receipt) {
  privacy::ReleasePlan plan;
  plan.level = level;
  auto withheld = privacy::Project(message, plan);
  for (size_t i = 0; i < withheld.size() && i < kWithheldPathsMax; ++i) {
    receipt->add_withheld(withheld[i]);
  }
  receipt->set_more_withheld(withheld.size() > kWithheldPathsMax);
}

}  // namespace waterline::gate
