// kill -9 in the middle of commits: what was acknowledged is there, nothing twice, no half batch.
//
// The test starts itself again as a child that commits from several threads and writes each
// acknowledged commit to a pipe; the parent kills it after a seeded number of acknowledgements.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "services/common/coro/sync_wait.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"
#include "services/common/testing/kill.h"
#include "services/common/testing/random.h"

namespace waterline::storage {
namespace {

constexpr int kThreads = 4;
constexpr int kKeysPerBatch = 5;
constexpr char kChildFlag[] = "--commit-until-killed";

std::unique_ptr<RocksDbStore> Open(const std::string& path) {
  RocksDbStore::Options options;
  options.path = path;
  auto store = RocksDbStore::Open(options);
  if (!store.ok()) {
    fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return nullptr;
  }
  return *std::move(store);
}

// Batch `tag` puts its keys and appends its tag to the log.
Batch MakeBatch(const std::string& tag) {
  Batch batch;
  for (int i = 0; i < kKeysPerBatch; ++i)
    batch.Put(Key("rows", tag + "/" + std::to_string(i)), tag);
  return std::move(batch.Append("feed", tag));
}

int CommitUntilKilled(const std::string& path, const std::string& round) {
  auto store = Open(path);
  if (store == nullptr) return 1;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        const std::string tag = round + "-" + std::to_string(t) + "-" + std::to_string(i);
        auto committed = coro::SyncWait(store->Commit(Partition("org-a"), MakeBatch(tag)));
        if (!committed.ok()) return;
        std::lock_guard lock(mutex);
        const std::string line = tag + "\n";
        if (write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return 0;
}

void CheckStore(const std::string& path, const std::set<std::string>& acknowledged) {
  auto store = Open(path);
  ASSERT_NE(store, nullptr);
  std::set<std::string> in_log;
  uint64_t after = 0;
  while (true) {
    auto items = *coro::SyncWait(store->ReadLog(Partition("org-a"), "feed", after, 1000));
    for (const auto& item : items) {
      EXPECT_EQ(item.position, ++after) << "a gap in the log";
      EXPECT_TRUE(in_log.insert(item.payload).second) << item.payload << " stands twice";
    }
    if (items.empty()) break;
  }
  for (const auto& tag : acknowledged)
    EXPECT_EQ(in_log.count(tag), 1u) << tag << " was acknowledged and is lost";
  size_t values = 0;
  auto walked = store->ForEach([&](const Partition&, const Key& key, const Versioned& versioned) {
    if (key.collection != "rows") return;
    ++values;
    EXPECT_EQ(in_log.count(versioned.value), 1u)
        << key.id << " is part of a batch without its log item";
  });
  EXPECT_TRUE(walked.ok()) << walked;
  EXPECT_EQ(values, in_log.size() * kKeysPerBatch) << "a partial batch";
}

TEST(StoreKill, NothingAcknowledgedIsLost) {
  const int kills = waterline::testing::FromEnvironment("WATERLINE_KILLS", 10);
  std::mt19937 random(waterline::testing::Seed());
  std::string path = ::testing::TempDir() + "waterline-kill-XXXXXX";
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  std::set<std::string> acknowledged;
  for (int round = 0; round < kills; ++round) {
    const int count = 1 + static_cast<int>(random() % 400);
    const auto lines =
        waterline::testing::RunAndKill({kChildFlag, path, std::to_string(round)}, count);
    acknowledged.insert(lines.begin(), lines.end());
    CheckStore(path, acknowledged);
  }
  EXPECT_GE(acknowledged.size(), static_cast<size_t>(kills));
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace waterline::storage

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == waterline::storage::kChildFlag) {
    return waterline::storage::CommitUntilKilled(argv[2], argv[3]);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
