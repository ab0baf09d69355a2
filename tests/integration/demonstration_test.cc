// The demonstration network through a real server: its stories, and that a second load changes
// nothing.

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "clients/demonstration/generator.h"
#include "clients/demonstration/loader.h"
#include "fmt/format.h"
#include "services/common/clock/clock.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "tests/integration/fixture.h"
#include "waterline/events/v1/events_service.grpc.pb.h"
#include "waterline/inference/v1/inference_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using demonstration::LoadOptions;
using demonstration::LoadReport;
using inference::v1::Estimate;
using inference::v1::InferenceService;
using inference::v1::PracticeMap;

const Who kLead = {demonstration::kHost, "dora", "engagement_lead", "practice_learning"};

deployment::InitOptions DemonstrationOptions() {
  deployment::InitOptions options;
  options.host = demonstration::kHost;
  options.demonstration = true;
  return options;
}

LoadOptions Today() {
  LoadOptions options;
  options.today = text::DayOf(SystemClock().NowMs());
  return options;
}

PracticeMap MapNow(Network* network, const std::string& scope) {
  auto stub = network->Stub<InferenceService>();
  inference::v1::GetPracticeMapRequest request;
  request.set_scope(scope);
  inference::v1::GetPracticeMapResponse response;
  const auto status =
      Call(stub.get(), &InferenceService::Stub::GetPracticeMap, request, &response, kLead);
  EXPECT_TRUE(status.ok()) << scope << ": " << status;
  return response.map();
}

// Asks until all evidence is absorbed; the wait between two questions only spares the processor.
PracticeMap MapOf(Network* network, const std::string& scope) {
  for (int tries = 0; tries < 3'000; ++tries) {
    auto map = MapNow(network, scope);
    if (!map.catching_up()) return map;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ADD_FAILURE() << "the map of " << scope << " is catching up after 3,000 questions";
  return {};
}

const Estimate& Find(const PracticeMap& map, const std::string& node,
                     const std::string& perspective) {
  static const Estimate none;
  for (const auto* list : {&map.cells(), &map.practices()}) {
    for (const auto& one : *list) {
      if (one.node() == node && one.perspective() == perspective) return one;
    }
  }
  ADD_FAILURE() << "the map has no " << node << " of " << perspective;
  return none;
}

// For the message of a failed test.
std::string InWords(const PracticeMap& map) {
  std::string out = map.scope() + "\n";
  std::string node;
  for (const auto* list : {&map.practices(), &map.cells()}) {
    for (const auto& one : *list) {
      if (one.node() != node) out += fmt::format("\n  {:24}", node = one.node());
      out += fmt::format("{}:{} {} [{}-{}] i{} {} | ", one.perspective().substr(0, 5),
                         Estimate::Status_Name(one.status()).substr(7, 8), one.index(), one.low(),
                         one.high(), one.information(), one.informants());
    }
  }
  return out + "\n" + map.surface().ShortDebugString() + "\n";
}

bool IsWell(const Estimate& estimate) {
  return estimate.status() == Estimate::STATUS_ESTABLISHED ||
         estimate.status() == Estimate::STATUS_EMERGING;
}
bool IsInDanger(const Estimate& estimate) {
  return estimate.status() == Estimate::STATUS_FRAGILE ||
         estimate.status() == Estimate::STATUS_AT_RISK;
}

int CountOf(const PracticeMap& map, const std::string& perspective,
            const std::set<Estimate::Status>& statuses) {
  int count = 0;
  for (const auto& cell : map.cells())
    count += cell.perspective() == perspective && statuses.contains(cell.status());
  return count;
}

using events::v1::EventsService;
using EventsStub = EventsService::Stub;

// What was said and answered at one event, without generated names. Superseded rows count as well:
// a doubled row would show.
std::vector<std::string> ContentOf(EventsStub* stub, const events::v1::Event& event) {
  std::vector<std::string> lines = {event.title(), std::to_string(event.state())};
  events::v1::ListContributionsRequest contributions;
  contributions.set_parent(event.name());
  contributions.set_page_size(1000);
  events::v1::ListContributionsResponse said;
  EXPECT_TRUE(Call(stub, &EventsStub::ListContributions, contributions, &said, kLead).ok());
  for (const auto& one : said.contributions())
    lines.push_back(fmt::format("{} {} {}", one.source_id(), one.text(), one.has_participant()));
  events::v1::TallyReactionsRequest reactions;
  reactions.set_parent(event.name());
  events::v1::TallyReactionsResponse tally;
  EXPECT_TRUE(Call(stub, &EventsStub::TallyReactions, reactions, &tally, kLead).ok());
  lines.push_back(tally.total().ShortDebugString());
  events::v1::ListResponsesRequest responses;
  responses.set_parent(event.name());
  responses.set_page_size(1000);
  responses.set_show_superseded(true);
  events::v1::ListResponsesResponse answers;
  EXPECT_TRUE(Call(stub, &EventsStub::ListResponses, responses, &answers, kLead).ok());
  for (auto& one : *answers.mutable_responses()) {
    one.clear_informant();
    lines.push_back(one.ShortDebugString());
  }
  return lines;
}

// Of the whole network, in one order.
std::vector<std::string> ContentOf(Network* network) {
  auto stub = network->Stub<EventsService>();
  events::v1::ListEventsRequest list;
  list.set_parent(std::string("organisations/") + demonstration::kHost);
  list.set_page_size(1000);
  events::v1::ListEventsResponse listed;
  EXPECT_TRUE(Call(stub.get(), &EventsStub::ListEvents, list, &listed, kLead).ok());
  std::vector<std::string> all;
  for (const auto& event : listed.events()) {
    std::string content;
    auto lines = ContentOf(stub.get(), event);
    std::sort(lines.begin(), lines.end());
    for (const auto& line : lines) content += line + "\n";
    all.push_back(event.title() + "\n" + content);
  }
  std::sort(all.begin(), all.end());
  auto registry = network->Stub<registry::v1::RegistryService>();
  registry::v1::ListParticipantsRequest people;
  people.set_parent(list.parent());
  people.set_page_size(1000);
  registry::v1::ListParticipantsResponse participants;
  EXPECT_TRUE(Call(registry.get(), &registry::v1::RegistryService::Stub::ListParticipants, people,
                   &participants, kLead)
                  .ok());
  all.push_back(std::to_string(participants.participants_size()) + " participants");
  return all;
}

constexpr const char* kElementNodes[] = {".materials", ".skills", ".meanings"};

// One network, loaded once: the tests only read it.
class DemonstrationTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    network_ = new Network(DemonstrationOptions());
    auto report = demonstration::Load(network_->channel(), Today());
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_FALSE(report->was_complete);
    report_ = new LoadReport(*std::move(report));
  }
  static void TearDownTestSuite() {
    delete report_;
    delete network_;
    report_ = nullptr;
    network_ = nullptr;
  }
  void SetUp() override { ASSERT_NE(report_, nullptr) << "the network was not loaded"; }

  static PracticeMap MapOfTitle(const std::string& title) {
    const auto scope = report_->scopes.find(title);
    EXPECT_NE(scope, report_->scopes.end()) << title;
    return scope == report_->scopes.end() ? PracticeMap() : MapOf(network_, scope->second);
  }
  static PracticeMap MapOfPlace(const std::string& title) {
    return MapOf(network_, "places/" + text::Slug(title));
  }

  static Network* network_;
  static LoadReport* report_;
};
Network* DemonstrationTest::network_ = nullptr;
LoadReport* DemonstrationTest::report_ = nullptr;

