#include "services/inference/api/inference_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "services/common/coro/sync_wait.h"
#include "services/common/data/conceptual_map.h"
#include "services/common/storage/memory/memory_store.h"
#include "services/common/text/date.h"
#include "services/inference/domain/values.h"
#include "services/inference/projector/fake_evidence.h"

namespace waterline::inference {
namespace {

using coro::SyncWait;
using events::v1::EventEvidence;
using v1::Estimate;

constexpr int64_t kToday = 20'100;

class FixedClock : public Clock {
 public:
  int64_t NowMs() override { return kToday * 86'400'000 + 12 * 3'600'000; }
};

// Own records only, as the first policy has it; remembers every question.
class OwnRecords : public gate::Decider {
 public:
  coro::Task<absl::StatusOr<accountability::v1::Decision>> Decide(
      accountability::v1::Question question,
      std::chrono::steady_clock::time_point /*deadline*/) override {
    accountability::v1::Decision decision;
    const bool is_own = permit_all || question.caller().organisation() == question.controller();
    decision.set_result(is_own ? accountability::v1::RESULT_PERMIT
                               : accountability::v1::RESULT_DENY);
    decision.set_level(common::v1::RELEASE_LEVEL_IDENTIFIABLE);
    if (!is_own) decision.add_reasons("NOT_CONTROLLER");
    questions.push_back(std::move(question));
    co_return decision;
  }
  std::vector<accountability::v1::Question> questions;
  bool permit_all = false;  // As if an agreement reached everything.
};

class InferenceApiTest : public ::testing::Test {
 protected:
  InferenceApiTest() {
    Projector::Parts parts;
    parts.store = &store_;
    parts.source = &source_;
    parts.model = model_.get();
    parts.owner = "test";
    projector_ = std::make_unique<Projector>(parts);
    MakeApi(false);
  }

  void MakeApi(bool demonstration) {
    InferenceApi::Parts parts;
    parts.store = &store_;
    parts.gate = &gate_;
    parts.clock = &clock_;
    parts.projector = projector_.get();
    parts.network.demonstration = demonstration;
    api_ = std::make_unique<InferenceApi>(parts);
    service_ = std::make_unique<rpc::Service>("waterline.inference.v1.InferenceService");
    api_->Register(service_.get());
  }

  template <class Response>
  absl::StatusOr<Response> Ask(const std::string& method,
                               const google::protobuf::Message& request) {
    auto reply = SyncWait(service_->methods().at(method).unary(call_, request));
    if (!reply.ok()) return reply.status();
    return static_cast<const Response&>(*reply->message);
  }

  absl::StatusOr<v1::PracticeMap> MapOf(const std::string& scope) {
    v1::GetPracticeMapRequest request;
    request.set_scope(scope);
    auto response = Ask<v1::GetPracticeMapResponse>("GetPracticeMap", request);
    if (!response.ok()) return response.status();
    return response->map();
  }

  // `people` informants of one perspective answer every five-point indicator with `value`.
  EventEvidence Workshop(int event, int people, int perspective, int value) {
    EventEvidence evidence;
    evidence.set_event(testing::EventName(event));
    evidence.set_present(true);
    evidence.set_day(kToday - 10 - event);
    evidence.add_places("places/brighton");
    evidence.mutable_surface()->set_reach(static_cast<uint64_t>(people));
    for (const auto& indicator : data::AllIndicators()) {
      if (indicator.scale != data::Scale::kA5) continue;
      for (int person = 0; person < people; ++person) {
        auto* item = evidence.add_items();
        item->set_indicator(indicator.id);
        item->set_perspective(perspective);
        item->set_informant("i" + std::to_string(person));
        for (int k = 0; k < 5; ++k)
          item->add_counts(k == (indicator.reverse ? 4 - value : value) ? 1 : 0);
      }
    }
    return evidence;
  }

  void Absorb(EventEvidence evidence) {
    source_.Put(std::move(evidence));
    ASSERT_TRUE(projector_->CatchUp().ok());
  }

