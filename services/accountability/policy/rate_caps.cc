#include "services/accountability/policy/rate_caps.h"

#include <algorithm>
#include <cmath>

namespace waterline::accountability {
namespace {

constexpr double kOne = 1 - 1e-9;  // One decision, but for the rounding of many refills.

}  // namespace

std::optional<int64_t> RateCaps::Take(const std::string& agreement, const std::string& organisation,
                                      uint32_t per_minute, int64_t now_ms) {
  const double cap = per_minute;
  const double per_ms = cap / 60'000;
  std::lock_guard lock(mutex_);
  auto [found, is_new] = buckets_.try_emplace({agreement, organisation}, Bucket{cap, now_ms});
  Bucket& bucket = found->second;
  const double refill = static_cast<double>(std::max<int64_t>(0, now_ms - bucket.at_ms)) * per_ms;
  bucket.left = std::min(cap, bucket.left + refill);
  bucket.at_ms = std::max(bucket.at_ms, now_ms);
  if (bucket.left < kOne) return static_cast<int64_t>(std::ceil((kOne - bucket.left) / per_ms));
  bucket.left -= 1;
  return std::nullopt;
}

}  // namespace waterline::accountability
