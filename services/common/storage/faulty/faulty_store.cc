#include "services/common/storage/faulty/faulty_store.h"

#include <utility>

#include "services/common/status/error.h"

namespace waterline::storage {
namespace {

absl::Status Fault() {
  return Error(reason::kUnavailable, "the store does not answer (a fault made by a test)");
}

}  // namespace

void FaultyStore::FailAt(int n, Mode mode) {
  std::lock_guard lock(mutex_);
  armed_ = true;
  fired_ = false;
  mode_ = mode;
  left_ = n;
}

bool FaultyStore::Disarm() {
  std::lock_guard lock(mutex_);
  armed_ = false;
  return fired_;
}

bool FaultyStore::Fires(Mode mode) {
  std::lock_guard lock(mutex_);
  if (!armed_ || fired_ || mode != mode_) return false;
  fired_ = --left_ == 0;
  return fired_;
}

coro::Task<absl::StatusOr<std::vector<std::optional<Versioned>>>> FaultyStore::Get(
    Partition partition, std::vector<Key> keys) {
  if (Fires(Mode::kBefore)) co_return Fault();
  co_return co_await store_->Get(std::move(partition), std::move(keys));
}

coro::Task<absl::StatusOr<std::vector<Item>>> FaultyStore::Scan(Partition partition, Range range,
                                                                int limit, Direction direction) {
  if (Fires(Mode::kBefore)) co_return Fault();
  co_return co_await store_->Scan(std::move(partition), std::move(range), limit, direction);
}

coro::Task<absl::StatusOr<Revision>> FaultyStore::Commit(Partition partition, Batch batch) {
  if (Fires(Mode::kBefore)) co_return Fault();
  auto committed = co_await store_->Commit(std::move(partition), std::move(batch));
  if (committed.ok() && Fires(Mode::kLostAcknowledgement)) co_return Fault();
  co_return committed;
}

coro::Task<absl::StatusOr<std::vector<LogItem>>> FaultyStore::ReadLog(Partition partition,
                                                                      std::string log,
                                                                      uint64_t after, int limit) {
  if (Fires(Mode::kBefore)) co_return Fault();
  co_return co_await store_->ReadLog(std::move(partition), std::move(log), after, limit);
}

coro::Task<absl::StatusOr<std::vector<Partition>>> FaultyStore::Partitions(std::string after,
                                                                           int limit) {
  if (Fires(Mode::kBefore)) co_return Fault();
  co_return co_await store_->Partitions(std::move(after), limit);
}

coro::Task<absl::StatusOr<std::vector<size_t>>> FaultyStore::Wait(
    std::vector<LogCursor> cursors, std::chrono::milliseconds timeout) {
  return store_->Wait(std::move(cursors), timeout);
}

coro::Task<absl::StatusOr<uint64_t>> FaultyStore::AcquireLease(Partition partition, Key key,
                                                               std::string owner,
                                                               std::chrono::milliseconds ttl) {
  if (Fires(Mode::kBefore)) co_return Fault();
  auto epoch =
      co_await store_->AcquireLease(std::move(partition), std::move(key), std::move(owner), ttl);
  if (epoch.ok() && Fires(Mode::kLostAcknowledgement)) co_return Fault();
  co_return epoch;
}

coro::Task<absl::Status> FaultyStore::RenewLease(Partition partition, Key key, std::string owner,
                                                 uint64_t epoch, std::chrono::milliseconds ttl) {
  return store_->RenewLease(std::move(partition), std::move(key), std::move(owner), epoch, ttl);
}

coro::Task<absl::Status> FaultyStore::ReleaseLease(Partition partition, Key key, std::string owner,
                                                   uint64_t epoch) {
  return store_->ReleaseLease(std::move(partition), std::move(key), std::move(owner), epoch);
}

}  // namespace waterline::storage
