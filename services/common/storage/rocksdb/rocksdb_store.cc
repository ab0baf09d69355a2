// Keys of the database (0 = a zero byte, u64 = 8 bytes big-endian):
//
//   f                                         format version, decimal text
//   r <partition>                             u64 revision of the partition
//   d <partition> 0 <collection> 0 <id>       u64 revision, value
//   h <partition> 0 <log>                     u64 last position of the log
//   l <partition> 0 <log> 0 u64 position      u64 revision, payload
//
// Partition ids, collection and log names hold no zero byte, so bytewise order of the keys is order
// by id within a collection and by position within a log.

#include "services/common/storage/rocksdb/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "services/common/coro/one_shot.h"
#include "services/common/coro/pool.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/storage/byte_order.h"
#include "services/common/storage/rocksdb/folder_seal.h"
#include "services/common/storage/rocksdb/plain_log.h"

namespace waterline::storage {
namespace {

constexpr int kFormatVersion = 1;
constexpr char kFormatKey[] = "f";
constexpr size_t kGroupMax = 512;  // Commits per fsync; bounds the memory of a write batch.

using rocksdb::Slice;

std::string Joined(char kind, const std::string& partition, const std::string& name) {
  std::string key(1, kind);
  key += partition;
  key.push_back('\0');
  key += name;
  return key;
}

std::string RevisionKey(const std::string& partition) { return "r" + partition; }
std::string CollectionPrefix(const std::string& partition, const std::string& collection) {
  std::string key = Joined('d', partition, collection);
  key.push_back('\0');
  return key;
}
std::string DataKey(const std::string& partition, const Key& key) {
  return CollectionPrefix(partition, key.collection) + key.id;
}
std::string LogHeadKey(const std::string& partition, const std::string& log) {
  return Joined('h', partition, log);
}
std::string LogPrefix(const std::string& partition, const std::string& log) {
  std::string key = Joined('l', partition, log);
  key.push_back('\0');
  return key;
}

absl::Status Damaged(const std::string& path, const std::string& detail) {
  return Error(reason::kDataDamaged,
               "the store in " + path + " is damaged (" + detail + "); restore it from its backup");
}

absl::Status Full(const std::string& path) {
  return WithRetryAfter(Error(reason::kStorageFull,
                              "the disk of " + path + " is full; free some space and try again"),
                        5000);
}

// Refuses before the last bytes are gone: RocksDB cannot go on after a log write that found no
// space, and its tables and manifests need some, too. The reserve is 256 MB, or a twentieth of a
// small disk.
absl::Status CheckSpace(const std::string& path) {
  constexpr uint64_t kReserveBytes = 256ULL << 20;
  struct statvfs disk = {};
  if (statvfs(path.c_str(), &disk) != 0)
    return Error(reason::kUnavailable, "the disk of " + path + " does not answer");
  const uint64_t total = uint64_t{disk.f_blocks} * disk.f_frsize;
  const uint64_t available = uint64_t{disk.f_bavail} * disk.f_frsize;
  return available < std::min(kReserveBytes, total / 20) ? Full(path) : absl::OkStatus();
}

absl::Status ToStatus(const rocksdb::Status& status, const std::string& path) {
  if (status.ok()) return absl::OkStatus();
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace) {
    return Full(path);
  }
  if (status.IsCorruption()) return Damaged(path, status.ToString());
  return Error(reason::kUnavailable, "the store in " + path + " does not answer");
}

absl::StatusOr<Versioned> Decode(const Slice& stored, const std::string& path) {
  if (stored.size() < 8) return Damaged(path, "a value is too short");
  return Versioned{std::string(stored.data() + 8, stored.size() - 8),
                   FromBigEndian({stored.data(), 8})};
}

rocksdb::Options DatabaseOptions() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.write_buffer_size = 64 << 20;
  options.max_background_jobs = 2;
  options.stats_dump_period_sec = 0;  // Keeps LOG small.
  options.compression = rocksdb::kLZ4Compression;
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(256 << 20);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// A log write or sync that failed: how much of it will be there after a crash is unknown.
[[noreturn]] void EndBecauseOf(const rocksdb::Status& status, const std::string& path) {
  const bool is_full = status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace;
  std::fprintf(stderr,
               "%s: a commit could not be synced (%s); ending, because what is on disk is unknown. "
               "%s and start again: everything acknowledged is kept\n",
               path.c_str(), status.ToString().c_str(),
               is_full ? "The disk is full; free some space" : "Look after the disk");
  std::abort();
}

// What the commits of a group have changed and the database does not show yet. Values lie in the
// batches of the group.
struct Overlay {
  struct Value {
    const std::string* value = nullptr;  // nullptr: deleted.
    Revision revision = 0;
  };
  std::unordered_map<std::string, Value> values;
  std::unordered_map<std::string, uint64_t> counters;
};

}  // namespace

