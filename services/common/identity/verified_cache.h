#pragma once

// What was verified under one generation of trust, until it ends. A newer generation forgets all,
// so that a key or an authority that was taken out verifies nothing more.
// Thread safety: all methods from any thread.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace waterline::identity {

template <class Value>
class VerifiedCache {
 public:
  explicit VerifiedCache(size_t values_max) : values_max_(values_max) {}

  // By the SHA-256 of what was verified. nullptr when it is not known under this generation.
  std::shared_ptr<const Value> Find(const std::string& digest, uint64_t generation) {
    std::lock_guard lock(mutex_);
    if (!Enter(generation)) return nullptr;
    const auto found = values_.find(digest);
    return found == values_.end() ? nullptr : found->second.value;
  }

  // `end_ms` is when it ends at the latest; a value that is known is replaced. When the cache is
  // full, what ends first makes room.
  void Put(const std::string& digest, uint64_t generation, int64_t end_ms,
           std::shared_ptr<const Value> value) {
    std::lock_guard lock(mutex_);
    if (!Enter(generation)) return;
    if (const auto known = values_.find(digest); known != values_.end()) {
      ends_.erase(known->second.end);
      values_.erase(known);
    }
    values_.emplace(digest, Held{std::move(value), ends_.emplace(end_ms, digest)});
    if (values_.size() <= values_max_) return;
    values_.erase(ends_.begin()->second);
    ends_.erase(ends_.begin());
  }

 private:
  // Forgets all when the generation is newer; false for an older one.
  bool Enter(uint64_t generation) {
    if (generation > generation_) {
      values_.clear();
      ends_.clear();
      generation_ = generation;
    }
    return generation == generation_;
  }

  using Ends = std::multimap<int64_t, std::string>;  // Digests by when they end.
  struct Held {
    std::shared_ptr<const Value> value;
    Ends::iterator end;
  };

  const size_t values_max_;
  std::mutex mutex_;  // Guards the rest. No other lock is taken under it.
  uint64_t generation_ = 0;
  std::unordered_map<std::string, Held> values_;
  Ends ends_;
};

}  // namespace waterline::identity
