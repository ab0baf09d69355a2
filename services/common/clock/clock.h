#pragma once

// Time as the services see it. Injected everywhere, so that tests decide what time it is.
// Thread safety: all methods from any thread.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace waterline {

class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since 1970-01-01T00:00:00Z. Thread safe.
  virtual int64_t NowMs() = 0;
};

class SystemClock : public Clock {
 public:
  int64_t NowMs() override {
    using std::chrono::duration_cast, std::chrono::milliseconds, std::chrono::system_clock;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  }
};

// Never goes back: max(source, everything it has said or was told). A service seeds it with the
// last time in its ledger, so that a machine clock that jumps back cannot reorder records
// (contracts.md 1: recorded_at = max(now, last)).
class MonotoneClock : public Clock {
 public:
  explicit MonotoneClock(Clock* source) : source_(source) {}

  int64_t NowMs() override { return AtLeast(source_->NowMs()); }

  // Raises the floor; returns the later of `time_ms` and the floor so far.
  int64_t AtLeast(int64_t time_ms) {
    int64_t floor = floor_.load(std::memory_order_relaxed);
    while (floor < time_ms && !floor_.compare_exchange_weak(floor, time_ms)) {
    }
    return floor < time_ms ? time_ms : floor;
  }

 private:
  Clock* const source_;
  std::atomic<int64_t> floor_{0};
};

}  // namespace waterline
