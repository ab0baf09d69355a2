#pragma once

// What `waterline` ends with: the same numbers stand in `waterline --help` and README.md.
// Thread safety: pure function.

#include "absl/status/status.h"

namespace waterline::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitOther = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitRefused = 4;
inline constexpr int kExitInvalid = 5;
inline constexpr int kExitConflict = 6;
inline constexpr int kExitUnavailable = 7;
inline constexpr int kExitVerification = 8;

int ExitCodeOf(const absl::Status& status);

}  // namespace waterline::cli
