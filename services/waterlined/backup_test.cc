// Backup and restore of a data folder: what comes back, what is declared, what is refused.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "services/accountability/ledger/merkle.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/status/error.h"
#include "services/waterlined/deployment.h"
#include "services/waterlined/foundation.h"

namespace waterline::deployment {
namespace {

namespace fs = std::filesystem;
using accountability::Appended;
using testing::AllOf;
using testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

class BackupTest : public testing::TestWithParam<bool> {
 protected:
  BackupTest()
      : root_(fs::path(testing::TempDir()) / ("waterline-backup-" + std::to_string(getpid()))),
        data_((root_ / "data").string()),
        backup_((root_ / "backup").string()),
        restored_((root_ / "restored").string()) {}

  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directories(root_);
    InitOptions options;
    options.data = data_;
    options.network = "dev-test";
    options.host = "local-test-board";
    options.host_title = "Test Board";
    options.administrator = "stella";
    options.development = true;
    options.separate = GetParam();
    ASSERT_TRUE(Init(options).ok());
  }
  void TearDown() override { fs::remove_all(root_); }

  std::unique_ptr<Foundation> Open(const std::string& data) {
    auto foundation = Foundation::Open(Layout(data), &clock_);
    EXPECT_TRUE(foundation.ok()) << foundation.status();
    return foundation.ok() ? *std::move(foundation) : nullptr;
  }
  std::vector<Appended> AppendSome(const std::string& data, int count) {
    auto foundation = Open(data);
    std::vector<Appended> receipts;
    for (int i = 0; i < count; ++i) {
      accountability::AppendRequest request;
      request.entry.set_entry_id("entry " + std::to_string(i));
      request.entry.mutable_network_start()->set_network("dev-test");
      receipts.push_back(*coro::SyncWait(foundation->ledger()->Append(std::move(request))));
    }
    return receipts;
  }
  // Where the service keeps its own under `data`.
  static Layout Of(const std::string& data, const std::string& service) {
    return Folders::Find(data).Of(service);
  }
  static void Write(const std::string& path, const std::string& content) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  static std::string Read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), {});
  }
  void CutOff(const std::string& name) {
    const fs::path tar = fs::path(backup_) / name;
    fs::resize_file(tar, fs::file_size(tar) * 2 / 3);
  }
  std::set<std::string> LeftIn(const std::string& folder) {
    std::set<std::string> names;
    std::error_code error;
    for (const auto& item : fs::recursive_directory_iterator(folder, error))
      names.insert(item.path().string());
    return names;
  }

  const fs::path root_;
  const std::string data_, backup_, restored_;
  SystemClock clock_;
};

TEST_P(BackupTest, WhatComesBackIsTheSameStateAndANewEpochThatDeclaresTheGap) {
  const auto receipts = AppendSome(data_, 7);
  const auto head = Open(data_)->ledger()->size();
  const std::string digest = *StateDigest(data_);
  ASSERT_TRUE(Backup(data_, backup_).ok());
  const auto done = Restore(backup_, restored_, "the disk of the server failed");
  ASSERT_TRUE(done.ok()) << done;
  EXPECT_EQ(*StateDigest(restored_), digest);
  auto foundation = Open(restored_);
  auto& ledger = *foundation->ledger();
  EXPECT_EQ(ledger.epoch(), 2u);
  const auto entries = *coro::SyncWait(ledger.Read(2, 0, 1));
  accountability::v1::Entry first;
  ASSERT_TRUE(first.ParseFromString(entries.at(0).record.leaf()));
  const auto& start = first.epoch_start();
  const auto old = *ledger.verifier().OpenCheckpoint(*coro::SyncWait(ledger.GetCheckpoint(1)));
  EXPECT_EQ(start.epoch(), 2u);
  EXPECT_EQ(start.reason(), "the disk of the server failed");
  EXPECT_EQ(start.restored_size(), head);
  EXPECT_EQ(start.restored_root(), old.root);
  EXPECT_EQ(start.last_known_size(), head);
  EXPECT_EQ(start.last_known_root(), old.root);
  for (const auto& receipt : receipts) {
    const auto proof = coro::SyncWait(ledger.ProveInclusion(1, receipt.position.index(), old.size));
    ASSERT_TRUE(proof.ok()) << proof.status();
    EXPECT_TRUE(accountability::VerifyInclusion(receipt.leaf_hash, receipt.position.index(),
                                                old.size, proof->hashes, old.root));
  }
  foundation.reset();
  const auto verified = Verify(restored_);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_THAT(*verified, HasSubstr("in 2 epochs"));
  EXPECT_TRUE(Verify(data_).ok()) << "the folder that was backed up is as it was";
}

