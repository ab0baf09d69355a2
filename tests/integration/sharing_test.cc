// What agreements and the standing of persons do to real answers of a real server.

#include "tests/integration/sharing.h"

#include <atomic>
#include <mutex>
#include <thread>

namespace waterline::testing {
namespace {

using accountability::v1::Receipt;
using MaybeReceipt = std::optional<Receipt>;

const Who kAnalyst = {kHost, "bea", "analyst", "service_planning"};

class SharingTest : public Sharing {
 protected:
  absl::Status Suspend(const Agreement& agreement, const std::string& organisation,
                       accountability::v1::SuspendAgreementResponse* response) {
    accountability::v1::SuspendAgreementRequest request;
    request.set_name(agreement.name());
    request.set_reason("The charity asked its members.");
    request.set_request_id(NewId());
    return Call<AgreementService>(&AgreementService::Stub::SuspendAgreement, request, response,
                                  As(organisation));
  }

  // Terms that also let the recipient's safeguarding lead open what is flagged.
  AgreementTerms SafeguardingTermsFor(const std::string& recipient) {
    AgreementTerms terms = TermsFor(recipient, "ISA-0042");
    auto* purpose = terms.add_purposes();
    *purpose = terms.purposes(0);
    purpose->set_purpose("safeguarding");
    terms.mutable_categories(0)->mutable_items(0)->add_purposes("safeguarding");
    terms.mutable_parties(1)->set_safeguarding_role("safeguarding_lead");
    auto* role = terms.add_access_roles();
    *role = terms.access_roles(0);
    role->set_role("safeguarding_lead");
    return terms;
  }

  // All pages of what others opened of the asker's.
  std::vector<accountability::v1::SafeguardingAccess> OpenedFrom(const Who& who,
                                                                 int page_size = 0) {
    std::vector<accountability::v1::SafeguardingAccess> all;
    accountability::v1::ListSafeguardingAccessesRequest request;
    request.set_page_size(page_size);
    do {
      accountability::v1::ListSafeguardingAccessesResponse page;
      Ok(Call<AccountabilityService>(&AccountabilityService::Stub::ListSafeguardingAccesses,
                                     request, &page, who));
      all.insert(all.end(), page.accesses().begin(), page.accesses().end());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return all;
  }

  // Reading, listing and counting what the charity has about the place.
  AgreementTerms TermsOfEverything() {
    AgreementTerms terms = TermsFor(kHost, "ISA-0042");
    terms.add_operations(accountability::v1::OPERATION_COUNT);
    auto* events = terms.add_categories();
    *events = terms.categories(0);
    events->set_category(common::v1::CATEGORY_EVENT);
    return terms;
  }
  std::string OpenEventElsewhere() {
    return testing::OpenEvent(network_.Stub<EventsService>(kCharity).get(), Workshop(),
                              network_.WithProof(As(kCharity)));
  }
  // Everything the board is told of the charity's events as a whole, without positions.
  std::vector<std::string> AnswersAboutEvents() {
    std::vector<std::string> told;
    const auto ask = [&](auto method, auto request, auto response) {
      request.set_parent(std::string("organisations/") + kCharity);
      MaybeReceipt receipt;
      const auto status = Call<EventsService>(method, request, &response, kAnalyst, &receipt);
      EXPECT_TRUE(receipt);
      told.push_back(status.ToString() + response.DebugString());
      if (receipt)
        told.back() += std::to_string(receipt->result()) + std::to_string(receipt->given());
    };
    using Stub = EventsService::Stub;
    ask(&Stub::ListEvents, events::v1::ListEventsRequest(), events::v1::ListEventsResponse());
    ask(&Stub::ListProgrammes, events::v1::ListProgrammesRequest(),
        events::v1::ListProgrammesResponse());
    ask(&Stub::CountEvents, events::v1::CountEventsRequest(), events::v1::CountEventsResponse());
    ask(&Stub::CountContributions, events::v1::CountContributionsRequest(),
        events::v1::CountContributionsResponse());
    return told;
  }
};

TEST_F(SharingTest, AnAgreementLetsReviewedWordsCrossUnderPseudonyms) {
  const std::string event = OpenEvent();
  const std::string said = Say(event, "The clinic is too far from the bus.");
  MaybeReceipt refusal;
  EXPECT_EQ(ReasonOf(Read(event, kAnalyst, &refusal).status()), "NOT_CONTROLLER");
  ASSERT_TRUE(refusal);

  const Agreement agreement = PutInForce(TermsFor(kHost, "ISA-0042"));
  MaybeReceipt receipt;
  const auto read = Read(event, kAnalyst, &receipt);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->contributions_size(), 1);
  EXPECT_EQ(read->contributions(0).text(), "The clinic is too far from the bus.");
  EXPECT_NE(read->contributions(0).name(), said);
  EXPECT_FALSE(read->contributions(0).has_source_id());
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->result(), accountability::v1::RESULT_REDUCED);
  EXPECT_EQ(receipt->given(), common::v1::RELEASE_LEVEL_PSEUDONYMISED);

