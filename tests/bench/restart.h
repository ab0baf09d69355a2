#pragma once

// How long nobody is answered when waterlined is killed and started again. Thread safety: one
// thread.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace waterline::bench {

struct Restart {
  double pause_ms = 0;   // From kill -9 to the first answer of the next process to a read.
  uint64_t entries = 0;  // Of the ledger then.
};

// Runs the program `waterlined` that stands beside this one on the data folder, which nobody else
// has open: kills it while it serves and starts it again.
absl::StatusOr<Restart> RestartUnderKill(const std::string& data, const std::string& event);

}  // namespace waterline::bench
