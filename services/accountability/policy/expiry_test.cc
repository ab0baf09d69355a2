// What becomes of an agreement whose end has come, through a real ledger.

#include "services/accountability/policy/expiry.h"

#include <gtest/gtest.h>

#include "services/accountability/domain/life_cycle.h"
#include "services/accountability/domain/sample_terms.h"
#include "services/accountability/policy/evaluate.h"
#include "services/accountability/policy/ledger_fixture.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::accountability {
namespace {

const int64_t kEnd = MsOf("2029-01-01T00:00:00Z");

class HandClock : public Clock {
 public:
  int64_t NowMs() override { return now_ms; }
  int64_t now_ms = kEnd;
};

// Terms that end at kEnd, signed by all and assessed.
v1::Agreement InState(const std::string& id, v1::AgreementState state) {
  v1::Agreement agreement;
  agreement.set_name("agreements/" + id);
  *agreement.mutable_terms() = SampleTerms();
  agreement.mutable_terms()->set_reference("ISA-" + id);
  agreement.set_document_hash(std::string(32, 'h'));
  agreement.set_state(state);
  if (state == v1::AGREEMENT_STATE_SUSPENDED) agreement.set_state_reason("Looked into");
  for (const auto& party : agreement.terms().parties())
    agreement.add_signatures()->set_organisation(party.organisation());
  agreement.mutable_assessment()->set_dpia_approved(true);
  agreement.mutable_assessment()->set_dpo_advice_recorded(true);
  return agreement;
}

class ExpiryTest : public ::testing::Test {
 protected:
  void Store(const v1::Agreement& agreement) {
    Rulebook::AgreementChange change;
    change.entry.set_agreement(agreement.name());
    change.id = text::IdOf(agreement.name());
    *change.record.mutable_public_() = agreement;
    const auto changed =
        coro::SyncWait(fixture_.rulebook->ChangeAgreement(std::move(change), kEnd - 1'000'000));
    ASSERT_TRUE(changed.ok()) << changed.status();
  }
  // One round that leaves nothing.
  int Round(bool stop = false) {
    const auto done = Try(stop);
    EXPECT_TRUE(done.left.empty());
    return done.expired;
  }
  Expiry::Done Try(bool stop = false) {
    return Expiry(fixture_.rulebook.get(), &clock_).Round([stop] { return stop; });
  }
  v1::Agreement Load(const std::string& id) {
    const auto stored = coro::SyncWait(fixture_.rulebook->LoadAgreement(id));
    EXPECT_TRUE(stored.ok() && *stored);
    return (*stored)->record.public_();
  }
  v1::Entry Newest() {
    const auto stored = coro::SyncWait(fixture_.ledger->Read(1, fixture_.ledger->size() - 1, 1));
    v1::Entry entry;
    entry.ParseFromString(stored->at(0).record.leaf());
    return entry;
  }
  uint64_t size() { return fixture_.ledger->size(); }