  static const Estimate& CellOf(const v1::PracticeMap& map, int cell, int perspective) {
    return map.cells(CellValue(cell, perspective));
  }
  static const Estimate& PracticeOf(const v1::PracticeMap& map, int practice, int perspective) {
    return map.practices(PracticeValue(practice, perspective) - kCellValues);
  }

  waterline::storage::MemoryStore store_;
  testing::FakeSource source_;
  std::unique_ptr<ScopeModel> model_ = VersionZeroModel();
  FixedClock clock_;
  OwnRecords decider_;
  gate::Gate gate_{&decider_};
  std::unique_ptr<Projector> projector_;
  std::unique_ptr<InferenceApi> api_;
  std::unique_ptr<rpc::Service> service_;
  rpc::Call call_ = [] {
    rpc::Call call;
    call.caller.set_organisation("ods-qnx");
    call.purpose = "practice_learning";
    return call;
  }();
};

TEST_F(InferenceApiTest, TheServiceIsWhatItsDescriptorSays) {
  EXPECT_THAT(rpc::CheckAgainstDescriptor(*service_), ::testing::IsEmpty());
}

TEST_F(InferenceApiTest, TheConceptualMapIsPublic) {
  v1::GetConceptualMapRequest request;
  const auto response = Ask<v1::GetConceptualMapResponse>("GetConceptualMap", request);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->map().nodes_size(), 4 + 3 + 12);
  EXPECT_NE(response->map().notice(), "");
  EXPECT_THAT(decider_.questions, ::testing::IsEmpty());
  request.set_version("99");
  EXPECT_EQ(ReasonOf(Ask<v1::GetConceptualMapResponse>("GetConceptualMap", request).status()),
            "NOT_FOUND");
}

TEST_F(InferenceApiTest, AMapHasEveryCellAndPracticeInOneOrder) {
  Absorb(Workshop(1, 9, 0, 3));
  const auto map = MapOf("organisations/ods-qnx");
  ASSERT_TRUE(map.ok()) << map.status();
  ASSERT_EQ(map->cells_size(), 60);
  ASSERT_EQ(map->practices_size(), 20);
  EXPECT_EQ(map->cells(0).node(), "trust.materials");
  EXPECT_EQ(map->cells(0).perspective(), "all");
  EXPECT_EQ(map->cells(1).perspective(), "people");
  EXPECT_EQ(map->cells(59).node(), "partnership.meanings");
  EXPECT_EQ(map->practices(0).node(), "trust");
  EXPECT_FALSE(map->practices(0).has_element());
  EXPECT_EQ(map->scope(), "organisations/ods-qnx");
  EXPECT_EQ(text::ToMs(map->as_of()), kToday * 86'400'000);
  EXPECT_EQ(map->model_version(), "0");
  EXPECT_EQ(map->map_version(), data::CurrentMap().version);
  EXPECT_EQ(map->evidence_version(), 1);
  EXPECT_EQ(map->basis(), v1::PracticeMap::BASIS_FILTERED);
  EXPECT_EQ(map->notice(), data::CurrentMap().notice);
  EXPECT_FALSE(map->demonstration());
  EXPECT_FALSE(map->catching_up());
  EXPECT_EQ(map->surface().events(), "1 event");
  EXPECT_EQ(map->surface().reach(), "about 10");
}

TEST_F(InferenceApiTest, NinePeopleAreShownAndSevenAreNot) {
  Absorb(Workshop(1, 9, 0, 4));
  Absorb(Workshop(2, 7, 1, 4));
  const auto map = MapOf("organisations/ods-qnx");
  ASSERT_TRUE(map.ok());
  const auto& people = CellOf(*map, 2, 0);
  ASSERT_TRUE(people.has_index());
  EXPECT_GT(people.index(), 50);
  EXPECT_LT(people.low(), people.index());
  EXPECT_GT(people.high(), people.index());
  EXPECT_EQ(people.index(), std::round(people.index() * 10) / 10);
  EXPECT_EQ(people.informants(), "about 10");
  const auto& clinicians = CellOf(*map, 2, 1);
  EXPECT_EQ(clinicians.status(), Estimate::STATUS_SUPPRESSED);
  EXPECT_TRUE(clinicians.suppressed());
  EXPECT_FALSE(clinicians.has_index() || clinicians.has_low() || clinicians.has_high() ||
               clinicians.has_information());
  EXPECT_EQ(clinicians.informants(), "under 8");
  EXPECT_NE(clinicians.why(), "");
  const auto& all = CellOf(*map, 2, kAllPerspectives);  // Of 16 people, but one addend is hidden.
  EXPECT_TRUE(all.suppressed());
  EXPECT_FALSE(all.has_index());
  const auto& community = CellOf(*map, 2, 3);
  EXPECT_EQ(community.status(), Estimate::STATUS_NO_EVIDENCE);
  EXPECT_FALSE(community.suppressed());
  EXPECT_FALSE(community.has_index());
  EXPECT_EQ(community.informants(), "none");
}

TEST_F(InferenceApiTest, ManyGoodEventsAreEstablishedAndManyBadOnesAtRisk) {
  for (int event = 1; event <= 8; ++event) {
    for (const int perspective : {0}) Absorb(Workshop(event, 10, perspective, 4));
  }
  auto map = MapOf("organisations/ods-qnx");
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(PracticeOf(*map, 0, 0).status(), Estimate::STATUS_ESTABLISHED);
  EXPECT_EQ(PracticeOf(*map, 0, 0).events(), "8 events");
  for (int event = 1; event <= 8; ++event) Absorb(Workshop(event, 10, 0, 0));
  map = MapOf("organisations/ods-qnx");
  EXPECT_EQ(PracticeOf(*map, 0, 0).status(), Estimate::STATUS_AT_RISK);
  EXPECT_EQ(map->evidence_version(), 16);
}

TEST_F(InferenceApiTest, AMapIsMadeAnewAndTheSame) {
  Absorb(Workshop(1, 9, 0, 3));
  EXPECT_EQ(MapOf("places/brighton")->SerializeAsString(),
            MapOf("places/brighton")->SerializeAsString());
}

TEST_F(InferenceApiTest, EveryScopeOfAnEventHasItsMap) {
  auto evidence = Workshop(1, 9, 0, 3);
  evidence.set_programme("organisations/ods-qnx/programmes/hearts");
  Absorb(evidence);
  for (const std::string scope : {"organisations/ods-qnx", "organisations/ods-qnx/events/e1",
                                  "organisations/ods-qnx/programmes/hearts", "places/brighton"}) {
    const auto map = MapOf(scope);
    ASSERT_TRUE(map.ok()) << scope;
    EXPECT_EQ(map->scope(), scope);
    EXPECT_TRUE(CellOf(*map, 0, 0).has_index()) << scope;
  }
}

TEST_F(InferenceApiTest, APlaceRestsOnTheAskersOwnEvidence) {
  Absorb(Workshop(1, 9, 0, 3));
  call_.caller.set_organisation("ods-other");
  const auto map = MapOf("places/brighton");
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(map->evidence_version(), 0);
  EXPECT_EQ(CellOf(*map, 0, 0).status(), Estimate::STATUS_NO_EVIDENCE);
  EXPECT_EQ(decider_.questions.back().controller(), "ods-other");
}

TEST_F(InferenceApiTest, WithoutEvidenceAPlaceAndAnOrganisationSaySoAndOthersAreNotFound) {
  for (const std::string scope : {"places/hove", "organisations/ods-qnx"}) {
    const auto map = MapOf(scope);
    ASSERT_TRUE(map.ok()) << scope;
    ASSERT_EQ(map->cells_size(), 60);
    for (const auto& cell : map->cells()) EXPECT_EQ(cell.status(), Estimate::STATUS_NO_EVIDENCE);
    EXPECT_EQ(map->surface().events(), "none");
    EXPECT_FALSE(map->surface().has_first_day());
  }
  EXPECT_EQ(ReasonOf(MapOf("organisations/ods-qnx/events/none").status()), "NOT_FOUND");
  EXPECT_EQ(ReasonOf(MapOf("organisations/ods-qnx/programmes/none").status()), "NOT_FOUND");
}

TEST_F(InferenceApiTest, AnotherOrganisationsScopeIsRefusedWhetherItExistsOrNot) {
  Absorb(Workshop(1, 9, 0, 3));
  call_.caller.set_organisation("ods-other");
  const auto present = MapOf("organisations/ods-qnx/events/e1").status();
  const auto absent = MapOf("organisations/ods-qnx/events/none").status();
  EXPECT_EQ(ReasonOf(present), "NOT_CONTROLLER");
  EXPECT_EQ(present.message(), absent.message());
}

// Also where an agreement permits it: state is not kept per agreement yet.
TEST_F(InferenceApiTest, AnotherOrganisationsMapIsNotYetMadeWhetherItExistsOrNot) {
  Absorb(Workshop(1, 9, 0, 3));
  call_.caller.set_organisation("ods-other");
  decider_.permit_all = true;
  for (const char* scope : {"organisations/ods-qnx/events/e1", "organisations/ods-qnx/events/none",
                            "organisations/ods-qnx"}) {
    const auto refused = MapOf(scope).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(refused), "NOT_YET") << scope;
  }
  EXPECT_EQ(decider_.questions.size(), 3) << "the gate is asked first";
  EXPECT_TRUE(MapOf("places/brighton").ok()) << "of its own evidence";
}

