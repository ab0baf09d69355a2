#include "services/events/store/bulk_rows.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/hash.h"
#include "services/common/storage/memory/memory_store.h"
#include "services/common/testing/random.h"
#include "services/events/store/rows.h"

namespace waterline::events {
namespace {

using storage::v1::ReactionRow;
using waterline::storage::MemoryStore;

class NoHook : public CommitHook {
 public:
  coro::Task<absl::Status> Before(waterline::storage::Batch*) override {
    ++commits;
    co_return absl::OkStatus();
  }
  int commits = 0;
};

ReactionRow Row(int pair, int64_t at_ms) {
  ReactionRow row;
  row.set_row_key(ReactionKey(crypto::Sha256("pair " + std::to_string(pair)), at_ms));
  row.set_value(events::v1::Reaction::VALUE_AGREE);
  row.set_reacted_at_ms(at_ms);
  row.set_import("m1");
  return row;
}

struct Content {
  std::vector<std::string> keys;
  size_t current = 0;
  bool operator==(const Content&) const = default;
};

class BulkRowsTest : public ::testing::Test {
 protected:
  MergeCounts Merge(std::vector<ReactionRow> rows) {
    const auto counts = coro::SyncWait(rows_.Merge(std::move(rows), &hook_));
    EXPECT_TRUE(counts.ok()) << counts.status();
    return counts.value_or(MergeCounts());
  }
  Content All() { return ContentOf(&rows_); }
  static Content ContentOf(ReactionRows* rows) {
    Content content;
    ReactionRows::Visit visit = [&](const ReactionRow& row, bool current) {
      content.keys.push_back(row.row_key());
      content.current += current;
      return true;
    };
    EXPECT_TRUE(coro::SyncWait(rows->ForEach("", visit)).ok());
    return content;
  }

  MemoryStore store_;
  ReactionRows rows_{&store_, "ods-qnx", "e1"};
  NoHook hook_;
};

// However many versions a thing has and wherever commits end, its last version alone is created.
TEST_F(BulkRowsTest, VersionsThatComeTogetherAreOneThingWhereverCommitsEnd) {
  constexpr int kPairs = 6'000;
  std::vector<ReactionRow> rows;
  for (int pair = 0; pair < kPairs; ++pair) {
    for (int version = 0; version < 3; ++version) rows.push_back(Row(pair, version));
  }
  const auto counts = Merge(rows);
  EXPECT_GT(hook_.commits, 3) << "one commit held everything";
  EXPECT_EQ(counts.created, kPairs);
  EXPECT_EQ(counts.superseded, 2 * kPairs);
  EXPECT_EQ(counts.unchanged, 0);
  const auto all = All();
  EXPECT_EQ(all.keys.size(), rows.size());
  EXPECT_EQ(all.current, kPairs);
}

TEST_F(BulkRowsTest, WhatIsStoredDependsOnTheSetOfRowsAlone) {
  std::mt19937 random(waterline::testing::Seed());
  std::vector<ReactionRow> rows;
  for (int i = 0; i < 5'000; ++i) rows.push_back(Row(i, static_cast<int64_t>(random() % 3)));
  Merge(rows);
  const auto expected = All();
  std::shuffle(rows.begin(), rows.end(), random);
  ReactionRows other(&store_, "ods-qnx", "e2");
  for (size_t begin = 0; begin < rows.size();) {
    const size_t end = std::min(rows.size(), begin + 1 + random() % 900);
    ASSERT_TRUE(coro::SyncWait(other.Merge({rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                            rows.begin() + static_cast<std::ptrdiff_t>(end)},
                                           &hook_))
                    .ok());
    begin = end;
  }
  EXPECT_EQ(ContentOf(&other), expected);
  const auto again = Merge(rows);
  EXPECT_EQ(again.created + again.superseded, 0u);
  EXPECT_EQ(again.unchanged, rows.size());
}

TEST_F(BulkRowsTest, FindReadsTheGroupsAskedForAndNoOthers) {
  std::vector<ReactionRow> rows;
  for (int pair = 0; pair < 3'000; ++pair) rows.push_back(Row(pair, 7));
  rows.push_back(Row(5, 8));
  Merge(rows);
  std::vector<std::string> groups;
  for (int pair : {5, 1'000, 2'999, 77'777})
    groups.push_back(Row(pair, 0).row_key().substr(0, kGroupBytes));
  std::sort(groups.begin(), groups.end());
  const auto found = coro::SyncWait(rows_.Find(groups));
  ASSERT_TRUE(found.ok()) << found.status();
  std::multiset<std::string> seen;
  for (const auto& row : *found) seen.insert(row.row_key().substr(0, kGroupBytes));
  EXPECT_EQ(seen.size(), 4u) << "two versions of 5, one of 1,000, one of 2,999, nothing of 77,777";
  for (const auto& group : seen)
    EXPECT_TRUE(std::binary_search(groups.begin(), groups.end(), group));
}

}  // namespace
}  // namespace waterline::events
