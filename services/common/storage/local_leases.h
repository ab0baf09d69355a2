#pragma once

// Leases for stores inside one process: the holder and the expiry are kept in memory by the steady
// clock, the epoch (decimal text under the lease key) in the store, so that it grows across
// restarts. Thread safety: all methods from any thread.

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "services/common/storage/store.h"

namespace waterline::storage {

using SteadyNow = std::function<std::chrono::steady_clock::time_point()>;

class LocalLeases {
 public:
  LocalLeases(Store* store, SteadyNow now) : store_(store), now_(std::move(now)) {}

  coro::Task<absl::StatusOr<uint64_t>> Acquire(Partition partition, Key key, std::string owner,
                                               std::chrono::milliseconds ttl);
  absl::Status Renew(const Partition& partition, const Key& key, const std::string& owner,
                     uint64_t epoch, std::chrono::milliseconds ttl);
  absl::Status Release(const Partition& partition, const Key& key, const std::string& owner,
                       uint64_t epoch);

 private:
  struct Holder {
    std::string owner;
    uint64_t epoch = 0;
    std::chrono::steady_clock::time_point expires;
  };
  bool IsHeld(const Partition& partition, const Key& key);

  Store* const store_;
  const SteadyNow now_;
  std::mutex mutex_;  // Guards holders_. No other lock is taken under it.
  std::map<std::pair<Partition, Key>, Holder> holders_;
};

}  // namespace waterline::storage
