#include "services/common/gate/gate.h"

#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include <set>

#include "services/common/coro/sync_wait.h"
#include "services/common/gate/page_fill.h"
#include "services/common/status/error.h"
#include "waterline/common/v1/types.pb.h"

namespace waterline::gate {
namespace {

using common::v1::BulkReport;
using common::v1::ReleaseLevel;
using enum common::v1::ReleaseLevel;

// Answers every question alike and keeps the attempts it saw.
class FakeDecider : public Decider {
 public:
  coro::Task<absl::StatusOr<accountability::v1::Decision>> Decide(
      accountability::v1::Question question,
      std::chrono::steady_clock::time_point deadline) override {
    ++questions;
    attempts.insert(question.attempt());
    accountability::v1::Decision decision;
    decision.set_result(result);
    decision.set_level(level);
    if (result == accountability::v1::RESULT_DENY) decision.add_reasons(refusal);
    if (retry_after_ms > 0)
      *decision.mutable_retry_after() =
          google::protobuf::util::TimeUtil::MillisecondsToDuration(retry_after_ms);
    for (const auto record : records) {
      decision.add_records()->set_level(record);
      decision.mutable_records()->rbegin()->set_text(true);
    }
    decision.mutable_receipt()->set_entry_id("entry " + std::to_string(questions));
    last = std::move(question);
    last_deadline = deadline;
    co_return decision;
  }

