#pragma once

// RemoteDecider: the Decider of a process without ledger: one bidirectional stream to
// accountability (DecisionService.Decide).
//
//  - 1,024 questions are in flight and 256 wait, by organisation in turn; over that one of the
//    organisation that waits most is refused: RESOURCE_EXHAUSTED/BUSY with RetryInfo.
//  - Reads and writes of the stream never wait for each other.
//  - When the stream is lost it is opened again, with growing pauses, and what was in flight is
//    asked again as it was, so that the entry is the same; a question has until its caller's
//    deadline, then UNAVAILABLE with RetryInfo. Never a decision without accountability.
//  - Before the first question accountability is greeted; one of another network is asked nothing.
//
// Thread safety: all methods from any thread. A coroutine that asks resumes on a gRPC thread, or on
// this object's own when its time is up. No gRPC header.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "services/common/gate/decider.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/link.h"

namespace waterline::rpc {

class RemoteDecider : public gate::Decider {
 public:
  struct Options {
    Link link;
    std::string network;  // Ours; accountability must be of the same.
    size_t in_flight_max = kDecisionsInFlightMax;
    size_t waiting_max = kDecisionsWaitingMax;
    std::chrono::milliseconds pause_first{50};  // Before the stream is opened again.
    std::chrono::milliseconds pause_max{500};
    // OK when accountability answers, or why it does not; on every change, one call at a time.
    std::function<void(const absl::Status&)> on_state;
  };
  explicit RemoteDecider(Options options);
  // Answers what is open with UNAVAILABLE.
  ~RemoteDecider() override;

  coro::Task<absl::StatusOr<accountability::v1::Decision>> Decide(
      accountability::v1::Question question,
      std::chrono::steady_clock::time_point deadline) override;

  // From now on no question, also of those under way, waits for longer than this: for a process
  // that drains.
  void GiveUpBy(std::chrono::steady_clock::time_point deadline);

  struct Figures {
    size_t in_flight = 0;
    size_t waiting = 0;
    uint64_t streams = 0;  // Opened so far.
  };
  Figures figures() const;

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace waterline::rpc
