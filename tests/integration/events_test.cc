// Programmes, events, contributions, reactions, responses and imports through a real server.

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "services/common/text/date.h"
#include "tests/integration/generated.h"
#include "tests/integration/workshop.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using events::v1::Event;
using events::v1::EventsService;
using Stub = EventsService::Stub;

constexpr char kEventsPath[] = "/waterline.events.v1.EventsService";
const std::string kParent = std::string("organisations/") + kHost;

class EventsTest : public ::testing::Test {
 protected:
  EventsTest() : stub_(network_.Stub<EventsService>()) {}

  Event Create(const Event& event, const std::string& request_id = "create") {
    events::v1::CreateEventRequest request;
    request.set_parent(kParent);
    *request.mutable_event() = event;
    request.set_request_id(request_id);
    events::v1::CreateEventResponse response;
    const auto status = Call(stub_.get(), &Stub::CreateEvent, request, &response);
    EXPECT_TRUE(status.ok()) << status << ' '
                             << (ViolationsOf(status).empty() ? "" : ViolationsOf(status)[0].field);
    return response.event();
  }

  template <class Request, class Response>
  absl::Status Move(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const std::string& name, Request request = {}) {
    request.set_name(name);
    request.set_request_id("move" + std::to_string(moves_++));
    Response response;
    const auto status = Call(stub_.get(), method, request, &response);
    last_ = response.event();
    return status;
  }

  Event OpenEvent() {
    const Event event = Create(Workshop(), "open" + std::to_string(moves_++));
    EXPECT_TRUE((Move<events::v1::PublishEventRequest, events::v1::PublishEventResponse>(
                     &Stub::PublishEvent, event.name()))
                    .ok());
    EXPECT_TRUE((Move<events::v1::OpenEventRequest, events::v1::OpenEventResponse>(&Stub::OpenEvent,
                                                                                   event.name()))
                    .ok());
    return last_;
  }

  events::v1::ReactionTally Tally(const std::string& event) {
    events::v1::TallyReactionsRequest request;
    request.set_parent(event);
    events::v1::TallyReactionsResponse response;
    EXPECT_TRUE(Call(stub_.get(), &Stub::TallyReactions, request, &response).ok());
    return response.total();
  }

  Network network_;
  std::unique_ptr<Stub> stub_;
  Event last_;
  int moves_ = 0;
};

TEST_F(EventsTest, LifeCycleFromDraftToReported) {
  const Event event = Create(Workshop());
  EXPECT_EQ(event.state(), Event::STATE_DRAFT);
  const auto early = Move<events::v1::OpenEventRequest, events::v1::OpenEventResponse>(
      &Stub::OpenEvent, event.name());
  EXPECT_EQ(ReasonOf(early), "STATE_FORBIDS");
  ASSERT_TRUE((Move<events::v1::PublishEventRequest, events::v1::PublishEventResponse>(
                   &Stub::PublishEvent, event.name()))
                  .ok());
  EXPECT_TRUE(last_.has_published_at());
  ASSERT_TRUE((Move<events::v1::OpenEventRequest, events::v1::OpenEventResponse>(&Stub::OpenEvent,
                                                                                 event.name()))
                  .ok());
  const auto no_date = Move<events::v1::HoldEventRequest, events::v1::HoldEventResponse>(
      &Stub::HoldEvent, event.name());
  EXPECT_EQ(ReasonOf(no_date), "INVALID_FIELDS");
  events::v1::HoldEventRequest hold;
  hold.set_feedback_due_on("2026-04-01");
  auto* tally = hold.add_tallies();
  tally->set_role("patient");
  tally->set_count(14);
  ASSERT_TRUE((Move<events::v1::HoldEventRequest, events::v1::HoldEventResponse>(
                   &Stub::HoldEvent, event.name(), hold))
                  .ok());
  EXPECT_EQ(last_.tallies(0).count(), 14u);
  events::v1::CancelEventRequest cancel;
  cancel.set_reason("rain");
  const auto late = Move<events::v1::CancelEventRequest, events::v1::CancelEventResponse>(
      &Stub::CancelEvent, event.name(), cancel);
  EXPECT_EQ(ReasonOf(late), "STATE_FORBIDS");
  ASSERT_TRUE((Move<events::v1::ReportEventRequest, events::v1::ReportEventResponse>(
                   &Stub::ReportEvent, event.name()))
                  .ok());
}