  const auto told = Explain(*receipt, As(kCharity));
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->relied_on(), agreement.name());
}

TEST_F(SharingTest, WordsThatNobodyReviewedDoNotCross) {
  const std::string event = OpenEvent();
  Say(event, "Reviewed.");
  events::v1::RecordContributionsRequest request;
  request.set_parent(event);
  request.add_contributions()->set_text("Not reviewed.");
  request.mutable_contributions(0)->set_source_id("raw");
  request.mutable_contributions(0)->set_share_scope("agreement");
  request.set_request_id(NewId());
  events::v1::RecordContributionsResponse recorded;
  Ok(Call<EventsService>(&EventsService::Stub::RecordContributions, request, &recorded,
                         As(kCharity)));
  PutInForce(TermsFor(kHost, "ISA-0042"));
  const auto read = Read(event, kAnalyst);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->contributions_size(), 2);
  int texts = 0;
  for (const auto& one : read->contributions()) texts += one.has_text() ? 1 : 0;
  EXPECT_EQ(texts, 1);
}

TEST_F(SharingTest, ARefusalExplainsItselfAndBecomesADraft) {
  const std::string event = OpenEvent();
  Say(event, "The clinic is too far from the bus.");
  PutInForce(TermsFor(kHost, "ISA-0042"));
  const Who wrong = {kHost, "bea", "analyst", "quality_improvement"};
  MaybeReceipt refusal;
  EXPECT_EQ(ReasonOf(Read(event, wrong, &refusal).status()), "PURPOSE_NOT_COVERED");
  ASSERT_TRUE(refusal);
  const auto told = Explain(*refusal, wrong);
  ASSERT_TRUE(told.ok()) << told.status();
  ASSERT_EQ(told->candidates_size(), 1);
  EXPECT_EQ(told->candidates(0).reference(), "ISA-0042");
  EXPECT_EQ(told->candidates(0).failed(), 1u);
  EXPECT_FALSE(told->complete());
  ASSERT_FALSE(told->what_would_help().empty());
  EXPECT_NE(told->what_would_help(0).find("quality_improvement"), std::string::npos);

  MaybeReceipt stranger;
  EXPECT_EQ(ReasonOf(Read(event, As(kCouncil, "analyst"), &stranger).status()), "NOT_CONTROLLER");
  EXPECT_EQ(ReasonOf(Explain(*refusal, As(kCouncil)).status()), "NOT_COVERED");
  accountability::v1::DraftFromRefusalRequest request;
  *request.mutable_position() = stranger->position();
  accountability::v1::DraftFromRefusalResponse draft;
  Ok(Call<AccountabilityService>(&AccountabilityService::Stub::DraftFromRefusal, request, &draft,
                                 As(kCouncil)));
  EXPECT_EQ(draft.terms().lead(), std::string("organisations/") + kCouncil);
  ASSERT_EQ(draft.terms().purposes_size(), 1);
  EXPECT_EQ(draft.terms().purposes(0).purpose(), "service_planning");
  ASSERT_EQ(draft.terms().scopes_size(), 1);
  EXPECT_EQ(draft.terms().scopes(0), event);

  accountability::v1::SimulateRequest simulate;
  *simulate.mutable_position() = stranger->position();
  *simulate.mutable_draft() = draft.terms();
  accountability::v1::SimulateResponse simulated;
  Ok(Call<AccountabilityService>(&AccountabilityService::Stub::Simulate, simulate, &simulated,
                                 As(kCouncil)));
  EXPECT_NE(simulated.explanation().result(), accountability::v1::RESULT_DENY)
      << simulated.explanation().DebugString();
}

