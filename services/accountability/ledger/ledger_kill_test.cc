// kill -9 while entries are appended: each entry that was acknowledged stands at its position with
// its leaf hash, none twice, and the ledger opens and verifies after every kill.
//
// The test starts itself again as a child that appends from several threads and writes each
// acknowledged position to a pipe; the parent kills it after a seeded number of them.
// WATERLINE_KILLS and WATERLINE_SEED as in store_kill_test.cc.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "services/accountability/ledger/ledger.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/encoding.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"
#include "services/common/testing/kill.h"
#include "services/common/testing/random.h"

namespace waterline::accountability {
namespace {

constexpr int kThreads = 4;
constexpr char kChildFlag[] = "--append-until-killed";

// A ledger on a RocksDB folder, with its anchor beside it.
struct OpenLedger {
  explicit OpenLedger(const std::string& path) {
    waterline::storage::RocksDbStore::Options options;
    options.path = path + "/store";
    auto opened = waterline::storage::RocksDbStore::Open(options);
    status = opened.status();
    if (!opened.ok()) return;
    store = *std::move(opened);
    Ledger::Options parts;
    parts.store = store.get();
    parts.anchor_path = path + "/ANCHOR";
    parts.network = "net-dev";
    parts.signer = &signer;
    parts.clock = &clock;
    auto made = Ledger::Open(parts);
    status = made.status();
    if (made.ok()) ledger = *std::move(made);
  }

  SystemClock system;
  MonotoneClock clock{&system};
  NoteSigner signer{"net-dev/accountability", *crypto::Ed25519Key::FromSeed(std::string(32, 's'))};
  std::unique_ptr<waterline::storage::RocksDbStore> store;
  std::unique_ptr<Ledger> ledger;
  absl::Status status;
};

int AppendUntilKilled(const std::string& path, const std::string& round) {
  OpenLedger opened(path);
  if (opened.ledger == nullptr) {
    fprintf(stderr, "%s\n", opened.status.ToString().c_str());
    return 1;
  }
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        AppendRequest request;
        request.entry.set_entry_id(round + "-" + std::to_string(t) + "-" + std::to_string(i));
        request.organisations = {"ods-qnx"};
        auto appended = coro::SyncWait(opened.ledger->Append(std::move(request)));
        if (!appended.ok()) return;
        const std::string line = std::to_string(appended->position.index()) + " " +
                                 crypto::HexEncode(appended->leaf_hash) + "\n";
        std::lock_guard lock(mutex);
        if (write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return 0;
}

// What a killed child acknowledged: index -> leaf hash.
std::map<uint64_t, std::string> RunAndKill(const std::string& path, int round, int count) {
  std::map<uint64_t, std::string> acknowledged;
  for (const auto& line :
       waterline::testing::RunAndKill({kChildFlag, path, std::to_string(round)}, count)) {
    const size_t space = line.find(' ');
    const uint64_t index = std::stoull(line.substr(0, space));
    EXPECT_TRUE(acknowledged.emplace(index, line.substr(space + 1)).second)
        << index << " was given out twice";
  }
  return acknowledged;
}

void CheckLedger(const std::string& path, const std::map<uint64_t, std::string>& acknowledged) {
  OpenLedger opened(path);  // Verifies head, tree, newest entries and anchor.
  ASSERT_NE(opened.ledger, nullptr) << opened.status;
  std::set<std::string> ids;
  std::map<uint64_t, std::string> stored;
  for (uint64_t next = 0; next < opened.ledger->size();) {
    auto page = *coro::SyncWait(opened.ledger->Read(1, next, 1000));
    ASSERT_FALSE(page.empty()) << next;
    for (const auto& entry : page) {
      v1::Entry leaf;
      ASSERT_EQ(entry.position.index(), next++);
      ASSERT_TRUE(leaf.ParseFromString(entry.record.leaf()));
      EXPECT_TRUE(ids.insert(leaf.entry_id()).second) << leaf.entry_id() << " stands twice";
      stored[entry.position.index()] = crypto::HexEncode(entry.record.leaf_hash());
    }
  }
  for (const auto& [index, hash] : acknowledged)
    EXPECT_EQ(stored[index], hash) << index << " was acknowledged and is lost or changed";
}

TEST(LedgerKill, NoAcknowledgedEntryIsLostOrChanged) {
  const int kills = waterline::testing::FromEnvironment("WATERLINE_KILLS", 10);
  std::mt19937 random(waterline::testing::Seed());
  std::string path = ::testing::TempDir() + "waterline-ledger-kill-XXXXXX";
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  std::map<uint64_t, std::string> acknowledged;
  for (int round = 0; round < kills && !::testing::Test::HasFailure(); ++round) {
    for (auto& [index, hash] : RunAndKill(path, round, 1 + static_cast<int>(random() % 200)))
      EXPECT_TRUE(acknowledged.emplace(index, hash).second) << index << " was given out twice";
    CheckLedger(path, acknowledged);
  }
  EXPECT_GE(acknowledged.size(), static_cast<size_t>(kills));
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace waterline::accountability

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == waterline::accountability::kChildFlag) {
    return waterline::accountability::AppendUntilKilled(argv[2], argv[3]);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
