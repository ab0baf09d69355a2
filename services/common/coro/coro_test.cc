#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "services/common/coro/one_shot.h"
#include "services/common/coro/pool.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/coro/task.h"
#include "services/common/coro/timers.h"

namespace waterline::coro {
namespace {

Task<int> Value(int value) { co_return value; }

Task<int> Sum(int count) {
  int total = 0;
  for (int i = 0; i < count; ++i) total += co_await Value(i);
  co_return total;
}

TEST(Task, ReturnsTheSumOfItsParts) { EXPECT_EQ(SyncWait(Sum(1000)), 499500); }

Task<std::unique_ptr<std::string>> Owned() { co_return std::make_unique<std::string>("kept"); }

TEST(Task, MovesItsResultOut) { EXPECT_EQ(*SyncWait(Owned()), "kept"); }

Task<void> Count(std::atomic<int>* runs) {
  ++*runs;
  co_return;
}

TEST(Task, NeverRunsWhenNotAwaited) {
  std::atomic<int> runs = 0;
  { auto task = Count(&runs); }
  EXPECT_EQ(runs, 0);
  SyncWait(Count(&runs));
  EXPECT_EQ(runs, 1);
}

Task<std::string> Await(OneShot<std::string>* shot) { co_return co_await *shot; }

TEST(OneShot, DeliversAValueSetBeforeTheAwait) {
  OneShot<std::string> shot;
  shot.setter().Set("early");
  EXPECT_EQ(SyncWait(Await(&shot)), "early");
}

TEST(OneShot, DeliversUnderRace) {
  for (int i = 0; i < 2000; ++i) {
    OneShot<std::string> shot;
    std::thread setter([s = shot.setter()]() mutable { s.Set("late"); });
    EXPECT_EQ(SyncWait(Await(&shot)), "late");
    setter.join();
  }
}

Task<std::thread::id> RunOn(Pool* pool) {
  co_await pool->Hop();
  co_return std::this_thread::get_id();
}

TEST(Pool, ContinuesOnItsOwnThread) {
  Pool pool("test", 2);
  EXPECT_NE(SyncWait(RunOn(&pool)), std::this_thread::get_id());
}

TEST(Pool, RunsWhatIsQueuedBeforeItEnds) {
  std::atomic<int> runs = 0;
  {
    Pool pool("test", 2);
    for (int i = 0; i < 500; ++i) pool.Run([&runs] { ++runs; });
  }
  EXPECT_EQ(runs, 500);
}

Task<bool> SleepOn(Timers* timers, Timers::Clock::duration duration) {
  auto start = Timers::Clock::now();
  co_await timers->Sleep(duration);
  co_return Timers::Clock::now() - start >= duration;
}

TEST(Timers, NeverWakeEarly) {
  Timers timers;
  EXPECT_TRUE(SyncWait(SleepOn(&timers, std::chrono::milliseconds(5))));
}

Task<void> SleepLong(Timers* timers) { co_await timers->Sleep(std::chrono::hours(1)); }

TEST(Timers, ResumeEverySleeperAtTheEnd) {
  std::atomic<int> ended = 0;
  {
    Timers timers;
    for (int i = 0; i < 100; ++i) Start(SleepLong(&timers), [&ended] { ++ended; });
  }
  EXPECT_EQ(ended, 100);
}

}  // namespace
}  // namespace waterline::coro