TEST_F(EventsTest, PublishingNeedsWhatPeopleMustKnowAndSaysAllOfIt) {
  Event event = Workshop();
  event.clear_purpose();
  event.clear_question();
  event.clear_what_is_open();
  event.clear_venue();
  event.clear_level_promised();
  const Event made = Create(event);
  const auto refused = Move<events::v1::PublishEventRequest, events::v1::PublishEventResponse>(
      &Stub::PublishEvent, made.name());
  EXPECT_EQ(ViolationsOf(refused).size(), 5u);
}

TEST_F(EventsTest, AStaleEtagAndUnknownPlacesAreRefused) {
  const Event event = Create(Workshop());
  events::v1::UpdateEventRequest update;
  update.mutable_event()->set_name(event.name());
  update.mutable_event()->set_title("Another title");
  update.mutable_event()->set_etag(event.etag());
  update.mutable_update_mask()->add_paths("title");
  update.set_request_id("u1");
  events::v1::UpdateEventResponse response;
  ASSERT_TRUE(Call(stub_.get(), &Stub::UpdateEvent, update, &response).ok());
  EXPECT_EQ(response.event().title(), "Another title");
  EXPECT_EQ(response.event().question(), event.question());
  update.set_request_id("u2");
  EXPECT_EQ(ReasonOf(Call(stub_.get(), &Stub::UpdateEvent, update, &response)), "ETAG_MISMATCH");
  update.mutable_event()->clear_etag();
  update.mutable_event()->add_places("places/nowhere");
  update.mutable_update_mask()->add_paths("places");
  update.set_request_id("u3");
  EXPECT_EQ(ReasonOf(Call(stub_.get(), &Stub::UpdateEvent, update, &response)), "INVALID_FIELDS");
  update.mutable_update_mask()->add_paths("state");
  update.set_request_id("u4");
  EXPECT_EQ(ReasonOf(Call(stub_.get(), &Stub::UpdateEvent, update, &response)), "INVALID_FIELDS");
}

TEST_F(EventsTest, ContributionsAreAppendOnlyBySourceId) {
  const Event event = OpenEvent();
  events::v1::RecordContributionsRequest request;
  request.set_parent(event.name());
  for (int i = 0; i < 3; ++i) {
    auto* contribution = request.add_contributions();
    contribution->set_text("Say it in one page, please. " + std::to_string(i));
    contribution->set_source_id("card-" + std::to_string(i));
    contribution->set_informant("seat-1");
  }
  request.set_request_id("c1");
  events::v1::RecordContributionsResponse first, second;
  ASSERT_TRUE(Call(stub_.get(), &Stub::RecordContributions, request, &first).ok());
  EXPECT_EQ(first.report().created(), 3u);
  EXPECT_EQ(first.contributions(0).text(), "Say it in one page, please. 0");
  EXPECT_EQ(first.contributions(0).informant(), first.contributions(2).informant());
  EXPECT_NE(first.contributions(0).informant(), "seat-1");
  request.set_request_id("c2");
  request.mutable_contributions(0)->set_text("Something else");
  ASSERT_TRUE(Call(stub_.get(), &Stub::RecordContributions, request, &second).ok());
  EXPECT_EQ(second.report().unchanged(), 3u);
  EXPECT_EQ(second.contributions(0).name(), first.contributions(0).name());
  EXPECT_EQ(second.contributions(0).contribution_code(),
            first.contributions(0).contribution_code());
  events::v1::GetContributionRequest get;
  get.set_name(first.contributions(0).name());
  events::v1::GetContributionResponse kept;
  ASSERT_TRUE(Call(stub_.get(), &Stub::GetContribution, get, &kept).ok());
  EXPECT_EQ(kept.contribution().text(), "Say it in one page, please. 0");
  request.set_request_id("c3");
  request.mutable_contributions(1)->set_text(std::string("a\0b", 3));
  EXPECT_EQ(ReasonOf(Call(stub_.get(), &Stub::RecordContributions, request, &second)),
            "INVALID_FIELDS");
}

TEST_F(EventsTest, ARequestSentManyTimesAtOnceTakesEffectOnce) {
  events::v1::CreateEventRequest request;
  request.set_parent(kParent);
  *request.mutable_event() = Workshop();
  request.set_request_id("sent-many-times");
  std::mutex mutex;
  std::set<std::string> names;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&] {
      events::v1::CreateEventResponse response;
      auto status = Call(stub_.get(), &Stub::CreateEvent, request, &response);
      while (ReasonOf(status) == "CONFLICT")
        status = Call(stub_.get(), &Stub::CreateEvent, request, &response);
      EXPECT_TRUE(status.ok()) << status;
      std::lock_guard lock(mutex);
      names.insert(response.event().name());
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(names.size(), 1u);
  events::v1::ListEventsRequest list;
  list.set_parent(kParent);
  events::v1::ListEventsResponse listed;
  ASSERT_TRUE(Call(stub_.get(), &Stub::ListEvents, list, &listed).ok());
  EXPECT_EQ(listed.events_size(), 1);
}

