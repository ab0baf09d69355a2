#pragma once

// Store: the narrow waist between the services and whatever keeps their data.
//
// A partition is the data of one controlling organisation inside one service, and the unit of
// atomicity: a batch commits in one partition, all or nothing. Values are opaque bytes. Revisions
// are commit numbers of the partition (1, 2, 3, ...): a value's revision is the commit that put it.
// Keys hold random or permanent organisation ids, HMACs and readable collection names, never
// personal data.
//
// Durability: when Commit returns OK the batch survives kill -9 at any moment (memory: the life of
// the object). A Commit that returns an error changed nothing, or is UNAVAILABLE: outcome unknown.
//
// Errors: absent keys are values, never errors. Precondition failures are ABORTED/CONFLICT. A full
// disk is RESOURCE_EXHAUSTED/STORAGE_FULL; a damaged file is DATA_LOSS/DATA_DAMAGED; a closed or
// unreachable store is UNAVAILABLE. Limits exceeded are RESOURCE_EXHAUSTED/TOO_LARGE.
//
// Thread safety: every method from any thread, any number at once. Coroutines may resume on a
// thread of the store; nothing slow may run there.

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/coro/task.h"

namespace waterline::storage {

inline constexpr int kBatchOperationsMax = 500;        // puts + deletes + appends + preconditions
inline constexpr size_t kBatchBytesMax = 1024 * 1024;  // keys + values + log payloads
inline constexpr int kScanLimitMax = 1000;
inline constexpr size_t kKeyBytesMax = 512;  // collection + id

using Revision = uint64_t;  // 0 = never written.

// The id of the controlling organisation (`ods-qnx`), or `network`. ^[a-z][a-z0-9-]{0,61}[a-z0-9]?$
struct Partition {
  Partition() = default;
  explicit Partition(std::string partition_id) : id(std::move(partition_id)) {}
  std::string id;
  auto operator<=>(const Partition&) const = default;
};

// `collection` is a readable name (`events`, `responses`): ^[a-z][a-z0-9_.]{0,62}$. `id` is any
// bytes without a limit on content; the order of a collection is bytewise by id.
struct Key {
  Key() = default;
  Key(std::string key_collection, std::string key_id)
      : collection(std::move(key_collection)), id(std::move(key_id)) {}
  std::string collection;
  std::string id;
  auto operator<=>(const Key&) const = default;
};

struct Versioned {
  std::string value;
  Revision revision = 0;
};

struct Item {
  std::string id;
  Versioned versioned;
};

// Ids in [begin, end) of one collection; an empty `end` means to the end of the collection.
struct Range {
  Range(std::string range_collection, std::string range_begin = "", std::string range_end = "")
      : collection(std::move(range_collection)),
        begin(std::move(range_begin)),
        end(std::move(range_end)) {}
  std::string collection;
  std::string begin;
  std::string end;
};
// All ids that start with `prefix`.
Range PrefixRange(std::string collection, const std::string& prefix);

enum class Direction { kForward, kBackward };

struct Precondition {
  enum class Kind { kAbsent, kAtRevision, kFence };
  Kind kind = Kind::kAbsent;
  Key key;                // kFence: the lease key.
  Revision revision = 0;  // kAtRevision; kFence: the epoch that must be current.
};

struct LogItem {
  uint64_t position = 0;  // 1, 2, 3, ... without gaps within (partition, log).
  std::string payload;    // name, revision, kind, receipt position; never content.
  Revision revision = 0;  // The commit that appended it.
};

class Batch {
 public:
  Batch& RequireAbsent(Key key);
  Batch& RequireRevision(Key key, Revision revision);  // 0 is the same as RequireAbsent.
  Batch& RequireFence(Key lease, uint64_t epoch);
  Batch& Put(Key key, std::string value);
  Batch& Delete(Key key);
  Batch& Append(std::string log, std::string payload);

  struct Write {
    Key key;
    std::optional<std::string> value;  // nullopt = delete.
  };
  struct LogAppend {
    std::string log;
    std::string payload;
  };
  const std::vector<Precondition>& preconditions() const { return preconditions_; }
  const std::vector<Write>& writes() const { return writes_; }
  const std::vector<LogAppend>& appends() const { return appends_; }
  int operation_count() const;
  size_t size_bytes() const { return size_bytes_; }
  bool empty() const { return operation_count() == 0; }

 private:
  std::vector<Precondition> preconditions_;
  std::vector<Write> writes_;  // A later write to the same key wins.
  std::vector<LogAppend> appends_;
  size_t size_bytes_ = 0;
};

// INVALID_ARGUMENT or TOO_LARGE for a partition, key, range or batch outside the limits above;
// every Store calls these first, so that all behave alike.
absl::Status Validate(const Partition& partition);
absl::Status Validate(const Key& key);
absl::Status Validate(const Range& range, int limit);
absl::Status Validate(const Batch& batch);

struct LogCursor {
  Partition partition;
  std::string log;
  uint64_t after = 0;  // The last position seen.
};

class Store {
 public:
  virtual ~Store() = default;

  // One answer per key, in order. The keys are read at one revision of the partition.
  virtual coro::Task<absl::StatusOr<std::vector<std::optional<Versioned>>>> Get(
      Partition partition, std::vector<Key> keys) = 0;

  // Up to `limit` (1..kScanLimitMax) items in order. Consistent within a page, not across pages.
  virtual coro::Task<absl::StatusOr<std::vector<Item>>> Scan(Partition partition, Range range,
                                                             int limit, Direction direction) = 0;

  // The revision of this commit. An empty batch is INVALID_ARGUMENT.
  virtual coro::Task<absl::StatusOr<Revision>> Commit(Partition partition, Batch batch) = 0;

  // Up to `limit` items with position > after, in order.
  virtual coro::Task<absl::StatusOr<std::vector<LogItem>>> ReadLog(Partition partition,
                                                                   std::string log, uint64_t after,
                                                                   int limit) = 0;

  // Partitions that hold anything, with id > after, in order, up to `limit`.
  virtual coro::Task<absl::StatusOr<std::vector<Partition>>> Partitions(std::string after,
                                                                        int limit) = 0;

  // Returns when one of the logs has an item after its cursor, or at the timeout; the indexes of
  // the cursors that moved. A hint may be lost or come late: callers look again once a second.
  virtual coro::Task<absl::StatusOr<std::vector<size_t>>> Wait(
      std::vector<LogCursor> cursors, std::chrono::milliseconds timeout) = 0;

  // Leases by the store's own clock. Acquire gives a fresh epoch, greater than every earlier one of
  // this key; ABORTED/CONFLICT while another owner holds it. Renew and Release of a lost lease are
  // ABORTED/CONFLICT. ttl 100 ms..1 h. A batch is fenced by RequireFence(key, epoch).
  virtual coro::Task<absl::StatusOr<uint64_t>> AcquireLease(Partition partition, Key key,
                                                            std::string owner,
                                                            std::chrono::milliseconds ttl) = 0;
  virtual coro::Task<absl::Status> RenewLease(Partition partition, Key key, std::string owner,
                                              uint64_t epoch, std::chrono::milliseconds ttl) = 0;
  virtual coro::Task<absl::Status> ReleaseLease(Partition partition, Key key, std::string owner,
                                                uint64_t epoch) = 0;
};

}  // namespace waterline::storage
