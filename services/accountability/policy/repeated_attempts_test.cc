#include "services/accountability/policy/repeated_attempts.h"

#include <gtest/gtest.h>

#include "services/accountability/policy/ledger_fixture.h"
#include "services/common/status/error.h"

namespace waterline::accountability {
namespace {

using Answer = absl::StatusOr<v1::Decision>;

constexpr auto kNoDeadline = std::chrono::steady_clock::time_point::max();

// Decides when the test lets it.
class Slow : public gate::Decider {
 public:
  coro::Task<Answer> Decide(v1::Question /*question*/,
                            std::chrono::steady_clock::time_point /*deadline*/) override {
    coro::OneShot<Answer> answer;
    ++asked;
    release.push_back(answer.setter());
    co_return co_await answer;
  }
  int asked = 0;
  std::vector<coro::OneShot<Answer>::Setter> release;
};

class RepeatedAttemptsTest : public ::testing::Test {
 protected:
  // As after a start of the process.
  void Start(size_t remembered = RepeatedAttempts::kRemembered) {
    attempts_ = std::make_unique<RepeatedAttempts>(fixture_.recorder.get(), fixture_.ledger.get(),
                                                   false, remembered);
    ASSERT_TRUE(coro::SyncWait(attempts_->Load()).ok());
  }
  v1::Decision Ask(const v1::Question& question) {
    auto decision = coro::SyncWait(attempts_->Decide(question, kNoDeadline));
    EXPECT_TRUE(decision.ok()) << decision.status();
    return decision.value_or(v1::Decision());
  }
  uint64_t size() const { return fixture_.ledger->size(); }
  // The receipt proves itself against its own checkpoint.
  void ExpectProven(const v1::Receipt& receipt) {
    const auto head = fixture_.signer.verifier().OpenCheckpoint(receipt.checkpoint());
    ASSERT_TRUE(head.ok()) << head.status();
    const std::vector<std::string> proof(receipt.inclusion_proof().begin(),
                                         receipt.inclusion_proof().end());
    EXPECT_TRUE(VerifyInclusion(receipt.leaf_hash(), receipt.position().index(), head->size, proof,
                                head->root));
  }

  LedgerFixture fixture_;
  std::unique_ptr<RepeatedAttempts> attempts_;
};

TEST_F(RepeatedAttemptsTest, ARepeatedAttemptHasTheSameEntryAndAnotherOneItsOwn) {
  Start();
  const auto first = Ask(LedgerFixture::Question("attempt 1"));
  const auto entries = size();
  const auto again = Ask(LedgerFixture::Question("attempt 1"));
  EXPECT_EQ(size(), entries) << "the repeat made an entry";
  EXPECT_EQ(again.SerializeAsString(), first.SerializeAsString());
  const auto other = Ask(LedgerFixture::Question("attempt 2"));
  EXPECT_EQ(size(), entries + 1);
  EXPECT_NE(other.receipt().entry_id(), first.receipt().entry_id());
  ExpectProven(Ask(LedgerFixture::Question("attempt 1")).receipt());
}

TEST_F(RepeatedAttemptsTest, ItHoldsAcrossARestart) {
  Start();
  const auto first = Ask(LedgerFixture::Question("attempt 1"));
  auto refused_question = LedgerFixture::Question("attempt 2");
  refused_question.set_controller("ods-other");
  const auto refused = Ask(refused_question);
  fixture_.Open();
  Start();
  const auto entries = size();
  const auto again = Ask(LedgerFixture::Question("attempt 1"));
  EXPECT_EQ(again.receipt().position().index(), first.receipt().position().index());
  EXPECT_EQ(again.receipt().leaf_hash(), first.receipt().leaf_hash());
  EXPECT_EQ(again.result(), v1::RESULT_PERMIT);
  EXPECT_EQ(again.level(), first.level());
  ExpectProven(again.receipt());
  const auto refused_again = Ask(refused_question);
  EXPECT_EQ(refused_again.result(), v1::RESULT_DENY);
  EXPECT_EQ(refused_again.reasons(0), refused.reasons(0));
  EXPECT_EQ(refused_again.receipt().leaf_hash(), refused.receipt().leaf_hash());
  EXPECT_EQ(size(), entries);
}

TEST_F(RepeatedAttemptsTest, ARepeatWhileItIsBeingDecidedWaitsForThatAnswer) {
  Slow slow;
  RepeatedAttempts attempts(&slow, fixture_.ledger.get(), false);
  std::vector<Answer> answers;
  for (int i = 0; i < 3; ++i) {
    coro::Start(attempts.Decide(LedgerFixture::Question("attempt 1"), kNoDeadline),
                [&answers](Answer answer) { answers.push_back(std::move(answer)); });
  }
  EXPECT_EQ(slow.asked, 1);
  slow.release[0].Set(absl::UnavailableError("the disk is full"));
  ASSERT_EQ(answers.size(), 3u);
  for (const auto& answer : answers) EXPECT_TRUE(absl::IsUnavailable(answer.status()));
  coro::Start(attempts.Decide(LedgerFixture::Question("attempt 1"), kNoDeadline),
              [](const Answer&) {});
  EXPECT_EQ(slow.asked, 2) << "a failure is no answer to remember";
  slow.release[1].Set(absl::UnavailableError("still"));
}

TEST_F(RepeatedAttemptsTest, AnotherQuestionUnderTheSameIdIsDecidedByItself) {
  Start();
  Ask(LedgerFixture::Question("attempt 1"));
  const auto entries = size();
  auto other = LedgerFixture::Question("attempt 1");
  other.set_controller("ods-other");
  EXPECT_EQ(Ask(other).result(), v1::RESULT_DENY);
  EXPECT_EQ(size(), entries + 1);
}

TEST_F(RepeatedAttemptsTest, MemoryIsBoundedAndWhatIsForgottenIsDecidedAnew) {
  Start(2);
  for (const char* attempt : {"1", "2", "3"}) Ask(LedgerFixture::Question(attempt));
  const auto entries = size();
  Ask(LedgerFixture::Question("3"));
  Ask(LedgerFixture::Question("2"));
  EXPECT_EQ(size(), entries);
  EXPECT_EQ(Ask(LedgerFixture::Question("1")).result(), v1::RESULT_PERMIT);
  EXPECT_EQ(size(), entries + 1);
}

}  // namespace
}  // namespace waterline::accountability