TEST_F(InferenceApiTest, TheGateIsAskedOnceForEveryAnswerAndRefusal) {
  Absorb(Workshop(1, 9, 0, 3));
  ASSERT_TRUE(MapOf("organisations/ods-qnx/events/e1").ok());
  ASSERT_FALSE(MapOf("organisations/ods-qnx/events/none").ok());
  ASSERT_FALSE(MapOf("organisations/ods-other").ok());
  ASSERT_EQ(decider_.questions.size(), 3);
  for (const auto& question : decider_.questions) {
    EXPECT_EQ(question.operation(), accountability::v1::OPERATION_INFER);
    EXPECT_EQ(question.collection(), "estimates");
    EXPECT_THAT(question.scopes(), ::testing::ElementsAre(question.resource_name()));
    EXPECT_THAT(question.categories(), ::testing::ElementsAre(common::v1::CATEGORY_ESTIMATE));
  }
  EXPECT_EQ(decider_.questions[0].resource_name(), "organisations/ods-qnx/events/e1");
}

TEST_F(InferenceApiTest, AMalformedScopeIsABadField) {
  for (const std::string scope :
       {"", "place/x", "organisations/A", "organisations/ods-qnx/participants/p1"}) {
    EXPECT_EQ(ReasonOf(MapOf(scope).status()), "INVALID_FIELDS") << scope;
  }
  EXPECT_THAT(decider_.questions, ::testing::IsEmpty());
}

TEST_F(InferenceApiTest, SaysWhenEvidenceWaits) {
  Absorb(Workshop(1, 9, 0, 3));
  source_.Put(Workshop(2, 9, 0, 3));
  EXPECT_TRUE(MapOf("organisations/ods-qnx")->catching_up());
  ASSERT_TRUE(projector_->CatchUp().ok());
  EXPECT_FALSE(MapOf("organisations/ods-qnx")->catching_up());
}

TEST_F(InferenceApiTest, ADemonstrationSaysSo) {
  MakeApi(true);
  const auto map = MapOf("places/brighton");
  EXPECT_TRUE(map->demonstration());
  EXPECT_THAT(map->notice(), ::testing::StartsWith("DEMONSTRATION"));
}

TEST_F(InferenceApiTest, EvidenceFadesWithTime) {
  auto old = Workshop(1, 10, 0, 4);
  old.set_day(kToday - 1500);
  Absorb(old);
  const auto map = MapOf("organisations/ods-qnx");
  EXPECT_EQ(PracticeOf(*map, 0, 0).status(), Estimate::STATUS_NOT_ENOUGH_EVIDENCE);
  EXPECT_NE(PracticeOf(*map, 0, 0).why(), "");
}

}  // namespace
}  // namespace waterline::inference