TEST_P(BackupTest, TheFilesAreForTheirOwnerOnlyAndTheDataHoldsNoKey) {
  ASSERT_TRUE(Backup(data_, backup_).ok());
  for (const auto& file : fs::directory_iterator(backup_)) {
    EXPECT_EQ(file.status().permissions() & fs::perms::all,
              fs::perms::owner_read | fs::perms::owner_write)
        << file.path();
  }
  const std::string content = Read(backup_ + "/waterline.data.tar");
  std::ifstream key(Of(data_, "accountability").OriginKey());
  std::string hex;
  std::getline(key, hex);
  ASSERT_EQ(hex.size(), 64u);
  EXPECT_EQ(content.find(hex), std::string::npos);
}

TEST_P(BackupTest, NothingIsOverwritten) {
  ASSERT_TRUE(Backup(data_, backup_).ok());
  EXPECT_EQ(ReasonOf(Backup(data_, backup_)), reason::kAlreadyExists.name);
  const auto before = LeftIn(data_);
  const auto onto = Restore(backup_, data_, "by mistake");
  EXPECT_EQ(ReasonOf(onto), reason::kAlreadyExists.name);
  EXPECT_THAT(Message(onto), AllOf(HasSubstr(data_), HasSubstr("restore into an empty folder")));
  EXPECT_EQ(LeftIn(data_), before);
}

TEST_P(BackupTest, WhatIsPinnedOfPartnersComesBack) {
  const std::string pins = R"({"keys":[{"kid":"siro-1"}]})"
                           "\n";
  Write(Of(data_, "accountability").Trust() + "/ods-qnx/jwks.json", pins);
  ASSERT_TRUE(Backup(data_, backup_).ok());
  EXPECT_EQ(Read(backup_ + "/waterline.data.tar").find("siro-1"), std::string::npos)
      << "the keys' file holds the pins";
  const auto done = Restore(backup_, restored_, "the disk of the server failed");
  ASSERT_TRUE(done.ok()) << done;
  EXPECT_EQ(Read(Of(restored_, "accountability").Trust() + "/ods-qnx/jwks.json"), pins);
}

TEST_P(BackupTest, AFolderThatHoldsAnyPartOfANetworkIsLeftAsItIs) {
  Write(Of(data_, "accountability").Trust() + "/ods-qnx/jwks.json", "{}");
  ASSERT_TRUE(Backup(data_, backup_).ok());
  for (const char* part :
       {"trust/ods-qnx/jwks.json", "keys/registry.keys", "stores/events/CURRENT", "network.conf"}) {
    for (const char* folder : {"/", "/accountability/", "/registry/", "/events/", "/inference/"}) {
      fs::remove_all(restored_);
      Write(restored_ + folder + part, "mine");
      const auto before = LeftIn(restored_);
      const auto refused = Restore(backup_, restored_, "test");
      EXPECT_EQ(ReasonOf(refused), reason::kAlreadyExists.name) << folder << part;
      EXPECT_EQ(LeftIn(restored_), before) << folder << part;
      EXPECT_EQ(Read(restored_ + folder + part), "mine");
    }
  }
}

TEST_P(BackupTest, AFailedRestoreLeavesNoPins) {
  Write(Of(data_, "accountability").Trust() + "/ods-qnx/jwks.json", "{}");
  ASSERT_TRUE(Backup(data_, backup_).ok());
  CutOff("waterline.data.tar");
  EXPECT_FALSE(Restore(backup_, restored_, "test").ok());
  EXPECT_FALSE(fs::exists(restored_));
}

TEST_P(BackupTest, ARunningServerIsNotBackedUp) {
  auto foundation = Open(data_);
  const auto refused = Backup(data_, backup_);
  EXPECT_THAT(Message(refused), AllOf(HasSubstr(data_), HasSubstr("stop waterlined first")));
  EXPECT_TRUE(LeftIn(backup_).empty());
  EXPECT_THAT(Message(Verify(data_).status()), HasSubstr("stop waterlined first"));
}

