#include "services/waterlined/readiness.h"

#include <gtest/gtest.h>

namespace waterline::deployment {
namespace {

const absl::Status kGone = absl::UnavailableError("connection refused");

class ReadinessTest : public ::testing::Test {
 protected:
  std::vector<bool> told_;
  Readiness readiness_{{"accountability", "registry"}, "accountability", [this](bool ready) {
                         told_.push_back(ready);
                       }};
};

TEST_F(ReadinessTest, ItIsReadyOnceEverythingHasAnswered) {
  readiness_.Begin();
  readiness_.Set("accountability", absl::OkStatus());
  EXPECT_TRUE(told_.empty());
  readiness_.Set("registry", absl::OkStatus());
  EXPECT_EQ(told_, std::vector<bool>{true});
}

TEST_F(ReadinessTest, ItIsNotWhileAccountabilityDoesNotAnswerAndGoesOnWithoutTheOthers) {
  readiness_.Begin();
  readiness_.Set("accountability", absl::OkStatus());
  readiness_.Set("registry", absl::OkStatus());
  readiness_.Set("registry", kGone);
  EXPECT_EQ(told_, std::vector<bool>{true});
  readiness_.Set("accountability", kGone);
  EXPECT_EQ(told_, (std::vector<bool>{true, false}));
  readiness_.Set("accountability", absl::OkStatus());
  EXPECT_EQ(told_, (std::vector<bool>{true, false, true}));
}

TEST_F(ReadinessTest, NothingIsToldBeforeItsBeginningNorAfterItsEnd) {
  readiness_.Set("accountability", absl::OkStatus());
  readiness_.Set("registry", absl::OkStatus());
  EXPECT_TRUE(told_.empty());
  readiness_.Begin();
  EXPECT_EQ(told_, std::vector<bool>{true});
  readiness_.Stop();
  readiness_.Set("accountability", kGone);
  EXPECT_EQ(told_, std::vector<bool>{true});
}

TEST(Readiness, WhatWaitsForNothingIsReadyAtOnce) {
  bool ready = false;
  Readiness readiness({}, "accountability", [&ready](bool now) { ready = now; });
  readiness.Begin();
  EXPECT_TRUE(ready);
}

}  // namespace
}  // namespace waterline::deployment
