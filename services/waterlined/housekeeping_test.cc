#include "services/waterlined/housekeeping.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include "services/common/coro/pool.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/records/records.h"
#include "services/common/storage/faulty/faulty_store.h"
#include "services/common/storage/memory/memory_store.h"
#include "services/common/text/date.h"
#include "services/waterlined/deployment.h"
#include "services/waterlined/foundation.h"
#include "services/waterlined/parts.h"

namespace waterline::deployment {
namespace {

constexpr int64_t kWeekMs = 7 * 24 * 3600 * 1000;

class HandClock : public Clock {
 public:
  int64_t NowMs() override { return now_ms; }
  std::atomic<int64_t> now_ms{0};
};

void Remember(storage::Store* store, const std::string& partition) {
  storage::Batch batch;
  const records::Mutation mutation{storage::Key("dedupe", "request"), "body"};
  records::Remember(&batch, mutation, "places/harbour", {}, 0);
  ASSERT_TRUE(coro::SyncWait(store->Commit(storage::Partition(partition), std::move(batch))).ok());
}

TEST(Housekeeping, SweepsEveryPartitionOfEveryStore) {
  HandClock clock;
  storage::MemoryStore registry, events;
  Remember(&registry, "network");
  Remember(&events, "ods-qnx");
  Remember(&events, "ods-qyy");
  Housekeeping housekeeping({&registry, &events}, &clock);
  clock.now_ms = kWeekMs;
  EXPECT_EQ(housekeeping.Round(), 0);
  clock.now_ms = kWeekMs + 1;
  EXPECT_EQ(housekeeping.Round(), 3);
  EXPECT_EQ(housekeeping.Round(), 0);
}

TEST(Housekeeping, AStoreThatDoesNotAnswerWaitsForTheNextRound) {
  HandClock clock;
  storage::MemoryStore first, second;
  storage::FaultyStore faulty(&first);
  Remember(&first, "ods-qnx");
  Remember(&second, "ods-qnx");
  Housekeeping housekeeping({&faulty, &second}, &clock);
  clock.now_ms = kWeekMs + 1;
  faulty.FailAt(1, storage::FaultyStore::Mode::kBefore);
  EXPECT_EQ(housekeeping.Round(), 1);
  EXPECT_TRUE(faulty.Disarm());
  EXPECT_EQ(housekeeping.Round(), 1);
}

// A data folder, opened, with dedupe records from 1970 where the ledger is.
class BesideTheLedger : public ::testing::Test {
 protected:
  static constexpr int kOld = 200;

  void SetUp() override {
    root_ = testing::TempDir() + "/housekeeping-" + std::to_string(getpid());
    std::filesystem::remove_all(root_);
    InitOptions options;
    options.data = root_;
    options.network = "dev-test";
    options.host = "local-test-board";
    options.host_title = "Test Board";
    options.administrator = "stella";
    options.development = true;
    ASSERT_TRUE(Init(options).ok());
    auto opened = Foundation::Open(Layout(root_), &clock_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    foundation_ = *std::move(opened);
    storage::Batch batch;
    for (int i = 0; i < kOld; ++i) {
      const records::Mutation mutation{storage::Key("dedupe", std::to_string(i)), "body"};
      records::Remember(&batch, mutation, "agreements/a1", {}, 0);
    }
    ASSERT_TRUE(coro::SyncWait(store()->Commit(kPartition, std::move(batch))).ok());
  }
  void TearDown() override {
    foundation_.reset();
    std::filesystem::remove_all(root_);
  }
  storage::Store* store() { return foundation_->store("accountability"); }
  size_t Left() {
    const auto left = coro::SyncWait(store()->Scan(kPartition, storage::Range(records::kDedupe),
                                                   kOld, storage::Direction::kForward));
    EXPECT_TRUE(left.ok()) << left.status();
    return left.ok() ? left->size() : kOld;
  }

  const storage::Partition kPartition{accountability::kLedgerPartition};
  std::string root_;
  SystemClock clock_;
  std::unique_ptr<Foundation> foundation_;
};

TEST_F(BesideTheLedger, TheLedgerAppendsWhileOldRequestsGo) {
  const uint64_t before = foundation_->ledger()->size();
  std::atomic<int> swept{0};
  std::thread sweeper([&] {
    Housekeeping housekeeping({store()}, &clock_);
    swept = housekeeping.Round();
  });
  for (int i = 0; i < 50; ++i) {
    accountability::AppendRequest request;
    request.entry.set_entry_id("entry " + std::to_string(i));
    request.entry.mutable_network_start()->set_network("dev-test");
    const auto appended = coro::SyncWait(foundation_->ledger()->Append(std::move(request)));
    EXPECT_TRUE(appended.ok()) << appended.status();
  }
  sweeper.join();
  EXPECT_EQ(swept, kOld);
  EXPECT_EQ(Left(), 0u);
  EXPECT_EQ(foundation_->ledger()->size(), before + 50);
  foundation_.reset();
  EXPECT_TRUE(Verify(root_).ok());
}

TEST_F(BesideTheLedger, TheServiceSweepsWhatItsAgreementsLeft) {
  gate::Gate gate(foundation_->recorder());
  rpc::Metrics metrics;
  coro::Pool files("files", 1);
  auto part = MakeAccountability({foundation_.get(), &gate, &files, &metrics}, nullptr);
  ASSERT_TRUE(part.ok()) << part.status();
  (*part)->Start();
  while (Left() > 0) std::this_thread::yield();
  (*part)->Stop();
}

// An agreement of which nothing but its end is known.
void StoreOneThatEnds(accountability::Rulebook* rulebook, int64_t end_ms) {
  accountability::Rulebook::AgreementChange change;
  change.id = "a1";
  auto* agreement = change.record.mutable_public_();
  agreement->set_name("agreements/a1");
  agreement->set_state(accountability::v1::AGREEMENT_STATE_AGREED);
  *agreement->mutable_terms()->mutable_end() = text::ToTimestamp(end_ms);
  ASSERT_TRUE(coro::SyncWait(rulebook->ChangeAgreement(std::move(change), 1)).ok());
}

TEST_F(BesideTheLedger, TheServiceWritesThatAnAgreementExpired) {
  StoreOneThatEnds(foundation_->rulebook(), clock_.NowMs());
  const uint64_t before = foundation_->ledger()->size();
  gate::Gate gate(foundation_->recorder());
  rpc::Metrics metrics;
  coro::Pool files("files", 1);
  auto part = MakeAccountability({foundation_.get(), &gate, &files, &metrics}, nullptr);
  ASSERT_TRUE(part.ok()) << part.status();
  (*part)->Start();
  while (foundation_->ledger()->size() == before) std::this_thread::yield();
  (*part)->Stop();
  const auto stored = coro::SyncWait(foundation_->ledger()->Read(1, before, 1));
  ASSERT_TRUE(stored.ok()) << stored.status();
  accountability::v1::Entry entry;
  entry.ParseFromString(stored->at(0).record.leaf());
  EXPECT_EQ(entry.agreement_change().to_state(), "expired");
  foundation_.reset();
  EXPECT_TRUE(Verify(root_).ok());
}

TEST(Housekeeping, StopsWithoutWaitingForItsHour) {
  HandClock clock;
  storage::MemoryStore store;
  Housekeeping housekeeping({&store}, &clock);
  housekeeping.Start();
  housekeeping.Stop();
}

}  // namespace
}  // namespace waterline::deployment
