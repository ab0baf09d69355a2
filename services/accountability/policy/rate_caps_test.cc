#include "services/accountability/policy/rate_caps.h"

#include <gtest/gtest.h>

namespace waterline::accountability {
namespace {

constexpr int64_t kStart = 1'000'000;

TEST(RateCapsTest, AMinutesWorthAndNotOneMore) {
  RateCaps caps;
  for (int i = 0; i < 60; ++i) EXPECT_FALSE(caps.Take("agreements/a", "ods-qnx", 60, kStart));
  EXPECT_EQ(caps.Take("agreements/a", "ods-qnx", 60, kStart), 1000);
}

TEST(RateCapsTest, WaitingAsLongAsItSaysIsEnough) {
  RateCaps caps;
  EXPECT_FALSE(caps.Take("agreements/a", "ods-qnx", 1, kStart));
  const auto wait = caps.Take("agreements/a", "ods-qnx", 1, kStart + 1);
  ASSERT_TRUE(wait);
  EXPECT_TRUE(caps.Take("agreements/a", "ods-qnx", 1, kStart + *wait));
  EXPECT_FALSE(caps.Take("agreements/a", "ods-qnx", 1, kStart + 1 + *wait));
}

TEST(RateCapsTest, OneFloodDoesNotTakeFromAnother) {
  RateCaps caps;
  EXPECT_FALSE(caps.Take("agreements/a", "ods-qnx", 1, kStart));
  EXPECT_TRUE(caps.Take("agreements/a", "ods-qnx", 1, kStart));
  EXPECT_FALSE(caps.Take("agreements/a", "ods-rxx", 1, kStart));
  EXPECT_FALSE(caps.Take("agreements/b", "ods-qnx", 1, kStart));
}

TEST(RateCapsTest, AClockThatStepsBackGivesNothing) {
  RateCaps caps;
  EXPECT_FALSE(caps.Take("agreements/a", "ods-qnx", 1, kStart));
  EXPECT_TRUE(caps.Take("agreements/a", "ods-qnx", 1, kStart - 120'000));
  EXPECT_TRUE(caps.Take("agreements/a", "ods-qnx", 1, kStart));
}

}  // namespace
}  // namespace waterline::accountability
