#include "services/common/gate/gate.h"

#include <gtest/gtest.h>

#include <set>

#include "services/common/coro/sync_wait.h"
#include "services/common/status/error.h"
#include "waterline/common/v1/types.pb.h"

namespace waterline::gate {
namespace {

using common::v1::BulkReport;

// Answers every question alike and keeps the attempts it saw.
class FakeDecider : public Decider {
 public:
  coro::Task<absl::StatusOr<accountability::v1::Decision>> Decide(
      accountability::v1::Question question) override {
    ++questions;
    attempts.insert(question.attempt());
    accountability::v1::Decision decision;
    decision.set_result(result);
    decision.set_level(common::v1::RELEASE_LEVEL_IDENTIFIABLE);
    if (result == accountability::v1::RESULT_DENY) decision.add_reasons("NOT_CONTROLLER");
    decision.mutable_receipt()->set_entry_id("entry " + std::to_string(questions));
    co_return decision;
  }

  accountability::v1::Result result = accountability::v1::RESULT_PERMIT;
  int questions = 0;
  std::set<std::string> attempts;
};

class GateTest : public ::testing::Test {
 protected:
  absl::StatusOr<Decision> Ask() {
    struct Ask ask(Operation::OPERATION_READ, "ods-qnx", "places", "places/harbour",
                   {common::v1::CATEGORY_ORGANISATION});
    return coro::SyncWait(gate_.Ask(call_, ask));
  }
  absl::StatusOr<Released<BulkReport>> Release(Decision decision) {
    BulkReport report;
    report.set_rows_read(7);
    return coro::SyncWait(gate_.Release(Draft<BulkReport>(std::move(report), std::move(decision))));
  }

  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
  FakeDecider decider_;
  Gate gate_{&decider_, [this] { return now_; }};
  rpc::Call call_;
};

TEST_F(GateTest, AnAnswerLeavesWithTheReceiptOfItsDecision) {
  const auto released = Release(*Ask());
  ASSERT_TRUE(released.ok());
  EXPECT_EQ(released->message().rows_read(), 7u);
  EXPECT_EQ(released->receipt().entry_id(), "entry 1");
  EXPECT_EQ(decider_.questions, 1);
}

TEST_F(GateTest, ADecisionIsAskedForAgainAfterASecondWithANewAttempt) {
  const Decision decision = *Ask();
  now_ += kDecisionLife;
  ASSERT_TRUE(Release(decision).ok());
  EXPECT_EQ(decider_.questions, 1);
  now_ += std::chrono::milliseconds(1);
  const auto released = Release(decision);
  ASSERT_TRUE(released.ok());
  EXPECT_EQ(released->receipt().entry_id(), "entry 2");
  EXPECT_EQ(decider_.attempts.size(), 2u);
}

TEST_F(GateTest, WhatWasPermittedAndIsRefusedNowDoesNotLeave) {
  const Decision decision = *Ask();
  now_ += kDecisionLife + std::chrono::milliseconds(1);
  decider_.result = accountability::v1::RESULT_DENY;
  EXPECT_EQ(ReasonOf(Release(decision).status()), reason::kNotController.name);
}

TEST_F(GateTest, ARefusalCarriesItsReceipt) {
  decider_.result = accountability::v1::RESULT_DENY;
  const auto refused = Ask();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(refused.status().GetPayload(kReceiptUrl).has_value());
}

TEST_F(GateTest, ACallThatNobodyWaitsForGetsNoDecisionAndReleasesNothing) {
  const Decision decision = *Ask();
  call_.cancelled->store(true);
  EXPECT_TRUE(absl::IsCancelled(Ask().status()));
  EXPECT_TRUE(absl::IsCancelled(coro::SyncWait(gate_.Refresh(decision)).status()));
  EXPECT_TRUE(absl::IsCancelled(Release(decision).status()));
  EXPECT_EQ(decider_.questions, 1);
}

}  // namespace
}  // namespace waterline::gate
