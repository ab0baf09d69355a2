// What events tells the gate of records that another organisation asks for, and that nothing in an
// answer tells what is hidden from what is not there.

#include "services/common/status/error.h"
#include "tests/integration/sharing_rig.h"

namespace waterline::testing {
namespace {

using events::EventsApi;

constexpr char kHarbour[] = "places/harbour";

class RecordFacts : public SharingRig {
 protected:
  // The rows of a list as they leave.
  template <class Rows>
  static std::vector<std::string> Leaving(const Rows& rows) {
    std::vector<std::string> names;
    for (const auto& row : rows) names.push_back(row.name());
    return names;
  }

  // All pages of an event's contributions as the asker sees them, each page as it comes.
  std::vector<std::vector<std::string>> Pages(const std::string& event, int page_size) {
    std::vector<std::vector<std::string>> pages;
    events::v1::ListContributionsRequest request;
    request.set_parent(event);
    request.set_page_size(page_size);
    do {
      const auto page = Ask(&EventsApi::ListContributions, request, asker_);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) return pages;
      pages.push_back(Leaving(page->contributions()));
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return pages;
  }
};

TEST_F(RecordFacts, AnEventIsAskedWithItsNameProgrammeAndPlaces) {
  events::v1::CreateProgrammeRequest create;
  create.set_parent(std::string("organisations/") + kLead);
  create.mutable_programme()->set_title("Letters");
  create.set_request_id(NewRequest());
  const auto programme = Ask(&EventsApi::CreateProgramme, create, lead_);
  ASSERT_TRUE(programme.ok()) << programme.status();
  const std::string event = OpenEvent({kHarbour, "places/hill"}, programme->programme().name());
  events::v1::GetEventRequest get;
  get.set_name(event);
  decider_.scopes = {kHarbour};
  const auto seen = Ask(&EventsApi::GetEvent, get, asker_);
  ASSERT_TRUE(seen.ok()) << seen.status();
  const std::set<std::string> scopes(Asked().scopes().begin(), Asked().scopes().end());
  EXPECT_EQ(scopes,
            (std::set<std::string>{event, programme->programme().name(), kHarbour, "places/hill"}));
  ASSERT_EQ(Asked().records_size(), 1);
  events::v1::GetProgrammeRequest get_programme;
  get_programme.set_name(programme->programme().name());
  EXPECT_FALSE(Ask(&EventsApi::GetProgramme, get_programme, asker_).ok());
  decider_.scopes = {programme->programme().name()};
  EXPECT_TRUE(Ask(&EventsApi::GetProgramme, get_programme, asker_).ok());
  EXPECT_TRUE(Ask(&EventsApi::GetEvent, get, asker_).ok());
}

// Also when the agreement reaches everything of the controller.
TEST_F(RecordFacts, WhatIsAbsentAndWhatIsHiddenAreTheSameRefusal) {
  const std::string event = OpenEvent({kHarbour});
  const std::string said =
      Say(event, "One page.", [this](auto* one) { one->set_participant(Participant("p1")); });
  decider_.hidden_subjects = {AnyName::SubjectOf(Participant("p1"))};
  for (const std::string& scope : {std::string(kHarbour), std::string("organisations/") + kLead}) {
    decider_.scopes = {scope};
    events::v1::GetContributionRequest get;
    get.set_name(said);
    const auto hidden = Ask(&EventsApi::GetContribution, get, asker_).status();
    get.set_name(event + "/contributions/c00000000000000000000000000");
    const auto absent = Ask(&EventsApi::GetContribution, get, asker_).status();
    EXPECT_FALSE(hidden.ok());
    EXPECT_EQ(hidden, absent) << scope;
    EXPECT_TRUE(Asked().scopes().empty()) << "an absent thing has no scopes";
    events::v1::GetEventRequest get_event;
    get_event.set_name(std::string("organisations/") + kLead +
                       "/events/e0000000000000000000000000");
    EXPECT_FALSE(Ask(&EventsApi::GetEvent, get_event, asker_).ok());
    EXPECT_TRUE(Asked().scopes().empty());
    EXPECT_EQ(ReasonOf(Ask(&EventsApi::GetEvent, get_event, lead_).status()), "NOT_FOUND");
  }
}

TEST_F(RecordFacts, AContributionIsAskedWithSubjectReviewFlagAndShare) {
  const std::string event = OpenEvent({kHarbour});
  for (int i = 0; i < 2; ++i)
    Say(event, "By one person.", [this](auto* one) { one->set_participant(Participant("p1")); });
  Say(event, "By a seat.", [](auto* one) { one->set_informant("seat 1"); });
  Say(event, "By the same seat.", [](auto* one) { one->set_informant("seat 1"); });
  Say(event, "Kept.", [](auto* one) { one->set_share_scope("lead_only"); });
  Say(event, "Flagged.", [](auto* one) {
    one->set_sensitivity("safeguarding");
    one->set_share_scope("lead_only");
  });
  decider_.scopes = {kHarbour};
  events::v1::ListContributionsRequest list;
  list.set_parent(event);
  const auto page = Ask(&EventsApi::ListContributions, list, asker_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(Asked().subject_ids_size(), 1);
  EXPECT_EQ(Asked().informants(), 3u) << "one seat, and two of whom nothing is known";
  ASSERT_EQ(Asked().records_size(), 6);
  int subjects = 0, kept = 0, flagged = 0;
  for (const auto& record : Asked().records()) {
    subjects += record.subject() == 1;
    kept += record.lead_only();
    flagged += record.safeguarding();
    EXPECT_FALSE(record.text_reviewed());
  }
  EXPECT_EQ(subjects, 2);
  EXPECT_EQ(kept, 1);
  EXPECT_EQ(flagged, 1) << "what is flagged is decided by its flag alone";
}

TEST_F(RecordFacts, EventPartnersAreThoseWithAFunctionInTheProgramme) {
  events::v1::CreateProgrammeRequest create;
  create.set_parent(std::string("organisations/") + kLead);
  create.mutable_programme()->set_title("Letters");
  auto* function = create.mutable_programme()->add_functions();
  function->set_function("commissions");
  function->set_organisation(std::string("organisations/") + kAsker);
  function->set_accountable_body(function->organisation());
  create.set_request_id(NewRequest());
  const auto programme = Ask(&EventsApi::CreateProgramme, create, lead_);
  ASSERT_TRUE(programme.ok()) << programme.status();
  const std::string name = programme->programme().name();
  const std::string with = OpenEvent({}, name), without = OpenEvent({});
  decider_.scopes = {std::string("organisations/") + kLead};
  for (const auto& [event, shown] : {std::pair{with, 1u}, std::pair{without, 0u}}) {
    Say(event, "To partners.", [](auto* one) { one->set_share_scope("event_partners"); });
    EXPECT_EQ(Pages(event, 50)[0].size(), shown);
  }
}

TEST_F(RecordFacts, PagesAreTheSameWithAndWithoutHiddenRows) {
  const std::string event = OpenEvent({kHarbour});
  decider_.scopes = {kHarbour};
  for (int i = 0; i < 7; ++i) Say(event, "Shown " + std::to_string(i));
  for (int size : {1, 2, 3, 5, 7, 50}) {
    const auto before = Pages(event, size);
    for (int i = 0; i < 3; ++i)
      Say(event, "Hidden.", [](auto* one) { one->set_share_scope("lead_only"); });
    EXPECT_EQ(Pages(event, size), before) << size << " to a page";
  }
}

// What cannot be opened stops nobody who may not see it.
TEST_F(RecordFacts, RowsThatMayNotLeaveAreNotOpened) {
  const std::string event = OpenEvent({kHarbour});
  decider_.scopes = {kHarbour};
  Say(event, "Kept.", [](auto* one) { one->set_share_scope("lead_only"); });
  DamageSealed<events::storage::v1::ContributionRecord>(&store_, events::kContributions);
  const std::string shown = Say(event, "Shown.");
  EXPECT_EQ(Pages(event, 50), std::vector<std::vector<std::string>>{{shown}});
  events::v1::ListContributionsRequest list;
  list.set_parent(event);
  EXPECT_FALSE(Ask(&EventsApi::ListContributions, list, lead_).ok());
}

TEST_F(RecordFacts, AListOfWhatIsAbsentHiddenOrEmptyIsTheSame) {
  const std::string out_of_reach = OpenEvent({"places/hill"});
  Say(out_of_reach, "Far away.");
  const std::string empty = OpenEvent({kHarbour});
  const std::string absent =
      std::string("organisations/") + kLead + "/events/e0000000000000000000000000";
  decider_.scopes = {kHarbour};
  for (const auto& event : {out_of_reach, empty, absent}) {
    events::v1::ListContributionsRequest contributions;
    contributions.set_parent(event);
    contributions.set_page_size(1);
    const auto said = Ask(&EventsApi::ListContributions, contributions, asker_);
    ASSERT_TRUE(said.ok()) << said.status();
    EXPECT_TRUE(Leaving(said->contributions()).empty());
    EXPECT_TRUE(said->next_page_token().empty());
    events::v1::ListResponsesRequest responses;
    responses.set_parent(event);
    EXPECT_TRUE(Ask(&EventsApi::ListResponses, responses, asker_).ok());
    events::v1::ListReactionsRequest reactions;
    reactions.set_parent(event);
    EXPECT_TRUE(Ask(&EventsApi::ListReactions, reactions, asker_).ok());
  }
}

TEST_F(RecordFacts, AListOfEventsShowsThoseInReachAndNoDrafts) {
  const std::string near = OpenEvent({kHarbour});
  OpenEvent({"places/hill"});
  events::v1::CreateEventRequest draft;
  draft.set_parent(std::string("organisations/") + kLead);
  *draft.mutable_event() = Workshop();
  draft.mutable_event()->add_places(kHarbour);
  draft.set_request_id(NewRequest());
  ASSERT_TRUE(Ask(&EventsApi::CreateEvent, draft, lead_).ok());
  decider_.scopes = {kHarbour};
  events::v1::ListEventsRequest list;
  list.set_parent(std::string("organisations/") + kLead);
  const auto page = Ask(&EventsApi::ListEvents, list, asker_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(Leaving(page->events()), std::vector<std::string>{near});
  EXPECT_TRUE(page->next_page_token().empty());
}

TEST_F(RecordFacts, AReactionGoesAsFarAsTheContributionItAnswers) {
  const std::string event = OpenEvent({kHarbour});
  const std::string shown = Say(event, "Shown.");
  const std::string kept =
      Say(event, "Kept.", [](auto* one) { one->set_share_scope("lead_only"); });
  events::v1::RecordReactionsRequest record;
  record.set_parent(event);
  record.set_request_id(NewRequest());
  for (int i = 0; i < 4; ++i) {
    auto* reaction = record.add_reactions();
    reaction->set_contribution(i < 2 ? shown : kept);
    reaction->set_informant("seat " + std::to_string(i % 2));
    reaction->set_value(events::v1::Reaction::VALUE_AGREE);
    reaction->set_source_id(std::to_string(i));
    reaction->mutable_reacted_at()->set_seconds(1772446000 + i);
  }
  ASSERT_TRUE(Ask(&EventsApi::RecordReactions, record, lead_).ok());
  decider_.scopes = {kHarbour};
  events::v1::ListReactionsRequest list;
  list.set_parent(event);
  const auto page = Ask(&EventsApi::ListReactions, list, asker_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(Asked().informants(), 2u);
  ASSERT_EQ(page->reactions_size(), 2);
  for (const auto& reaction : page->reactions()) EXPECT_EQ(reaction.contribution(), shown);
}

TEST_F(RecordFacts, AnswersCarryTheScopesOfTheirEventAndCountTheirPeople) {
  const std::string event = OpenEvent({kHarbour});
  events::v1::RecordResponsesRequest record;
  record.set_parent(event);
  record.set_request_id(NewRequest());
  for (int i = 0; i < 3; ++i) {
    auto* one = record.add_responses();
    one->set_source_id(std::to_string(i));
    one->set_indicator("trust.skills.listening");
    one->set_respondent_group("SU");
    if (i == 0) {
      for (int k = 0; k < 5; ++k) one->add_counts(4);
    } else {
      one->set_value(3);
      one->set_informant("seat 1");
    }
  }
  ASSERT_TRUE(Ask(&EventsApi::RecordResponses, record, lead_).ok());
  decider_.scopes = {kHarbour};
  events::v1::ListResponsesRequest list;
  list.set_parent(event);
  list.set_page_size(2);
  const auto page = Ask(&EventsApi::ListResponses, list, asker_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(Asked().records_size(), 2);
  EXPECT_FALSE(page->next_page_token().empty());
  list.set_page_size(0);
  ASSERT_TRUE(Ask(&EventsApi::ListResponses, list, asker_).ok());
  EXPECT_EQ(Asked().informants(), 21u) << "20 anonymous answers and one seat";
  EXPECT_EQ(std::count(Asked().scopes().begin(), Asked().scopes().end(), kHarbour), 1);
  decider_.scopes = {"places/hill"};
  list.set_page_size(2);
  const auto hidden = Ask(&EventsApi::ListResponses, list, asker_);
  ASSERT_TRUE(hidden.ok()) << hidden.status();
  EXPECT_TRUE(hidden->next_page_token().empty()) << "a token would tell that there is more";
}

TEST_F(RecordFacts, ImportsAreTheControllersOwn) {
  decider_.scopes = {std::string("organisations/") + kLead};
  events::v1::GetImportRequest get;
  get.set_name(std::string("organisations/") + kLead + "/imports/i0000000000000000000000000");
  EXPECT_FALSE(Ask(&EventsApi::GetImport, get, asker_).ok());
  EXPECT_TRUE(Asked().records(0).lead_only());
  EXPECT_EQ(ReasonOf(Ask(&EventsApi::GetImport, get, lead_).status()), "NOT_FOUND");
  events::v1::ListImportsRequest list;
  list.set_parent(std::string("organisations/") + kLead);
  const auto page = Ask(&EventsApi::ListImports, list, asker_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->imports_size(), 0);
}

}  // namespace
}  // namespace waterline::testing
