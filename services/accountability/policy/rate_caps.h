#pragma once

// Rate caps of agreements: at most so many decisions a minute for one recipient. A cap is a bucket
// that holds a minute's worth and refills steadily, so a burst is allowed and a flood is not. Over
// it a call is refused and the refusal is recorded; nothing is dropped silently.
// Thread safety: Take from any thread.

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace waterline::accountability {

class RateCaps {
 public:
  // Takes one decision of `organisation` under `agreement`. Nothing: taken. Otherwise the
  // milliseconds until there is one again. `now_ms` is any clock that does not run backwards.
  std::optional<int64_t> Take(const std::string& agreement, const std::string& organisation,
                              uint32_t per_minute, int64_t now_ms);

 private:
  struct Bucket {
    double left = 0;
    int64_t at_ms = 0;
  };
  std::mutex mutex_;  // Guards buckets_. No other lock is taken under it.
  // One per pair in use: bounded by the number of agreements in force and their recipients.
  std::map<std::pair<std::string, std::string>, Bucket> buckets_;
};

}  // namespace waterline::accountability
