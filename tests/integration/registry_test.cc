// Registry and ledger through a real server: what an integrator relies on.

#include "services/accountability/ledger/ledger.h"
#include "services/accountability/ledger/merkle.h"
#include "services/common/coro/sync_wait.h"
#include "services/waterlined/foundation.h"
#include "tests/integration/fixture.h"
#include "waterline/accountability/v1/accountability_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using accountability::v1::AccountabilityService;
using registry::v1::RegistryService;
using RegistryStub = RegistryService::Stub;

registry::v1::CreateOrganisationRequest Charity(const std::string& number,
                                                const std::string& request_id) {
  registry::v1::CreateOrganisationRequest request;
  auto* organisation = request.mutable_organisation();
  organisation->set_title("Sea Air Trust");
  organisation->set_type("vcse");
  auto* identifier = organisation->add_identifiers();
  identifier->set_scheme("chc");
  identifier->set_value(number);
  auto* contact = organisation->add_contacts();
  contact->set_function("involvement");
  contact->set_full_name("Petra Planted");
  request.set_request_id(request_id);
  return request;
}

TEST(Registry, WhoAmIShowsWhatTheServerSees) {
  Network network;
  auto stub = network.Stub<RegistryService>();
  registry::v1::WhoAmIResponse response;
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::WhoAmI, {}, &response).ok());
  EXPECT_EQ(response.organisation(), kHost);
  EXPECT_EQ(response.role(), "engagement_lead");
  EXPECT_EQ(response.authentication(), accountability::v1::AUTHENTICATION_DEV);
  EXPECT_TRUE(response.development());
  EXPECT_FALSE(response.ledger_key().empty());
}

TEST(Registry, AnOrganisationIsMadeOnceHoweverOftenItIsSent) {
  Network network;
  auto stub = network.Stub<RegistryService>();
  registry::v1::CreateOrganisationResponse first, second;
  std::optional<accountability::v1::Receipt> receipt;
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::CreateOrganisation, Charity("1234567", "r1"), &first,
                   Steward(), &receipt)
                  .ok());
  EXPECT_EQ(first.organisation().name(), "organisations/chc-1234567");
  EXPECT_EQ(first.organisation().contacts(0).full_name(), "Petra Planted");
  ASSERT_TRUE(receipt.has_value());
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::CreateOrganisation, Charity("1234567", "r1"), &second,
                   Steward())
                  .ok());
  EXPECT_EQ(first.organisation().etag(), second.organisation().etag());
  const auto reused = Call(stub.get(), &RegistryStub::CreateOrganisation, Charity("7654321", "r1"),
                           &second, Steward());
  EXPECT_EQ(ReasonOf(reused), "REQUEST_ID_REUSED");
  const auto taken = Call(stub.get(), &RegistryStub::CreateOrganisation, Charity("1234567", "r2"),
                          &second, Steward());
  EXPECT_EQ(ReasonOf(taken), "ALREADY_EXISTS");
}

TEST(Registry, AReceiptProvesItsEntry) {
  Network network;
  auto stub = network.Stub<RegistryService>();
  auto ledger = network.Stub<AccountabilityService>();
  registry::v1::ListPlacesResponse places;
  std::optional<accountability::v1::Receipt> receipt;
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::ListPlaces, {}, &places, {}, &receipt).ok());
  ASSERT_TRUE(receipt.has_value());
  EXPECT_EQ(receipt->authentication(), accountability::v1::AUTHENTICATION_DEV);
  accountability::v1::GetCheckpointResponse checkpoint;
  ASSERT_TRUE(
      Call(ledger.get(), &AccountabilityService::Stub::GetCheckpoint, {}, &checkpoint).ok());
  const auto verifier = accountability::NoteVerifier::FromVkey(checkpoint.verifier_key());
  ASSERT_TRUE(verifier.ok());
  const auto head = verifier->OpenCheckpoint(receipt->checkpoint());
  ASSERT_TRUE(head.ok()) << head.status();
  const std::vector<std::string> proof(receipt->inclusion_proof().begin(),
                                       receipt->inclusion_proof().end());
  EXPECT_TRUE(accountability::VerifyInclusion(receipt->leaf_hash(), receipt->position().index(),
                                              head->size, proof, head->root));
}