TEST_F(DemonstrationTest, TrustDecaysInOnePlaceAndTheRestIsWell) {
  const auto before = MapOfTitle(demonstration::kBeforeProgramme);
  const auto after = MapOfTitle(demonstration::kAfterProgramme);
  const auto place = MapOfPlace(demonstration::kDecayPlace);
  SCOPED_TRACE(InWords(before) + InWords(after) + InWords(place));
  const auto& trust_before = Find(before, "trust", "people");
  const auto& trust_after = Find(after, "trust", "people");
  EXPECT_FALSE(IsInDanger(trust_before));
  EXPECT_GT(trust_before.index(), 60);
  EXPECT_LT(trust_after.high(), trust_before.index());
  EXPECT_TRUE(IsInDanger(trust_after));
  for (const char* element : kElementNodes) {
    const std::string node = std::string("trust") + element;
    EXPECT_GT(Find(before, node, "people").index(), 60) << node;
    EXPECT_TRUE(IsInDanger(Find(after, node, "people"))) << node;
    EXPECT_TRUE(IsInDanger(Find(place, node, "people"))) << node;
    for (const char* practice : {"leadership", "learning", "partnership"}) {
      EXPECT_TRUE(IsWell(Find(place, std::string(practice) + element, "people")))
          << practice << element;
    }
  }
  // The evidence of the first programme fades; that of the second is fresh.
  EXPECT_LT(trust_before.information(), trust_after.information());
}

