#pragma once

// What is done once an hour in the background: dedupe records older than 7 days go.
// Thread safety: Start and Stop from one thread.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "services/common/clock/clock.h"
#include "services/common/storage/store.h"

namespace waterline::deployment {

class Housekeeping {
 public:
  static constexpr std::chrono::hours kPeriod{1};

  // `stores` and `clock` outlive this.
  Housekeeping(std::vector<storage::Store*> stores, Clock* clock)
      : stores_(std::move(stores)), clock_(clock) {}
  ~Housekeeping() { Stop(); }

  void Start();  // The first round begins at once.
  void Stop();   // Ends the round under way.

  // One round; how many records went. What a store refuses is logged and left to the next.
  int Round();

 private:
  void Loop();
  bool IsStopping();
  int Sweep(storage::Store* store);

  const std::vector<storage::Store*> stores_;
  Clock* const clock_;
  std::mutex mutex_;  // Guards stopping_. No other lock is taken under it.
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace waterline::deployment
