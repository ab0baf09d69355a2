#include "services/common/identity/verified_cache.h"

#include <gtest/gtest.h>

namespace waterline::identity {
namespace {

using Cache = VerifiedCache<int>;

const auto kOne = std::make_shared<const int>(1);

TEST(VerifiedCache, ANewGenerationForgetsAndAnOldOneChangesNothing) {
  Cache cache(8);
  cache.Put("a", 1, 10, kOne);
  EXPECT_EQ(cache.Find("a", 1), kOne);
  EXPECT_EQ(cache.Find("a", 2), nullptr);
  cache.Put("b", 1, 10, kOne);
  EXPECT_EQ(cache.Find("b", 1), nullptr) << "verified with keys that may be gone";
  EXPECT_EQ(cache.Find("b", 2), nullptr);
  EXPECT_EQ(cache.Find("a", 1), nullptr);
}

TEST(VerifiedCache, WhatEndsFirstMakesRoom) {
  Cache cache(2);
  cache.Put("late", 1, 9, kOne);
  cache.Put("early", 1, 1, kOne);
  cache.Put("middle", 1, 5, kOne);
  EXPECT_EQ(cache.Find("early", 1), nullptr);
  EXPECT_EQ(cache.Find("middle", 1), kOne);
  EXPECT_EQ(cache.Find("late", 1), kOne);
}

TEST(VerifiedCache, WhatIsVerifiedAgainReplacesWhatWasKnown) {
  Cache cache(2);
  const auto two = std::make_shared<const int>(2);
  cache.Put("a", 1, 1, kOne);
  cache.Put("a", 1, 9, two);
  EXPECT_EQ(cache.Find("a", 1), two);
  cache.Put("b", 1, 5, kOne);
  cache.Put("c", 1, 7, kOne);
  EXPECT_EQ(cache.Find("b", 1), nullptr);
  EXPECT_EQ(cache.Find("a", 1), two) << "its new end counts";
}

}  // namespace
}  // namespace waterline::identity
