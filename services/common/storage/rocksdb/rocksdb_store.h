#pragma once

// The embedded Store: one RocksDB folder of one service. One commit thread groups what queued
// during the last fsync (no fixed delay); a commit is acknowledged after the WAL is synced. A
// failed write or sync of the log ends the process with a sentence: what is on disk is no longer
// known. So that a full disk is no such failure, commits are STORAGE_FULL while less than a reserve
// is free (256 MB, or a twentieth of a small disk); reads go on, and so do commits once there is
// space. Thread safety: as Store.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "services/common/storage/local_leases.h"
#include "services/common/storage/log_hints.h"
#include "services/common/storage/store.h"

namespace waterline::storage {

class RocksDbStore : public Store {
 public:
  struct Options {
    std::string path;
    bool read_only = false;  // For offline tools; a torn tail of the WAL is an error then, too.
    SteadyNow now = std::chrono::steady_clock::now;
  };
  // Creates the folder when it is absent. Errors: FORMAT_TOO_NEW, DATA_DAMAGED, STORAGE_FULL,
  // UNAVAILABLE when another process has it open; each names the folder.
  static absl::StatusOr<std::unique_ptr<RocksDbStore>> Open(Options options);
  // Waits for commits under way, then closes.
  ~RocksDbStore() override;

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

  // Compares every file with the checksum it was written with. DATA_DAMAGED names the file.
  absl::Status VerifyChecksums();

  // Every value of every partition in key order; for offline tools.
  absl::Status ForEach(
      const std::function<void(const Partition&, const Key&, const Versioned&)>& visit);

 private:
  struct Impl;
  explicit RocksDbStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace waterline::storage