TEST_F(DemonstrationTest, CliniciansAndPeopleSeeAnotherPartnership) {
  const auto map = MapOfPlace(demonstration::kGapPlace);
  SCOPED_TRACE(InWords(map));
  for (const char* node : {"partnership.skills", "partnership.meanings"}) {
    const auto& clinicians = Find(map, node, "clinicians");
    const auto& people = Find(map, node, "people");
    EXPECT_FALSE(clinicians.suppressed() || people.suppressed()) << node;
    EXPECT_TRUE(IsWell(clinicians)) << node;
    EXPECT_TRUE(IsInDanger(people)) << node;
    EXPECT_GT(clinicians.low(), people.high()) << node;
  }
  // Everything else is well: this is also the place that mostly works.
  for (const char* practice : {"trust", "leadership", "learning"}) {
    for (const char* element : kElementNodes) {
      EXPECT_TRUE(IsWell(Find(map, std::string(practice) + element, "people")))
          << practice << element;
      EXPECT_TRUE(IsWell(Find(map, std::string(practice) + element, "all"))) << practice << element;
    }
  }
}

TEST_F(DemonstrationTest, OnePlaceHasTooLittleEvidenceAndSaysSo) {
  const auto map = MapOfPlace(demonstration::kThinPlace);
  SCOPED_TRACE(InWords(map));
  for (const char* perspective : {"all", "people"}) {
    EXPECT_EQ(CountOf(map, perspective,
                      {Estimate::STATUS_SUPPRESSED, Estimate::STATUS_NOT_ENOUGH_EVIDENCE,
                       Estimate::STATUS_NO_EVIDENCE}),
              12);
  }
  EXPECT_GT(CountOf(map, "people", {Estimate::STATUS_SUPPRESSED}), 0);
  EXPECT_GT(CountOf(map, "people", {Estimate::STATUS_NOT_ENOUGH_EVIDENCE}), 0);
  EXPECT_GT(CountOf(map, "people", {Estimate::STATUS_NO_EVIDENCE}), 0);
  for (const auto& cell : map.cells()) {
    EXPECT_NE(cell.why(), "") << cell.node() << ' ' << cell.perspective();
    EXPECT_FALSE(cell.suppressed() && cell.has_index()) << cell.node();
  }
  EXPECT_EQ(map.surface().events(), "3 events");
}

TEST_F(DemonstrationTest, NinePeopleShowSomethingAndNotEverything) {
  const auto map = MapOfTitle(demonstration::kSmallEvent);
  SCOPED_TRACE(InWords(map));
  EXPECT_EQ(map.surface().reach(), "about 10");
  for (const char* node : {"trust.meanings", "leadership.meanings"}) {
    const auto& six = Find(map, node, "people");
    EXPECT_EQ(six.status(), Estimate::STATUS_SUPPRESSED) << node;
    EXPECT_FALSE(six.has_index()) << node;
    EXPECT_EQ(six.informants(), "under 8") << node;
    EXPECT_NE(six.why(), "") << node;
  }
  int shown = 0;
  for (const auto& cell : map.cells()) {
    if (cell.perspective() != "people" || !cell.has_index()) continue;
    ++shown;
    EXPECT_EQ(cell.informants(), "about 10") << cell.node();
    EXPECT_GT(cell.high() - cell.low(), 20) << cell.node() << " is sure after nine people";
  }
  EXPECT_EQ(shown, 10);
  // The mean of a practice would give away the one cell that is hidden.
  EXPECT_EQ(Find(map, "trust", "people").status(), Estimate::STATUS_SUPPRESSED);
  EXPECT_TRUE(Find(map, "learning", "people").has_index());
  for (const auto& cell : map.cells()) {
    if (cell.perspective() == "clinicians") {
      EXPECT_EQ(cell.status(), Estimate::STATUS_NO_EVIDENCE);
    }
  }
}

TEST_F(DemonstrationTest, TheSurfaceHasNoticeLevelsAndReactions) {
  const auto before = MapOfTitle(demonstration::kBeforeProgramme).surface();
  const auto after = MapOfTitle(demonstration::kAfterProgramme).surface();
  SCOPED_TRACE(before.ShortDebugString() + "\n" + after.ShortDebugString());
  EXPECT_GE(before.notice_days_median(), 9);
  EXPECT_LE(after.notice_days_median(), 5);
  EXPECT_NE(before.reactions(), "none");
  EXPECT_NE(before.contributions(), "none");
  ASSERT_EQ(after.levels_size(), 1);
  EXPECT_EQ(after.levels(0).promised(), "Involve");
  EXPECT_EQ(after.levels(0).delivered(), "Consult");
}

