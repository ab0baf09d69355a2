#pragma once

// The one suite that every backend passes. A backend instantiates it with a factory:
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance, testing::Values(MakeMemory));
// Thread safety: a store is used from many threads, the suite itself from one.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "services/common/coro/sync_wait.h"
#include "services/common/status/error.h"
#include "services/common/storage/store.h"

namespace waterline::storage {

// A store and the steady clock it runs on.
struct StoreUnderTest {
  std::unique_ptr<Store> store;
  std::shared_ptr<std::chrono::steady_clock::time_point> now;
};
using StoreFactory = std::function<StoreUnderTest()>;

class StoreConformance : public testing::TestWithParam<std::pair<const char*, StoreFactory>> {
 protected:
  StoreConformance() : under_test_(GetParam().second()), store_(*under_test_.store) {}

  absl::StatusOr<Revision> Commit(const std::string& partition, Batch batch) {
    return coro::SyncWait(store_.Commit(Partition(partition), std::move(batch)));
  }
  std::optional<Versioned> Get(const std::string& partition, const Key& key) {
    auto values = coro::SyncWait(store_.Get(Partition(partition), {key}));
    EXPECT_TRUE(values.ok()) << values.status();
    return values->at(0);
  }
  std::vector<std::string> Ids(const Range& range, int limit, Direction direction) {
    auto items = coro::SyncWait(store_.Scan(Partition("org-a"), range, limit, direction));
    EXPECT_TRUE(items.ok()) << items.status();
    std::vector<std::string> ids;
    for (const auto& item : *items) ids.push_back(item.id);
    return ids;
  }
  static bool IsConflict(const absl::Status& status) {
    return ReasonOf(status) == reason::kConflict.name;
  }

