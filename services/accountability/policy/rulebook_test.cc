// What the rules and the standing of persons do to entries, through a real ledger.

#include "services/accountability/policy/rulebook.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "services/accountability/domain/life_cycle.h"
#include "services/accountability/domain/sample_terms.h"
#include "services/accountability/policy/ledger_fixture.h"
#include "services/accountability/policy/standing_book.h"
#include "services/common/text/date.h"

namespace waterline::accountability {
namespace {

const std::string kMaud(16, 'm');

// The charity's words about a place reach the board.
v1::Agreement InForce(uint32_t decisions_per_minute = 0) {
  v1::Agreement agreement;
  agreement.set_name("agreements/a1");
  auto* terms = agreement.mutable_terms();
  *terms = SampleTerms();
  const int64_t now = SystemClock().NowMs();
  *terms->mutable_start() = text::ToTimestamp(now - 60'000);
  *terms->mutable_review_due() = text::ToTimestamp(AddMonths(now, 13));
  *terms->mutable_end() = text::ToTimestamp(AddMonths(now, 24));
  terms->set_decisions_per_minute(decisions_per_minute);
  agreement.set_state(v1::AGREEMENT_STATE_AGREED);
  for (const auto& party : terms->parties())
    agreement.add_signatures()->set_organisation(party.organisation());
  agreement.mutable_assessment()->set_dpia_approved(true);
  agreement.mutable_assessment()->set_dpo_advice_recorded(true);
  return agreement;
}

v1::Question Read(const std::string& attempt, const std::string& place = "places/hove") {
  v1::Question question;
  question.mutable_caller()->set_organisation("ods-qnx");
  question.mutable_caller()->set_role("analyst");
  question.set_purpose("service_planning");
  question.set_operation(v1::OPERATION_SEARCH);
  question.set_controller("chc-1234567");
  question.set_collection("contributions");
  question.set_resource_name("organisations/chc-1234567/events/e1");
  question.add_categories(common::v1::CATEGORY_CONTRIBUTION_TEXT);
  question.set_asked(common::v1::RELEASE_LEVEL_IDENTIFIABLE);
  question.set_attempt(attempt);
  question.add_scopes(place);
  question.add_subject_ids(kMaud);
  question.add_records()->set_subject(1);
  question.mutable_records(0)->set_text_reviewed(true);
  return question;
}

class RulebookTest : public ::testing::Test {
 protected:
  explicit RulebookTest(Clock* time = nullptr) : fixture_(time) {}

  void Agree(const v1::Agreement& agreement) {
    Rulebook::AgreementChange change;
    change.entry.set_agreement(agreement.name());
    change.id = "a1";
    *change.record.mutable_public_() = agreement;
    const auto changed = coro::SyncWait(
        fixture_.rulebook->ChangeAgreement(std::move(change), SystemClock().NowMs()));
    ASSERT_TRUE(changed.ok()) << changed.status();
  }
  v1::Decision Decide(const v1::Question& question) {
    auto decision = coro::SyncWait(
        fixture_.recorder->Decide(question, std::chrono::steady_clock::time_point::max()));
    EXPECT_TRUE(decision.ok()) << decision.status();
    return decision.value_or(v1::Decision());
  }
  v1::Access EntryOf(const v1::Decision& decision) {
    const auto& position = decision.receipt().position();
    const auto stored =
        coro::SyncWait(fixture_.ledger->Read(position.epoch(), position.index(), 1));
    v1::Entry entry;
    entry.ParseFromString(stored->at(0).record.leaf());
    return entry.access();
  }
  absl::Status Set(v1::StandingItem item, v1::StandingValue value, int64_t expires_ms = 0) {
    auto members = *Members::Open(&fixture_.store, fixture_.ledger.get());
    StandingBook book(fixture_.ledger.get(), fixture_.rulebook.get(), fixture_.recorder.get(),
                      members.get());
    v1::SetStandingRequest request;
    request.set_controller("chc-1234567");
    request.set_subject_id(kMaud);
    auto* edit = request.add_edits();
    edit->set_item(item);
    edit->set_value(value);
    edit->set_expires_ms(expires_ms);
    return coro::SyncWait(book.SetStanding(request)).status();
  }
  Standing Maud() { return fixture_.rulebook->current()->StandingOf(kMaud); }

  LedgerFixture fixture_;
};

TEST_F(RulebookTest, ARateCapRefusesRecordsItAndSaysWhenToComeBack) {
  Agree(InForce(1));
  EXPECT_NE(Decide(Read("1")).result(), v1::RESULT_DENY);
  const auto over = Decide(Read("2"));
  EXPECT_EQ(over.result(), v1::RESULT_DENY);
  EXPECT_EQ(over.reasons(0), "RATE_LIMITED");
  EXPECT_GT(over.retry_after().seconds(), 0);
  const auto entry = EntryOf(over);
  EXPECT_EQ(entry.result(), v1::RESULT_DENY);
  EXPECT_EQ(entry.reasons(0), "RATE_LIMITED");
  EXPECT_EQ(entry.agreement(), "agreements/a1");
}

// A cap refills with time: here none passes.
struct StoppedClock : Clock {
  int64_t NowMs() override { return now; }
  const int64_t now = SystemClock().NowMs();
};
struct HasStoppedClock {
  StoppedClock stopped;
};
class FloodTest : private HasStoppedClock, public RulebookTest {
 protected:
  FloodTest() : RulebookTest(&stopped) {}
};

TEST_F(FloodTest, TenTimesTheCapGetsTheCapAndARecordedRefusalForEachOfTheRest) {
  constexpr int kThreads = 8, kEach = 100, kCap = kThreads * kEach / 10;
  Agree(InForce(kCap));
  std::vector<std::vector<v1::Decision>> decisions(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t, &mine = decisions[static_cast<size_t>(t)]] {
      for (int i = 0; i < kEach; ++i)
        mine.push_back(Decide(Read(std::to_string(t) + "-" + std::to_string(i))));
    });
  }
  for (auto& thread : threads) thread.join();
  int permitted = 0;
  std::set<uint64_t> positions;
  for (const auto& some : decisions) {
    for (const auto& decision : some) {
      positions.insert(decision.receipt().position().index());
      EXPECT_EQ(EntryOf(decision).result(), decision.result());
      if (decision.result() != v1::RESULT_DENY) {
        ++permitted;
        continue;
      }
      ASSERT_EQ(decision.reasons_size(), 1);
      EXPECT_EQ(decision.reasons(0), "RATE_LIMITED");
      EXPECT_EQ(EntryOf(decision).reasons(0), "RATE_LIMITED");
    }
  }
  EXPECT_EQ(permitted, kCap);
  EXPECT_EQ(positions.size(), size_t{kThreads} * kEach) << "none was dropped, none shares an entry";
}

// Who was refused sees the entry: nothing in it tells a record that is out of reach from none.
TEST_F(RulebookTest, ARefusalOfAnothersRecordsCountsNobodyInItsEntry) {
  Agree(InForce());
  const auto hidden = EntryOf(Decide(Read("1", "places/hill")));
  auto nothing_there = Read("2", "places/hill");
  nothing_there.clear_subject_ids();
  nothing_there.clear_scopes();
  nothing_there.mutable_records(0)->Clear();
  nothing_there.mutable_records(0)->set_lead_only(true);
  const auto absent = EntryOf(Decide(nothing_there));
  EXPECT_EQ(hidden.result(), v1::RESULT_DENY);
  EXPECT_EQ(hidden.subjects(), absent.subjects());
  EXPECT_EQ(hidden.informants(), absent.informants());
  EXPECT_EQ(hidden.subjects_root(), absent.subjects_root());
}

// The person learns of the refusal all the same.
TEST_F(RulebookTest, ARefusalConcernsThePersonItWasAbout) {
  Agree(InForce());
  const auto& position = Decide(Read("1", "places/hill")).receipt().position();
  const auto stored = coro::SyncWait(fixture_.ledger->Read(position.epoch(), position.index(), 1));
  EXPECT_TRUE(coro::SyncWait(fixture_.recorder->Concerns(kMaud, *stored))->at(0));
  EXPECT_FALSE(coro::SyncWait(fixture_.recorder->Concerns(std::string(16, 'x'), *stored))->at(0));
}

TEST_F(RulebookTest, EachPermissionEndsByItself) {
  const int64_t june = SystemClock().NowMs() + 1'000'000;
  ASSERT_TRUE(
      Set(v1::STANDING_ITEM_SHARE_WITH_NAMED_PARTNERS, v1::STANDING_VALUE_GIVEN, june).ok());
  ASSERT_TRUE(Set(v1::STANDING_ITEM_SHARE_WITH_ANY_ICS_PARTNER, v1::STANDING_VALUE_REFUSED).ok());
  EXPECT_EQ(SharingOf(BitsAt(Maud(), june - 1)), Permission::kGiven);
  EXPECT_EQ(SharingOf(BitsAt(Maud(), june)), Permission::kWithdrawn);
  ASSERT_TRUE(Set(v1::STANDING_ITEM_QUOTE_ANONYMOUSLY, v1::STANDING_VALUE_GIVEN, june).ok());
  EXPECT_EQ(PermissionOf(BitsAt(Maud(), june), v1::STANDING_ITEM_QUOTE_ANONYMOUSLY),
            Permission::kWithdrawn);
  fixture_.Open();
  EXPECT_EQ(SharingOf(BitsAt(Maud(), june)), Permission::kWithdrawn) << "after a restart";
  EXPECT_FALSE(Set(v1::STANDING_ITEM_OBJECTION, v1::STANDING_VALUE_SET, june).ok());
  EXPECT_FALSE(Set(v1::STANDING_ITEM_OBJECTION, v1::STANDING_VALUE_GIVEN).ok());
}

// Explanations are of the rules of then.
TEST_F(RulebookTest, TheRulesOfAnEarlierRevisionComeBack) {
  Agree(InForce());
  const uint64_t then = fixture_.rulebook->current()->revision();
  ASSERT_TRUE(Set(v1::STANDING_ITEM_OBJECTION, v1::STANDING_VALUE_SET).ok());
  auto suspended = InForce();
  suspended.set_state(v1::AGREEMENT_STATE_SUSPENDED);
  Rulebook::AgreementChange change;
  change.id = "a1";
  change.before = *coro::SyncWait(fixture_.rulebook->LoadAgreement("a1"));
  *change.record.mutable_public_() = suspended;
  ASSERT_TRUE(coro::SyncWait(fixture_.rulebook->ChangeAgreement(change, 1)).ok());
  fixture_.Open();
  EXPECT_EQ(fixture_.rulebook->current()->revision(), then + 2);
  const auto before = coro::SyncWait(fixture_.rulebook->At(then));
  EXPECT_EQ((*before)->Find("agreements/a1")->state, v1::AGREEMENT_STATE_AGREED);
  EXPECT_EQ(fixture_.rulebook->current()->Find("agreements/a1")->state,
            v1::AGREEMENT_STATE_SUSPENDED);
}

// Two changes of one state: the second was made from what is no longer so.
TEST_F(RulebookTest, AChangeOfAnEarlierStateIsRefused) {
  Agree(InForce());
  Rulebook::AgreementChange change;
  change.id = "a1";
  change.before = *coro::SyncWait(fixture_.rulebook->LoadAgreement("a1"));
  *change.record.mutable_public_() = InForce();
  const uint64_t size = fixture_.ledger->size();
  ASSERT_TRUE(coro::SyncWait(fixture_.rulebook->ChangeAgreement(change, 1)).ok());
  const auto again = coro::SyncWait(fixture_.rulebook->ChangeAgreement(change, 1));
  EXPECT_EQ(ReasonOf(again.status()), "CONFLICT");
  EXPECT_EQ(fixture_.ledger->size(), size + 1) << "a refused change makes no entry";
}

}  // namespace
}  // namespace waterline::accountability
