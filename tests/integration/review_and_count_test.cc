// The review of contributions by their controller, and counts that give no small number away.

#include "services/common/status/error.h"
#include "tests/integration/sharing_rig.h"

namespace waterline::testing {
namespace {

using events::EventsApi;

constexpr char kHarbour[] = "places/harbour";
constexpr char kOriginal[] = "My name is Xanthe, and one page would do.";
constexpr char kRedacted[] = "One page would do.";

class Review : public SharingRig {
 protected:
  Review() { decider_.scopes = {kHarbour}; }

  absl::StatusOr<events::v1::Contribution> DoReview(const std::string& name,
                                                    const std::string& state,
                                                    const std::string& text = "",
                                                    const std::string& etag = "") {
    events::v1::ReviewContributionRequest request;
    request.set_name(name);
    request.set_redaction_state(state);
    request.set_redacted_text(text);
    request.set_etag(etag);
    request.set_request_id(NewRequest());
    const auto answer = Ask(&EventsApi::ReviewContribution, request, lead_);
    if (!answer.ok()) return answer.status();
    return answer->contribution();
  }
  events::v1::Contribution Get(const std::string& name, const rpc::Call& call) {
    events::v1::GetContributionRequest request;
    request.set_name(name);
    const auto answer = Ask(&EventsApi::GetContribution, request, call);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->contribution() : events::v1::Contribution();
  }
};

TEST_F(Review, OthersReadTheRedactedTextAndTheControllerBoth) {
  const std::string event = OpenEvent({kHarbour});
  const std::string name =
      Say(event, kOriginal, [](auto* one) { one->set_media_reference("tape 7"); });
  const auto reviewed = DoReview(name, "redacted", kRedacted);
  ASSERT_TRUE(reviewed.ok()) << reviewed.status();
  EXPECT_EQ(reviewed->reviewer_role(), "engagement_lead");
  EXPECT_TRUE(reviewed->has_review_time());
  const auto own = Get(name, lead_);
  EXPECT_EQ(own.text(), kOriginal);
  EXPECT_EQ(own.redacted_text(), kRedacted);
  const auto others = Get(name, asker_);
  EXPECT_TRUE(Asked().records(0).text_reviewed());
  EXPECT_EQ(others.SerializeAsString().find("Xanthe"), std::string::npos);
  EXPECT_EQ(others.SerializeAsString().find("tape 7"), std::string::npos);
}

TEST_F(Review, NeitherTextLiesInTheStoreInTheClear) {
  const std::string event = OpenEvent({kHarbour});
  const std::string name = Say(event, kOriginal);
  ASSERT_TRUE(DoReview(name, "redacted", kRedacted).ok());
  const auto items = coro::SyncWait(store_.Scan(storage::Partition(kLead),
                                                storage::Range(std::string("contributions")), 10,
                                                storage::Direction::kForward));
  ASSERT_EQ(items->size(), 1u);
  for (const char* words : {"Xanthe", kRedacted})
    EXPECT_EQ((*items)[0].versioned.value.find(words), std::string::npos);
}

// Rule 18.
TEST_F(Review, TextThatTellsWhoSomebodyIsIsNeverCleanNorRedacted) {
  const std::string event = OpenEvent({kHarbour});
  const std::string name = Say(event, kOriginal);
  const auto clean = DoReview(name, "clean").status();
  EXPECT_EQ(clean.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(clean), "PERSONAL_DATA_FOUND");
  EXPECT_EQ(MetadataOf(clean, "found"), "name");
  EXPECT_EQ(std::string(clean.message()).find("Xanthe"), std::string::npos);
  EXPECT_EQ(ReasonOf(DoReview(name, "redacted", "Ring 01273 555123.").status()),
            "PERSONAL_DATA_FOUND");
  EXPECT_EQ(Get(name, lead_).redaction_state(), "unreviewed");
  EXPECT_TRUE(DoReview(name, "quarantined").ok());
  Get(name, asker_);
  EXPECT_FALSE(Asked().records(0).text_reviewed());
  const std::string plain = Say(event, "One page would do.");
  EXPECT_TRUE(DoReview(plain, "clean").ok());
}

// The sender may not mark it either; an NHS number is quarantined (rule 7).
TEST_F(Review, TextCannotBeRecordedAsCleanWhenItIsNot) {
  const std::string event = OpenEvent({kHarbour});
  events::v1::RecordContributionsRequest request;
  request.set_parent(event);
  request.set_request_id(NewRequest());
  auto* one = request.add_contributions();
  one->set_text(kOriginal);
  one->set_source_id("s");
  one->set_redaction_state("clean");
  EXPECT_EQ(ReasonOf(Ask(&EventsApi::RecordContributions, request, lead_).status()),
            "INVALID_FIELDS");
  const std::string number =
      Say(event, "I am 943 476 5919.", [](auto* said) { said->set_redaction_state("clean"); });
  EXPECT_EQ(Get(number, lead_).redaction_state(), "quarantined");
  EXPECT_EQ(ReasonOf(DoReview(number, "clean").status()), "PERSONAL_DATA_FOUND");
}

TEST_F(Review, BadStatesStaleEtagsAndOthersAreRefused) {
  const std::string event = OpenEvent({kHarbour});
  const std::string name = Say(event, "One page would do.");
  const std::string etag = Get(name, lead_).etag();
  EXPECT_EQ(ReasonOf(DoReview(name, "unreviewed").status()), "INVALID_FIELDS");
  EXPECT_EQ(ReasonOf(DoReview(name, "redacted").status()), "INVALID_FIELDS");
  EXPECT_EQ(ReasonOf(DoReview(name, "clean", "text").status()), "INVALID_FIELDS");
  EXPECT_EQ(ReasonOf(DoReview(name, "redacted", std::string(10'001, 'a')).status()),
            "INVALID_FIELDS");
  ASSERT_TRUE(DoReview(name, "clean", "", etag).ok());
  EXPECT_EQ(ReasonOf(DoReview(name, "quarantined", "", etag).status()), "ETAG_MISMATCH");
  events::v1::ReviewContributionRequest request;
  request.set_name(name);
  request.set_redaction_state("clean");
  request.set_request_id(NewRequest());
  EXPECT_FALSE(Ask(&EventsApi::ReviewContribution, request, asker_).ok());
}

// Writes are permitted whatever the flag and the standing say, so their answers tell nothing that
// they hide of reading.
TEST_F(Review, NeitherTheAnswerToAReviewNorToASecondRecordingTellsTheOriginal) {
  const std::string event = OpenEvent({kHarbour});
  decider_.hidden_subjects = {AnyName::SubjectOf(Participant("p1"))};
  const auto flag = [](auto* one) {
    one->set_sensitivity("safeguarding");
    one->set_share_scope("lead_only");
  };
  const auto object = [this](auto* one) { one->set_participant(Participant("p1")); };
  for (const auto& edit : {std::function<void(events::v1::Contribution*)>(flag),
                           std::function<void(events::v1::Contribution*)>(object)}) {
    events::v1::RecordContributionsRequest again;
    again.set_parent(event);
    again.set_request_id(NewRequest());
    const std::string name = Say(event, kOriginal, [&](auto* one) {
      one->set_media_reference("tape 7");
      edit(one);
      *again.add_contributions() = *one;
    });
    const auto reviewed = DoReview(name, "redacted", kRedacted);
    ASSERT_TRUE(reviewed.ok()) << reviewed.status();
    EXPECT_EQ(reviewed->redacted_text(), kRedacted);
    EXPECT_EQ(reviewed->redaction_state(), "redacted");
    EXPECT_FALSE(reviewed->etag().empty());
    again.mutable_contributions(0)->set_text("Something else.");
    const auto recorded = Ask(&EventsApi::RecordContributions, again, lead_);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    EXPECT_EQ(recorded->report().unchanged(), 1u);
    EXPECT_EQ(recorded->contributions(0).name(), name);
    EXPECT_FALSE(recorded->contributions(0).contribution_code().empty());
    EXPECT_TRUE(recorded->contributions(0).redaction_state().empty());
    for (const auto& answer : {reviewed->SerializeAsString(), recorded->SerializeAsString()}) {
      for (const char* words : {"Xanthe", "tape 7", "participants/"})
        EXPECT_EQ(answer.find(words), std::string::npos) << words;
    }
  }
}

TEST_F(Review, ARepeatedRequestReviewsOnce) {
  const std::string event = OpenEvent({kHarbour});
  events::v1::ReviewContributionRequest request;
  request.set_name(Say(event, "One page would do."));
  request.set_redaction_state("clean");
  request.set_request_id("again");
  const auto first = Ask(&EventsApi::ReviewContribution, request, lead_);
  const auto second = Ask(&EventsApi::ReviewContribution, request, lead_);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->contribution().etag(), second->contribution().etag());
  request.set_redaction_state("quarantined");
  EXPECT_EQ(ReasonOf(Ask(&EventsApi::ReviewContribution, request, lead_).status()),
            "REQUEST_ID_REUSED");
}

class Count : public SharingRig {
 protected:
  using Row = events::v1::CountRow;

  absl::StatusOr<events::v1::CountContributionsResponse> Contributions(
      const rpc::Call& call, const std::vector<events::v1::CountDimension>& by) {
    events::v1::CountContributionsRequest request;
    request.set_parent(std::string("organisations/") + kLead);
    for (auto dimension : by) request.add_group_by(dimension);
    return Ask(&EventsApi::CountContributions, request, call);
  }
  void SayMany(const std::string& event, int count) {
    for (int i = 0; i < count; ++i) Say(event, "Words " + std::to_string(i));
  }
  static std::string Text(const Row& row) {
    return row.period() + " " + row.place() + " " + row.method() + " " +
           (row.has_count() ? std::to_string(row.count()) : "hidden");
  }
  template <class Response>
  static std::vector<std::string> Texts(const absl::StatusOr<Response>& response) {
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> texts;
    if (!response.ok()) return texts;
    for (const auto& row : response->rows()) texts.push_back(Text(row));
    return texts;
  }
};

using Lines = std::vector<std::string>;

TEST_F(Count, TheControllerGetsExactNumbersThatAddUp) {
  OpenEvent({kHarbour}, "", "2025-12-31T23:30:00Z", "focus_group");
  OpenEvent({kHarbour}, "", "2026-01-01T00:30:00Z");
  OpenEvent({kHarbour, "places/hill"}, "", "2026-02-01T00:30:00Z");
  OpenEvent({}, "", "2026-02-05T10:00:00Z");
  events::v1::CountEventsRequest request;
  request.set_parent(std::string("organisations/") + kLead);
  EXPECT_EQ(Texts(Ask(&EventsApi::CountEvents, request, lead_)), (Lines{"2025   1", "2026   3"}));
  request.add_group_by(events::v1::COUNT_DIMENSION_PLACE);
  EXPECT_EQ(Texts(Ask(&EventsApi::CountEvents, request, lead_)),
            (Lines{"2025 places/harbour  1", "2026 none  1", "2026 places/harbour  1",
                   "2026 several  1"}));
  request.add_group_by(events::v1::COUNT_DIMENSION_MONTH);
  request.add_group_by(events::v1::COUNT_DIMENSION_METHOD);
  request.set_from_month("2026-01");
  request.set_to_month("2026-01");
  request.set_place(kHarbour);
  EXPECT_EQ(Texts(Ask(&EventsApi::CountEvents, request, lead_)),
            (Lines{"2026-01 places/harbour co_design_workshop 1"}));
}

TEST_F(Count, DraftsAndCancelledEventsAreNotCounted) {
  const std::string event = OpenEvent({kHarbour});
  events::v1::CountEventsRequest request;
  request.set_parent(std::string("organisations/") + kLead);
  EXPECT_EQ(Texts(Ask(&EventsApi::CountEvents, request, lead_)), Lines{"2026   1"});
  events::v1::CancelEventRequest cancel;
  cancel.set_name(event);
  cancel.set_reason("rain");
  cancel.set_request_id(NewRequest());
  ASSERT_TRUE(Ask(&EventsApi::CancelEvent, cancel, lead_).ok());
  EXPECT_EQ(Texts(Ask(&EventsApi::CountEvents, request, lead_)), Lines{});
}

TEST_F(Count, OthersGetNoSmallNumberNorWhatGivesItAway) {
  const std::string big = OpenEvent({kHarbour}, "", "2026-01-05T10:00:00Z");
  const std::string small = OpenEvent({kHarbour}, "", "2026-02-05T10:00:00Z");
  const std::string far = OpenEvent({"places/hill"}, "", "2026-02-05T10:00:00Z");
  SayMany(big, 21);
  SayMany(small, 3);
  SayMany(far, 40);
  decider_.scopes = {kHarbour};
  const auto answer = Contributions(asker_, {events::v1::COUNT_DIMENSION_MONTH});
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->rows_size(), 2);
  for (const auto& row : answer->rows()) {
    if (row.period() == "2026-02") {
      EXPECT_TRUE(row.suppressed());
      EXPECT_FALSE(row.has_count());
      EXPECT_FALSE(row.why().empty());
    } else if (row.has_count()) {
      EXPECT_EQ(row.count(), 20u);
    }
  }
  EXPECT_FALSE(answer->notice().empty());
  EXPECT_EQ(Contributions(lead_, {})->rows(0).count(), 64u);
  EXPECT_TRUE(Contributions(lead_, {})->notice().empty());
}

// The policy that shows exact numbers must hide a second one beside a small one.
TEST_F(Count, AnExactPolicyHidesASecondNumberBesideASmallOne) {
  const std::string january = OpenEvent({kHarbour}, "", "2026-01-05T10:00:00Z");
  const std::string february = OpenEvent({kHarbour}, "", "2026-02-05T10:00:00Z");
  SayMany(january, 21);
  SayMany(february, 3);
  decider_.scopes = {kHarbour};
  decider_.small_numbers = accountability::v1::SMALL_NUMBER_POLICY_SUPPRESS_LT5_SECONDARY;
  const auto by_month = Contributions(asker_, {events::v1::COUNT_DIMENSION_MONTH});
  const auto by_year = Contributions(asker_, {});
  ASSERT_TRUE(by_month.ok() && by_year.ok());
  int hidden = 0;
  for (const auto& row : by_month->rows()) hidden += row.suppressed();
  for (const auto& row : by_year->rows()) hidden += row.suppressed();
  EXPECT_GE(hidden, 2) << "one of three numbers that add up can be worked out";
  EXPECT_EQ(Texts(by_month), Texts(Contributions(asker_, {events::v1::COUNT_DIMENSION_MONTH})));
}

TEST_F(Count, PeopleWhoObjectedAreNotCounted) {
  const std::string event = OpenEvent({kHarbour});
  SayMany(event, 20);
  for (int i = 0; i < 4; ++i)
    Say(event, "Mine.", [this](auto* one) { one->set_participant(Participant("p1")); });
  EXPECT_EQ(Texts(Contributions(lead_, {})), Lines{"2026   24"});
  EXPECT_EQ(Asked().records_size(), 2) << "what is alike is asked once";
  EXPECT_EQ(Asked().informants(), 20u);
  decider_.hidden_subjects = {AnyName::SubjectOf(Participant("p1"))};
  EXPECT_EQ(Texts(Contributions(lead_, {})), Lines{"2026   20"});
}

TEST_F(Count, WhoOnlyTriesTheNetworkOutIsLeftOutForOthers) {
  SayMany(OpenEvent({kHarbour}), 20);
  decider_.scopes = {kHarbour};
  EXPECT_EQ(Contributions(asker_, {})->rows_size(), 1);
  directory_.test_organisations = {kLead};
  EXPECT_EQ(Contributions(asker_, {})->rows_size(), 0);
  events::v1::CountEventsRequest request;
  request.set_parent(std::string("organisations/") + kLead);
  EXPECT_EQ(Ask(&EventsApi::CountEvents, request, asker_)->rows_size(), 0);
  EXPECT_EQ(Texts(Contributions(lead_, {})), Lines{"2026   20"});
}

TEST_F(Count, MoreThanAThousandRecordsAreAskedInSeveralQuestions) {
  const std::string event = OpenEvent({kHarbour});
  for (int batch = 0; batch < 2; ++batch) {
    events::v1::RecordContributionsRequest request;
    request.set_parent(event);
    request.set_request_id(NewRequest());
    for (int i = 0; i < 600; ++i) {
      auto* one = request.add_contributions();
      one->set_text("Words.");
      one->set_source_id(std::to_string(batch) + "-" + std::to_string(i));
      one->set_participant(Participant("p" + std::to_string(batch * 600 + i)));
    }
    ASSERT_TRUE(Ask(&EventsApi::RecordContributions, request, lead_).ok());
  }
  const size_t before = decider_.questions.size();
  decider_.hidden_subjects = {AnyName::SubjectOf(Participant("p1150"))};
  EXPECT_EQ(Texts(Contributions(lead_, {})), Lines{"2026   1199"});
  EXPECT_EQ(decider_.questions.size() - before, 2u);
}

TEST_F(Count, WhatIsWrongIsSaidAtOnce) {
  events::v1::CountEventsRequest request;
  request.set_parent("organisations");
  request.add_group_by(events::v1::COUNT_DIMENSION_METHOD);
  request.add_group_by(events::v1::COUNT_DIMENSION_METHOD);
  request.set_from_month("2026-03");
  request.set_to_month("March");
  request.set_place("harbour");
  const auto violations = ViolationsOf(Ask(&EventsApi::CountEvents, request, lead_).status());
  std::set<std::string> fields;
  for (const auto& violation : violations) fields.insert(violation.field);
  EXPECT_EQ(fields,
            (std::set<std::string>{"parent", "group_by[1]", "from_month", "to_month", "place"}));
}

TEST_F(Count, ATallyForOthersIsATotalWithoutSmallNumbers) {
  const std::string event = OpenEvent({kHarbour});
  const std::string said = Say(event, "One page.");
  events::v1::RecordReactionsRequest record;
  record.set_parent(event);
  record.set_request_id(NewRequest());
  for (int i = 0; i < 23; ++i) {
    auto* reaction = record.add_reactions();
    reaction->set_contribution(said);
    reaction->set_informant("seat " + std::to_string(i));
    reaction->set_value(i < 21 ? events::v1::Reaction::VALUE_AGREE
                               : events::v1::Reaction::VALUE_DISAGREE);
    reaction->set_source_id(std::to_string(i));
    reaction->mutable_reacted_at()->set_seconds(1772446000 + i);
  }
  ASSERT_TRUE(Ask(&EventsApi::RecordReactions, record, lead_).ok());
  decider_.scopes = {kHarbour};
  events::v1::TallyReactionsRequest request;
  request.set_parent(event);
  const auto own = Ask(&EventsApi::TallyReactions, request, lead_);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(own->total().agree(), 21u);
  EXPECT_EQ(own->total().disagree(), 2u);
  EXPECT_EQ(own->tallies_size(), 1);
  const auto others = Ask(&EventsApi::TallyReactions, request, asker_);
  ASSERT_TRUE(others.ok()) << others.status();
  EXPECT_FALSE(others->has_total());
  EXPECT_TRUE(others->tallies().empty());
  EXPECT_FALSE(others->counts().has_disagree());
  EXPECT_TRUE(others->has_counts());
  if (others->counts().has_agree()) {
    EXPECT_EQ(others->counts().agree(), 20u);
  }
  // Who only tries the network out is left out for others.
  directory_.test_organisations = {kLead};
  const auto tried = Ask(&EventsApi::TallyReactions, request, asker_);
  ASSERT_TRUE(tried.ok()) << tried.status();
  EXPECT_TRUE(Asked().records(0).lead_only()) << "nothing of it is asked for";
  EXPECT_EQ(tried->counts().agree(), 0u);
  EXPECT_EQ(Ask(&EventsApi::TallyReactions, request, lead_)->total().agree(), 21u);
}

}  // namespace
}  // namespace waterline::testing
