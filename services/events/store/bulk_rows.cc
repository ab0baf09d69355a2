#include "services/events/store/bulk_rows.h"

#include <algorithm>

#include "services/common/records/records.h"
#include "services/common/storage/byte_order.h"
#include "services/events/store/keys.h"

namespace waterline::events {
namespace {

using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Revision;

constexpr size_t kBitsMax = 64;  // A bucket of one group never splits further.
constexpr size_t kRowsPerCommit = 5000;
constexpr size_t kBytesPerCommit = 600 * 1024;
constexpr size_t kBucketsPerCommit = 100;
constexpr int kConflictsMax = 20;

// Signed values in byte order.
std::string Ordered(int64_t value) {
  return waterline::storage::BigEndian(static_cast<uint64_t>(value) ^ (uint64_t{1} << 63));
}

bool BitAt(const std::string& key, size_t bit) {
  return (static_cast<uint8_t>(key[bit / 8]) >> (7 - bit % 8) & 1) != 0;
}

std::string LeadingBits(const std::string& key) {
  std::string bits(kBitsMax, '0');
  for (size_t i = 0; i < kBitsMax; ++i) bits[i] = BitAt(key, i) ? '1' : '0';
  return bits;
}

// The bucket of a key: the last one not after it, because buckets are prefixes covering all.
size_t BucketOf(const storage::v1::BucketDirectory& directory, const std::string& key) {
  const std::string bits = LeadingBits(key);
  const auto& buckets = directory.buckets();
  return static_cast<size_t>(std::upper_bound(buckets.begin(), buckets.end(), bits) -
                             buckets.begin()) -
         1;
}

// Negative, zero or positive as the group of `a` is before, the same as or after that of `b`.
int CompareGroups(const std::string& a, const std::string& b) {
  return a.compare(0, kGroupBytes, b, 0, kGroupBytes);
}

// The end of the group that starts at `begin`.
template <class Rows>
size_t GroupEnd(const Rows& rows, size_t begin, size_t end) {
  size_t at = begin + 1;
  while (at < end && CompareGroups(rows[at].row_key(), rows[begin].row_key()) == 0) ++at;
  return at;
}

// Sorts by the rows' order, which is a string made from a row: made once per row, not per
// comparison.
template <class Traits>
void SortRows(std::vector<typename Traits::Row>* rows) {
  std::vector<std::pair<std::string, size_t>> order;
  order.reserve(rows->size());
  for (size_t i = 0; i < rows->size(); ++i) order.emplace_back(Traits::Order((*rows)[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<typename Traits::Row> sorted;
  sorted.reserve(rows->size());
  for (const auto& [key, i] : order) sorted.push_back(std::move((*rows)[i]));
  rows->swap(sorted);
}

// Adds the incoming rows [begin, end) of one group to that group's stored rows.
template <class Traits>
void MergeGroup(const std::vector<typename Traits::Row>& incoming, size_t begin, size_t end,
                std::vector<typename Traits::Row>* group, MergeCounts* counts) {
  const size_t known = group->size();
  for (size_t i = begin; i < end; ++i) {
    const auto stored_end = group->begin() + static_cast<std::ptrdiff_t>(known);
    const auto stored = std::find_if(group->begin(), stored_end, [&](const auto& row) {
      return Traits::Same(row, incoming[i]);
    });
    if (stored == stored_end) {
      group->push_back(incoming[i]);
    } else {
      Traits::Absorb(incoming[i], &*stored);
      ++counts->unchanged;
    }
  }
  const size_t fresh = group->size() - known;
  if (fresh == 0) return;
  const std::string last_known = known == 0 ? "" : Traits::Order((*group)[known - 1]);
  const bool newest_is_fresh = known == 0 || last_known < Traits::Order(group->back());
  counts->created += newest_is_fresh ? 1 : 0;
  counts->superseded += fresh - (newest_is_fresh ? 1 : 0);
  if (known > 0) SortRows<Traits>(group);
}

// Merges sorted incoming rows into the sorted rows of one bucket, group by group.
template <class Traits>
void MergeInto(const std::vector<typename Traits::Row>& incoming, size_t begin, size_t end,
               std::vector<typename Traits::Row>* rows, MergeCounts* counts) {
  std::vector<typename Traits::Row> merged;
  merged.reserve(rows->size() + end - begin);
  std::vector<typename Traits::Row> group;
  size_t at = 0;
  while (at < rows->size() || begin < end) {
    const int first = begin == end ? -1
                      : at == rows->size()
                          ? 1
                          : CompareGroups((*rows)[at].row_key(), incoming[begin].row_key());
    group.clear();
    if (first <= 0) {
      const size_t stored_end = GroupEnd(*rows, at, rows->size());
      for (; at < stored_end; ++at) group.push_back(std::move((*rows)[at]));
    }
    if (first >= 0) {
      const size_t group_end = GroupEnd(incoming, begin, end);
      MergeGroup<Traits>(incoming, begin, group_end, &group, counts);
      begin = group_end;
    }
    for (auto& row : group) merged.push_back(std::move(row));
  }
  rows->swap(merged);
}

// Splits rows into buckets of at most kBucketRowsMax, from left to right.
template <class Row>
void Split(const std::string& bits, std::vector<Row> rows,
           std::vector<std::pair<std::string, std::vector<Row>>>* out) {
  if (rows.size() <= static_cast<size_t>(kBucketRowsMax) || bits.size() >= kBitsMax) {
    out->emplace_back(bits, std::move(rows));
    return;
  }
  const auto middle = std::partition_point(rows.begin(), rows.end(), [&bits](const Row& row) {
    return !BitAt(row.row_key(), bits.size());
  });
  std::vector<Row> right(std::make_move_iterator(middle), std::make_move_iterator(rows.end()));
  rows.erase(middle, rows.end());
  Split(bits + '0', std::move(rows), out);
  Split(bits + '1', std::move(right), out);
}

template <class Bucket, class Row>
Bucket ToBucket(std::vector<Row> rows) {
  Bucket bucket;
  bucket.mutable_rows()->Reserve(static_cast<int>(rows.size()));
  for (auto& row : rows) *bucket.add_rows() = std::move(row);
  return bucket;
}

// What goes into one commit: buckets by their place in the directory, and of each one past its last
// incoming row.
struct Portion {
  std::vector<size_t> indexes;
  std::vector<size_t> ends;
};

// As many of the sorted rows from `begin` on as fit, at least one. The versions of one row stay
// together, so that only the last counts as created.
template <class Rows>
Portion TakePortion(const Rows& rows, size_t begin, const storage::v1::BucketDirectory& directory) {
  Portion portion;
  size_t bytes = 0;
  const auto continues_a_row = [&](size_t i) {
    return i > begin && CompareGroups(rows[i].row_key(), rows[i - 1].row_key()) == 0;
  };
  const auto has_room = [&](size_t i) {
    return i - begin < kRowsPerCommit && portion.indexes.size() < kBucketsPerCommit;
  };
  for (size_t at = begin; at < rows.size() && (has_room(at) || continues_a_row(at));) {
    const size_t index = BucketOf(directory, rows[at].row_key());
    if (portion.indexes.empty() || portion.indexes.back() != index) {
      if (bytes > kBytesPerCommit) break;
      portion.indexes.push_back(index);
      portion.ends.push_back(at);
      bytes += kBytesPerCommit / 8;  // What the bucket may hold already.
    }
    bytes += rows[at].ByteSizeLong();
    portion.ends.back() = ++at;
  }
  return portion;
}

}  // namespace

bool InformantTraits::Absorb(const Row& incoming, Row* stored) {
  bool changed = false;
  for (const auto& import : incoming.imports()) {
    if (std::find(stored->imports().begin(), stored->imports().end(), import) !=
        stored->imports().end())
      continue;
    stored->add_imports(import);
    changed = true;
  }
  return changed;
}

std::string ResponseTraits::Order(const Row& row) {
  return row.row_key() + Ordered(row.recorded_at_ms()) + Ordered(row.day()) + row.content_digest();
}

template <class Traits>
Key BulkRows<Traits>::DirectoryKey() const {
  return Key(kBulkDirectories, event_ + "/" + Traits::kCollection);
}

template <class Traits>
Key BulkRows<Traits>::BucketKey(const std::string& bits) const {
  return Key(Traits::kCollection, event_ + "/" + bits);
}

template <class Traits>
coro::Task<absl::StatusOr<Revision>> BulkRows<Traits>::LoadDirectory(
    storage::v1::BucketDirectory* directory) {
  auto stored =
      co_await records::Load<storage::v1::BucketDirectory>(store_, partition_, DirectoryKey());
  if (!stored.ok()) co_return stored.status();
  directory->Clear();
  if (*stored) {
    *directory = std::move((*stored)->record);
    co_return (*stored)->revision;
  }
  directory->add_buckets("");
  co_return Revision{0};
}

template <class Traits>
coro::Task<absl::StatusOr<typename BulkRows<Traits>::Loaded>> BulkRows<Traits>::LoadBuckets(
    std::vector<std::string> bits) {
  Loaded loaded;
  std::vector<Key> keys;
  for (const auto& one : bits) keys.push_back(BucketKey(one));
  auto values = co_await store_->Get(partition_, keys);
  if (!values.ok()) co_return values.status();
  for (size_t i = 0; i < keys.size(); ++i) {
    Bucket bucket;
    if ((*values)[i]) {
      auto parsed = records::ParseInto((*values)[i]->value, keys[i], &bucket);
      if (!parsed.ok()) co_return parsed;
    }
    loaded.buckets.push_back(std::move(bucket));
    loaded.revisions.push_back((*values)[i] ? (*values)[i]->revision : 0);
  }
  loaded.bits = std::move(bits);
  co_return loaded;
}

template <class Traits>
coro::Task<absl::StatusOr<MergeCounts>> BulkRows<Traits>::Merge(std::vector<Row> rows,
                                                                CommitHook* hook) {
  SortRows<Traits>(&rows);
  MergeCounts counts;
  int conflicts = 0;
  for (size_t begin = 0; begin < rows.size();) {
    auto taken = co_await MergeSome(&rows, begin, &counts, hook);
    if (taken.ok()) {
      begin += *taken;
      conflicts = 0;
    } else if (ReasonOf(taken.status()) != reason::kConflict.name || ++conflicts > kConflictsMax) {
      co_return taken.status();
    }
  }
  co_return counts;
}

// One commit: as many rows, and the buckets they fall into, as fit. How many rows were taken.
template <class Traits>
coro::Task<absl::StatusOr<size_t>> BulkRows<Traits>::MergeSome(const std::vector<Row>* rows,
                                                               size_t begin, MergeCounts* counts,
                                                               CommitHook* hook) {
  storage::v1::BucketDirectory directory;
  auto revision = co_await LoadDirectory(&directory);
  if (!revision.ok()) co_return revision.status();
  const Portion portion = TakePortion(*rows, begin, directory);
  std::vector<std::string> bits;
  for (size_t index : portion.indexes) bits.push_back(directory.buckets(static_cast<int>(index)));
  auto loaded = co_await LoadBuckets(bits);
  if (!loaded.ok()) co_return loaded.status();
  Batch batch;
  MergeCounts some;
  std::vector<std::string> all_bits(directory.buckets().begin(), directory.buckets().end());
  size_t first = begin;
  for (size_t i = 0; i < portion.indexes.size(); ++i) {
    auto& stored = *loaded->buckets[i].mutable_rows();
    std::vector<Row> merged(std::make_move_iterator(stored.begin()),
                            std::make_move_iterator(stored.end()));
    const size_t known = merged.size();
    MergeInto<Traits>(*rows, first, portion.ends[i], &merged, &some);
    first = portion.ends[i];
    directory.set_rows(directory.rows() + merged.size() - known);
    std::vector<std::pair<std::string, std::vector<Row>>> parts;
    Split(bits[i], std::move(merged), &parts);
    batch.RequireRevision(BucketKey(bits[i]), loaded->revisions[i]);
    if (parts.size() > 1) {
      all_bits.erase(std::find(all_bits.begin(), all_bits.end(), bits[i]));
      if (loaded->revisions[i] != 0) batch.Delete(BucketKey(bits[i]));
    }
    for (auto& [part_bits, part] : parts) {
      if (parts.size() > 1) all_bits.push_back(part_bits);
      if (!part.empty())
        batch.Put(BucketKey(part_bits), ToBucket<Bucket>(std::move(part)).SerializeAsString());
    }
  }
  std::sort(all_bits.begin(), all_bits.end());
  directory.mutable_buckets()->Assign(all_bits.begin(), all_bits.end());
  batch.RequireRevision(DirectoryKey(), *revision)
      .Put(DirectoryKey(), directory.SerializeAsString());
  auto ready = co_await hook->Before(&batch);
  if (!ready.ok()) co_return ready;
  auto committed = co_await store_->Commit(partition_, std::move(batch));
  if (!committed.ok()) co_return committed.status();
  counts->created += some.created;
  counts->unchanged += some.unchanged;
  counts->superseded += some.superseded;
  co_return portion.ends.back() - begin;
}

template <class Traits>
coro::Task<absl::Status> BulkRows<Traits>::ForEach(std::string after, Visit visit) {
  storage::v1::BucketDirectory directory;
  auto revision = co_await LoadDirectory(&directory);
  if (!revision.ok()) co_return revision.status();
  size_t index = after.empty() ? 0 : BucketOf(directory, after);
  for (; index < static_cast<size_t>(directory.buckets_size()); ++index) {
    const std::vector<std::string> one = {directory.buckets(static_cast<int>(index))};
    auto loaded = co_await LoadBuckets(one);
    if (!loaded.ok()) co_return loaded.status();
    const auto& rows = loaded->buckets[0].rows();
    for (int i = 0; i < rows.size(); ++i) {
      if (!after.empty() && Traits::Order(rows[i]) <= after) continue;
      const bool current =
          i + 1 == rows.size() || CompareGroups(rows[i + 1].row_key(), rows[i].row_key()) != 0;
      if (!visit(rows[i], current)) co_return absl::OkStatus();
    }
  }
  co_return absl::OkStatus();
}

template <class Traits>
coro::Task<absl::StatusOr<std::vector<typename Traits::Row>>> BulkRows<Traits>::Find(
    std::vector<std::string> groups) {
  storage::v1::BucketDirectory directory;
  auto revision = co_await LoadDirectory(&directory);
  if (!revision.ok()) co_return revision.status();
  std::vector<Row> found;
  for (size_t begin = 0; begin < groups.size();) {
    const size_t index = BucketOf(directory, groups[begin]);
    size_t end = begin;
    while (end < groups.size() && BucketOf(directory, groups[end]) == index) ++end;
    const std::vector<std::string> one = {directory.buckets(static_cast<int>(index))};
    auto loaded = co_await LoadBuckets(one);
    if (!loaded.ok()) co_return loaded.status();
    for (auto& row : *loaded->buckets[0].mutable_rows()) {
      const std::string group = row.row_key().substr(0, kGroupBytes);
      const auto first = groups.begin() + static_cast<std::ptrdiff_t>(begin);
      if (std::binary_search(first, groups.begin() + static_cast<std::ptrdiff_t>(end), group))
        found.push_back(std::move(row));
    }
    begin = end;
  }
  co_return found;
}

template <class Traits>
coro::Task<absl::Status> BulkRows<Traits>::Rewrite(std::function<Edit(Row*)> edit,
                                                   CommitHook* hook) {
  storage::v1::BucketDirectory directory;
  auto revision = co_await LoadDirectory(&directory);
  if (!revision.ok()) co_return revision.status();
  Revision directory_revision = *revision;
  for (const auto& bits : directory.buckets()) {
    const std::vector<std::string> one = {bits};
    auto loaded = co_await LoadBuckets(one);
    if (!loaded.ok()) co_return loaded.status();
    Bucket kept;
    bool changed = false;
    for (auto& row : *loaded->buckets[0].mutable_rows()) {
      const Edit verdict = edit(&row);
      changed = changed || verdict != Edit::kKeep;
      if (verdict != Edit::kRemove) *kept.add_rows() = std::move(row);
    }
    if (!changed) continue;
    Batch batch;
    const Key key = BucketKey(bits);
    directory.set_rows(directory.rows() -
                       static_cast<uint64_t>(loaded->buckets[0].rows_size() - kept.rows_size()));
    batch.RequireRevision(key, loaded->revisions[0])
        .RequireRevision(DirectoryKey(), directory_revision);
    batch.Put(key, kept.SerializeAsString()).Put(DirectoryKey(), directory.SerializeAsString());
    auto ready = co_await hook->Before(&batch);
    if (!ready.ok()) co_return ready;
    auto committed = co_await store_->Commit(partition_, std::move(batch));
    if (!committed.ok()) co_return committed.status();
    directory_revision = *committed;
  }
  co_return absl::OkStatus();
}

template class BulkRows<InformantTraits>;
template class BulkRows<ReactionTraits>;
template class BulkRows<ResponseTraits>;

}  // namespace waterline::events
