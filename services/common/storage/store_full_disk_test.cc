// A disk that is really full, and a file that may not grow: what was acknowledged stays, nothing is
// half written, and when space returns the same store goes on.

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>

#include "services/common/coro/sync_wait.h"
#include "services/common/status/error.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"
#include "services/common/storage/small_disk.h"

namespace waterline::storage {
namespace {

constexpr char kChildFlag[] = "--commit-within-a-file-limit";
std::string small_disk;  // Empty: could not be mounted.

std::unique_ptr<RocksDbStore> Open(const std::string& path) {
  RocksDbStore::Options options;
  options.path = path;
  auto store = RocksDbStore::Open(options);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

// Two large values and a log item, all named `tag`.
absl::Status Commit(RocksDbStore* store, const std::string& tag) {
  Batch batch;
  const std::string value = tag + std::string(60'000, 'v');
  batch.Put(Key("rows", tag + "/1"), value).Put(Key("rows", tag + "/2"), value);
  batch.Append("feed", tag);
  return coro::SyncWait(store->Commit(Partition("org-a"), std::move(batch))).status();
}

// What the store holds is `acknowledged`, whole and once.
void ExpectExactly(RocksDbStore* store, const std::set<std::string>& acknowledged) {
  std::set<std::string> in_log;
  auto items = *coro::SyncWait(store->ReadLog(Partition("org-a"), "feed", 0, 1000));
  for (size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(items[i].position, i + 1);
    EXPECT_TRUE(in_log.insert(items[i].payload).second) << items[i].payload << " stands twice";
  }
  EXPECT_EQ(in_log, acknowledged);
  size_t values = 0;
  const auto walked = store->ForEach([&](const Partition&, const Key& key, const Versioned&) {
    if (key.collection != "rows") return;
    ++values;
    EXPECT_EQ(acknowledged.count(key.id.substr(0, key.id.find('/'))), 1u) << key.id;
  });
  EXPECT_TRUE(walked.ok()) << walked;
  EXPECT_EQ(values, 2 * acknowledged.size());
}

TEST(StoreFullDisk, AFullDiskIsAnErrorAndTheStoreGoesOnWhenThereIsSpace) {
  if (small_disk.empty()) {
    printf("no small disk can be mounted here (needs root or user namespaces): not run\n");
    return;
  }
  const std::string path = small_disk + "/store";
  auto store = Open(path);
  Ballast ballast(small_disk + "/ballast");
  std::set<std::string> acknowledged;
  ASSERT_TRUE(Commit(store.get(), "before").ok());
  acknowledged.insert("before");
  ballast.Fill(5'000'000);
  absl::Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) {
    const std::string tag = "filling" + std::to_string(i);
    status = Commit(store.get(), tag);
    if (status.ok()) acknowledged.insert(tag);
  }
  ASSERT_FALSE(status.ok()) << "the disk never was full";
  EXPECT_EQ(ReasonOf(status), reason::kStorageFull.name) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr(path), testing::HasSubstr("free some space")));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Commit(store.get(), "still full").ok());
  ExpectExactly(store.get(), acknowledged);
  ballast.Remove();
  status = Commit(store.get(), "after");
  ASSERT_TRUE(status.ok()) << status;
  acknowledged.insert("after");
  ExpectExactly(store.get(), acknowledged);
  ballast.Fill(0);
  store.reset();    // Closes on a disk without a free byte.
  ballast.Fill(0);  // Takes what the close gave back.
  RocksDbStore::Options options;
  options.path = path;
  EXPECT_EQ(ReasonOf(RocksDbStore::Open(options).status()), reason::kStorageFull.name);
  ballast.Remove();
  store = Open(path);
  ExpectExactly(store.get(), acknowledged);
}

int CommitWithinAFileLimit(const std::string& path) {
  signal(SIGXFSZ, SIG_IGN);
  auto store = Open(path);
  const rlimit limit = {2'000'000, 2'000'000};
  setrlimit(RLIMIT_FSIZE, &limit);
  for (int i = 0; i < 1000; ++i) {
    const std::string tag = "t" + std::to_string(i);
    if (!Commit(store.get(), tag).ok()) return 1;
    const std::string line = tag + "\n";
    if (write(STDOUT_FILENO, line.data(), line.size()) < 0) return 1;
  }
  return 0;
}

std::string ReadAll(int file) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(file, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  close(file);
  return text;
}

// A write that fails for another reason than a full disk leaves unknown bytes: the process ends
// with a sentence, and the next one finds what was acknowledged.
TEST(StoreFullDisk, AWriteThatFailsOtherwiseEndsTheProcessAndLosesNothing) {
  std::string folder = testing::TempDir() + "waterline-limit-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  int out[2], err[2];
  ASSERT_EQ(pipe(out), 0);
  ASSERT_EQ(pipe(err), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    execl("/proc/self/exe", "store_full_disk_test", kChildFlag, folder.c_str(), nullptr);
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  const std::string lines = ReadAll(out[0]), said = ReadAll(err[0]);
  int ended = 0;
  waitpid(child, &ended, 0);
  EXPECT_TRUE(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT) << ended;
  EXPECT_THAT(said, testing::AllOf(testing::HasSubstr(folder),
                                   testing::HasSubstr("a commit could not be synced")));
  std::set<std::string> acknowledged;
  std::istringstream in(lines);
  for (std::string tag; std::getline(in, tag);) acknowledged.insert(tag);
  EXPECT_GT(acknowledged.size(), 3u);
  auto store = Open(folder);
  ASSERT_NE(store, nullptr);
  ExpectExactly(store.get(), acknowledged);
  store.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace

int Main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == kChildFlag) return CommitWithinAFileLimit(argv[2]);
  testing::InitGoogleTest(&argc, argv);
  std::string folder = testing::TempDir() + "waterline-small-disk-XXXXXX";
  if (mkdtemp(folder.data()) != nullptr && MountSmallDisk(folder, "64m")) small_disk = folder;
  const int result = RUN_ALL_TESTS();
  umount2(folder.c_str(), MNT_DETACH);
  rmdir(folder.c_str());
  return result;
}

}  // namespace waterline::storage

int main(int argc, char** argv) { return waterline::storage::Main(argc, argv); }
