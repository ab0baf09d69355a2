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
  question.set_whole_collection(ask.whole_collection);
  for (const auto& record : ask.records) *question.add_records() = record;
  question.set_justification(call.justification);
  return question;
}

int64_t MillisecondsOf(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1000 + duration.nanos() / 1'000'000;
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
      {reason::kApprovalRequired,
       "research needs the approval reference that the agreement names; send it with the call"},
      {reason::kJustificationRequired,
       "safeguarding needs a reason in words, 20 to 500 characters; the controller will read it"},
      {reason::kAgreementNotFound,
       "no agreement of this name is known; ask without one for your own records"},
      {reason::kNotMember,
       "your organisation is not a member of this network; its host can add it"},
      {reason::kRoleNotPermitted, "your role may not do this"},
      {reason::kNotController, "it does not exist, or another organisation is its controller"},
      {reason::kAgreementNotActive,
       "the agreement is not in force: not signed by all, not begun, suspended or ended"},
      {reason::kPurposeNotCovered, "no agreement between you and the controller has this purpose"},
      {reason::kOperationNotCovered,
       "no agreement between you and the controller allows this operation"},
      {reason::kRoleNotCovered, "no agreement between you and the controller lets this role ask"},
      {reason::kCategoryNotCovered,
       "no agreement between you and the controller covers this kind of data"},
      {reason::kLevelNotCovered, "only aggregates may be released: count instead of reading"},
      {reason::kNotCovered, "it does not exist, or the agreement does not reach it"},
      {reason::kRateLimited, "more decisions than the agreement allows in a minute; wait"},
  };
  const std::string name = answer.reasons().empty() ? "" : answer.reasons(0);
  for (const auto& row : kRows) {
    if (row.reason.name != name) continue;
    auto refusal = Error(row.reason, row.message,
                         {{"purpose", question.purpose()},
                          {"operation", accountability::v1::Operation_Name(question.operation())},
                          {"role", question.caller().role()},
                          {"controller", question.controller()},
                          {"agreement", question.agreement()}});
    if (!answer.has_retry_after()) return refusal;
    return WithRetryAfter(std::move(refusal), MillisecondsOf(answer.retry_after()));
  }
  return Error(reason::kUnexpected, "accountability refused without a known reason");
}

// A permit says of each record what may leave of it. It is silent only when every record may leave
// as it is, text too, and of the highest level only: a lower one shows text where it is told to. An
// answer without a word about a record would let it leave.
absl::Status CheckRecords(const accountability::v1::Question& question,
                          const accountability::v1::Decision& answer) {
  const bool silent =
      answer.records().empty() &&
      (question.records().empty() || answer.level() == common::v1::RELEASE_LEVEL_IDENTIFIABLE);
  if (silent || answer.records_size() == question.records_size()) return absl::OkStatus();
  return Error(reason::kUnexpected,
               "accountability decided about " + std::to_string(answer.records_size()) +
                   " records, and was asked about " + std::to_string(question.records_size()));
}

// An answer may end before the records it was asked for: of a page that is full, and of the one
// record that stands for an empty list.
void KeepRowsOf(const google::protobuf::Message& message, privacy::ReleasePlan* plan) {
  if (plan->rows_field.empty()) return;
  const auto* field = message.GetDescriptor()->FindFieldByName(plan->rows_field);
  if (field == nullptr || !field->is_repeated()) return;
  const auto rows = static_cast<size_t>(message.GetReflection()->FieldSize(message, field));
  if (rows < plan->rows.size()) plan->rows.resize(rows);
}

}  // namespace

coro::Task<absl::StatusOr<Decision>> Gate::Ask(const rpc::Call& call, struct Ask ask) {
  Decision decision;
  decision.question_ = ToQuestion(call, ask);
  decision.rows_field_ = std::move(ask.rows_field);
  decision.cancelled_ = call.cancelled;
  decision.deadline_ = call.deadline;
  co_return co_await AskQuestion(std::move(decision));
}

coro::Task<absl::StatusOr<Decision>> Gate::Refresh(Decision decision) {
  if (*decision.cancelled_) co_return Gone();
  if (now_() - decision.decided_at_ <= kDecisionLife) co_return decision;
  co_return co_await AskQuestion(std::move(decision));
}

coro::Task<absl::StatusOr<Decision>> Gate::AskQuestion(Decision decision) {
  if (*decision.cancelled_) co_return Gone();
  decision.question_.set_attempt(crypto::RandomBytes(16));
  decision.decided_at_ = now_();
  WATERLINE_CO_ASSIGN_OR_RETURN(decision.answer_,
                                co_await decider_->Decide(decision.question_, decision.deadline_));
  const auto result = decision.answer_.result();
  if (result == accountability::v1::RESULT_PERMIT || result == accountability::v1::RESULT_REDUCED) {
    WATERLINE_CO_RETURN_IF_ERROR(CheckRecords(decision.question_, decision.answer_));
    co_return decision;
  }
  absl::Status refusal = Refusal(decision.question_, decision.answer_);
  refusal.SetPayload(kReceiptUrl, absl::Cord(decision.answer_.receipt().SerializeAsString()));
  co_return refusal;
}

void Gate::Project(google::protobuf::Message* message, const Decision& decision,
                   accountability::v1::Receipt* receipt) {
  const auto& answer = decision.answer_;
  privacy::ReleasePlan plan;
  plan.level = answer.level();
  plan.pseudonym_key = answer.pseudonym_key();
  if (decision.rows_field_ != kCounted) {
    plan.rows_field = decision.rows_field_;
    for (const auto& record : answer.records()) {
      privacy::RowRelease row;
      row.level = record.level();
      row.text = record.text();
      plan.rows.push_back(row);
    }
    KeepRowsOf(*message, &plan);
  }
  const auto withheld = privacy::Project(message, plan);
  for (size_t i = 0; i < withheld.size() && i < kWithheldPathsMax; ++i) {
    receipt->add_withheld(withheld[i]);
  }
  receipt->set_more_withheld(withheld.size() > kWithheldPathsMax);
}

}  // namespace waterline::gate
