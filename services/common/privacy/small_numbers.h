#pragma once

// Release of tables of counts of people, so that no small number is shown or can be worked out
// (architecture: promise 6; domain: small-number disclosure control).
//
// A table has one to three dimensions (place, method, month) and its margins: every sum over one or
// more whole dimensions. What the policies do:
//   NHS_1_7_ROUND5            0 is shown as 0, 1 to 7 are hidden, others are rounded to the nearest
//                             5; margins are summed from true counts, then treated alike, so that a
//                             table need not add up. (NHS rule for counts below national level.)
//   SUPPRESS_LT5_SECONDARY    0 is shown, 1 to 4 are hidden, others are exact.
//   NHS_1_7_ROUND5_SECONDARY  As the first, and protected as if the others were shown exactly.
// Then, under every policy, more is hidden until each hidden item is protected: it is a corner of a
// box along which one person can be moved without changing anything shown. A box takes two places
// in each dimension, the margin counting as a place; the move adds or takes 1 at every corner so
// that all sums still hold. So for every hidden item there is another table that looks exactly the
// same and differs there, also to whoever knows that counts are whole, never negative, and never 0
// where they are hidden. This proves more than elimination would: a value that is no combination of
// what is shown may still be the only one that fits.
// A hidden item looks the same whether it is small or only protects a small one.
//
// Not protected: what several answers tell together (overlapping filters, the same table before and
// after one person withdraws). Callers release over fixed dimensions.
// Thread safety: pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "waterline/accountability/v1/agreement.pb.h"

namespace waterline::privacy {

using accountability::v1::SmallNumberPolicy;

inline constexpr size_t kCountDimensionsMax = 3;
inline constexpr size_t kCountItemsMax = 10'000;  // Cells and margins of one table.
inline constexpr uint64_t kCountMax = 1'000'000'000'000;

// Cells without margins, the last dimension fastest.
struct Counts {
  std::vector<size_t> sizes;  // One to three, each at least 1.
  std::vector<uint64_t> cells;
};

// Cells and margins: each dimension has one place more, its last one, for the sum over it.
class ShownCounts {
 public:
  ShownCounts(std::vector<size_t> sizes, std::vector<std::optional<uint64_t>> items)
      : sizes_(std::move(sizes)), items_(std::move(items)) {}

  // `place` has one index per dimension; size of the dimension: the sum over it. Nothing: hidden.
  const std::optional<uint64_t>& At(const std::vector<size_t>& place) const;
  const std::vector<size_t>& sizes() const { return sizes_; }  // Of the cells.
  // All of them, each dimension one longer than `sizes`, the last dimension fastest.
  const std::vector<std::optional<uint64_t>>& items() const { return items_; }

 private:
  std::vector<size_t> sizes_;
  std::vector<std::optional<uint64_t>> items_;
};

// INVALID_ARGUMENT/INVALID_FIELDS for a table that is none of the above, or a policy that this
// version does not know. UNSPECIFIED is the platform's: NHS_1_7_ROUND5.
absl::StatusOr<ShownCounts> ReleaseCounts(SmallNumberPolicy policy, const Counts& counts);

// True when `a` hides all that `b` hides, blurs what it shows at least as much, and protects it at
// least as well. Neither of the first two policies is: one hides and blurs more, the other protects
// exact margins. An agreement may have the platform's policy or one that is at least as strict.
bool IsAtLeastAsStrict(SmallNumberPolicy a, SmallNumberPolicy b);
// The same, and `b` is not at least as strict as `a`.
bool IsStricter(SmallNumberPolicy a, SmallNumberPolicy b);

}  // namespace waterline::privacy
