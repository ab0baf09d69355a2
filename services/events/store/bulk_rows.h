#pragma once

// Bulk rows of one event: informants, reactions, responses. They lie in buckets by the leading bits
// of their row key; a bucket that would exceed kBucketRowsMax splits. Versions of one thing share
// the first 16 bytes of their key (their group) and so lie together; the last of a group in the
// row's order is the current one. What is stored depends on the set of rows, not on their order or
// batching (contracts.md 4). A merge commits bucket by bucket under the revisions it read: it can
// stop anywhere and be repeated. Thread safety: one merge at a time per object; objects are cheap.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/coro/task.h"
#include "services/common/storage/store.h"
#include "waterline/events/storage/v1/records.pb.h"

namespace waterline::events {

inline constexpr int kBucketRowsMax = 1000;
inline constexpr size_t kGroupBytes = 16;

// A row stands as long as anyone holds it: the import that brought it, others that hold the same
// row (also_imports), or a hand (the empty id). True when `stored` changed.
template <class Row>
bool AddHolder(const Row& incoming, Row* stored) {
  const auto& also = stored->also_imports();
  if (incoming.import() == stored->import() ||
      std::find(also.begin(), also.end(), incoming.import()) != also.end())
    return false;
  stored->add_also_imports(incoming.import());
  return true;
}

// What differs between the kinds of rows.
struct InformantTraits {
  using Row = storage::v1::InformantRow;
  using Bucket = storage::v1::InformantBucket;
  static constexpr const char* kCollection = "informants";
  static std::string Order(const Row& row) { return row.row_key(); }
  static bool Same(const Row& stored, const Row& incoming) {
    return stored.row_key() == incoming.row_key();
  }
  // Takes over what an equal row adds; true when the stored row changed.
  static bool Absorb(const Row& incoming, Row* stored);
};
struct ReactionTraits {
  using Row = storage::v1::ReactionRow;
  using Bucket = storage::v1::ReactionBucket;
  static constexpr const char* kCollection = "reactions";
  static std::string Order(const Row& row) {
    return row.row_key() + static_cast<char>(row.value());
  }
  static bool Same(const Row& stored, const Row& incoming) {
    return Order(stored) == Order(incoming);
  }
  static bool Absorb(const Row& incoming, Row* stored) { return AddHolder(incoming, stored); }
};
struct ResponseTraits {
  using Row = storage::v1::ResponseRow;
  using Bucket = storage::v1::ResponseBucket;
  static constexpr const char* kCollection = "responses";
  static std::string Order(const Row& row);
  static bool Same(const Row& stored, const Row& incoming) {
    return stored.content_digest() == incoming.content_digest();
  }
  static bool Absorb(const Row& incoming, Row* stored) { return AddHolder(incoming, stored); }
};

// Called before every commit: renews the decision the commit rests on and adds what belongs to it.
class CommitHook {
 public:
  virtual ~CommitHook() = default;
  virtual coro::Task<absl::Status> Before(waterline::storage::Batch* batch) = 0;
};

struct MergeCounts {
  uint64_t created = 0;     // New and current.
  uint64_t unchanged = 0;   // Stored already.
  uint64_t superseded = 0;  // New, and a later version of the same thing is there.
};

template <class Traits>
class BulkRows {
 public:
  using Row = typename Traits::Row;
  using Bucket = typename Traits::Bucket;

  BulkRows(waterline::storage::Store* store, std::string organisation, std::string event)
      : store_(store), partition_(std::move(organisation)), event_(std::move(event)) {}

  // Adds rows. No two of them may be Same.
  coro::Task<absl::StatusOr<MergeCounts>> Merge(std::vector<Row> rows, CommitHook* hook);

  // Rows in order, whole buckets at a time, from the first row whose order is after `after` (empty:
  // all) until `visit` says stop. `current`: the last of its group.
  using Visit = std::function<bool(const Row& row, bool current)>;
  coro::Task<absl::Status> ForEach(std::string after, Visit visit);

  // The rows of these groups (sorted), read from their buckets only.
  coro::Task<absl::StatusOr<std::vector<Row>>> Find(std::vector<std::string> groups);

  // Offers every row to `edit`: keep, change or remove it. Commits bucket by bucket.
  enum class Edit { kKeep, kChange, kRemove };
  coro::Task<absl::Status> Rewrite(std::function<Edit(Row*)> edit, CommitHook* hook);

 private:
  struct Loaded {
    std::vector<std::string> bits;
    std::vector<Bucket> buckets;
    std::vector<waterline::storage::Revision> revisions;
  };
  waterline::storage::Key DirectoryKey() const;
  waterline::storage::Key BucketKey(const std::string& bits) const;
  coro::Task<absl::StatusOr<waterline::storage::Revision>> LoadDirectory(
      storage::v1::BucketDirectory* directory);
  coro::Task<absl::StatusOr<Loaded>> LoadBuckets(std::vector<std::string> bits);
  coro::Task<absl::StatusOr<size_t>> MergeSome(const std::vector<Row>* rows, size_t begin,
                                               MergeCounts* counts, CommitHook* hook);

  waterline::storage::Store* const store_;
  const waterline::storage::Partition partition_;
  const std::string event_;
};

using InformantRows = BulkRows<InformantTraits>;
using ReactionRows = BulkRows<ReactionTraits>;
using ResponseRows = BulkRows<ResponseTraits>;

extern template class BulkRows<InformantTraits>;
extern template class BulkRows<ReactionTraits>;
extern template class BulkRows<ResponseTraits>;

}  // namespace waterline::events
