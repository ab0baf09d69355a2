#include "services/common/records/records.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/encoding.h"
#include "services/common/status/error.h"
#include "services/common/storage/memory/memory_store.h"

namespace waterline::records {
namespace {

using storage::Batch;
using storage::Partition;

constexpr int64_t kDayMs = 24 * 3600 * 1000;

class DedupeTest : public ::testing::Test {
 protected:
  Mutation MutationNamed(const std::string& name, const std::string& digest = "body") {
    return {storage::Key("dedupe", name), digest};
  }
  absl::StatusOr<std::optional<common::storage::v1::DedupeRecord>> Find(Mutation* mutation,
                                                                        int64_t now_ms) {
    return coro::SyncWait(FindRetry(&store_, partition_, mutation, now_ms));
  }
  absl::Status Commit(const Mutation& mutation, int64_t now_ms) {
    Batch batch;
    Remember(&batch, mutation, "places/harbour", {}, now_ms);
    return coro::SyncWait(store_.Commit(partition_, std::move(batch))).status();
  }
  void Do(const std::string& name, int64_t now_ms) {
    Mutation mutation = MutationNamed(name);
    ASSERT_FALSE(Find(&mutation, now_ms)->has_value());
    ASSERT_TRUE(Commit(mutation, now_ms).ok());
  }

  storage::MemoryStore store_;
  const Partition partition_{"ods-qnx"};
};

TEST_F(DedupeTest, ARetryFindsWhatTheFirstCallLeftForSevenDays) {
  Do("a", 0);
  Mutation retry = MutationNamed("a");
  EXPECT_EQ((*Find(&retry, 7 * kDayMs))->resource_name(), "places/harbour");
  EXPECT_FALSE(Find(&retry, 7 * kDayMs + 1)->has_value()) << "after that it is a new request";
  EXPECT_TRUE(Commit(retry, 7 * kDayMs + 1).ok());
}

TEST_F(DedupeTest, AnotherBodyIsRefused) {
  Do("a", 0);
  Mutation other = MutationNamed("a", "another body");
  EXPECT_EQ(ReasonOf(Find(&other, 1).status()), reason::kRequestIdReused.name);
}

TEST_F(DedupeTest, OfTwoThatSawNothingOneLoses) {
  Mutation first = MutationNamed("a"), second = MutationNamed("a");
  ASSERT_FALSE(Find(&first, 0)->has_value());
  ASSERT_FALSE(Find(&second, 0)->has_value());
  EXPECT_TRUE(Commit(first, 0).ok());
  EXPECT_EQ(ReasonOf(Commit(second, 0)), reason::kConflict.name);
}

TEST_F(DedupeTest, TheSweepTakesWhatIsOlderAndNothingElse) {
  for (int i = 0; i < 1'000; ++i) Do("old-" + std::to_string(i), 0);
  for (int i = 0; i < 10; ++i) Do("new-" + std::to_string(i), kDayMs);
  EXPECT_EQ(*coro::SyncWait(SweepDedupe(&store_, partition_, 7 * kDayMs)), 0);
  EXPECT_EQ(*coro::SyncWait(SweepDedupe(&store_, partition_, 7 * kDayMs + 1)), 1'000);
  Mutation kept = MutationNamed("new-3");
  EXPECT_TRUE(Find(&kept, 7 * kDayMs + 1)->has_value());
  EXPECT_EQ(*coro::SyncWait(SweepDedupe(&store_, partition_, 7 * kDayMs + 1)), 0);
}

// A store in which something happens between what a caller read and what he commits.
class BusyStore : public storage::MemoryStore {
 public:
  std::function<void()> before_commit;  // Once.
  coro::Task<absl::StatusOr<storage::Revision>> Commit(Partition partition, Batch batch) override {
    if (auto happens = std::exchange(before_commit, nullptr)) happens();
    return MemoryStore::Commit(std::move(partition), std::move(batch));
  }
};

// Else the retry of what was done again meanwhile would do it once more.
TEST(Sweep, LeavesWhatWasUsedAgainMeanwhile) {
  BusyStore store;
  const Partition partition("ods-qnx");
  const auto use = [&](int64_t now_ms) {
    Mutation mutation{storage::Key(kDedupe, "a"), "body"};
    EXPECT_FALSE(coro::SyncWait(FindRetry(&store, partition, &mutation, now_ms))->has_value());
    Batch batch;
    Remember(&batch, mutation, "places/harbour", {}, now_ms);
    EXPECT_TRUE(coro::SyncWait(store.Commit(partition, std::move(batch))).ok());
  };
  use(0);
  const int64_t later = 7 * kDayMs + 1;
  store.before_commit = [&] { use(later); };
  const auto swept = coro::SyncWait(SweepDedupe(&store, partition, later));
  EXPECT_EQ(ReasonOf(swept.status()), reason::kConflict.name);
  Mutation retry{storage::Key(kDedupe, "a"), "body"};
  EXPECT_TRUE(coro::SyncWait(FindRetry(&store, partition, &retry, later))->has_value());
  EXPECT_EQ(*coro::SyncWait(SweepDedupe(&store, partition, later)), 0);
}

TEST(PageToken, LeadsToWhereThePageEnded) {
  const auto page = ReadPage(10, NextPageToken("c-secret", "event 1"), "event 1");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->after, "c-secret");
  EXPECT_EQ(page->limit, 10);
}

// Whoever sees pseudonyms only must not find the real id in the token.
TEST(PageToken, TellsNothingOfTheIdItHolds) {
  const std::string token = NextPageToken("c-secret", "event 1");
  EXPECT_EQ(token.find("c-secret"), std::string::npos);
  EXPECT_EQ(token.find(crypto::HexEncode("c-secret")), std::string::npos);
  EXPECT_NE(NextPageToken("c-secret", "event 1"), token) << "equal ids make equal tokens";
}

TEST(PageToken, OfAnotherListOrChangedIsRefused) {
  const std::string token = NextPageToken("c-secret", "event 1");
  EXPECT_EQ(ReasonOf(ReadPage(0, token, "event 2").status()), reason::kInvalidFields.name);
  for (size_t at = 0; at < token.size(); ++at) {
    std::string changed = token;
    changed[at] = changed[at] == '0' ? '1' : '0';
    ASSERT_FALSE(ReadPage(0, changed, "event 1").ok()) << "position " << at;
  }
  for (const std::string bad : {"0", "00", "zz", crypto::HexEncode("c-secret").c_str()})
    EXPECT_FALSE(ReadPage(0, bad, "event 1").ok());
}

}  // namespace
}  // namespace waterline::records
