// Permissions and standing through registry's handlers: in force first, kept then.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "services/common/coro/sync_wait.h"
#include "services/common/status/error.h"
#include "services/common/storage/memory/memory_store.h"
#include "services/common/text/date.h"
#include "services/registry/api/local_directory.h"
#include "services/registry/api/registry_api.h"
#include "tests/integration/sharing_rig.h"

namespace waterline::testing {
namespace {

using registry::RegistryApi;
using registry::v1::Permission;
using registry::v1::Standing;

// Keeps what it was told, and refuses when asked to.
class FakeKeeper : public rpc::StandingKeeper {
 public:
  coro::Task<absl::StatusOr<accountability::v1::SetStandingResponse>> SetStanding(
      accountability::v1::SetStandingRequest request) override {
    if (!answer.ok()) co_return answer;
    EXPECT_EQ(request.controller(), kLead);
    EXPECT_EQ(request.subject_id().size(), 16u);
    EXPECT_EQ(request.caller().role(), "engagement_lead");
    EXPECT_EQ(request.edits_size(), 1);
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    for (const auto& edit : request.edits()) told.push_back(edit);
    co_return accountability::v1::SetStandingResponse();
  }
  coro::Task<absl::StatusOr<accountability::v1::SetMemberResponse>> SetMember(
      accountability::v1::SetMemberRequest request) override {
    members.push_back(request.member());
    co_return accountability::v1::SetMemberResponse();
  }
  coro::Task<absl::StatusOr<accountability::v1::ListSubjectAccessesResponse>> ListSubjectAccesses(
      accountability::v1::ListSubjectAccessesRequest) override {
    co_return accountability::v1::ListSubjectAccessesResponse();
  }
  absl::Status answer;
  std::function<void()> meanwhile;  // Once, before what is told takes effect.
  std::vector<accountability::v1::StandingEdit> told;
  std::vector<accountability::v1::MemberFacts> members;
};

class StandingDoor : public ::testing::Test {
 protected:
  StandingDoor() {
    static int count = 0;
    keys_ = ::testing::TempDir() + "/standing-" + std::to_string(getpid()) + "-" +
            std::to_string(count++) + ".keys";
    EXPECT_TRUE(privacy::MasterKeys::Create(keys_).ok());
    vault_ = std::make_unique<privacy::Vault>(&store_, *privacy::MasterKeys::Load(keys_),
                                              std::vector<std::string>{});
    RegistryApi::Parts parts;
    parts.store = &store_;
    parts.vault = vault_.get();
    parts.gate = &gate_;
    parts.clock = &clock_;
    parts.pool = &pool_;
    parts.accountability = &keeper_;
    api_ = std::make_unique<RegistryApi>(parts);
    lead_.caller.set_organisation(kLead);
    lead_.caller.set_role("engagement_lead");
    asker_ = lead_;
    asker_.caller.set_organisation(kAsker);
    decider_.scopes = {std::string("organisations/") + kLead};
    person_ = Register("crm-1");
  }
  ~StandingDoor() override { std::filesystem::remove(keys_); }

  template <class Request, class Response>
  absl::StatusOr<Response> Ask(
      RegistryApi::Answer<Response> (RegistryApi::*method)(const rpc::Call&, const Request&),
      const Request& request, const rpc::Call& call) {
    auto draft = coro::SyncWait((api_.get()->*method)(call, request));
    if (!draft.ok()) return draft.status();
    auto released = coro::SyncWait(gate_.Release(*std::move(draft)));
    if (!released.ok()) return released.status();
    return std::move(*released).TakeMessage();
  }