struct RocksDbStore::Impl {
  struct Pending {
    Partition partition;
    Batch batch;
    coro::OneShot<absl::StatusOr<Revision>>::Setter done;
    absl::StatusOr<Revision> result = Revision{0};
    std::set<LogHints::LogName> moved;
  };

  std::string path;
  bool read_only = false;
  std::unique_ptr<rocksdb::DB> db;
  SteadyNow now;
  LogHints hints;
  std::unique_ptr<LocalLeases> leases;

  std::mutex mutex;  // Guards queue and stopping. No other lock is taken under it.
  std::condition_variable wake;
  std::deque<Pending> queue;
  bool stopping = false;
  std::unique_ptr<coro::Pool>
      resumers;  // Resume committers here, so that the next group starts at once.
  std::thread committer;

  void CommitLoop();
  void CommitGroup(std::vector<Pending> group);
  absl::Status Stage(Pending* pending, bool is_last, Overlay* overlay, rocksdb::WriteBatch* out);
  absl::Status Check(const std::string& partition, const Precondition& precondition,
                     const Overlay& overlay);
  absl::StatusOr<std::optional<Versioned>> Read(const std::string& key, const Overlay* overlay);
  absl::StatusOr<uint64_t> Counter(const std::string& key, const Overlay* overlay);
  absl::StatusOr<std::vector<size_t>> Moved(const std::vector<LogCursor>& cursors);
  absl::Status OpenDatabase(const Options& options);
  absl::Status CheckFormat();
};

absl::Status RocksDbStore::Impl::OpenDatabase(const Options& options) {
  WATERLINE_RETURN_IF_ERROR(CheckSeal(
      options.path, options.read_only ? SealCheck::kWithTables : SealCheck::kWithoutTables));
  rocksdb::DB* opened = nullptr;
  rocksdb::Options database = DatabaseOptions();
  if (options.read_only)
    database.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  if (!options.read_only) {
    std::error_code error;
    std::filesystem::create_directories(options.path, error);
    WATERLINE_RETURN_IF_ERROR(CheckSpace(options.path));
    WATERLINE_RETURN_IF_ERROR(RemoveSeal(options.path));
    database.info_log = std::make_shared<PlainLog>(options.path);
  }
  const auto status = options.read_only
                          ? rocksdb::DB::OpenForReadOnly(database, options.path, &opened)
                          : rocksdb::DB::Open(database, options.path, &opened);
  db.reset(opened);
  if (status.IsIOError() && status.ToString().find("LOCK") != std::string::npos) {
    return Error(reason::kUnavailable,
                 "the store in " + options.path + " is open in another process");
  }
  if (status.IsIOError() && status.subcode() != rocksdb::Status::kNoSpace) {
    return Error(reason::kUnavailable,
                 "the store in " + options.path + " cannot be opened: " + status.ToString());
  }
  return ToStatus(status, options.path);
}