// Beside the entry, sealed: the exact name and filter of what was asked for.
TEST(Registry, TheLedgerKeepsWhatExactlyWasAskedForSealed) {
  Network network;
  const auto stub = network.Stub<RegistryService>();
  registry::v1::ListOrganisationsRequest list;
  list.set_part_of("organisations/local-marked");
  registry::v1::ListOrganisationsResponse listed;
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::ListOrganisations, list, &listed).ok());
  network.Stop();
  SystemClock clock;
  const auto foundation =
      deployment::Foundation::Open(deployment::Layout(network.folder().string()), &clock);
  ASSERT_TRUE(foundation.ok()) << foundation.status();
  const auto entries =
      *coro::SyncWait((*foundation)->ledger()->ListByOrganisation(kHost, std::nullopt, 1));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].record.SerializeAsString().find("local-marked"), std::string::npos);
  const auto payload = *coro::SyncWait((*foundation)->recorder()->OpenPayload(entries[0]));
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(payload->resource_name(), "organisations");
  EXPECT_EQ(payload->filter(), "part_of = organisations/local-marked");
}

TEST(Registry, RefusalsNameTheirReasonAndCarryAReceipt) {
  Network network;
  auto stub = network.Stub<RegistryService>();
  registry::v1::ListPlacesResponse places;
  std::optional<accountability::v1::Receipt> receipt;
  Who no_purpose;
  no_purpose.purpose = "";
  EXPECT_EQ(
      ReasonOf(Call(stub.get(), &RegistryStub::ListPlaces, {}, &places, no_purpose, &receipt)),
      "PURPOSE_REQUIRED");
  EXPECT_TRUE(receipt.has_value());
  Who stranger;
  stranger.organisation = "ods-zzz";
  EXPECT_EQ(ReasonOf(Call(stub.get(), &RegistryStub::ListPlaces, {}, &places, stranger, &receipt)),
            "NOT_MEMBER");
  EXPECT_TRUE(receipt.has_value());
  registry::v1::CreateOrganisationResponse created;
  EXPECT_EQ(ReasonOf(Call(stub.get(), &RegistryStub::CreateOrganisation, Charity("1234567", "r"),
                          &created)),
            "ROLE_NOT_PERMITTED");
  Who nobody{"", "", "", ""};
  EXPECT_EQ(ReasonOf(Call(stub.get(), &RegistryStub::ListPlaces, {}, &places, nobody)),
            "IDENTITY_MISSING");
  registry::v1::GetParticipantRequest theirs;
  theirs.set_name("organisations/ods-qnx/participants/pabc");
  registry::v1::GetParticipantResponse participant;
  EXPECT_EQ(ReasonOf(Call(stub.get(), &RegistryStub::GetParticipant, theirs, &participant)),
            "NOT_CONTROLLER");
}

TEST(Registry, PlacesAreJoinedAndLeft) {
  Network network;
  auto stub = network.Stub<RegistryService>();
  registry::v1::CreatePlaceRequest create;
  create.mutable_place()->set_title("Old Market");
  create.mutable_place()->set_accountable_body(std::string("organisations/") + kHost);
  create.set_request_id("p1");
  registry::v1::CreatePlaceResponse place;
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::CreatePlace, create, &place, Steward()).ok());
  EXPECT_EQ(place.place().name(), "places/old-market");
  registry::v1::JoinPlaceRequest join;
  join.set_name("places/old-market");
  join.set_organisation(std::string("organisations/") + kHost);
  join.set_joined_on("2025-01-01");
  join.set_request_id("j1");
  registry::v1::JoinPlaceResponse joined;
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::JoinPlace, join, &joined, Steward()).ok());
  join.set_request_id("j2");
  EXPECT_EQ(ReasonOf(Call(stub.get(), &RegistryStub::JoinPlace, join, &joined, Steward())),
            "STATE_FORBIDS");
  registry::v1::LeavePlaceRequest leave;
  leave.set_name("places/old-market");
  leave.set_organisation(std::string("organisations/") + kHost);
  leave.set_left_on("2024-01-01");
  leave.set_request_id("l1");
  registry::v1::LeavePlaceResponse left;
  EXPECT_EQ(ReasonOf(Call(stub.get(), &RegistryStub::LeavePlace, leave, &left, Steward())),
            "INVALID_FIELDS");
  leave.set_left_on("2025-02-01");
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::LeavePlace, leave, &left, Steward()).ok());
  EXPECT_EQ(left.place().memberships(0).left_on(), "2025-02-01");
}

