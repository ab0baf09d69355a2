#pragma once

// A Store that fails one call on demand, for tests (after SQLite's out-of-memory tests): a test
// runs an operation with the fault at call 1, 2, 3, ... until the fault no longer fires, and looks
// after each run whether what must hold still does.
//
//     faulty.FailAt(n, FaultyStore::Mode::kBefore);
//     ... the operation ...
//     if (!faulty.Disarm()) done;   // The operation made fewer than n calls.
//
// Thread safety: as Store.

#include <mutex>

#include "services/common/storage/store.h"

namespace waterline::storage {

class FaultyStore : public Store {
 public:
  enum class Mode {
    // The n-th call does nothing and is UNAVAILABLE. Every call counts but Wait and the leases'
    // Renew and Release.
    kBefore,
    // The n-th write takes effect, and its caller is told UNAVAILABLE. Only calls that write count:
    // Commit and AcquireLease.
    kLostAcknowledgement,
  };

  explicit FaultyStore(Store* store) : store_(store) {}  // `store` outlives this.

  // Counts from now on; n = 1 is the next call.
  void FailAt(int n, Mode mode);
  // Ends counting; true when the fault has fired.
  bool Disarm();

  coro::Task<absl::StatusOr<std::vector<std::optional<Versioned>>>> Get(
      Partition partition, std::vector<Key> keys) override;
  coro::Task<absl::StatusOr<std::vector<Item>>> Scan(Partition partition, Range range, int limit,
                                                     Direction direction) override;
  coro::Task<absl::StatusOr<Revision>> Commit(Partition partition, Batch batch) override;
  coro::Task<absl::StatusOr<std::vector<LogItem>>> ReadLog(Partition partition, std::string log,
                                                           uint64_t after, int limit) override;
  coro::Task<absl::StatusOr<std::vector<Partition>>> Partitions(std::string after,
                                                                int limit) override;
  // Never fails: a lost hint is no fault.
  coro::Task<absl::StatusOr<std::vector<size_t>>> Wait(std::vector<LogCursor> cursors,
                                                       std::chrono::milliseconds timeout) override;
  coro::Task<absl::StatusOr<uint64_t>> AcquireLease(Partition partition, Key key, std::string owner,
                                                    std::chrono::milliseconds ttl) override;
  coro::Task<absl::Status> RenewLease(Partition partition, Key key, std::string owner,
                                      uint64_t epoch, std::chrono::milliseconds ttl) override;
  coro::Task<absl::Status> ReleaseLease(Partition partition, Key key, std::string owner,
                                        uint64_t epoch) override;

 private:
  // Counts one call of the armed mode; true when it is the one that fails.
  bool Fires(Mode mode);

  Store* const store_;
  std::mutex mutex_;  // Guards the rest. No other lock is taken under it.
  bool armed_ = false;
  bool fired_ = false;
  Mode mode_ = Mode::kBefore;
  int left_ = 0;
};

}  // namespace waterline::storage