TEST_F(SharingTest, NoReceiptReliesOnAnAgreementAboveTheEntryThatSuspendedIt) {
  const std::string event = OpenEvent();
  Say(event, "The clinic is too far from the bus.");
  const Agreement agreement = PutInForce(TermsFor(kHost, "ISA-0042"));
  ASSERT_TRUE(Read(event, kAnalyst).ok());
  std::mutex mutex;
  uint64_t highest = 0;
  int permitted = 0;
  std::atomic<bool> suspended{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 64; ++i) {
    readers.emplace_back([&] {
      // Each reads until its answer after the suspension is a refusal.
      while (true) {
        const bool after = suspended;
        MaybeReceipt receipt;
        const auto read = Read(event, kAnalyst, &receipt);
        if (!read.ok()) {
          EXPECT_EQ(ReasonOf(read.status()), "AGREEMENT_NOT_ACTIVE") << read.status();
          return;
        }
        EXPECT_FALSE(after) << "an answer to a call made after the suspension";
        std::lock_guard lock(mutex);
        ++permitted;
        highest = std::max(highest, receipt->position().index());
      }
    });
  }
  while (true) {
    std::lock_guard lock(mutex);
    if (permitted >= 200) break;
  }
  accountability::v1::SuspendAgreementResponse response;
  Ok(Suspend(agreement, kCharity, &response));
  suspended = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(response.agreement().state(), accountability::v1::AGREEMENT_STATE_SUSPENDED);
  EXPECT_GT(response.agreement().position().index(), highest);
}

TEST_F(SharingTest, OnlyWhoSuspendedItResumesIt) {
  const Agreement agreement = PutInForce(TermsFor(kHost, "ISA-0042"));
  accountability::v1::SuspendAgreementResponse suspended;
  Ok(Suspend(agreement, kCharity, &suspended));
  accountability::v1::ResumeAgreementRequest request;
  request.set_name(agreement.name());
  request.set_reason("They have agreed.");
  request.set_request_id(NewId());
  accountability::v1::ResumeAgreementResponse response;
  EXPECT_FALSE(Call<AgreementService>(&AgreementService::Stub::ResumeAgreement, request, &response,
                                      As(kHost))
                   .ok());
  request.set_request_id(NewId());
  Ok(Call<AgreementService>(&AgreementService::Stub::ResumeAgreement, request, &response,
                            As(kCharity)));
  EXPECT_EQ(response.agreement().state(), accountability::v1::AGREEMENT_STATE_ACTIVE);
}

TEST_F(SharingTest, OnlyItsPartiesSeeAnAgreement) {
  const Agreement agreement = PutInForce(TermsFor(kHost, "ISA-0042"));
  accountability::v1::GetAgreementRequest request;
  request.set_name(agreement.name());
  accountability::v1::GetAgreementResponse response;
  Ok(Call<AgreementService>(&AgreementService::Stub::GetAgreement, request, &response,
                            As(kCharity)));
  const auto refused = Call<AgreementService>(&AgreementService::Stub::GetAgreement, request,
                                              &response, As(kCouncil));
  request.set_name("agreements/a2222222222222222222222222");
  const auto absent = Call<AgreementService>(&AgreementService::Stub::GetAgreement, request,
                                             &response, As(kCouncil));
  EXPECT_EQ(ReasonOf(refused), "NOT_CONTROLLER");
  EXPECT_EQ(refused.message(), absent.message());
}

