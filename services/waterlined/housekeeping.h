#pragma once

// What is done once an hour in the background: dedupe records older than 7 days go.
// Thread safety: Start and Stop from one thread.

#include <chrono>
#include <vector>

#include "services/common/clock/clock.h"
#include "services/common/storage/store.h"
#include "services/waterlined/rounds.h"

namespace waterline::deployment {

class Housekeeping {
 public:
  static constexpr std::chrono::hours kPeriod{1};

  // `stores` and `clock` outlive this.
  Housekeeping(std::vector<storage::Store*> stores, Clock* clock)
      : stores_(std::move(stores)), clock_(clock) {}

  void Start() { rounds_.Start(); }  // The first round begins at once.
  void Stop() { rounds_.Stop(); }    // Ends the round under way.

  // One round; how many records went. What a store refuses is logged and left to the next.
  int Round();

 private:
  int Sweep(storage::Store* store);

  const std::vector<storage::Store*> stores_;
  Clock* const clock_;
  Rounds rounds_{kPeriod, [this] { Round(); }};  // Stops first.
};

}  // namespace waterline::deployment