  accountability::v1::Result result = accountability::v1::RESULT_PERMIT;
  ReleaseLevel level = RELEASE_LEVEL_IDENTIFIABLE;
  std::string refusal = "NOT_CONTROLLER";
  int64_t retry_after_ms = 0;
  std::vector<ReleaseLevel> records;  // Of the answer.
  int questions = 0;
  std::set<std::string> attempts;
  accountability::v1::Question last;
  std::chrono::steady_clock::time_point last_deadline;
};

class GateTest : public ::testing::Test {
 protected:
  // A question about as many records; their rows stand in `rows_field`.
  absl::StatusOr<Decision> Ask(size_t records = 0, const std::string& rows_field = "",
                               Operation operation = Operation::OPERATION_READ) {
    struct Ask ask(operation, "ods-qnx", "places", "places/harbour",
                   {common::v1::CATEGORY_ORGANISATION});
    ask.records.resize(records);
    ask.rows_field = rows_field;
    return coro::SyncWait(gate_.Ask(call_, ask));
  }
  absl::StatusOr<Released<BulkReport>> Release(Decision decision, int rows = 0) {
    BulkReport report;
    report.set_rows_read(7);
    for (int i = 0; i < rows; ++i) report.add_problems()->set_row(static_cast<uint64_t>(i));
    return coro::SyncWait(gate_.Release(Draft<BulkReport>(std::move(report), std::move(decision))));
  }
  static std::vector<uint64_t> RowsOf(const absl::StatusOr<Released<BulkReport>>& released) {
    EXPECT_TRUE(released.ok()) << released.status();
    std::vector<uint64_t> rows;
    if (!released.ok()) return rows;
    for (const auto& problem : released->message().problems()) rows.push_back(problem.row());
    return rows;
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

TEST_F(GateTest, TheQuestionSaysWhatTheCallerAskedForAndWhy) {
  call_.asked = RELEASE_LEVEL_PSEUDONYMISED;
  call_.justification = "a child at the event said something";
  call_.deadline = now_ + std::chrono::seconds(3);
  decider_.records = {RELEASE_LEVEL_PSEUDONYMISED};
  ASSERT_TRUE(Ask(1).ok());
  EXPECT_EQ(decider_.last.asked(), RELEASE_LEVEL_PSEUDONYMISED);
  EXPECT_EQ(decider_.last.justification(), "a child at the event said something");
  EXPECT_EQ(decider_.last_deadline, call_.deadline);
}

TEST_F(GateTest, ARefusalForTooManyDecisionsSaysWhenToComeBack) {
  decider_.result = accountability::v1::RESULT_DENY;
  decider_.refusal = "RATE_LIMITED";
  decider_.retry_after_ms = 12'345;
  const auto refused = Ask().status();
  EXPECT_EQ(ReasonOf(refused), reason::kRateLimited.name);
  EXPECT_EQ(refused, WithRetryAfter(refused, 12'345));
  EXPECT_NE(refused, WithRetryAfter(refused, 12'346));
  EXPECT_TRUE(refused.GetPayload(kReceiptUrl).has_value());
}

TEST_F(GateTest, OfThreeRowsTheHiddenOneStays) {
  decider_.records = {RELEASE_LEVEL_IDENTIFIABLE, RELEASE_LEVEL_NOTHING,
                      RELEASE_LEVEL_IDENTIFIABLE};
  const auto decision = Ask(3, "problems");
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_TRUE(decision->Shows(0));
  EXPECT_FALSE(decision->Shows(1));
  EXPECT_TRUE(decision->Shows(2));
  EXPECT_FALSE(decision->Shows(3)) << "it was not asked about";
  EXPECT_EQ(RowsOf(Release(*decision, 3)), (std::vector<uint64_t>{0, 2}));
}

TEST_F(GateTest, AnAnswerMayEndBeforeItsRecords) {
  decider_.records = {RELEASE_LEVEL_IDENTIFIABLE, RELEASE_LEVEL_NOTHING,
                      RELEASE_LEVEL_IDENTIFIABLE};
  EXPECT_EQ(RowsOf(Release(*Ask(3, "problems"), 2)), std::vector<uint64_t>{0});
  EXPECT_EQ(RowsOf(Release(*Ask(3, "problems"), 0)), std::vector<uint64_t>{});
}

TEST_F(GateTest, AnAnswerWithMoreRowsThanRecordsLetsNothingLeave) {
  decider_.records = {RELEASE_LEVEL_IDENTIFIABLE, RELEASE_LEVEL_NOTHING};
  const auto released = Release(*Ask(2, "problems"), 3);
  EXPECT_EQ(RowsOf(released), std::vector<uint64_t>{});
  EXPECT_FALSE(released->message().has_rows_read());
}

TEST_F(GateTest, WhatIsCountedIsNoRowOfTheAnswer) {
  decider_.records = {RELEASE_LEVEL_IDENTIFIABLE, RELEASE_LEVEL_NOTHING};
  const auto decision = Ask(2, kCounted, Operation::OPERATION_COUNT);
  EXPECT_FALSE(decision->Shows(1));
  const auto released = Release(*decision, 3);
  EXPECT_EQ(RowsOf(released), (std::vector<uint64_t>{0, 1, 2}));
  EXPECT_EQ(released->message().rows_read(), 7u);
}

TEST_F(GateTest, WithoutAWordAboutItsRecordsTheHighestLevelShowsThemAll) {
  const auto decision = Ask(2, "problems");
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_TRUE(decision->Shows(1));
  EXPECT_FALSE(decision->Shows(2)) << "it was not asked about";
  EXPECT_EQ(RowsOf(Release(*decision, 2)), (std::vector<uint64_t>{0, 1}));
}

TEST_F(GateTest, ADecisionThatIsSilentAboutARecordReleasesNothing) {
  for (const auto operation :
       {Operation::OPERATION_SEARCH, Operation::OPERATION_READ, Operation::OPERATION_COUNT}) {
    decider_.level = RELEASE_LEVEL_IDENTIFIABLE;
    for (const size_t said : {size_t{1}, size_t{2}, size_t{4}}) {
      decider_.records.assign(said, RELEASE_LEVEL_IDENTIFIABLE);
      EXPECT_EQ(ReasonOf(Ask(3, "problems", operation).status()), reason::kUnexpected.name) << said;
    }
    decider_.records.clear();
    for (const auto level : {RELEASE_LEVEL_AGGREGATE, RELEASE_LEVEL_PSEUDONYMISED}) {
      decider_.level = level;
      EXPECT_EQ(ReasonOf(Ask(3, "problems", operation).status()), reason::kUnexpected.name);
      EXPECT_TRUE(Ask(0, "", operation).ok()) << "it was asked about none";
    }
  }
}

TEST_F(GateTest, ADecisionThatFallsSilentWhenItIsAskedAgainReleasesNothing) {
  decider_.records = {RELEASE_LEVEL_IDENTIFIABLE, RELEASE_LEVEL_NOTHING};
  const Decision decision = *Ask(2, "problems");
  now_ += kDecisionLife + std::chrono::milliseconds(1);
  decider_.records.pop_back();
  EXPECT_EQ(ReasonOf(Release(decision, 2).status()), reason::kUnexpected.name);
}

// A list of `total` rows of which the last `shown` may leave.
class PageFillTest : public GateTest {
 protected:
  // The rows of the page that leave, by place in the list.
  std::vector<int> Fill(int limit, int total, int shown) {
    PageFill fill(limit, "");
    std::vector<std::string> ids;
    while (true) {
      const int begin = fill.after().empty() ? 0 : std::stoi(fill.after()) + 1;
      ids.clear();
      decider_.records.clear();
      for (int i = begin; i < total && i < begin + fill.count(); ++i) {
        ids.push_back(std::to_string(i));
        decider_.records.push_back(i < total - shown ? RELEASE_LEVEL_NOTHING
                                                     : RELEASE_LEVEL_IDENTIFIABLE);
      }
      const auto decision = Ask(ids.size(), "problems", Operation::OPERATION_SEARCH);
      if (!fill.Enough(ids, *decision)) continue;
      std::vector<int> page;
      for (int i = 0; i < fill.rows(); ++i) {
        if (decision->Shows(i)) page.push_back(std::stoi(ids[static_cast<size_t>(i)]));
      }
      next_ = fill.next();
      return page;
    }
  }
  std::string next_;
};

TEST_F(PageFillTest, APageOfRowsThatMayAllLeaveIsOneRound) {
  EXPECT_EQ(Fill(2, 5, 5), (std::vector<int>{0, 1}));
  EXPECT_EQ(next_, "1");
  EXPECT_EQ(decider_.questions, 1);
}

TEST_F(PageFillTest, TheRowsBehindHiddenOnesAreFoundInElevenRounds) {
  EXPECT_EQ(Fill(1, 1000, 1), std::vector<int>{999});
  EXPECT_LE(decider_.questions, 11) << "each round is an entry in the ledger";
  decider_.questions = 0;
  EXPECT_EQ(Fill(1, 1001, 1), std::vector<int>{1000});
  EXPECT_LE(decider_.questions, 12);
  EXPECT_EQ(next_, "1000");
}

TEST_F(PageFillTest, AListOfHiddenRowsEndsLikeAnEmptyOne) {
  EXPECT_EQ(Fill(50, 3000, 0), std::vector<int>{});
  EXPECT_EQ(next_, "");
  EXPECT_LE(decider_.questions, 9);
}

}  // namespace
}  // namespace waterline::gate