absl::Status RocksDbStore::Impl::CheckFormat() {
  std::string text;
  const auto status = db->Get(rocksdb::ReadOptions(), kFormatKey, &text);
  if (status.IsNotFound() && !read_only) {
    rocksdb::WriteOptions write;
    write.sync = true;
    return ToStatus(db->Put(write, kFormatKey, std::to_string(kFormatVersion)), path);
  }
  WATERLINE_RETURN_IF_ERROR(ToStatus(status, path));
  const int version = std::atoi(text.c_str());
  if (version < 1) return Damaged(path, "its format version is unreadable");
  if (version > kFormatVersion) {
    return Error(reason::kFormatTooNew,
                 "the store in " + path + " has format " + text + ", this program knows up to " +
                     std::to_string(kFormatVersion) + "; run a newer program");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RocksDbStore>> RocksDbStore::Open(Options options) {
  auto impl = std::make_unique<Impl>();
  impl->path = options.path;
  impl->read_only = options.read_only;
  impl->now = options.now;
  WATERLINE_RETURN_IF_ERROR(impl->OpenDatabase(options));
  WATERLINE_RETURN_IF_ERROR(impl->CheckFormat());
  return std::unique_ptr<RocksDbStore>(new RocksDbStore(std::move(impl)));
}

RocksDbStore::RocksDbStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  impl_->leases = std::make_unique<LocalLeases>(this, impl_->now);
  impl_->resumers = std::make_unique<coro::Pool>("store-resume", 2);
  impl_->committer = std::thread([impl = impl_.get()] { impl->CommitLoop(); });
}

RocksDbStore::~RocksDbStore() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  impl_->committer.join();
  impl_->resumers.reset();
  // All into checksummed files: verification sees every byte, and the next start is quick.
  // Not on a full disk: the log holds all that was acknowledged, and a flush would end the process.
  const bool flushes = !impl_->read_only && CheckSpace(impl_->path).ok();
  auto closed = flushes ? impl_->db->Flush(rocksdb::FlushOptions()) : rocksdb::Status();
  rocksdb::CancelAllBackgroundWork(impl_->db.get(), true);  // The tables are now the last ones.
  const std::string tables = TableLines(impl_->db.get());
  if (closed.ok()) closed = impl_->db->Close();
  impl_->db.reset();
  if (closed.ok() && flushes) WriteSeal(impl_->path, tables);
}

void RocksDbStore::Impl::CommitLoop() {
  while (true) {
    std::vector<Pending> group;
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [this] { return stopping || !queue.empty(); });
      if (queue.empty()) return;
      while (!queue.empty() && group.size() < kGroupMax) {
        group.push_back(std::move(queue.front()));
        queue.pop_front();
      }
    }
    CommitGroup(std::move(group));
  }
}

absl::StatusOr<std::optional<Versioned>> RocksDbStore::Impl::Read(const std::string& key,
                                                                  const Overlay* overlay) {
  if (overlay != nullptr) {
    if (auto found = overlay->values.find(key); found != overlay->values.end()) {
      const auto& [value, revision] = found->second;
      if (value == nullptr) return std::optional<Versioned>();
      return std::optional<Versioned>(Versioned{*value, revision});
    }
  }
  rocksdb::PinnableSlice stored;
  const auto status = db->Get(rocksdb::ReadOptions(), db->DefaultColumnFamily(), key, &stored);
  if (status.IsNotFound()) return std::optional<Versioned>();
  WATERLINE_RETURN_IF_ERROR(ToStatus(status, path));
  WATERLINE_ASSIGN_OR_RETURN(auto versioned, Decode(stored, path));
  return std::optional<Versioned>(std::move(versioned));
}

absl::StatusOr<uint64_t> RocksDbStore::Impl::Counter(const std::string& key,
                                                     const Overlay* overlay) {
  if (overlay != nullptr) {
    if (auto found = overlay->counters.find(key); found != overlay->counters.end())
      return found->second;
  }
  std::string stored;
  const auto status = db->Get(rocksdb::ReadOptions(), key, &stored);
  if (status.IsNotFound()) return 0;
  WATERLINE_RETURN_IF_ERROR(ToStatus(status, path));
  if (stored.size() != 8) return Damaged(path, "a counter is malformed");
  return FromBigEndian(stored);
}