TEST_F(DemonstrationTest, EveryAnswerSaysThatItIsADemonstration) {
  for (const auto& place : report_->plan.places) {
    const auto map = MapOfPlace(place.place.title());
    EXPECT_TRUE(map.demonstration());
    EXPECT_EQ(map.notice().find("DEMONSTRATION"), 0u) << map.notice();
  }
  auto registry = network_->Stub<registry::v1::RegistryService>();
  registry::v1::ListOrganisationsRequest request;
  registry::v1::ListOrganisationsResponse organisations;
  ASSERT_TRUE(Call(registry.get(), &registry::v1::RegistryService::Stub::ListOrganisations, request,
                   &organisations, kLead)
                  .ok());
  EXPECT_EQ(organisations.organisations_size(),
            static_cast<int>(report_->plan.organisations.size()) + 1);
  for (const auto& one : organisations.organisations()) EXPECT_TRUE(one.demonstration());
  auto events = network_->Stub<events::v1::EventsService>();
  events::v1::ListEventsRequest list;
  list.set_parent(std::string("organisations/") + demonstration::kHost);
  list.set_page_size(1000);
  events::v1::ListEventsResponse listed;
  ASSERT_TRUE(
      Call(events.get(), &events::v1::EventsService::Stub::ListEvents, list, &listed, kLead).ok());
  EXPECT_EQ(listed.events_size(), static_cast<int>(report_->plan.events.size()));
  for (const auto& one : listed.events()) {
    EXPECT_TRUE(one.demonstration());
    EXPECT_TRUE(one.state() == events::v1::Event::STATE_REPORTED ||
                one.state() == events::v1::Event::STATE_HELD);
  }
}

TEST_F(DemonstrationTest, TheStoriesNameCommandsThatAnswer) {
  const std::string words = demonstration::StoriesInWords(*report_);
  EXPECT_EQ(report_->plan.stories.size(), 4u);
  EXPECT_NE(words.find("waterline map \"Samphire Quay\""), std::string::npos) << words;
  EXPECT_NE(words.find("waterline map " + report_->scopes.at(demonstration::kSmallEvent)),
            std::string::npos)
      << words;
}

// This test and the next stop and start the server.
TEST_F(DemonstrationTest, ASecondLoadChangesNothing) {
  network_->Stop();
  const auto before = deployment::StateDigest(network_->folder().string());
  network_->Start();
  const auto again = demonstration::Load(network_->channel(), Today());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->was_complete);
  EXPECT_EQ(again->scopes, report_->scopes);
  // Other arguments are not mixed in.
  LoadOptions other = Today();
  other.seed = 2;
  EXPECT_EQ(ReasonOf(demonstration::Load(network_->channel(), other).status()), "STATE_FORBIDS");
  // Another day later, the network keeps its own date.
  LoadOptions tomorrow = Today();
  ++tomorrow.today;
  const auto later = demonstration::Load(network_->channel(), tomorrow);
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_TRUE(later->was_complete);
  network_->Stop();
  const auto after = deployment::StateDigest(network_->folder().string());
  network_->Start();
  ASSERT_TRUE(before.ok() && after.ok()) << before.status() << after.status();
  EXPECT_EQ(*before, *after);
}

// The server goes away in the middle; the next run completes the network, and it is the same as one
// that was loaded without a break.
TEST_F(DemonstrationTest, AnInterruptedLoadIsCompletedWithoutDoubling) {
  Network interrupted(DemonstrationOptions());
  LoadOptions options = Today();
  const size_t total = report_->plan.events.size() + report_->plan.participants.size();
  options.progress = [&](const std::string&, size_t done, size_t) {
    if (done == total) interrupted.Stop();
  };
  const auto broken = demonstration::Load(interrupted.channel(), options);
  EXPECT_EQ(broken.status().code(), absl::StatusCode::kUnavailable) << broken.status();
  interrupted.Start();
  const auto completed = demonstration::Load(interrupted.channel(), Today());
  ASSERT_TRUE(completed.ok()) << completed.status();
  EXPECT_FALSE(completed->was_complete);
  EXPECT_EQ(ContentOf(&interrupted), ContentOf(network_));
}

TEST(DemonstrationLoad, AnotherKindOfNetworkIsRefusedAndUntouched) {
  Network network;
  const auto refused = demonstration::Load(network.channel(), Today());
  EXPECT_EQ(ReasonOf(refused.status()), "STATE_FORBIDS");
  deployment::InitOptions other = DemonstrationOptions();
  other.host = "local-another-board";
  Network another(other);
  EXPECT_EQ(ReasonOf(demonstration::Load(another.channel(), Today()).status()), "STATE_FORBIDS");
  const Who steward = {"local-another-board", "stella", "network_steward", "system_administration"};
  auto registry = another.Stub<registry::v1::RegistryService>();
  registry::v1::ListPlacesResponse places;
  ASSERT_TRUE(Call(registry.get(), &registry::v1::RegistryService::Stub::ListPlaces,
                   registry::v1::ListPlacesRequest(), &places, steward)
                  .ok());
  EXPECT_EQ(places.places_size(), 0);
}

TEST(DemonstrationLoad, ADateAfterTodayIsRefused) {
  Network network(DemonstrationOptions());
  LoadOptions options = Today();
  options.as_of = options.today + 1;
  EXPECT_EQ(ReasonOf(demonstration::Load(network.channel(), options).status()), "INVALID_FIELDS");
}

}  // namespace
}  // namespace waterline::testing
