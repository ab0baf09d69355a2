#include "services/common/storage/memory/memory_store.h"

#include <algorithm>
#include <set>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::storage {
namespace {

absl::Status Conflict() {
  return Error(reason::kConflict, "another write came between; try again");
}

}  // namespace

coro::Task<absl::StatusOr<std::vector<std::optional<Versioned>>>> MemoryStore::Get(
    Partition partition, std::vector<Key> keys) {
  WATERLINE_CO_RETURN_IF_ERROR(Validate(partition));
  for (const auto& key : keys) WATERLINE_CO_RETURN_IF_ERROR(Validate(key));
  std::vector<std::optional<Versioned>> values(keys.size());
  std::lock_guard lock(mutex_);
  const auto contents = partitions_.find(partition.id);
  if (contents == partitions_.end()) co_return values;
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto found = contents->second.values.find(keys[i]);
    if (found != contents->second.values.end()) values[i] = found->second;
  }
  co_return values;
}

coro::Task<absl::StatusOr<std::vector<Item>>> MemoryStore::Scan(Partition partition, Range range,
                                                                int limit, Direction direction) {
  WATERLINE_CO_RETURN_IF_ERROR(Validate(partition));
  WATERLINE_CO_RETURN_IF_ERROR(Validate(range, limit));
  std::vector<Item> items;
  std::lock_guard lock(mutex_);
  const auto contents = partitions_.find(partition.id);
  if (contents == partitions_.end()) co_return items;
  for (const auto& [key, versioned] : contents->second.values) {
    if (key.collection != range.collection || key.id < range.begin) continue;
    if (!range.end.empty() && key.id >= range.end) continue;
    items.push_back({key.id, versioned});
  }
  if (direction == Direction::kBackward) std::reverse(items.begin(), items.end());
  if (items.size() > static_cast<size_t>(limit)) items.resize(static_cast<size_t>(limit));
  co_return items;
}

absl::Status MemoryStore::CheckLocked(const Contents& contents,
                                      const Precondition& precondition) const {
  const auto found = contents.values.find(precondition.key);
  const bool present = found != contents.values.end();
  switch (precondition.kind) {
    case Precondition::Kind::kAbsent:
      return present ? Conflict() : absl::OkStatus();
    case Precondition::Kind::kAtRevision:
      return present && found->second.revision == precondition.revision ? absl::OkStatus()
                                                                        : Conflict();
    case Precondition::Kind::kFence:
      return present && found->second.value == std::to_string(precondition.revision)
                 ? absl::OkStatus()
                 : Conflict();
  }
  return Conflict();
}

coro::Task<absl::StatusOr<Revision>> MemoryStore::Commit(Partition partition, Batch batch) {
  WATERLINE_CO_RETURN_IF_ERROR(Validate(partition));
  WATERLINE_CO_RETURN_IF_ERROR(Validate(batch));
  std::set<LogHints::LogName> moved;
  Revision revision = 0;
  {
    std::lock_guard lock(mutex_);
    Contents& contents = partitions_[partition.id];
    for (const auto& precondition : batch.preconditions()) {
      WATERLINE_CO_RETURN_IF_ERROR(CheckLocked(contents, precondition));
    }
    revision = ++contents.revision;
    for (const auto& write : batch.writes()) {
      if (write.value) {
        contents.values[write.key] = Versioned{*write.value, revision};
      } else {
        contents.values.erase(write.key);
      }
    }
    for (const auto& append : batch.appends()) {
      auto& log = contents.logs[append.log];
      log.push_back({log.size() + 1, append.payload, revision});
      moved.insert({partition.id, append.log});
    }
  }
  if (!moved.empty()) hints_.Notify(moved);
  co_return revision;
}

coro::Task<absl::StatusOr<std::vector<LogItem>>> MemoryStore::ReadLog(Partition partition,
                                                                      std::string log,
                                                                      uint64_t after, int limit) {
  WATERLINE_CO_RETURN_IF_ERROR(Validate(partition));
  WATERLINE_CO_RETURN_IF_ERROR(Validate(Range(log), limit));
  std::vector<LogItem> items;
  std::lock_guard lock(mutex_);
  const auto contents = partitions_.find(partition.id);
  if (contents == partitions_.end()) co_return items;
  const auto found = contents->second.logs.find(log);
  if (found == contents->second.logs.end()) co_return items;
  for (uint64_t i = after; i < found->second.size() && items.size() < static_cast<size_t>(limit);
       ++i) {
    items.push_back(found->second[i]);
  }
  co_return items;
}

coro::Task<absl::StatusOr<std::vector<Partition>>> MemoryStore::Partitions(std::string after,
                                                                           int limit) {
  std::vector<Partition> partitions;
  std::lock_guard lock(mutex_);
  for (auto found = partitions_.upper_bound(after); found != partitions_.end(); ++found) {
    if (found->second.revision == 0) continue;
    if (partitions.size() == static_cast<size_t>(limit)) break;
    partitions.emplace_back(found->first);
  }
  co_return partitions;
}

std::vector<size_t> MemoryStore::MovedLocked(const std::vector<LogCursor>& cursors) const {
  std::vector<size_t> moved;
  for (size_t i = 0; i < cursors.size(); ++i) {
    const auto contents = partitions_.find(cursors[i].partition.id);
    if (contents == partitions_.end()) continue;
    const auto log = contents->second.logs.find(cursors[i].log);
    if (log != contents->second.logs.end() && log->second.size() > cursors[i].after)
      moved.push_back(i);
  }
  return moved;
}

coro::Task<absl::StatusOr<std::vector<size_t>>> MemoryStore::Wait(
    std::vector<LogCursor> cursors, std::chrono::milliseconds timeout) {
  std::vector<LogHints::LogName> logs;
  for (const auto& cursor : cursors) logs.emplace_back(cursor.partition.id, cursor.log);
  auto waiter = hints_.Arm(logs);
  std::vector<size_t> moved;
  {
    std::lock_guard lock(mutex_);
    moved = MovedLocked(cursors);
  }
  if (!moved.empty()) {
    hints_.Disarm(waiter);
    co_return moved;
  }
  co_await hints_.Await(waiter, timeout);
  std::lock_guard lock(mutex_);
  co_return MovedLocked(cursors);
}

coro::Task<absl::StatusOr<uint64_t>> MemoryStore::AcquireLease(Partition partition, Key key,
                                                               std::string owner,
                                                               std::chrono::milliseconds ttl) {
  return leases_.Acquire(std::move(partition), std::move(key), std::move(owner), ttl);
}

coro::Task<absl::Status> MemoryStore::RenewLease(Partition partition, Key key, std::string owner,
                                                 uint64_t epoch, std::chrono::milliseconds ttl) {
  co_return leases_.Renew(partition, key, owner, epoch, ttl);
}

coro::Task<absl::Status> MemoryStore::ReleaseLease(Partition partition, Key key, std::string owner,
                                                   uint64_t epoch) {
  co_return leases_.Release(partition, key, owner, epoch);
}

}  // namespace waterline::storage