  std::string Register(const std::string& source_id) {
    registry::v1::RegisterParticipantRequest request;
    request.set_parent(std::string("organisations/") + kLead);
    request.mutable_participant()->set_source_id(source_id);
    request.mutable_participant()->add_roles()->set_role("carer");
    request.set_request_id(NewRequest());
    const auto made = Ask(&RegistryApi::RegisterParticipant, request, lead_);
    EXPECT_TRUE(made.ok()) << made.status();
    return made->participant().name();
  }
  registry::v1::SetPermissionRequest Said(Permission::Decision decision, const std::string& at,
                                          const std::string& kind = "quote_anonymously") {
    registry::v1::SetPermissionRequest request;
    request.set_participant(person_);
    auto* permission = request.mutable_permission();
    permission->set_kind(kind);
    permission->set_decision(decision);
    *permission->mutable_given_at() = text::ToTimestamp(*text::ParseInstant(at));
    permission->set_method("written");
    permission->set_notice_version("1");
    permission->set_source_text("Yes, without my name.");
    request.set_request_id(NewRequest());
    return request;
  }
  absl::Status Set(const registry::v1::SetPermissionRequest& request) {
    return Ask(&RegistryApi::SetPermission, request, lead_).status();
  }
  std::set<std::string> BadFieldsOf(const registry::v1::SetPermissionRequest& request) {
    std::set<std::string> fields;
    for (const auto& violation : ViolationsOf(Set(request))) fields.insert(violation.field);
    return fields;
  }
  std::vector<Permission> Permissions(bool superseded) {
    registry::v1::ListPermissionsRequest request;
    request.set_parent(person_);
    request.set_show_superseded(superseded);
    const auto listed = Ask(&RegistryApi::ListPermissions, request, lead_);
    EXPECT_TRUE(listed.ok()) << listed.status();
    return {listed->permissions().begin(), listed->permissions().end()};
  }
  registry::v1::RecordStandingRequest Noted(Standing::Kind kind, bool lift,
                                            const std::string& reason = "They wrote.") {
    registry::v1::RecordStandingRequest request;
    request.set_participant(person_);
    request.set_kind(kind);
    request.set_lift(lift);
    request.set_reason(reason);
    request.set_request_id(NewRequest());
    return request;
  }
  absl::Status Record(Standing::Kind kind, bool lift, const std::string& reason = "They wrote.") {
    return Ask(&RegistryApi::RecordStanding, Noted(kind, lift, reason), lead_).status();
  }
  // A call that has come as far as it gets while another one is answered.
  template <class Request, class Response>
  std::future<absl::Status> Begin(
      RegistryApi::Answer<Response> (RegistryApi::*method)(const rpc::Call&, const Request&),
      const Request& request) {
    const auto kept = std::make_shared<Request>(request);
    const auto done = std::make_shared<std::promise<absl::Status>>();
    coro::Start((api_.get()->*method)(lead_, *kept),
                [kept, done](auto draft) { done->set_value(draft.status()); });
    return done->get_future();
  }
  std::string NewRequest() { return "request-" + std::to_string(requests_++); }