TEST_F(SharingTest, AWithdrawnPermissionHoldsForThatPersonAndTheyLearnWhoSawTheirWords) {
  const std::string event = OpenEvent();
  const std::string maud = Register();
  Say(event, "I could not get in with my wheelchair.", maud);
  Say(event, "The clinic is too far from the bus.");
  PutInForce(TermsFor(kHost, "ISA-0042"));
  SetSharing(maud, registry::v1::Permission::DECISION_GIVEN);
  const auto before = Read(event, kAnalyst);
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ(before->contributions_size(), 2);

  SetSharing(maud, registry::v1::Permission::DECISION_WITHDRAWN);
  MaybeReceipt receipt;
  const auto after = Read(event, kAnalyst, &receipt);
  ASSERT_TRUE(after.ok()) << after.status();
  ASSERT_EQ(after->contributions_size(), 1);
  EXPECT_EQ(after->contributions(0).text(), "The clinic is too far from the bus.");

  registry::v1::ListAccessHistoryRequest request;
  request.set_participant(maud);
  registry::v1::ListAccessHistoryResponse history;
  Ok(Call<RegistryService>(&RegistryService::Stub::ListAccessHistory, request, &history,
                           As(kCharity, "engagement_lead", "rights_request")));
  EXPECT_TRUE(history.complete());
  int by_the_board = 0;
  for (const auto& access : history.accesses()) {
    EXPECT_NE(access.position().index(), receipt->position().index());
    by_the_board += access.organisation() == std::string("organisations/") + kHost ? 1 : 0;
  }
  EXPECT_EQ(by_the_board, 1);
  const auto denied =
      Call<RegistryService>(&RegistryService::Stub::ListAccessHistory, request, &history, kAnalyst);
  EXPECT_FALSE(denied.ok());
}

TEST_F(SharingTest, TheSafeguardingRoleOpensWhatIsFlaggedAndTheControllerIsToldAtOnce) {
  const std::string event = OpenEvent();
  Say(event, "The clinic is too far from the bus.");
  events::v1::RecordContributionsRequest request;
  request.set_parent(event);
  const std::string flagged = "Somebody at home hits me.";
  auto* one = request.add_contributions();
  one->set_text(flagged);
  one->set_source_id(NewId());
  one->set_sensitivity("safeguarding");
  one->set_share_scope("lead_only");
  request.set_request_id(NewId());
  events::v1::RecordContributionsResponse recorded;
  Ok(Call<EventsService>(&EventsService::Stub::RecordContributions, request, &recorded,
                         As(kCharity)));
  const Agreement agreement = PutInForce(SafeguardingTermsFor(kHost));

  const auto is_shown = [&](const Who& who, MaybeReceipt* receipt) {
    const auto read = Read(event, who, receipt);
    return read.ok() && std::any_of(read->contributions().begin(), read->contributions().end(),
                                    [&](const auto& row) { return row.text() == flagged; });
  };
  Who lead = {kHost, "cas", "safeguarding_lead", "safeguarding"};
  MaybeReceipt receipt;
  EXPECT_FALSE(is_shown(kAnalyst, &receipt)) << "not for planning";
  EXPECT_FALSE(is_shown(lead, &receipt)) << "not without a reason";
  lead.justification = "A disclosure of harm must be followed up today.";
  Who analyst = lead;
  analyst.role = "analyst";
  EXPECT_FALSE(is_shown(analyst, &receipt)) << "not for another role";
  const auto before = OpenedFrom(As(kCharity));
  ASSERT_TRUE(is_shown(lead, &receipt));
  ASSERT_TRUE(receipt);

  const auto told = OpenedFrom(As(kCharity));
  ASSERT_EQ(told.size(), before.size() + 1);
  EXPECT_EQ(told[0].position().index(), receipt->position().index()) << "newest first";
  EXPECT_EQ(told[0].position().epoch(), receipt->position().epoch());
  EXPECT_EQ(told[0].organisation(), std::string("organisations/") + kHost);
  EXPECT_EQ(told[0].role(), "safeguarding_lead");
  EXPECT_EQ(told[0].justification(), lead.justification);
  EXPECT_EQ(told[0].agreement(), agreement.name());
  EXPECT_EQ(told[0].resource_name(), event + "/contributions");
  EXPECT_TRUE(told[0].has_at());
  EXPECT_TRUE(OpenedFrom(As(kCouncil)).empty()) << "no business of another's";
  EXPECT_TRUE(OpenedFrom(As(kHost)).empty()) << "nor a list of one's own requests";
}

