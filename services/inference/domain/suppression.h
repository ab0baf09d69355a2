#pragma once

// Which values of one map may be shown (architecture.md 7, contracts.md 7, domain.md 5.5).
//
// A value whose n is 1 to 7 is suppressed. n = 0 is no evidence: no number is shown, and it does
// not count as suppressed. What is published must not give a suppressed value away by subtraction:
//  1. if exactly one addend of a published mean is suppressed, the mean is suppressed too, to a
//     fixed point over cells, perspectives and practices;
//  2. that alone is not enough: sums over rows and columns may still single a value out. So each
//     practice is checked exactly (is a suppressed value a linear combination of what is
//     published?), and while one is, another mean of that practice is suppressed.
// Values without evidence are taken as known in both steps, which errs on the side of hiding.
// Thread safety: pure functions.

#include <cstdint>
#include <vector>

#include "services/inference/domain/values.h"

namespace waterline::inference {

inline constexpr uint64_t kSuppressedBelow = 8;

enum class Shown {
  kPublished,
  kNoEvidence,
  kTooFew,      // Fewer than 8 people stand behind it.
  kProtecting,  // It would give away a value behind which fewer than 8 people stand.
};

inline bool IsSuppressed(Shown shown) {
  return shown == Shown::kTooFew || shown == Shown::kProtecting;
}

// `informants` holds n per value, kValues numbers; so does the answer.
std::vector<Shown> Suppress(const std::vector<uint64_t>& informants);

// Suppressed values that follow from the published ones (and those without evidence) by addition
// and subtraction. Empty for every answer of Suppress.
std::vector<int> Recoverable(const std::vector<Shown>& shown);

}  // namespace waterline::inference