  storage::MemoryStore store_;
  std::string keys_;
  std::unique_ptr<privacy::Vault> vault_;
  OneAgreement decider_;
  gate::Gate gate_{&decider_};
  SystemClock clock_;
  coro::Pool pool_{"files", 1};
  FakeKeeper keeper_;
  std::unique_ptr<RegistryApi> api_;
  rpc::Call lead_;
  rpc::Call asker_;
  std::string person_;
  int requests_ = 0;
};

TEST_F(StandingDoor, TheLatestThatWasSaidCountsWhateverTheOrderOfRecording) {
  ASSERT_TRUE(Set(Said(Permission::DECISION_GIVEN, "2026-01-01T10:00:00Z")).ok());
  ASSERT_TRUE(Set(Said(Permission::DECISION_WITHDRAWN, "2026-03-01T10:00:00Z")).ok());
  ASSERT_EQ(keeper_.told.size(), 2u);
  EXPECT_EQ(keeper_.told[0].item(), accountability::v1::STANDING_ITEM_QUOTE_ANONYMOUSLY);
  EXPECT_EQ(keeper_.told[0].value(), accountability::v1::STANDING_VALUE_GIVEN);
  EXPECT_EQ(keeper_.told[1].value(), accountability::v1::STANDING_VALUE_WITHDRAWN);
  ASSERT_TRUE(Set(Said(Permission::DECISION_GIVEN, "2026-02-01T10:00:00Z")).ok());
  EXPECT_EQ(keeper_.told.back().value(), accountability::v1::STANDING_VALUE_WITHDRAWN)
      << "an older form brings nothing back";
  ASSERT_EQ(Permissions(false).size(), 1u);
  EXPECT_EQ(Permissions(false)[0].decision(), Permission::DECISION_WITHDRAWN);
  EXPECT_EQ(Permissions(true).size(), 3u);
  EXPECT_EQ(Permissions(true)[0].source_text(), "Yes, without my name.");
  EXPECT_EQ(Permissions(true)[0].recorder_role(), "engagement_lead");
}

TEST_F(StandingDoor, WhatIsSaidMeanwhileIsNotLost) {
  ASSERT_TRUE(Set(Said(Permission::DECISION_GIVEN, "2026-01-01T10:00:00Z")).ok());
  std::future<absl::Status> other;
  keeper_.meanwhile = [&] {
    other = Begin(&RegistryApi::SetPermission,
                  Said(Permission::DECISION_WITHDRAWN, "2026-03-01T10:00:00Z"));
  };
  EXPECT_TRUE(Set(Said(Permission::DECISION_GIVEN, "2026-02-01T10:00:00Z")).ok());
  EXPECT_TRUE(other.get().ok());
  EXPECT_EQ(Permissions(true).size(), 3u);
  ASSERT_EQ(Permissions(false).size(), 1u);
  EXPECT_EQ(Permissions(false)[0].decision(), Permission::DECISION_WITHDRAWN);
  std::vector<accountability::v1::StandingValue> told;
  for (const auto& edit : keeper_.told) told.push_back(edit.value());
  const auto ended =
      std::find(told.begin(), told.end(), accountability::v1::STANDING_VALUE_WITHDRAWN);
  EXPECT_NE(ended, told.end());
  EXPECT_EQ(std::count(ended, told.end(), accountability::v1::STANDING_VALUE_GIVEN), 0)
      << "what was withdrawn is never in force again";
  EXPECT_EQ(told.back(), accountability::v1::STANDING_VALUE_WITHDRAWN);
  keeper_.meanwhile = [&] {
    other = Begin(&RegistryApi::RecordStanding, Noted(Standing::KIND_OBJECTION, false));
  };
  EXPECT_TRUE(Record(Standing::KIND_OBJECTION, false).ok());
  EXPECT_EQ(ReasonOf(other.get()), "STATE_FORBIDS");
  EXPECT_EQ(keeper_.told.back().item(), accountability::v1::STANDING_ITEM_OBJECTION);
  EXPECT_EQ(keeper_.told.back().value(), accountability::v1::STANDING_VALUE_SET);
}

// The same request twice at once: kept once, and both are told so.
TEST_F(StandingDoor, OneRequestAtTheSameTimeIsKeptOnce) {
  const auto request = Said(Permission::DECISION_GIVEN, "2026-01-01T10:00:00Z");
  std::future<absl::Status> other;
  keeper_.meanwhile = [&] { other = Begin(&RegistryApi::SetPermission, request); };
  EXPECT_TRUE(Set(request).ok());
  EXPECT_TRUE(other.get().ok());
  EXPECT_EQ(Permissions(true).size(), 1u);
  EXPECT_EQ(keeper_.told.size(), 1u);
}

TEST_F(StandingDoor, WhoWaitsForAnotherGoesOnWhenItIsRefusedAndOfOthersNobodyWaits) {
  const std::string first = person_;
  std::vector<std::future<absl::Status>> waiting;
  absl::Status of_another;
  keeper_.meanwhile = [&] {
    for (int i = 0; i < 20; ++i)
      waiting.push_back(Begin(&RegistryApi::RecordStanding, Noted(Standing::KIND_HOLD, false)));
    person_ = Register("crm-2");
    of_another = Record(Standing::KIND_HOLD, false);
    person_ = first;
  };
  EXPECT_TRUE(Record(Standing::KIND_HOLD, false).ok());
  EXPECT_TRUE(of_another.ok()) << of_another;
  for (auto& one : waiting) EXPECT_EQ(ReasonOf(one.get()), "STATE_FORBIDS");
  EXPECT_TRUE(Record(Standing::KIND_HOLD, true).ok());
  EXPECT_EQ(keeper_.told.size(), 3u);
}

TEST_F(StandingDoor, KindsThatNoDecisionGoesByAreKeptHereAlone) {
  ASSERT_TRUE(Set(Said(Permission::DECISION_GIVEN, "2026-01-01T10:00:00Z", "photo_or_video")).ok());
  EXPECT_TRUE(keeper_.told.empty());
}

TEST_F(StandingDoor, AddingAMemberAgainRenewsWhatDecisionsKnowOfIt) {
  auto steward = lead_;
  steward.caller.set_organisation("network");  // As the fake knows who may write there.
  registry::v1::CreateOrganisationRequest create;
  create.mutable_organisation()->set_title("Harbour Trust");
  create.mutable_organisation()->set_type("vcse");
  auto* identifier = create.mutable_organisation()->add_identifiers();
  identifier->set_scheme("chc");
  identifier->set_value("1234567");
  create.set_request_id(NewRequest());
  ASSERT_TRUE(Ask(&RegistryApi::CreateOrganisation, create, steward).ok());
  for (int i = 0; i < 2; ++i) {
    registry::v1::AddMemberRequest add;
    add.set_organisation("organisations/chc-1234567");
    add.set_request_id(NewRequest());
    const auto added = Ask(&RegistryApi::AddMember, add, steward);
    ASSERT_TRUE(added.ok()) << added.status();
  }
  ASSERT_EQ(keeper_.members.size(), 2u);
  EXPECT_EQ(keeper_.members[1].organisation(), "organisations/chc-1234567");
}

TEST_F(StandingDoor, WhatIsNotInForceIsNotKept) {
  keeper_.answer = Error(reason::kUnavailable, "not now");
  const auto request = Said(Permission::DECISION_REFUSED, "2026-01-01T10:00:00Z");
  EXPECT_EQ(ReasonOf(Set(request)), "UNAVAILABLE");
  EXPECT_EQ(ReasonOf(Record(Standing::KIND_OBJECTION, false)), "UNAVAILABLE");
  EXPECT_TRUE(Permissions(true).empty());
  keeper_.answer = absl::OkStatus();
  EXPECT_TRUE(Set(request).ok()) << "the same request may be sent again";
  EXPECT_TRUE(Set(request).ok());
  EXPECT_EQ(Permissions(true).size(), 1u);
  EXPECT_EQ(keeper_.told.size(), 1u);
}

// Rule 9.
TEST_F(StandingDoor, WhatCannotHaveBeenSaidIsRefused) {
  auto request = Said(Permission::DECISION_WITHDRAWN, "2026-01-01T10:00:00Z");
  EXPECT_EQ(BadFieldsOf(request), std::set<std::string>{"permission.decision"});
  ASSERT_TRUE(Set(Said(Permission::DECISION_GIVEN, "2026-02-01T10:00:00Z")).ok());
  EXPECT_EQ(BadFieldsOf(request), std::set<std::string>{"permission.decision"})
      << "withdrawn before it was given";
  request = Said(Permission::DECISION_GIVEN, "2026-03-01T10:00:00Z");
  *request.mutable_permission()->mutable_expires_at() = request.permission().given_at();
  request.mutable_permission()->clear_notice_version();
  EXPECT_EQ(BadFieldsOf(request),
            (std::set<std::string>{"permission.expires_at", "permission.notice_version"}));
  const auto at = [this](int64_t from_now_ms) {
    auto one = Said(Permission::DECISION_GIVEN, "2026-03-01T10:00:00Z");
    *one.mutable_permission()->mutable_given_at() = text::ToTimestamp(clock_.NowMs() + from_now_ms);
    return one;
  };
  EXPECT_EQ(BadFieldsOf(at(6 * 60'000)), std::set<std::string>{"permission.given_at"});
  EXPECT_TRUE(Set(at(4 * 60'000)).ok());
  request = Said(Permission::DECISION_GIVEN, "2026-03-01T10:00:00Z", "everything");
  request.mutable_permission()->set_method("by pigeon");
  EXPECT_EQ(BadFieldsOf(request), (std::set<std::string>{"permission.kind", "permission.method"}));
}

TEST_F(StandingDoor, AnObjectionIsSetAndLiftedOnce) {
  EXPECT_EQ(ReasonOf(Record(Standing::KIND_OBJECTION, true)), "STATE_FORBIDS");
  ASSERT_TRUE(Record(Standing::KIND_OBJECTION, false).ok());
  EXPECT_EQ(ReasonOf(Record(Standing::KIND_OBJECTION, false)), "STATE_FORBIDS");
  ASSERT_TRUE(Record(Standing::KIND_HOLD, false).ok());
  ASSERT_TRUE(Record(Standing::KIND_OBJECTION, true).ok());
  ASSERT_EQ(keeper_.told.size(), 3u);
  EXPECT_EQ(keeper_.told[2].item(), accountability::v1::STANDING_ITEM_OBJECTION);
  EXPECT_EQ(keeper_.told[2].value(), accountability::v1::STANDING_VALUE_LIFTED);
  EXPECT_EQ(ReasonOf(Record(Standing::KIND_HOLD, true, "")), "INVALID_FIELDS");
  registry::v1::ListStandingRequest request;
  request.set_parent(person_);
  const auto listed = Ask(&RegistryApi::ListStanding, request, lead_);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->standing_size(), 2);
  EXPECT_EQ(listed->standing(0).kind(), Standing::KIND_HOLD);
  EXPECT_EQ(listed->standing(0).reason(), "They wrote.");
  EXPECT_TRUE(listed->standing(1).lifted());
}

TEST_F(StandingDoor, TheWordsOfAFormAreSealed) {
  ASSERT_TRUE(Set(Said(Permission::DECISION_GIVEN, "2026-01-01T10:00:00Z")).ok());
  ASSERT_TRUE(Record(Standing::KIND_HOLD, false, "Case of Mr Bell.").ok());
  for (const char* collection : {"permissions", "standing"}) {
    const auto items = coro::SyncWait(store_.Scan(storage::Partition(kLead),
                                                  storage::Range(std::string(collection)), 10,
                                                  storage::Direction::kForward));
    ASSERT_EQ(items->size(), 1u);
    for (const char* words : {"without my name", "Bell"})
      EXPECT_EQ((*items)[0].versioned.value.find(words), std::string::npos);
  }
}

TEST_F(StandingDoor, NobodyElseSetsOrReadsThem) {
  const auto request = Said(Permission::DECISION_GIVEN, "2026-01-01T10:00:00Z");
  EXPECT_FALSE(Ask(&RegistryApi::SetPermission, request, asker_).ok());
  EXPECT_TRUE(decider_.questions.back().records(0).lead_only());
  registry::v1::ListPermissionsRequest list;
  list.set_parent(person_);
  const auto hidden = Ask(&RegistryApi::ListPermissions, list, asker_).status();
  list.set_parent(std::string("organisations/") + kLead + "/participants/p0000");
  EXPECT_EQ(Ask(&RegistryApi::ListPermissions, list, asker_).status(), hidden);
  EXPECT_FALSE(hidden.ok());
  EXPECT_TRUE(keeper_.told.empty());
}

TEST_F(StandingDoor, PagesOfPermissionsGoOn) {
  for (const char* kind : {"quote_anonymously", "quote_with_name", "photo_or_video"})
    ASSERT_TRUE(Set(Said(Permission::DECISION_GIVEN, "2026-01-01T10:00:00Z", kind)).ok());
  registry::v1::ListPermissionsRequest request;
  request.set_parent(person_);
  request.set_page_size(2);
  std::vector<std::string> kinds;
  do {
    const auto page = Ask(&RegistryApi::ListPermissions, request, lead_);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& one : page->permissions()) kinds.push_back(one.kind());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(kinds,
            (std::vector<std::string>{"quote_anonymously", "quote_with_name", "photo_or_video"}));
}

TEST_F(StandingDoor, ParticipantsAreAskedWithOneRecordEach) {
  const std::string second = Register("crm-2");
  registry::v1::GetParticipantRequest get;
  get.set_name(second);
  ASSERT_TRUE(Ask(&RegistryApi::GetParticipant, get, asker_).ok());
  EXPECT_EQ(decider_.questions.back().subject_ids_size(), 1);
  decider_.hidden_subjects = {decider_.questions.back().subject_ids(0)};
  const auto hidden = Ask(&RegistryApi::GetParticipant, get, asker_).status();
  get.set_name(std::string("organisations/") + kLead + "/participants/p0000");
  EXPECT_EQ(Ask(&RegistryApi::GetParticipant, get, asker_).status(), hidden);
  EXPECT_FALSE(hidden.ok());
  registry::v1::ListParticipantsRequest list;
  list.set_parent(std::string("organisations/") + kLead);
  list.set_page_size(1);
  const auto page = Ask(&RegistryApi::ListParticipants, list, asker_);
  ASSERT_TRUE(page.ok()) << page.status();
  const auto& asked = decider_.questions.back();
  ASSERT_EQ(asked.records_size(), asked.subject_ids_size());
  for (int i = 0; i < asked.records_size(); ++i)
    EXPECT_EQ(asked.records(i).subject(), static_cast<uint32_t>(i) + 1);
}

TEST_F(StandingDoor, PeopleWhoMayNotBeShownAreNotOpened) {
  registry::v1::GetParticipantRequest get;
  get.set_name(person_);
  ASSERT_TRUE(Ask(&RegistryApi::GetParticipant, get, lead_).ok());
  const std::string hidden = decider_.questions.back().subject_ids(0);
  DamageSealed<registry::storage::v1::ParticipantRecord>(&store_, registry::kParticipants);
  const std::string shown = Register("crm-2");
  registry::v1::ListParticipantsRequest list;
  list.set_parent(std::string("organisations/") + kLead);
  EXPECT_FALSE(Ask(&RegistryApi::ListParticipants, list, lead_).ok());
  decider_.hidden_subjects = {hidden};
  const auto page = Ask(&RegistryApi::ListParticipants, list, lead_);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->participants_size(), 1);
  EXPECT_EQ(page->participants(0).name(), shown);
}

TEST_F(StandingDoor, WhoOnlyTriesTheNetworkOutIsKnown) {
  registry::v1::CreateOrganisationRequest request;
  auto* organisation = request.mutable_organisation();
  organisation->set_title("Try Me");
  organisation->set_type("vcse");
  organisation->set_test(true);
  auto* identifier = organisation->add_identifiers();
  identifier->set_scheme("chc");
  identifier->set_value("1234567");
  request.set_request_id(NewRequest());
  auto steward = lead_;
  steward.caller.set_organisation("network");  // As the fake knows who may write there.
  const auto made = Ask(&RegistryApi::CreateOrganisation, request, steward);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(made->organisation().test());
  registry::LocalDirectory directory(&store_);
  EXPECT_TRUE(*coro::SyncWait(directory.IsTest("chc-1234567")));
  EXPECT_FALSE(*coro::SyncWait(directory.IsTest("chc-7654321")));
  const std::vector<std::string> names = {"organisations/chc-1234567", "organisations/chc-7654321",
                                          person_};
  const auto found = coro::SyncWait(directory.Find(names));
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_TRUE((*found)[0] && (*found)[2]);
  EXPECT_TRUE((*found)[0]->is_test);
  EXPECT_EQ((*found)[0]->subject, "");
  EXPECT_FALSE((*found)[1]);
  EXPECT_FALSE((*found)[2]->is_test);
  EXPECT_EQ((*found)[2]->subject.size(), 16u);
  const auto own = coro::SyncWait(api_->WhoAmI(lead_, {}));
  EXPECT_TRUE(own->test());
  EXPECT_FALSE(coro::SyncWait(api_->WhoAmI(asker_, {}))->test());
}

}  // namespace
}  // namespace waterline::testing