TEST_F(EventsTest, APersonNamedByManyCallsAtOnceIsOnePerson) {
  const Event event = OpenEvent();
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      events::v1::RecordResponsesRequest request;
      request.set_parent(event.name());
      request.set_request_id("together-" + std::to_string(caller));
      auto* one = request.add_responses();
      one->set_source_id("answer-" + std::to_string(caller));
      one->set_indicator("trust.skills.listening");
      one->set_respondent_group("SU");
      one->set_value(3);
      one->set_informant("seat-1");
      events::v1::RecordResponsesResponse response;
      auto status = Call(stub_.get(), &Stub::RecordResponses, request, &response);
      while (ReasonOf(status) == "CONFLICT")
        status = Call(stub_.get(), &Stub::RecordResponses, request, &response);
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  for (auto& caller : callers) caller.join();
  events::v1::ListResponsesRequest list;
  list.set_parent(event.name());
  events::v1::ListResponsesResponse listed;
  ASSERT_TRUE(Call(stub_.get(), &Stub::ListResponses, list, &listed).ok());
  ASSERT_EQ(listed.responses_size(), 8);
  std::set<std::string> people;
  for (const auto& one : listed.responses()) people.insert(one.informant());
  EXPECT_EQ(people.size(), 1u);
}

TEST_F(EventsTest, ResponsesOutsideTheirScaleAreRefusedAllAtOnce) {
  const Event event = OpenEvent();
  events::v1::RecordResponsesRequest request;
  request.set_parent(event.name());
  request.set_request_id("r1");
  const auto add = [&request](const char* indicator, const char* group, uint32_t value) {
    auto* response = request.add_responses();
    response->set_source_id("s" + std::to_string(request.responses_size()));
    response->set_indicator(indicator);
    response->set_respondent_group(group);
    response->set_value(value);
    return response;
  };
  add("trust.skills.listening", "SU", 5);
  add("trust.skills.listening", "CL", 4);
  add("trust.materials.data_notice", "SU", 2);
  add("trust.nothing", "SU", 1);
  add("trust.skills.listening", "SU", 4)->set_collected_on("2023-02-29");
  add("trust.skills.listening", "SU", 4)->set_missing("prefer_not_to_say");
  events::v1::RecordResponsesResponse response;
  const auto refused = Call(stub_.get(), &Stub::RecordResponses, request, &response);
  EXPECT_GE(ViolationsOf(refused).size(), 6u);
  request.clear_responses();
  add("trust.skills.listening", "SU", 4);
  auto* counts = add("trust.materials.data_notice", "SU", 0);
  counts->clear_value();
  counts->add_counts(3);
  counts->add_counts(9);
  ASSERT_TRUE(Call(stub_.get(), &Stub::RecordResponses, request, &response).ok());
  EXPECT_EQ(response.report().created(), 2u);
  request.set_request_id("r2");
  request.mutable_responses(0)->set_value(3);
  ASSERT_TRUE(Call(stub_.get(), &Stub::RecordResponses, request, &response).ok());
  EXPECT_EQ(response.report().created(), 1u);
  EXPECT_EQ(response.report().unchanged(), 1u);
  events::v1::ListResponsesRequest list;
  list.set_parent(event.name());
  events::v1::ListResponsesResponse listed;
  ASSERT_TRUE(Call(stub_.get(), &Stub::ListResponses, list, &listed).ok());
  EXPECT_EQ(listed.responses_size(), 2);
  list.set_show_superseded(true);
  ASSERT_TRUE(Call(stub_.get(), &Stub::ListResponses, list, &listed).ok());
  EXPECT_EQ(listed.responses_size(), 3);
}

Files SmallPolis() {
  return {{"summary.csv", "topic,How shall the clinic open?\nviews,9\n"},
          {"comments.csv",
           "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body\n"
           "1658933760180,x,1,7,0,0,1,\"Open on "
           "\"\"Sundays\"\"\nplease\"\n1658933760190,x,2,8,0,0,-1,No\n"},
          {"votes.csv",
           "timestamp,datetime,comment-id,voter-id,vote\n1658933760300,x,1,1,1\n1658933760200,x,1,"
           "1,-1\n"
           "1658933760250,x,1,2,0\n1658933760250,x,1,2,0\n1658933760260,x,2,2,-1\n1658933760260,x,"
           "9,2,-1\n1658933760260,x,2,2,7\n"}};
}

