#include "services/common/rpc/fair_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace waterline::rpc {
namespace {

std::vector<uint64_t> PopAll(FairQueue* queue) {
  std::vector<uint64_t> items;
  while (const auto item = queue->Pop()) items.push_back(*item);
  return items;
}

TEST(FairQueue, OrganisationsTakeTurnsAndEachKeepsItsOrder) {
  FairQueue queue(10);
  for (uint64_t i = 1; i <= 4; ++i) EXPECT_FALSE(queue.Push("large", i));
  EXPECT_FALSE(queue.Push("small", 5));
  EXPECT_FALSE(queue.Push("other", 6));
  EXPECT_EQ(PopAll(&queue), (std::vector<uint64_t>{1, 5, 6, 2, 3, 4}));
}

TEST(FairQueue, WhenItIsFullTheNewestOfTheOneWithMostMakesRoom) {
  FairQueue queue(3);
  for (uint64_t i = 1; i <= 3; ++i) EXPECT_FALSE(queue.Push("large", i));
  EXPECT_EQ(queue.Push("small", 4), 3u);
  EXPECT_EQ(queue.Push("large", 5), 5u) << "the one with most, and the newest, is this";
  EXPECT_EQ(queue.Push("other", 6), 2u);
  EXPECT_EQ(queue.Push("fourth", 7), 7u) << "among equals the last to come";
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(PopAll(&queue), (std::vector<uint64_t>{1, 4, 6}));
}

TEST(FairQueue, WhatIsErasedIsNotPoppedAndLosesItsTurn) {
  FairQueue queue(10);
  queue.Push("a", 1);
  queue.Push("b", 2);
  queue.Push("a", 3);
  queue.Erase("a", 1);
  queue.Erase("b", 2);
  queue.Erase("b", 2);
  queue.Erase("nobody", 9);
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(PopAll(&queue), (std::vector<uint64_t>{3}));
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

}  // namespace
}  // namespace waterline::rpc
