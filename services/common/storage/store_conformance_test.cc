// The conformance suite on the backends of this folder, and what only RocksDB promises.

#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "services/common/storage/conformance.h"
#include "services/common/storage/faulty/faulty_store.h"
#include "services/common/storage/memory/memory_store.h"
#include "services/common/storage/metered/metered_store.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"

namespace waterline::storage {
namespace {

struct TemporaryFolder {
  std::string path;
  TemporaryFolder() {
    path = testing::TempDir() + "waterline-store-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

StoreUnderTest MakeMemory() {
  auto now =
      std::make_shared<std::chrono::steady_clock::time_point>(std::chrono::steady_clock::now());
  return {std::make_unique<MemoryStore>([now] { return *now; }), now};
}

// A RocksDB store that removes its folder after it has closed.
class TemporaryRocksDb {
 public:
  static StoreUnderTest Make() {
    auto now =
        std::make_shared<std::chrono::steady_clock::time_point>(std::chrono::steady_clock::now());
    static std::vector<std::unique_ptr<TemporaryFolder>> folders;
    folders.push_back(std::make_unique<TemporaryFolder>());
    RocksDbStore::Options options;
    options.path = folders.back()->path;
    options.now = [now] { return *now; };
    auto store = RocksDbStore::Open(options);
    EXPECT_TRUE(store.ok()) << store.status();
    return {*std::move(store), now};
  }
};

// A decorator together with the store it stands on.
template <class Decorator>
class Owning : public Decorator {
 public:
  template <class... Arguments>
  explicit Owning(std::unique_ptr<Store> inner, Arguments... arguments)
      : Decorator(inner.get(), std::move(arguments)...), inner_(std::move(inner)) {}

 private:
  const std::unique_ptr<Store> inner_;
};

// A decorator that is told to do nothing must be the store it stands on.
StoreUnderTest MakeFaulty() {
  auto made = TemporaryRocksDb::Make();
  made.store = std::make_unique<Owning<FaultyStore>>(std::move(made.store));
  return made;
}

StoreUnderTest MakeMetered() {
  auto made = TemporaryRocksDb::Make();
  const StoreObserver ignore = [](const Observation&) {};
  made.store = std::make_unique<Owning<MeteredStore>>(std::move(made.store), ignore);
  return made;
}

INSTANTIATE_TEST_SUITE_P(
    Backends, StoreConformance,
    testing::Values(std::pair<const char*, StoreFactory>("Memory", MakeMemory),
                    std::pair<const char*, StoreFactory>("RocksDb", TemporaryRocksDb::Make),
                    std::pair<const char*, StoreFactory>("FaultyRocksDb", MakeFaulty),
                    std::pair<const char*, StoreFactory>("MeteredRocksDb", MakeMetered)),
    [](const auto& suite) { return suite.param.first; });

// ---- The decorators -----------------------------------------------------------------------------

Batch PutOne(const std::string& id) {
  Batch batch;
  batch.Put(Key("events", id), "v").Append("feed", id);
  return batch;
}

size_t LogSize(Store* store) {
  return coro::SyncWait(store->ReadLog(Partition("org-a"), "feed", 0, 1000))->size();
}

TEST(FaultyStore, FailsTheNthCallOnceAndWithoutEffect) {
  MemoryStore memory;
  FaultyStore store(&memory);
  store.FailAt(2, FaultyStore::Mode::kBefore);
  EXPECT_TRUE(coro::SyncWait(store.Commit(Partition("org-a"), PutOne("1"))).ok());
  const auto failed = coro::SyncWait(store.Commit(Partition("org-a"), PutOne("2")));
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(LogSize(&memory), 1u);
  EXPECT_TRUE(coro::SyncWait(store.Commit(Partition("org-a"), PutOne("2"))).ok());
  EXPECT_EQ(LogSize(&memory), 2u);
  EXPECT_TRUE(store.Disarm());
  store.FailAt(2, FaultyStore::Mode::kBefore);
  EXPECT_EQ(LogSize(&store), 2u);
  EXPECT_FALSE(store.Disarm()) << "one call was made, the fault was at the second";
}

TEST(FaultyStore, ALostAcknowledgementTookEffect) {
  MemoryStore memory;
  FaultyStore store(&memory);
  store.FailAt(1, FaultyStore::Mode::kLostAcknowledgement);
  EXPECT_EQ(LogSize(&store), 0u) << "reads do not count";
  const auto lost = coro::SyncWait(store.Commit(Partition("org-a"), PutOne("1")));
  EXPECT_EQ(lost.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(LogSize(&memory), 1u);
  EXPECT_TRUE(store.Disarm());
}

TEST(MeteredStore, ReportsOperationOutcomeAndTime) {
  MemoryStore memory;
  auto now = std::chrono::steady_clock::time_point();
  std::vector<Observation> seen;
  MeteredStore store(
      &memory, [&seen](const Observation& observation) { seen.push_back(observation); },
      [&now] { return now += std::chrono::milliseconds(250); });
  EXPECT_TRUE(coro::SyncWait(store.Commit(Partition("org-a"), PutOne("1"))).ok());
  Batch conflicting = PutOne("1");
  conflicting.RequireAbsent(Key("events", "1"));
  EXPECT_FALSE(coro::SyncWait(store.Commit(Partition("org-a"), conflicting)).ok());
  EXPECT_EQ(LogSize(&store), 1u);
  EXPECT_TRUE(coro::SyncWait(store.Wait({}, std::chrono::milliseconds(1))).ok());
  ASSERT_EQ(seen.size(), 3u) << "Wait is not reported";
  EXPECT_EQ(seen[0].operation, "commit");
  EXPECT_EQ(seen[0].code, absl::StatusCode::kOk);
  EXPECT_EQ(seen[0].took, std::chrono::milliseconds(250));
  EXPECT_EQ(seen[1].code, absl::StatusCode::kAborted);
  EXPECT_EQ(seen[2].operation, "read_log");
}

// ---- What only RocksDB promises -----------------------------------------------------------------

std::unique_ptr<RocksDbStore> OpenOrDie(const std::string& path) {
  RocksDbStore::Options options;
  options.path = path;
  auto store = RocksDbStore::Open(options);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

TEST(RocksDbStore, KeepsValuesLogsAndEpochsAcrossAReopen) {
  TemporaryFolder folder;
  const Partition partition("org-a");
  const Key lease("leases", "x");
  uint64_t epoch = 0;
  {
    auto store = OpenOrDie(folder.path);
    Batch batch;
    batch.Put(Key("events", "one"), "v").Append("feed", "p");
    ASSERT_TRUE(coro::SyncWait(store->Commit(partition, batch)).ok());
    epoch = *coro::SyncWait(store->AcquireLease(partition, lease, "one", std::chrono::seconds(60)));
  }
  auto store = OpenOrDie(folder.path);
  EXPECT_EQ(coro::SyncWait(store->Get(partition, {Key("events", "one")}))->at(0)->value, "v");
  EXPECT_EQ(coro::SyncWait(store->ReadLog(partition, "feed", 0, 10))->size(), 1u);
  EXPECT_GT(*coro::SyncWait(store->AcquireLease(partition, lease, "two", std::chrono::seconds(60))),
            epoch);
}

TEST(RocksDbStore, ASecondProcessIsToldInOneSentence) {
  TemporaryFolder folder;
  auto store = OpenOrDie(folder.path);
  RocksDbStore::Options options;
  options.path = folder.path;
  auto second = RocksDbStore::Open(options);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find("open in another process"), absl::string_view::npos);
}

TEST(RocksDbStore, ANewerFormatIsRefusedWithASentence) {
  TemporaryFolder folder;
  { auto store = OpenOrDie(folder.path); }
  {
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), folder.path, &raw).ok());
    std::unique_ptr<rocksdb::DB> database(raw);
    ASSERT_TRUE(database->Put(rocksdb::WriteOptions(), "f", "2").ok());
  }
  std::filesystem::remove(folder.path + "/SEAL");  // A newer program would make its own.
  for (const bool read_only : {false, true}) {
    RocksDbStore::Options options;
    options.path = folder.path;
    options.read_only = read_only;
    auto store = RocksDbStore::Open(options);
    ASSERT_FALSE(store.ok());
    EXPECT_EQ(ReasonOf(store.status()), reason::kFormatTooNew.name);
    EXPECT_THAT(std::string(store.status().message()),
                testing::AllOf(testing::HasSubstr(folder.path), testing::HasSubstr("format 2"),
                               testing::HasSubstr("run a newer program")));
  }
}

TEST(RocksDbStore, AFolderThatChangedAfterItsCloseIsRefusedAndTheFileNamed) {
  for (const char* prefix : {"MANIFEST", "CURRENT", "OPTIONS", "SEAL"}) {
    TemporaryFolder folder;
    { auto store = OpenOrDie(folder.path); }
    std::string changed;
    for (const auto& file : std::filesystem::directory_iterator(folder.path)) {
      if (file.path().filename().string().starts_with(prefix)) changed = file.path().string();
    }
    ASSERT_FALSE(changed.empty()) << prefix;
    std::fstream stream(changed, std::ios::in | std::ios::out | std::ios::binary);
    const char byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(0);
    stream.put(byte);
    stream.close();
    RocksDbStore::Options options;
    options.path = folder.path;
    const auto store = RocksDbStore::Open(options);
    EXPECT_EQ(ReasonOf(store.status()), reason::kDataDamaged.name);
    EXPECT_NE(store.status().message().find(changed), absl::string_view::npos) << store.status();
  }
}

TEST(RocksDbStore, ADamagedTableIsNamed) {
  TemporaryFolder folder;
  {
    auto store = OpenOrDie(folder.path);
    for (int i = 0; i < 200; ++i) {
      Batch batch;
      batch.Put(Key("events", std::to_string(i)),
                std::string(1000, static_cast<char>('a' + i % 26)));
      ASSERT_TRUE(coro::SyncWait(store->Commit(Partition("org-a"), batch)).ok());
    }
  }
  { auto reopened = OpenOrDie(folder.path); }  // Recovery turns the log into a table.
  int flipped = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder.path)) {
    if (file.path().extension() != ".sst") continue;
    std::fstream stream(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(100);
    const char byte = static_cast<char>(stream.get() ^ 4);
    stream.seekp(100);
    stream.put(byte);
    ++flipped;
  }
  ASSERT_GT(flipped, 0);
  auto store = OpenOrDie(folder.path);
  auto verified = store->VerifyChecksums();
  EXPECT_EQ(ReasonOf(verified), reason::kDataDamaged.name);
  EXPECT_NE(verified.message().find(".sst"), absl::string_view::npos) << verified;
}

}  // namespace
}  // namespace waterline::storage