TEST(Registry, ParticipantsSurviveARestartAndAreFoundByPage) {
  Network network;
  registry::v1::RegisterParticipantRequest request;
  request.set_parent(std::string("organisations/") + kHost);
  request.mutable_participant()->add_roles()->set_role("carer");
  request.mutable_participant()->set_full_name("Petra Planted");
  {
    auto stub = network.Stub<RegistryService>();
    for (int i = 0; i < 5; ++i) {
      request.mutable_participant()->set_source_id("crm-" + std::to_string(i));
      request.set_request_id("p" + std::to_string(i));
      registry::v1::RegisterParticipantResponse response;
      ASSERT_TRUE(Call(stub.get(), &RegistryStub::RegisterParticipant, request, &response).ok());
      EXPECT_EQ(response.participant().full_name(), "Petra Planted");
    }
    request.set_request_id("again");
    registry::v1::RegisterParticipantResponse response;
    EXPECT_EQ(ReasonOf(Call(stub.get(), &RegistryStub::RegisterParticipant, request, &response)),
              "ALREADY_EXISTS");
  }
  network.Stop();
  network.Start();
  auto stub = network.Stub<RegistryService>();
  registry::v1::ListParticipantsRequest list;
  list.set_parent(request.parent());
  list.set_page_size(2);
  std::set<std::string> sources;
  int pages = 0;
  do {
    registry::v1::ListParticipantsResponse page;
    ASSERT_TRUE(Call(stub.get(), &RegistryStub::ListParticipants, list, &page).ok());
    for (const auto& participant : page.participants()) sources.insert(participant.source_id());
    list.set_page_token(page.next_page_token());
    ++pages;
  } while (!list.page_token().empty() && pages < 10);
  EXPECT_EQ(sources.size(), 5u);
  list.set_page_token("00");
  registry::v1::ListParticipantsResponse page;
  EXPECT_EQ(ReasonOf(Call(stub.get(), &RegistryStub::ListParticipants, list, &page)),
            "INVALID_FIELDS");
}

TEST(Waterlined, RefusesABusyPortAndABusyFolder) {
  Network network;
  deployment::ServeOptions options;
  options.data = network.folder().string();
  const auto folder = deployment::Waterlined::Start(options);
  ASSERT_FALSE(folder.ok());
  EXPECT_NE(folder.status().message().find("in use"), absl::string_view::npos);
  Network other;
  other.Stop();
  options.data = other.folder().string();
  options.listen = {"127.0.0.1:" + std::to_string(network.server().port())};
  const auto port = deployment::Waterlined::Start(options);
  ASSERT_FALSE(port.ok());
  EXPECT_NE(port.status().message().find("another program uses it"), absl::string_view::npos);
  options.listen = {"0.0.0.0:0"};
  const auto everywhere = deployment::Waterlined::Start(options);
  ASSERT_FALSE(everywhere.ok());
  EXPECT_NE(everywhere.status().message().find("loopback"), absl::string_view::npos);
  other.Start();
}

TEST(Waterlined, InitRunsOnce) {
  Network network;
  deployment::InitOptions options;
  options.data = network.folder().string();
  options.network = "dev-test";
  options.host = kHost;
  options.administrator = "x";
  options.development = true;
  EXPECT_EQ(ReasonOf(deployment::Init(options).status()), "ALREADY_EXISTS");
}

}  // namespace
}  // namespace waterline::testing