TEST_F(EventsTest, APolisImportMakesItsEventAndCountsEveryRowOnce) {
  const auto import = RunImport(network_.channel(kEventsPath), SmallPolis());
  ASSERT_TRUE(import.ok()) << import.status();
  const auto& reactions = import->report().reactions();
  EXPECT_EQ(reactions.rows_read(), 7u);
  EXPECT_EQ(reactions.created(), 3u);
  EXPECT_EQ(reactions.superseded(), 1u);
  EXPECT_EQ(reactions.repeated_rows(), 1u);
  EXPECT_EQ(reactions.rejected(), 2u);
  EXPECT_EQ(reactions.problems_size(), 2);
  const auto tally = Tally(import->event());
  EXPECT_EQ(tally.agree(), 1u);
  EXPECT_EQ(tally.disagree(), 1u);
  EXPECT_EQ(tally.pass(), 1u);
  events::v1::GetEventRequest get;
  get.set_name(import->event());
  events::v1::GetEventResponse event;
  ASSERT_TRUE(Call(stub_.get(), &Stub::GetEvent, get, &event).ok());
  EXPECT_EQ(event.event().title(), "How shall the clinic open?");
  EXPECT_EQ(event.event().state(), Event::STATE_HELD);
  EXPECT_EQ(text::FormatDate(text::DayOf(text::ToMs(event.event().starts_at()))), "2022-07-27");
  EXPECT_EQ(import->file_name(), "planted-folder-name");
}

TEST_F(EventsTest, TheSameFilesAgainChangeNothing) {
  const auto first = RunImport(network_.channel(kEventsPath), SmallPolis());
  ImportOptions small_pieces;
  small_pieces.piece = 7;
  const auto second = RunImport(network_.channel(kEventsPath), SmallPolis(), small_pieces);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->name(), second->name());
  EXPECT_EQ(second->report().reactions().created(), 0u);
  EXPECT_EQ(second->report().reactions().unchanged(), 4u);
  EXPECT_EQ(Tally(first->event()).agree(), 1u);
}

TEST_F(EventsTest, ARevertTakesTheRowsOutAndAnImportBringsThemBack) {
  const Event event = OpenEvent();
  ImportOptions into;
  into.event = event.name();
  const auto first = RunImport(network_.channel(kEventsPath), SmallPolis(), into);
  ASSERT_TRUE(first.ok()) << first.status();
  Files later = SmallPolis();
  later["votes.csv"] += "1658933760999,x,1,1,-1\n";
  const auto second = RunImport(network_.channel(kEventsPath), later, into);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(Tally(event.name()).agree(), 0u);
  events::v1::RevertImportRequest revert;
  revert.set_name(second->name());
  revert.set_request_id("v1");
  events::v1::RevertImportResponse reverted;
  ASSERT_TRUE(Call(stub_.get(), &Stub::RevertImport, revert, &reverted).ok());
  EXPECT_EQ(reverted.import().state(), events::v1::Import::STATE_REVERTED);
  EXPECT_EQ(Tally(event.name()).agree(), 1u) << "the superseded row returns";
  const auto again = RunImport(network_.channel(kEventsPath), later, into);
  ASSERT_TRUE(again.ok());
  EXPECT_NE(again->name(), second->name());
  EXPECT_EQ(Tally(event.name()).agree(), 0u);
}

TEST_F(EventsTest, BadFilesNameFileAndRowAndLeaveNothing) {
  Files files = SmallPolis();
  files["votes.csv"] = "timestamp,comment-id,vote\n1,1,1\n";
  const auto no_column = RunImport(network_.channel(kEventsPath), files);
  ASSERT_FALSE(no_column.ok());
  EXPECT_EQ(ViolationsOf(no_column.status())[0].field, "votes.csv: row 1");
  files = SmallPolis();
  files["comments.csv"] += "1658933760190,x,3,8,0,0,1,bad\xFF\n";
  EXPECT_FALSE(RunImport(network_.channel(kEventsPath), files).ok());
  events::v1::ListEventsRequest list;
  list.set_parent(kParent);
  events::v1::ListEventsResponse listed;
  ASSERT_TRUE(Call(stub_.get(), &Stub::ListEvents, list, &listed).ok());
  EXPECT_EQ(listed.events_size(), 0);
}