TEST_F(SharingTest, WhatWasOpenedForSafeguardingComesInPages) {
  const std::string event = OpenEvent();
  Say(event, "The clinic is too far from the bus.");
  PutInForce(SafeguardingTermsFor(kHost));
  Who lead = {kHost, "cas", "safeguarding_lead", "safeguarding"};
  lead.justification = "A disclosure of harm must be followed up today.";
  std::vector<uint64_t> opened;
  for (int i = 0; i < 3; ++i) {
    MaybeReceipt receipt;
    ASSERT_TRUE(Read(event, lead, &receipt).ok());
    opened.insert(opened.begin(), receipt->position().index());
  }
  std::vector<uint64_t> listed;
  for (const auto& access : OpenedFrom(As(kCharity), 2))
    listed.push_back(access.position().index());
  EXPECT_EQ(listed, opened);
}

TEST_F(SharingTest, PseudonymsOfTwoRecipientsCannotBeJoined) {
  const std::string event = OpenEvent();
  Say(event, "The clinic is too far from the bus.");
  PutInForce(TermsFor(kHost, "ISA-0042"));
  AgreementTerms council = TermsFor(kCouncil, "ISA-0043");
  PutInForce(council);
  const auto board_read = Read(event, kAnalyst);
  const auto again = Read(event, kAnalyst);
  const auto council_read = Read(event, As(kCouncil, "analyst"));
  ASSERT_TRUE(board_read.ok() && again.ok() && council_read.ok()) << council_read.status();
  EXPECT_EQ(board_read->contributions(0).name(), again->contributions(0).name());
  EXPECT_NE(board_read->contributions(0).name(), council_read->contributions(0).name());
}

TEST_F(SharingTest, WhoCanSeeAndWhatCanSeeTellTheSameAgreement) {
  const Agreement agreement = PutInForce(TermsFor(kHost, "ISA-0042"));
  accountability::v1::WhoCanSeeResponse who;
  Ok(Call<AccountabilityService>(&AccountabilityService::Stub::WhoCanSee,
                                 accountability::v1::WhoCanSeeRequest(), &who, As(kCharity)));
  ASSERT_EQ(who.visibilities_size(), 1);
  EXPECT_EQ(who.visibilities(0).organisation(), std::string("organisations/") + kHost);
  EXPECT_EQ(who.visibilities(0).agreement(), agreement.name());
  EXPECT_TRUE(who.complete());
  accountability::v1::WhatCanSeeResponse what;
  Ok(Call<AccountabilityService>(&AccountabilityService::Stub::WhatCanSee,
                                 accountability::v1::WhatCanSeeRequest(), &what, As(kHost)));
  ASSERT_EQ(what.visibilities_size(), 1);
  EXPECT_EQ(what.visibilities(0).controller(), std::string("organisations/") + kCharity);
  accountability::v1::WhoCanSeeResponse none;
  Ok(Call<AccountabilityService>(&AccountabilityService::Stub::WhoCanSee,
                                 accountability::v1::WhoCanSeeRequest(), &none, As(kCouncil)));
  EXPECT_TRUE(none.visibilities().empty());
}

TEST_F(SharingTest, ASignatureByAnotherKeyOrForASecondPartyIsRefused) {
  const Agreement agreement = SubmitAndAssess(Draft(TermsFor(kHost, "ISA-0042")));
  EXPECT_EQ(ReasonOf(Sign(agreement, kHost, "siro", nullptr, kCouncil)), "INVALID_FIELDS");
  EXPECT_EQ(ReasonOf(Sign(agreement, kHost, "engagement_lead")), "SIGNATORY_NOT_AUTHORISED");
  Ok(Sign(agreement, kHost, "siro"));
  EXPECT_EQ(ReasonOf(Sign(agreement, kHost, "siro")), "STATE_FORBIDS");
}