absl::Status RocksDbStore::Impl::Check(const std::string& partition,
                                       const Precondition& precondition, const Overlay& overlay) {
  WATERLINE_ASSIGN_OR_RETURN(auto stored, Read(DataKey(partition, precondition.key), &overlay));
  bool holds = false;
  switch (precondition.kind) {
    case Precondition::Kind::kAbsent:
      holds = !stored;
      break;
    case Precondition::Kind::kAtRevision:
      holds = stored && stored->revision == precondition.revision;
      break;
    case Precondition::Kind::kFence:
      holds = stored && stored->value == std::to_string(precondition.revision);
      break;
  }
  if (holds) return absl::OkStatus();
  return Error(reason::kConflict, "another write came between; try again");
}

// Checks one commit against the database and the group before it, and adds its writes.
absl::Status RocksDbStore::Impl::Stage(Pending* pending, bool is_last, Overlay* overlay,
                                       rocksdb::WriteBatch* out) {
  const std::string& partition = pending->partition.id;
  for (const auto& precondition : pending->batch.preconditions()) {
    WATERLINE_RETURN_IF_ERROR(Check(partition, precondition, *overlay));
  }
  WATERLINE_ASSIGN_OR_RETURN(const uint64_t before, Counter(RevisionKey(partition), overlay));
  std::map<std::string, uint64_t> heads;
  for (const auto& append : pending->batch.appends()) {
    const std::string head_key = LogHeadKey(partition, append.log);
    if (heads.count(head_key) > 0) continue;
    WATERLINE_ASSIGN_OR_RETURN(heads[head_key], Counter(head_key, overlay));
  }
  const Revision revision = before + 1;
  const std::string revision_bytes = BigEndian(revision);
  for (const auto& write : pending->batch.writes()) {
    std::string key = DataKey(partition, write.key);
    if (write.value) {
      const Slice key_part(key);
      const Slice value_parts[] = {revision_bytes, *write.value};
      out->Put(rocksdb::SliceParts(&key_part, 1), rocksdb::SliceParts(value_parts, 2));
    } else {
      out->Delete(key);
    }
    if (is_last) continue;  // Nobody in the group looks at it any more.
    overlay->values[std::move(key)] = {write.value ? &*write.value : nullptr, revision};
  }
  for (const auto& append : pending->batch.appends()) {
    const uint64_t position = ++heads[LogHeadKey(partition, append.log)];
    out->Put(LogPrefix(partition, append.log) + BigEndian(position),
             revision_bytes + append.payload);
    pending->moved.insert({partition, append.log});
  }
  for (const auto& [head_key, position] : heads) {
    out->Put(head_key, BigEndian(position));
    overlay->counters[head_key] = position;
  }
  out->Put(RevisionKey(partition), revision_bytes);
  overlay->counters[RevisionKey(partition)] = revision;
  pending->result = revision;
  return absl::OkStatus();
}

void RocksDbStore::Impl::CommitGroup(std::vector<Pending> group) {
  Overlay overlay;
  rocksdb::WriteBatch out;
  std::set<LogHints::LogName> moved;
  const absl::Status space = CheckSpace(path);
  for (auto& pending : group) {
    const bool is_last = &pending == &group.back();
    auto staged = space.ok() ? Stage(&pending, is_last, &overlay, &out) : space;
    if (!staged.ok()) {
      pending.result = staged;
    } else {
      moved.insert(pending.moved.begin(), pending.moved.end());
    }
  }
  if (out.Count() > 0) {
    rocksdb::WriteOptions write;
    write.sync = true;
    if (const auto status = db->Write(write, &out); !status.ok()) EndBecauseOf(status, path);
  }
  if (!moved.empty()) hints.Notify(moved);
  for (auto& pending : group) {
    resumers->Run([done = std::move(pending.done), result = std::move(pending.result)]() mutable {
      done.Set(std::move(result));
    });
  }
}