  StoreUnderTest under_test_;
  Store& store_;
  const Key key_{"events", "one"};
};

TEST_P(StoreConformance, AbsentIsAValue) { EXPECT_EQ(Get("org-a", key_), std::nullopt); }

TEST_P(StoreConformance, APutIsReadBackWithItsRevision) {
  Batch batch;
  batch.Put(key_, std::string("a\0b", 3));
  EXPECT_EQ(*Commit("org-a", batch), 1u);
  EXPECT_EQ(Get("org-a", key_)->value, std::string("a\0b", 3));
  EXPECT_EQ(Get("org-a", key_)->revision, 1u);
  EXPECT_EQ(Get("org-b", key_), std::nullopt) << "partitions are apart";
}

TEST_P(StoreConformance, EmptyAndAbsentAreDifferent) {
  Batch batch;
  batch.Put(key_, "");
  ASSERT_TRUE(Commit("org-a", batch).ok());
  ASSERT_TRUE(Get("org-a", key_).has_value());
  Batch removal;
  removal.Delete(key_);
  ASSERT_TRUE(Commit("org-a", removal).ok());
  EXPECT_FALSE(Get("org-a", key_).has_value());
}

TEST_P(StoreConformance, AFailedPreconditionChangesNothing) {
  Batch first;
  first.Put(key_, "1");
  ASSERT_TRUE(Commit("org-a", first).ok());
  Batch second;
  second.RequireAbsent(key_).Put(Key("events", "two"), "x").Append("feed", "x");
  EXPECT_TRUE(IsConflict(Commit("org-a", second).status()));
  Batch third;
  third.RequireRevision(key_, 7).Put(Key("events", "two"), "x");
  EXPECT_TRUE(IsConflict(Commit("org-a", third).status()));
  EXPECT_EQ(Get("org-a", Key("events", "two")), std::nullopt);
  EXPECT_TRUE(coro::SyncWait(store_.ReadLog(Partition("org-a"), "feed", 0, 10))->empty());
  Batch fourth;
  fourth.RequireRevision(key_, 1).Put(key_, "2");
  EXPECT_EQ(*Commit("org-a", fourth), 2u) << "a refused commit takes no revision";
}

TEST_P(StoreConformance, ScansInByteOrderBothWays) {
  Batch batch;
  for (const std::string& id : {std::string("a"), std::string("a\0", 2), std::string("b"),
                                std::string("\xff\xff"), std::string("")}) {
    batch.Put(Key("rows", id), "v");
  }
  batch.Put(Key("rowsx", "other"), "v").Put(Key("row", "other"), "v");
  ASSERT_TRUE(Commit("org-a", batch).ok());
  const std::vector<std::string> all = {"", "a", std::string("a\0", 2), "b", "\xff\xff"};
  EXPECT_EQ(Ids(Range("rows"), 10, Direction::kForward), all);
  EXPECT_EQ(Ids(Range("rows"), 10, Direction::kBackward),
            std::vector<std::string>(all.rbegin(), all.rend()));
  EXPECT_EQ(Ids(Range("rows", "a", "b"), 10, Direction::kForward),
            (std::vector<std::string>{"a", std::string("a\0", 2)}));
  EXPECT_EQ(Ids(Range("rows"), 2, Direction::kBackward),
            (std::vector<std::string>{"\xff\xff", "b"}));
  EXPECT_EQ(Ids(PrefixRange("rows", "\xff"), 10, Direction::kForward),
            (std::vector<std::string>{"\xff\xff"}));
  EXPECT_TRUE(Ids(Range("rows", "b", "a"), 10, Direction::kForward).empty());
}

TEST_P(StoreConformance, LogsHaveNoGapsAndResume) {
  for (int i = 1; i <= 5; ++i) {
    Batch batch;
    batch.Append("feed", std::to_string(2 * i - 1))
        .Append("feed", std::to_string(2 * i))
        .Append("other", "x");
    ASSERT_TRUE(Commit("org-a", batch).ok());
  }
  auto items = *coro::SyncWait(store_.ReadLog(Partition("org-a"), "feed", 3, 4));
  ASSERT_EQ(items.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(items[i].position, 4 + i);
    EXPECT_EQ(items[i].payload, std::to_string(4 + i));
  }
  EXPECT_EQ(items[0].revision, 2u);
}

TEST_P(StoreConformance, PartitionsArePaged) {
  for (const char* id : {"org-c", "org-a", "org-b"}) {
    Batch batch;
    batch.Put(key_, "v");
    ASSERT_TRUE(Commit(id, batch).ok());
  }
  auto first = *coro::SyncWait(store_.Partitions("", 2));
  EXPECT_EQ(first, (std::vector<Partition>{Partition("org-a"), Partition("org-b")}));
  EXPECT_EQ(*coro::SyncWait(store_.Partitions("org-b", 2)),
            (std::vector<Partition>{Partition("org-c")}));
}

TEST_P(StoreConformance, WaitReturnsWhatMoved) {
  Batch batch;
  batch.Append("feed", "1");
  ASSERT_TRUE(Commit("org-a", batch).ok());
  std::vector<LogCursor> cursors = {{Partition("org-b"), "feed", 0},
                                    {Partition("org-a"), "feed", 0}};
  EXPECT_EQ(*coro::SyncWait(store_.Wait(cursors, std::chrono::hours(1))), std::vector<size_t>{1});
  cursors[1].after = 1;
  EXPECT_TRUE(coro::SyncWait(store_.Wait(cursors, std::chrono::milliseconds(1)))->empty());
}

TEST_P(StoreConformance, WaitWakesOnACommit) {
  std::vector<LogCursor> cursors = {{Partition("org-a"), "feed", 0}};
  std::thread writer([this] {
    Batch batch;
    batch.Append("feed", "1");
    EXPECT_TRUE(Commit("org-a", batch).ok());
  });
  EXPECT_EQ(*coro::SyncWait(store_.Wait(cursors, std::chrono::hours(1))), std::vector<size_t>{0});
  writer.join();
}

TEST_P(StoreConformance, LimitsHoldAtTheLimitAndOneAbove) {
  Batch full;
  for (int i = 0; i < kBatchOperationsMax; ++i) full.Put(Key("rows", std::to_string(i)), "v");
  EXPECT_TRUE(Commit("org-a", full).ok());
  full.Put(Key("rows", "more"), "v");
  EXPECT_EQ(ReasonOf(Commit("org-a", full).status()), reason::kTooLarge.name);
  Batch large;
  large.Put(Key("rows", "k"), std::string(kBatchBytesMax - 5, 'x'));
  EXPECT_TRUE(Commit("org-a", large).ok());
  Batch larger;
  larger.Put(Key("rows", "k"), std::string(kBatchBytesMax - 4, 'x'));
  EXPECT_EQ(ReasonOf(Commit("org-a", larger).status()), reason::kTooLarge.name);
  Batch long_key;
  long_key.Put(Key("rows", std::string(kKeyBytesMax - 3, 'k')), "v");
  EXPECT_EQ(ReasonOf(Commit("org-a", long_key).status()), reason::kTooLarge.name);
  EXPECT_FALSE(Commit("org-a", Batch()).ok());
  EXPECT_FALSE(Commit("Org A", full).ok());
  EXPECT_FALSE(coro::SyncWait(store_.Scan(Partition("org-a"), Range("rows"), kScanLimitMax + 1,
                                          Direction::kForward))
                   .ok());
}

TEST_P(StoreConformance, ALeaseHasOneOwnerAndAGrowingEpoch) {
  const Partition partition("org-a");
  const Key lease("leases", "projector");
  const std::chrono::milliseconds ttl(1000);
  const uint64_t first = *coro::SyncWait(store_.AcquireLease(partition, lease, "one", ttl));
  EXPECT_TRUE(
      IsConflict(coro::SyncWait(store_.AcquireLease(partition, lease, "two", ttl)).status()));
  *under_test_.now += std::chrono::milliseconds(900);
  EXPECT_TRUE(coro::SyncWait(store_.RenewLease(partition, lease, "one", first, ttl)).ok());
  *under_test_.now += std::chrono::milliseconds(1001);
  EXPECT_TRUE(IsConflict(coro::SyncWait(store_.RenewLease(partition, lease, "one", first, ttl))));
  const uint64_t second = *coro::SyncWait(store_.AcquireLease(partition, lease, "two", ttl));
  EXPECT_GT(second, first);
  Batch stale;
  stale.RequireFence(lease, first).Put(key_, "stale");
  EXPECT_TRUE(IsConflict(Commit("org-a", stale).status()));
  Batch fresh;
  fresh.RequireFence(lease, second).Put(key_, "fresh");
  EXPECT_TRUE(Commit("org-a", fresh).ok());
  EXPECT_TRUE(IsConflict(coro::SyncWait(store_.ReleaseLease(partition, lease, "one", first))));
  EXPECT_TRUE(coro::SyncWait(store_.ReleaseLease(partition, lease, "two", second)).ok());
  EXPECT_TRUE(coro::SyncWait(store_.AcquireLease(partition, lease, "one", ttl)).ok());
}

// Every thread adds to one counter under its revision: nothing is lost, nothing doubled.
TEST_P(StoreConformance, ConcurrentCommitsAreLinear) {
  constexpr int kThreads = 8, kAdds = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int done = 0; done < kAdds;) {
        auto stored = Get("org-a", key_);
        Batch batch;
        batch.RequireRevision(key_, stored ? stored->revision : 0);
        batch.Put(key_, std::to_string((stored ? std::stoi(stored->value) : 0) + 1))
            .Append("feed", "+");
        auto committed = Commit("org-a", batch);
        if (committed.ok())
          ++done;
        else
          EXPECT_TRUE(IsConflict(committed.status()));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Get("org-a", key_)->value, std::to_string(kThreads * kAdds));
  EXPECT_EQ(Get("org-a", key_)->revision, static_cast<Revision>(kThreads * kAdds));
  EXPECT_EQ(coro::SyncWait(store_.ReadLog(Partition("org-a"), "feed", 0, 1000))->size(),
            static_cast<size_t>(kThreads * kAdds));
}

}  // namespace waterline::storage
