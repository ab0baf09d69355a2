#include "services/waterlined/housekeeping.h"

#include <gtest/gtest.h>

#include <atomic>

#include "services/common/coro/sync_wait.h"
#include "services/common/records/records.h"
#include "services/common/storage/faulty/faulty_store.h"
#include "services/common/storage/memory/memory_store.h"

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

TEST(Housekeeping, StopsWithoutWaitingForItsHour) {
  HandClock clock;
  storage::MemoryStore store;
  Housekeeping housekeeping({&store}, &clock);
  housekeeping.Start();
  housekeeping.Stop();
}

}  // namespace
}  // namespace waterline::deployment