coro::Task<absl::StatusOr<Revision>> RocksDbStore::Commit(Partition partition, Batch batch) {
  WATERLINE_CO_RETURN_IF_ERROR(Validate(partition));
  WATERLINE_CO_RETURN_IF_ERROR(Validate(batch));
  coro::OneShot<absl::StatusOr<Revision>> done;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->queue.push_back(
        Impl::Pending{std::move(partition), std::move(batch), done.setter(), Revision{0}, {}});
  }
  impl_->wake.notify_one();
  co_return co_await done;
}

coro::Task<absl::StatusOr<std::vector<std::optional<Versioned>>>> RocksDbStore::Get(
    Partition partition, std::vector<Key> keys) {
  WATERLINE_CO_RETURN_IF_ERROR(Validate(partition));
  std::vector<std::string> encoded;
  for (const auto& key : keys) {
    WATERLINE_CO_RETURN_IF_ERROR(Validate(key));
    encoded.push_back(DataKey(partition.id, key));
  }
  std::vector<Slice> slices(encoded.begin(), encoded.end());
  std::vector<rocksdb::PinnableSlice> stored(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  impl_->db->MultiGet(rocksdb::ReadOptions(), impl_->db->DefaultColumnFamily(), slices.size(),
                      slices.data(), stored.data(), statuses.data());
  std::vector<std::optional<Versioned>> values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    WATERLINE_CO_RETURN_IF_ERROR(ToStatus(statuses[i], impl_->path));
    WATERLINE_CO_ASSIGN_OR_RETURN(values[i], Decode(stored[i], impl_->path));
  }
  co_return values;
}

coro::Task<absl::StatusOr<std::vector<Item>>> RocksDbStore::Scan(Partition partition, Range range,
                                                                 int limit, Direction direction) {
  WATERLINE_CO_RETURN_IF_ERROR(Validate(partition));
  WATERLINE_CO_RETURN_IF_ERROR(Validate(range, limit));
  const std::string prefix = CollectionPrefix(partition.id, range.collection);
  const std::string begin = prefix + range.begin;
  std::string end = prefix + range.end;
  if (range.end.empty()) end.back() = '\x01';  // Just above every id of the collection.
  const Slice lower(begin), upper(end);
  rocksdb::ReadOptions read;
  read.iterate_lower_bound = &lower;
  read.iterate_upper_bound = &upper;
  std::vector<Item> items;
  if (begin >= end) co_return items;
  std::unique_ptr<rocksdb::Iterator> cursor(impl_->db->NewIterator(read));
  const bool forward = direction == Direction::kForward;
  for (forward ? cursor->SeekToFirst() : cursor->SeekToLast();
       cursor->Valid() && items.size() < static_cast<size_t>(limit);
       forward ? cursor->Next() : cursor->Prev()) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto versioned, Decode(cursor->value(), impl_->path));
    items.push_back({cursor->key().ToString().substr(prefix.size()), std::move(versioned)});
  }
  WATERLINE_CO_RETURN_IF_ERROR(ToStatus(cursor->status(), impl_->path));
  co_return items;
}

coro::Task<absl::StatusOr<std::vector<LogItem>>> RocksDbStore::ReadLog(Partition partition,
                                                                       std::string log,
                                                                       uint64_t after, int limit) {
  WATERLINE_CO_RETURN_IF_ERROR(Validate(partition));
  WATERLINE_CO_RETURN_IF_ERROR(Validate(Range(log), limit));
  const std::string prefix = LogPrefix(partition.id, log);
  std::string end = prefix;
  end.back() = '\x01';
  const Slice upper(end);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  std::vector<LogItem> items;
  std::unique_ptr<rocksdb::Iterator> cursor(impl_->db->NewIterator(read));
  for (cursor->Seek(prefix + BigEndian(after + 1));
       cursor->Valid() && items.size() < static_cast<size_t>(limit); cursor->Next()) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto versioned, Decode(cursor->value(), impl_->path));
    const uint64_t position = FromBigEndian(cursor->key().ToString().substr(prefix.size()));
    items.push_back({position, std::move(versioned.value), versioned.revision});
  }
  WATERLINE_CO_RETURN_IF_ERROR(ToStatus(cursor->status(), impl_->path));
  co_return items;
}