// Whatever exists, a draft held against a refusal tells only what the request had said already.
TEST_F(SharingTest, ADraftAgainstARefusalDoesNotTellWhetherTheRecordExists) {
  const std::string event = OpenEvent();
  Say(event, "The clinic is too far from the bus.");
  const std::string absent =
      std::string("organisations/") + kCharity + "/events/e0000000000000000000000000";
  std::vector<std::string> told;
  for (const auto& name : {event, absent}) {
    MaybeReceipt refusal;
    EXPECT_FALSE(Read(name, As(kCouncil, "analyst"), &refusal).ok());
    accountability::v1::SimulateRequest request;
    *request.mutable_position() = refusal->position();
    *request.mutable_draft() = TermsFor(kCouncil, "ISA-0043");
    accountability::v1::SimulateResponse response;
    Ok(Call<AccountabilityService>(&AccountabilityService::Stub::Simulate, request, &response,
                                   As(kCouncil)));
    told.push_back(response.explanation().DebugString());
    accountability::v1::DraftFromRefusalRequest draft;
    *draft.mutable_position() = refusal->position();
    accountability::v1::DraftFromRefusalResponse drafted;
    Ok(Call<AccountabilityService>(&AccountabilityService::Stub::DraftFromRefusal, draft, &drafted,
                                   As(kCouncil)));
    EXPECT_EQ(drafted.terms().scopes(0), name);
  }
  EXPECT_EQ(told[0], told[1]);
}

// What is hidden of the controller's events, or not there at all: alike.
TEST_F(SharingTest, AListOfAllEventsDoesNotTellWhetherAHiddenOneExists) {
  PutInForce(TermsOfEverything());
  const std::vector<std::string> without = AnswersAboutEvents();
  auto draft = Workshop();
  draft.add_places(place_);
  events::v1::CreateEventRequest create;
  create.set_parent(std::string("organisations/") + kCharity);
  *create.mutable_event() = draft;
  create.set_request_id(NewId());
  events::v1::CreateEventResponse created;
  Ok(Call<EventsService>(&EventsService::Stub::CreateEvent, create, &created, As(kCharity)));
  EXPECT_EQ(AnswersAboutEvents(), without) << "with a draft in the agreed place";
  const std::string maud = Register();
  Say(OpenEventElsewhere(), "The clinic is too far from the bus.", maud);
  EXPECT_EQ(AnswersAboutEvents(), without) << "with an event out of reach";
}

TEST_F(SharingTest, Rule37ANewVersionEndsTheOneItSupersedesAndNobodyElses) {
  const Agreement first = PutInForce(TermsFor(kHost, "ISA-0042"));
  AgreementTerms next = TermsFor(kHost, "ISA-0042");
  next.set_version(2);
  next.set_supersedes(first.name());
  const Agreement second = PutInForce(next);
  accountability::v1::GetAgreementRequest request;
  request.set_name(first.name());
  accountability::v1::GetAgreementResponse response;
  Ok(Call<AgreementService>(&AgreementService::Stub::GetAgreement, request, &response,
                            As(kCharity)));
  EXPECT_EQ(response.agreement().state(), accountability::v1::AGREEMENT_STATE_SUPERSEDED);
  EXPECT_GT(response.agreement().policy_revision(), second.policy_revision());

  // A stranger names it, or nothing: alike.
  std::vector<std::string> refusals;
  for (const std::string& name : {second.name(), std::string("agreements/a2222222222222222222")}) {
    AgreementTerms strangers = TermsFor(kCouncil, "ISA-0099");
    strangers.set_version(2);
    strangers.set_supersedes(name);
    accountability::v1::SubmitAgreementRequest submit;
    strangers.set_reference("ISA-01" + std::to_string(refusals.size()));
    submit.set_name(Draft(strangers).name());
    submit.set_request_id(NewId());
    accountability::v1::SubmitAgreementResponse submitted;
    const auto status = Call<AgreementService>(&AgreementService::Stub::SubmitAgreement, submit,
                                               &submitted, As(kCouncil));
    ASSERT_EQ(ViolationsOf(status).size(), 1u) << status;
    EXPECT_EQ(ViolationsOf(status)[0].field, "terms.supersedes");
    refusals.push_back(ViolationsOf(status)[0].description);
  }
  EXPECT_EQ(refusals[0], refusals[1]);
}

TEST_F(SharingTest, RulesAndStandingSurviveARestart) {
  const std::string event = OpenEvent();
  const std::string maud = Register();
  Say(event, "I could not get in with my wheelchair.", maud);
  Say(event, "The clinic is too far from the bus.");
  PutInForce(TermsFor(kHost, "ISA-0042"));
  SetSharing(maud, registry::v1::Permission::DECISION_REFUSED);
  network_.Stop();
  network_.Start();
  const auto read = Read(event, kAnalyst);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->contributions_size(), 1);
}

}  // namespace
}  // namespace waterline::testing
