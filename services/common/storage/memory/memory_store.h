#pragma once

// MemoryStore: the Store without a disk. Thread safety: all methods from any thread.

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "services/common/storage/local_leases.h"
#include "services/common/storage/log_hints.h"
#include "services/common/storage/store.h"

namespace waterline::storage {

// A Store in memory, for tests and simulation; durable for the life of the object.
class MemoryStore : public Store {
 public:
  explicit MemoryStore(SteadyNow now = std::chrono::steady_clock::now)
      : leases_(this, std::move(now)) {}

  coro::Task<absl::StatusOr<std::vector<std::optional<Versioned>>>> Get(
      Partition partition, std::vector<Key> keys) override;
  coro::Task<absl::StatusOr<std::vector<Item>>> Scan(Partition partition, Range range, int limit,
                                                     Direction direction) override;
  coro::Task<absl::StatusOr<Revision>> Commit(Partition partition, Batch batch) override;
  coro::Task<absl::StatusOr<std::vector<LogItem>>> ReadLog(Partition partition, std::string log,
                                                           uint64_t after, int limit) override;
  coro::Task<absl::StatusOr<std::vector<Partition>>> Partitions(std::string after,
                                                                int limit) override;
  coro::Task<absl::StatusOr<std::vector<size_t>>> Wait(std::vector<LogCursor> cursors,
                                                       std::chrono::milliseconds timeout) override;
  coro::Task<absl::StatusOr<uint64_t>> AcquireLease(Partition partition, Key key, std::string owner,
                                                    std::chrono::milliseconds ttl) override;
  coro::Task<absl::Status> RenewLease(Partition partition, Key key, std::string owner,
                                      uint64_t epoch, std::chrono::milliseconds ttl) override;
  coro::Task<absl::Status> ReleaseLease(Partition partition, Key key, std::string owner,
                                        uint64_t epoch) override;

 private:
  struct Contents {
    Revision revision = 0;
    std::map<Key, Versioned> values;
    std::map<std::string, std::vector<LogItem>> logs;
  };
  absl::Status CheckLocked(const Contents& contents, const Precondition& precondition) const;
  std::vector<size_t> MovedLocked(const std::vector<LogCursor>& cursors) const;

  mutable std::mutex mutex_;  // Guards partitions_. No other lock is taken under it.
  std::map<std::string, Contents> partitions_;
  LogHints hints_;
  LocalLeases leases_;
};

}  // namespace waterline::storage
