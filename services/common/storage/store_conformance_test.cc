// The conformance suite on the backends of this folder, and what only RocksDB promises.

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "services/common/storage/conformance.h"
#include "services/common/storage/memory/memory_store.h"
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

INSTANTIATE_TEST_SUITE_P(
    Backends, StoreConformance,
    testing::Values(std::pair<const char*, StoreFactory>("Memory", MakeMemory),
                    std::pair<const char*, StoreFactory>("RocksDb", TemporaryRocksDb::Make)),
    [](const auto& suite) { return suite.param.first; });

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
