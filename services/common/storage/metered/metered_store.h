#pragma once

// A Store that reports every call: which operation, how it ended, how long it took by the steady
// clock. It knows no metrics library; the observer is called on whatever thread the call ends on,
// often a thread of the store, and must be quick and thread safe. Wait is not reported: it lasts as
// long as nothing happens. Thread safety: as Store.

#include <functional>
#include <string_view>

#include "services/common/storage/store.h"

namespace waterline::storage {

struct Observation {
  std::string_view
      operation;  // A literal: get, scan, commit, read_log, partitions, acquire_lease, ...
  absl::StatusCode code = absl::StatusCode::kOk;
  std::chrono::duration<double> took{0};
};
using StoreObserver = std::function<void(const Observation&)>;

class MeteredStore : public Store {
 public:
  using SteadyClock = std::function<std::chrono::steady_clock::time_point()>;
  // `store` outlives this.
  MeteredStore(Store* store, StoreObserver observer,
               SteadyClock now = std::chrono::steady_clock::now)
      : store_(store), observer_(std::move(observer)), now_(std::move(now)) {}

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
  template <class Result>
  coro::Task<Result> Timed(std::string_view operation, coro::Task<Result> call);

  Store* const store_;
  const StoreObserver observer_;
  const SteadyClock now_;
};

}  // namespace waterline::storage