TEST_F(EventsTest, AResponseFileGoesInAndItsBadRowsAreNamed) {
  const Event event = OpenEvent();
  ImportOptions into;
  into.kind = events::v1::Import::KIND_RESPONSES;
  into.event = event.name();
  const Files files = {
      {"responses.csv",
       "source_id,indicator,respondent_group,value,missing,informant,collected_on,counts\n"
       ",trust.skills.listening,SU,3,,seat-1,,\n"
       "a,trust.skills.listening,SU,,,,2026-03-02,0;1;2;3;4\n"
       ",trust.skills.candour,SU,,,seat-1,,\n"
       ",trust.skills.listening,SU,9,,seat-2,,\n"
       ",trust.skills.listening,SU,1,,seat-3,2023-02-29,\n"
       ",trust.nowhere,SU,1,,seat-3,,\n"}};
  const auto import = RunImport(network_.channel(kEventsPath), files, into);
  ASSERT_TRUE(import.ok()) << import.status();
  const auto& rows = import->report().responses();
  EXPECT_EQ(rows.rows_read(), 5u);
  EXPECT_EQ(rows.created(), 2u);
  EXPECT_EQ(rows.rejected(), 3u);
  EXPECT_EQ(rows.problems(0).row(), 5u);
  EXPECT_EQ(rows.problems(1).column(), "collected_on");
}

// The three real sets, when they are at hand: the numbers of EXPECTED.json, twice and shuffled.
uint64_t Expected(const google::protobuf::Struct& expected, const std::string& field) {
  return static_cast<uint64_t>(expected.fields().at(field).number_value());
}

TEST_F(EventsTest, TheRealPolisSetsGiveTheirNumbers) {
  const std::filesystem::path data = "../shared/data";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << "the real data are not beside the project";
  for (const char* set :
       {"polis-london-youth-policing", "polis-affordable-housing-nz", "polis-vtaiwan-uberx"}) {
    SCOPED_TRACE(set);
    std::ifstream in(data / set / "EXPECTED.json");
    std::stringstream json;
    json << in.rdbuf();
    google::protobuf::Struct expected;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json.str(), &expected).ok());
    Files files = ReadFolder(data / set);
    std::string event;
    for (int run = 0; run < 3; ++run) {
      SCOPED_TRACE(run);
      ImportOptions options;
      if (run == 2) {
        files["votes.csv"] = ShuffledLines(files["votes.csv"], 5);
        options.event = event;
      }
      const auto import = RunImport(network_.channel(kEventsPath), files, options);
      ASSERT_TRUE(import.ok()) << import.status();
      event = import->event();
      const auto& report = import->report();
      EXPECT_EQ(report.reactions().rows_read(), Expected(expected, "vote_rows"));
      EXPECT_EQ(report.reactions().repeated_rows(), Expected(expected, "exact_duplicate_rows"));
      EXPECT_EQ(report.reactions().rejected(), 0u);
      EXPECT_EQ(report.contributions().rows_read(), Expected(expected, "statement_rows"));
      if (run == 0) {
        EXPECT_EQ(report.reactions().created(), Expected(expected, "unique_voter_statement_pairs"));
        EXPECT_EQ(report.reactions().superseded() + report.reactions().repeated_rows(),
                  Expected(expected, "superseded_vote_rows"));
        EXPECT_EQ(report.contributions().created(), Expected(expected, "statement_rows"));
      } else {
        EXPECT_EQ(report.reactions().created(), 0u);
        EXPECT_EQ(report.contributions().created(), 0u);
        EXPECT_EQ(report.informants().created(), 0u);
      }
      const auto tally = Tally(event);
      EXPECT_EQ(tally.agree(), Expected(expected, "last_wins_agree"));
      EXPECT_EQ(tally.disagree(), Expected(expected, "last_wins_disagree"));
      EXPECT_EQ(tally.pass(), Expected(expected, "last_wins_pass"));
      for (const auto& moderation : report.moderation()) {
        const auto& by_state = expected.fields().at("moderated").struct_value().fields();
        const std::string state =
            moderation.moderation() == events::v1::Contribution::MODERATION_ACCEPTED   ? "1"
            : moderation.moderation() == events::v1::Contribution::MODERATION_REJECTED ? "-1"
                                                                                       : "0";
        EXPECT_EQ(moderation.count(), static_cast<uint64_t>(by_state.at(state).number_value()))
            << state;
      }
    }
  }
}

}  // namespace
}  // namespace waterline::testing
