#include "services/common/storage/metered/metered_store.h"

#include <utility>

namespace waterline::storage {
namespace {

absl::StatusCode CodeOf(const absl::Status& status) { return status.code(); }
template <class Value>
absl::StatusCode CodeOf(const absl::StatusOr<Value>& result) {
  return result.status().code();
}

}  // namespace

template <class Result>
coro::Task<Result> MeteredStore::Timed(std::string_view operation, coro::Task<Result> call) {
  const auto started = now_();
  Result result = co_await std::move(call);
  Observation observation;
  observation.operation = operation;
  observation.code = CodeOf(result);
  observation.took = now_() - started;
  observer_(observation);
  co_return result;
}

coro::Task<absl::StatusOr<std::vector<std::optional<Versioned>>>> MeteredStore::Get(
    Partition partition, std::vector<Key> keys) {
  return Timed("get", store_->Get(std::move(partition), std::move(keys)));
}

coro::Task<absl::StatusOr<std::vector<Item>>> MeteredStore::Scan(Partition partition, Range range,
                                                                 int limit, Direction direction) {
  return Timed("scan", store_->Scan(std::move(partition), std::move(range), limit, direction));
}

coro::Task<absl::StatusOr<Revision>> MeteredStore::Commit(Partition partition, Batch batch) {
  return Timed("commit", store_->Commit(std::move(partition), std::move(batch)));
}

coro::Task<absl::StatusOr<std::vector<LogItem>>> MeteredStore::ReadLog(Partition partition,
                                                                       std::string log,
                                                                       uint64_t after, int limit) {
  return Timed("read_log", store_->ReadLog(std::move(partition), std::move(log), after, limit));
}

coro::Task<absl::StatusOr<std::vector<Partition>>> MeteredStore::Partitions(std::string after,
                                                                            int limit) {
  return Timed("partitions", store_->Partitions(std::move(after), limit));
}

coro::Task<absl::StatusOr<std::vector<size_t>>> MeteredStore::Wait(
    std::vector<LogCursor> cursors, std::chrono::milliseconds timeout) {
  return store_->Wait(std::move(cursors), timeout);
}

coro::Task<absl::StatusOr<uint64_t>> MeteredStore::AcquireLease(Partition partition, Key key,
                                                                std::string owner,
                                                                std::chrono::milliseconds ttl) {
  return Timed("acquire_lease",
               store_->AcquireLease(std::move(partition), std::move(key), std::move(owner), ttl));
}

coro::Task<absl::Status> MeteredStore::RenewLease(Partition partition, Key key, std::string owner,
                                                  uint64_t epoch, std::chrono::milliseconds ttl) {
  return Timed("renew_lease", store_->RenewLease(std::move(partition), std::move(key),
                                                 std::move(owner), epoch, ttl));
}

coro::Task<absl::Status> MeteredStore::ReleaseLease(Partition partition, Key key, std::string owner,
                                                    uint64_t epoch) {
  return Timed("release_lease",
               store_->ReleaseLease(std::move(partition), std::move(key), std::move(owner), epoch));
}

}  // namespace waterline::storage