coro::Task<absl::StatusOr<std::vector<Partition>>> RocksDbStore::Partitions(std::string after,
                                                                            int limit) {
  const Slice upper("s");
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  std::vector<Partition> partitions;
  std::unique_ptr<rocksdb::Iterator> cursor(impl_->db->NewIterator(read));
  for (cursor->Seek(RevisionKey(after) + '\0');
       cursor->Valid() && partitions.size() < static_cast<size_t>(limit); cursor->Next()) {
    partitions.emplace_back(cursor->key().ToString().substr(1));
  }
  WATERLINE_CO_RETURN_IF_ERROR(ToStatus(cursor->status(), impl_->path));
  co_return partitions;
}

absl::StatusOr<std::vector<size_t>> RocksDbStore::Impl::Moved(
    const std::vector<LogCursor>& cursors) {
  std::vector<size_t> moved;
  for (size_t i = 0; i < cursors.size(); ++i) {
    WATERLINE_ASSIGN_OR_RETURN(
        const uint64_t head, Counter(LogHeadKey(cursors[i].partition.id, cursors[i].log), nullptr));
    if (head > cursors[i].after) moved.push_back(i);
  }
  return moved;
}

coro::Task<absl::StatusOr<std::vector<size_t>>> RocksDbStore::Wait(
    std::vector<LogCursor> cursors, std::chrono::milliseconds timeout) {
  std::vector<LogHints::LogName> logs;
  for (const auto& cursor : cursors) logs.emplace_back(cursor.partition.id, cursor.log);
  auto waiter = impl_->hints.Arm(logs);
  auto moved = impl_->Moved(cursors);
  if (!moved.ok() || !moved->empty()) {
    impl_->hints.Disarm(waiter);
    co_return moved;
  }
  co_await impl_->hints.Await(waiter, timeout);
  co_return impl_->Moved(cursors);
}

coro::Task<absl::StatusOr<uint64_t>> RocksDbStore::AcquireLease(Partition partition, Key key,
                                                                std::string owner,
                                                                std::chrono::milliseconds ttl) {
  return impl_->leases->Acquire(std::move(partition), std::move(key), std::move(owner), ttl);
}

coro::Task<absl::Status> RocksDbStore::RenewLease(Partition partition, Key key, std::string owner,
                                                  uint64_t epoch, std::chrono::milliseconds ttl) {
  co_return impl_->leases->Renew(partition, key, owner, epoch, ttl);
}

coro::Task<absl::Status> RocksDbStore::ReleaseLease(Partition partition, Key key, std::string owner,
                                                    uint64_t epoch) {
  co_return impl_->leases->Release(partition, key, owner, epoch);
}

absl::Status RocksDbStore::VerifyChecksums() {
  WATERLINE_RETURN_IF_ERROR(
      ToStatus(impl_->db->VerifyFileChecksums(rocksdb::ReadOptions()), impl_->path));
  return ToStatus(impl_->db->VerifyChecksum(), impl_->path);
}

absl::Status RocksDbStore::ForEach(
    const std::function<void(const Partition&, const Key&, const Versioned&)>& visit) {
  const Slice upper("e");
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> cursor(impl_->db->NewIterator(read));
  for (cursor->Seek("d"); cursor->Valid(); cursor->Next()) {
    const std::string key = cursor->key().ToString().substr(1);
    const size_t partition_end = key.find('\0');
    const size_t collection_end = key.find('\0', partition_end + 1);
    if (collection_end == std::string::npos) return Damaged(impl_->path, "a key is malformed");
    WATERLINE_ASSIGN_OR_RETURN(auto versioned, Decode(cursor->value(), impl_->path));
    visit(Partition(key.substr(0, partition_end)),
          Key(key.substr(partition_end + 1, collection_end - partition_end - 1),
              key.substr(collection_end + 1)),
          versioned);
  }
  return ToStatus(cursor->status(), impl_->path);
}

}  // namespace waterline::storage
