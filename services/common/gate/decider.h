#pragma once

// Decider: the seam between the gate and accountability. Thread safety: Decide from any thread.

#include <chrono>

#include "absl/status/statusor.h"
#include "services/common/coro/task.h"
#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::gate {

// Where decisions come from: a function call in waterlined, a stream to accountability between
// processes. The entry is durable before the answer is given. An error means that no decision could
// be made: the call must fail (fail closed). Thread safe.
class Decider {
 public:
  virtual ~Decider() = default;
  // The caller waits until `deadline`: a Decider that has to wait for another process gives up
  // then, with UNAVAILABLE.
  virtual coro::Task<absl::StatusOr<accountability::v1::Decision>> Decide(
      accountability::v1::Question question, std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace waterline::gate