  LedgerFixture fixture_;
  HandClock clock_;
};

TEST_F(ExpiryTest, AnEndThatHasComeIsAnEntryAndIsOneOnce) {
  Store(InState("a1", v1::AGREEMENT_STATE_AGREED));
  const uint64_t before = size();
  clock_.now_ms = kEnd - 1;
  EXPECT_EQ(Round(), 0);
  EXPECT_EQ(size(), before);
  clock_.now_ms = kEnd;
  EXPECT_EQ(Round(), 1);
  EXPECT_EQ(size(), before + 1);
  const auto change = Newest().agreement_change();
  EXPECT_EQ(change.agreement(), "agreements/a1");
  EXPECT_EQ(change.reference(), "ISA-a1");
  EXPECT_EQ(change.version(), 1u);
  EXPECT_EQ(change.change(), "EXPIRED");
  EXPECT_EQ(change.from_state(), "agreed");
  EXPECT_EQ(change.to_state(), "expired");
  EXPECT_EQ(change.document_hash(), std::string(32, 'h'));
  EXPECT_EQ(change.parties_size(), 2);
  EXPECT_EQ(change.policy_revision(), fixture_.rulebook->current()->revision());
  EXPECT_FALSE(change.has_organisation() || change.has_actor_handle() || change.has_role());
  EXPECT_EQ(Load("a1").state(), v1::AGREEMENT_STATE_EXPIRED);
  EXPECT_EQ(Load("a1").position().index(), before);
  EXPECT_EQ(Round(), 0) << "once";
  fixture_.Open();
  EXPECT_EQ(Round(), 0) << "after a restart";
  EXPECT_EQ(size(), before + 1);
  EXPECT_EQ(fixture_.rulebook->current()->Find("agreements/a1")->state,
            v1::AGREEMENT_STATE_EXPIRED);
}

TEST_F(ExpiryTest, WhatEndedWhileNobodyRanExpiresAtTheStart) {
  Store(InState("a1", v1::AGREEMENT_STATE_AGREED));
  fixture_.Open();
  clock_.now_ms = kEnd + 1'000'000'000;
  EXPECT_EQ(Round(), 1);
  EXPECT_EQ(Load("a1").state(), v1::AGREEMENT_STATE_EXPIRED);
}

TEST_F(ExpiryTest, ASuspendedOneExpiresAndNothingElseDoes) {
  Store(InState("a1", v1::AGREEMENT_STATE_DRAFT));
  Store(InState("a2", v1::AGREEMENT_STATE_IN_REVIEW));
  Store(InState("a3", v1::AGREEMENT_STATE_TERMINATED));
  Store(InState("a4", v1::AGREEMENT_STATE_SUPERSEDED));
  EXPECT_EQ(Round(), 0);
  Store(InState("a5", v1::AGREEMENT_STATE_SUSPENDED));
  EXPECT_EQ(Round(), 1);
  EXPECT_EQ(Newest().agreement_change().from_state(), "suspended");
  EXPECT_EQ(Load("a5").state(), v1::AGREEMENT_STATE_EXPIRED);
  EXPECT_EQ(Load("a2").state(), v1::AGREEMENT_STATE_IN_REVIEW);
}

TEST_F(ExpiryTest, BothPartiesFindTheEntry) {
  Store(InState("a1", v1::AGREEMENT_STATE_AGREED));
  ASSERT_EQ(Round(), 1);
  for (const char* party : {kCharity, kBoard}) {
    const auto listed =
        coro::SyncWait(fixture_.ledger->ListByOrganisation(text::IdOf(party), std::nullopt, 1));
    ASSERT_EQ(listed->size(), 1u);
    EXPECT_EQ(listed->at(0).position.index(), size() - 1) << party;
  }
}

// What a round cannot write is left, and holds nothing else up.
TEST_F(ExpiryTest, OneThatIsDamagedHoldsUpNoOther) {
  Store(InState("a1", v1::AGREEMENT_STATE_AGREED));
  Store(InState("a2", v1::AGREEMENT_STATE_AGREED));
  waterline::storage::Batch batch;
  batch.Delete(waterline::storage::Key(kAgreements, "a1"));
  ASSERT_TRUE(coro::SyncWait(fixture_.store.Commit(waterline::storage::Partition(kLedgerPartition),
                                                   std::move(batch)))
                  .ok());
  const auto done = Try();
  EXPECT_EQ(done.expired, 1);
  ASSERT_EQ(done.left.size(), 1u);
  EXPECT_EQ(done.left[0].first, "agreements/a1");
  EXPECT_FALSE(done.left[0].second.ok());
  EXPECT_EQ(Load("a2").state(), v1::AGREEMENT_STATE_EXPIRED);
}

TEST_F(ExpiryTest, StopsBetweenTwo) {
  Store(InState("a1", v1::AGREEMENT_STATE_AGREED));
  EXPECT_EQ(Round(true), 0);
  EXPECT_EQ(Load("a1").state(), v1::AGREEMENT_STATE_AGREED);
}

v1::Question ByTheBoard() {
  v1::Question question;
  question.mutable_caller()->set_organisation(text::IdOf(kBoard));
  question.mutable_caller()->set_role("analyst");
  question.set_purpose("service_planning");
  question.set_operation(v1::OPERATION_SEARCH);
  question.set_controller(text::IdOf(kCharity));
  question.set_collection("contributions");
  question.add_categories(common::v1::CATEGORY_CONTRIBUTION_TEXT);
  question.set_asked(common::v1::RELEASE_LEVEL_PSEUDONYMISED);
  question.add_scopes("places/hove");
  question.add_records();
  return question;
}

// The entry changes nothing that anybody is shown of the agreement or of a refusal under it.
class ComputedAndStored : public ExpiryTest,
                          public ::testing::WithParamInterface<v1::AgreementState> {};

TEST_P(ComputedAndStored, AreOneToReaders) {
  Store(InState("a1", GetParam()));
  const auto explain = [&] {
    auto told = Explain(*fixture_.rulebook->current(), ByTheBoard(), kEnd, true);
    told.clear_policy_revision();
    return told.DebugString();
  };
  const auto show = [&] {
    auto agreement = AsOf(Load("a1"), kEnd);
    agreement.clear_position();
    agreement.clear_policy_revision();
    return agreement.DebugString();
  };
  const auto told = explain();
  const auto shown = show();
  EXPECT_NE(told.find("has ended"), std::string::npos) << told;
  EXPECT_NE(told.find("AGREEMENT_NOT_ACTIVE"), std::string::npos) << told;
  EXPECT_NE(shown.find("AGREEMENT_STATE_EXPIRED"), std::string::npos) << shown;
  ASSERT_EQ(Round(), 1);
  EXPECT_EQ(explain(), told);
  EXPECT_EQ(show(), shown);
}

INSTANTIATE_TEST_SUITE_P(States, ComputedAndStored,
                         ::testing::Values(v1::AGREEMENT_STATE_AGREED,
                                           v1::AGREEMENT_STATE_SUSPENDED));

// Nothing rests on it again, whatever a clock says.
TEST_F(ExpiryTest, WhatIsStoredAsExpiredIsNeverReliedOn) {
  Store(InState("a1", v1::AGREEMENT_STATE_AGREED));
  const int64_t in_force = MsOf("2027-06-01T00:00:00Z");
  EXPECT_NE(Evaluate(*fixture_.rulebook->current(), ByTheBoard(), in_force).result,
            v1::RESULT_DENY);
  ASSERT_EQ(Round(), 1);
  EXPECT_EQ(Evaluate(*fixture_.rulebook->current(), ByTheBoard(), in_force).reason,
            "AGREEMENT_NOT_ACTIVE");
}

}  // namespace
}  // namespace waterline::accountability