TEST_P(BackupTest, ABackupWithoutItsKeysIsRefusedWithASentence) {
  ASSERT_TRUE(Backup(data_, backup_).ok());
  fs::remove(backup_ + "/waterline.keys.tar");
  const auto refused = Restore(backup_, restored_, "test");
  EXPECT_THAT(Message(refused),
              AllOf(HasSubstr("waterline.keys.tar is missing"), HasSubstr("two files")));
  EXPECT_FALSE(fs::exists(restored_));
}

TEST_P(BackupTest, AFolderWithoutAKeyFileDoesNotStart) {
  for (const char* service : {"registry", "events"}) {
    const std::string keys = Of(data_, service).MasterKeys(service);
    fs::rename(keys, keys + ".away");
    const auto refused = Foundation::Open(Layout(data_), &clock_);
    EXPECT_EQ(ReasonOf(refused.status()), reason::kKeyMissing.name);
    EXPECT_THAT(Message(refused.status()), HasSubstr(keys));
    fs::rename(keys + ".away", keys);
  }
  EXPECT_NE(Open(data_), nullptr);
}

TEST_P(BackupTest, ATarThatIsCutOffIsRefusedAndNothingRemains) {
  for (const char* name : {"waterline.data.tar", "waterline.keys.tar"}) {
    fs::remove_all(backup_);
    ASSERT_TRUE(Backup(data_, backup_).ok());
    CutOff(name);
    const auto refused = Restore(backup_, restored_, "test");
    EXPECT_EQ(ReasonOf(refused), reason::kDataDamaged.name) << refused;
    EXPECT_THAT(Message(refused), HasSubstr(name));
    EXPECT_FALSE(fs::exists(restored_)) << "half a network";
  }
  fs::create_directories(restored_);
  std::ofstream(restored_ + "/mine.txt") << "not Waterline's";
  EXPECT_FALSE(Restore(backup_, restored_, "test").ok());
  EXPECT_EQ(LeftIn(restored_), std::set<std::string>{restored_ + "/mine.txt"});
}

TEST_P(BackupTest, ABackupThatWasChangedIsRefusedAndNothingRemains) {
  ASSERT_TRUE(Backup(data_, backup_).ok());
  const std::string tar = backup_ + "/waterline.data.tar";
  std::fstream file(tar, std::ios::in | std::ios::out | std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), {});
  const size_t at = content.find("waterline-seal v1");
  ASSERT_NE(at, std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(at) + 20);
  file.put('x');
  file.close();
  const auto refused = Restore(backup_, restored_, "test");
  EXPECT_EQ(ReasonOf(refused), reason::kDataDamaged.name) << refused;
  EXPECT_FALSE(fs::exists(restored_));
}

// Of every service, not of the ledger alone.
TEST_P(BackupTest, AChangedTableOfAnyStoreIsRefused) {
  ASSERT_TRUE(Backup(data_, backup_).ok());
  const std::string tar = backup_ + "/waterline.data.tar";
  const std::string whole = Read(tar);
  int tables = 0;
  for (const auto& item : fs::recursive_directory_iterator(data_)) {
    if (item.path().extension() != ".sst") continue;
    SCOPED_TRACE(item.path().parent_path().filename().string());
    const std::string table = Read(item.path());
    const size_t at = whole.find(table);
    ASSERT_NE(at, std::string::npos);
    std::string changed = whole;
    changed[at + table.size() / 2] = static_cast<char>(changed[at + table.size() / 2] ^ 1);
    std::ofstream(tar, std::ios::binary) << changed;
    EXPECT_EQ(ReasonOf(Restore(backup_, restored_, "test")), reason::kDataDamaged.name);
    EXPECT_FALSE(fs::exists(restored_));
    ++tables;
  }
  EXPECT_GE(tables, 2);
}

TEST_P(BackupTest, ARestoreNeedsItsReason) {
  ASSERT_TRUE(Backup(data_, backup_).ok());
  EXPECT_EQ(ReasonOf(Restore(backup_, restored_, "")), reason::kInvalidFields.name);
  EXPECT_FALSE(fs::exists(restored_));
}

INSTANTIATE_TEST_SUITE_P(OneFolder, BackupTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(SeparateFolders, BackupTest, testing::Values(true));

}  // namespace
}  // namespace waterline::deployment
