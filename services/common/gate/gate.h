#pragma once

// The gate: every answer and every refusal of a GATED call passes here.
//
//   gate::Ask ask(gate::Operation::OPERATION_READ, controller, "events", request.name());
//   ask.categories = {common::v1::CATEGORY_EVENT};
//   WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await gate_->Ask(call, ask));
//   ... load, decide, commit ...
//   co_return gate::Draft<v1::GetEventResponse>(std::move(response), std::move(decision));
//
// Ask also for what is absent: without permission, absent and refused are the same error.
// A decision is good for 1 s on the monotonic clock; Release and Refresh ask again after that, with
// a new attempt, so that an ended agreement stops at once (architecture.md 1.3). Both are CANCELLED
// once nobody waits for the call any more, so that it commits nothing more.
// Thread safety: all methods from any thread.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/coro/task.h"
#include "services/common/gate/decider.h"
#include "services/common/gate/draft.h"
#include "services/common/privacy/projection.h"
#include "services/common/rpc/call.h"

namespace waterline::gate {

using accountability::v1::Operation;

// The rows_field of a question whose records are counted: no row of the answer is one of them, and
// the answer leaves at the decision's level.
inline constexpr char kCounted[] = "-";

// The record facts of a question.
struct Ask {
  Ask(Operation ask_operation, std::string ask_controller, std::string ask_collection,
      std::string ask_resource_name, std::vector<common::v1::Category> ask_categories)
      : operation(ask_operation),
        controller(std::move(ask_controller)),
        collection(std::move(ask_collection)),
        resource_name(std::move(ask_resource_name)),
        categories(std::move(ask_categories)) {}

  Operation operation;
  std::string controller;  // Partition id: an organisation's id, or `network`.
  std::string collection;
  std::string resource_name;
  std::vector<common::v1::Category> categories;
  std::string filter;
  std::vector<std::string> subject_ids;  // 16 bytes each, at most 1,000.
  uint32_t informants = 0;
  bool caller_is_member = false;
  bool caller_is_party = false;
  // Names the answer belongs to beside its controller: event, programme, places.
  std::vector<std::string> scopes;
  // Lists all of the controller's: rows that no agreement reaches are left out, and an empty answer
  // says nothing. Otherwise who reaches none of the rows is refused.
  bool whole_collection = false;
  // One per row of the answer, in order. The rows stand in the repeated field `rows_field` of the
  // response; without a name the whole response is the one row. A row that the decision lowers to
  // nothing is left out; handlers must not count it either. The response may end before the
  // records do (page_fill.h), and a list without rows is asked as one record, so that an empty list
  // and a hidden one are alike. Of a count the records are what is counted, and no rows of the
  // response: kCounted.
  std::vector<accountability::v1::RecordFacts> records;
  std::string rows_field;
};

// How long a decision may be relied upon.
inline constexpr std::chrono::milliseconds kDecisionLife{1000};

class Gate {
 public:
  using SteadyNow = std::function<std::chrono::steady_clock::time_point()>;
  explicit Gate(Decider* decider, SteadyNow now = std::chrono::steady_clock::now)
      : decider_(decider), now_(std::move(now)) {}

  // A permit, or PERMISSION_DENIED with the reason and the refusal's receipt as a payload
  // (kReceiptUrl), or the error for which no decision could be made. UNEXPECTED when the decision
  // does not say of each record whether it may leave.
  coro::Task<absl::StatusOr<Decision>> Ask(const rpc::Call& call, struct Ask ask);

  // The same decision while it is fresh, a new one for the same question after that. Before every
  // commit.
  coro::Task<absl::StatusOr<Decision>> Refresh(Decision decision);

  // The answer at the decision's level with its receipt. T is a protobuf message; when it has a
  // field `receipt` (stream messages) the receipt is put there too.
  template <class T>
  coro::Task<absl::StatusOr<Released<T>>> Release(Draft<T> draft) {
    auto fresh = co_await Refresh(std::move(draft.decision_));
    if (!fresh.ok()) co_return fresh.status();
    Released<T> released;
    released.message_ = std::move(draft.message_);
    released.receipt_ = fresh->receipt();
    Project(&released.message_, *fresh, &released.receipt_);
    if constexpr (requires(T & message) { message.mutable_receipt(); }) {
      *released.message_.mutable_receipt() = released.receipt_;
    }
    co_return released;
  }

 private:
  // Asks the decision's question with a new attempt.
  coro::Task<absl::StatusOr<Decision>> AskQuestion(Decision decision);
  static void Project(google::protobuf::Message* message, const Decision& decision,
                      accountability::v1::Receipt* receipt);

  Decider* const decider_;
  const SteadyNow now_;
};

// Payload URL under which a refusal carries its receipt inside the process.
inline constexpr char kReceiptUrl[] = "type.googleapis.com/waterline.accountability.v1.Receipt";

}  // namespace waterline::gate
