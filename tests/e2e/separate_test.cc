// The four services in processes of their own: any start order, evidence that crosses processes,
// and kill -9 of accountability under load.

#include <atomic>
#include <map>
#include <mutex>
#include <sstream>

#include "tests/integration/open_event.h"
#include "waterline/accountability/v1/accountability_service.grpc.pb.h"
#include "waterline/inference/v1/inference_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using accountability::v1::AccountabilityService;
using accountability::v1::Receipt;
using events::v1::EventsService;
using inference::v1::InferenceService;
using Stub = EventsService::Stub;

const std::string kParent = std::string("organisations/") + kHost;

std::string ReadLog(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

// ---- Start order --------------------------------------------------------------------------------

class StartOrder : public ::testing::Test {
 protected:
  StartOrder() {
    std::string path = ::testing::TempDir() + "wl-data-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    data_ = path;
    deployment::InitOptions options;
    options.separate = true;
    EXPECT_TRUE(InitNetwork(data_ / "network", options).ok());
    services_ = std::make_unique<SeparateServices>(data_ / "network", false);
  }
  ~StartOrder() override {
    services_.reset();
    std::filesystem::remove_all(data_);
  }
  std::filesystem::path data_;
  std::unique_ptr<SeparateServices> services_;
};

TEST_F(StartOrder, EachStartsAloneSaysWhatItWaitsForAndNeedsNoRestart) {
  for (const char* service : {"inference", "events", "registry"}) {
    services_->Start(service);
    EXPECT_EQ(services_->Health(service), 2) << service;
    const std::string log = ReadLog(services_->Log(service));
    for (const auto& other : deployment::LinksOf(service))
      EXPECT_NE(log.find("waits for " + other), std::string::npos) << service << ": " << log;
  }
  services_->Start("accountability");
  for (const char* service : kSeparateServices) services_->WaitUntilServing(service);
  services_->Kill("accountability");
  for (const char* service : {"inference", "events", "registry"})
    services_->WaitUntilNotServing(service);
  services_->Start("accountability");
  for (const char* service : kSeparateServices) services_->WaitUntilServing(service);
}

TEST_F(StartOrder, ANameCannotBeCheckedWithoutRegistryAndCanWhenItIsBack) {
  for (const char* service : kSeparateServices) services_->Start(service);
  for (const char* service : kSeparateServices) services_->WaitUntilServing(service);
  const auto stub = EventsService::NewStub(services_->channel("/waterline.events.v1."));
  events::v1::CreateEventRequest request;
  request.set_parent(kParent);
  *request.mutable_event() = Workshop();
  request.mutable_event()->add_places("places/nowhere");
  request.set_request_id("r1");
  events::v1::CreateEventResponse response;
  services_->Kill("registry");
  auto status = Call(stub.get(), &Stub::CreateEvent, request, &response);
  EXPECT_EQ(ReasonOf(status), reason::kUnavailable.name) << status;
  services_->Start("registry");
  do {
    status = Call(stub.get(), &Stub::CreateEvent, request, &response);
  } while (absl::IsUnavailable(status));
  EXPECT_EQ(ReasonOf(status), reason::kInvalidFields.name) << status;
}

// ---- Evidence -----------------------------------------------------------------------------------

TEST(Separate, TheMapRestsOnEvidenceThatCameFromEvents) {
  Network network;
  const auto stub = network.Stub<EventsService>();
  events::v1::RecordResponsesRequest request;
  request.set_parent(OpenEvent(stub.get()));
  request.set_request_id("responses");
  for (int i = 0; i < 20; ++i) {
    auto* response = request.add_responses();
    response->set_source_id("s" + std::to_string(i));
    response->set_informant("seat " + std::to_string(i));
    response->set_indicator("trust.skills.listening");
    response->set_respondent_group("SU");
    response->set_value(4);
  }
  events::v1::RecordResponsesResponse recorded;
  const auto status = Call(stub.get(), &Stub::RecordResponses, request, &recorded);
  ASSERT_TRUE(status.ok()) << status;
  const auto inference = network.Stub<InferenceService>();
  inference::v1::GetPracticeMapRequest ask;
  ask.set_scope(kParent);
  inference::v1::GetPracticeMapResponse answer;
  do {
    const auto got = Call(inference.get(), &InferenceService::Stub::GetPracticeMap, ask, &answer);
    ASSERT_TRUE(got.ok()) << got;
  } while (answer.map().catching_up() || answer.map().evidence_version() == 0);
  EXPECT_GT(answer.map().evidence_version(), 0u);
}

// ---- kill -9 of accountability under load -------------------------------------------------------

// What clients were told, by the tag of what they sent.
struct Acknowledged {
  std::mutex mutex;
  std::map<std::string, std::string> events;  // Tag -> name.
  std::vector<Receipt> receipts;
};

// Sends until it is acknowledged, as a client does: only what may be sent again is.
void CreateOne(Stub* stub, const std::string& tag, Acknowledged* acknowledged) {
  events::v1::CreateEventRequest request;
  request.set_parent(kParent);
  request.set_request_id(tag);
  *request.mutable_event() = Workshop();
  request.mutable_event()->set_title(tag);
  events::v1::CreateEventResponse response;
  std::optional<Receipt> receipt;
  absl::Status status;
  do {
    status = Call(stub, &Stub::CreateEvent, request, &response, {}, &receipt);
  } while (absl::IsUnavailable(status) || absl::IsResourceExhausted(status));
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_TRUE(receipt.has_value()) << tag << ": a response without receipt";
  std::lock_guard lock(acknowledged->mutex);
  acknowledged->events[tag] = response.event().name();
  acknowledged->receipts.push_back(*receipt);
}

void ExpectEveryEventOnce(Stub* stub, const std::map<std::string, std::string>& expected) {
  std::map<std::string, int> counts;
  events::v1::ListEventsRequest request;
  request.set_parent(kParent);
  request.set_page_size(1000);
  events::v1::ListEventsResponse page;
  do {
    ASSERT_TRUE(Call(stub, &Stub::ListEvents, request, &page).ok());
    for (const auto& event : page.events()) ++counts[event.title()];
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  EXPECT_EQ(counts.size(), expected.size());
  for (const auto& [tag, name] : expected) EXPECT_EQ(counts[tag], 1) << tag;
}

void ExpectEveryEntry(Network* network, const std::vector<Receipt>& receipts) {
  const auto ledger = network->Stub<AccountabilityService>();
  for (const auto& receipt : receipts) {
    accountability::v1::GetInclusionProofRequest request;
    *request.mutable_position() = receipt.position();
    accountability::v1::GetInclusionProofResponse proof;
    const auto status =
        Call(ledger.get(), &AccountabilityService::Stub::GetInclusionProof, request, &proof);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(proof.leaf_hash(), receipt.leaf_hash()) << receipt.position().index();
  }
}

TEST(Separate, AccountabilityIsKilledUnderLoadAndNothingIsLostOrAnsweredWithoutAnEntry) {
  constexpr int kClients = 6;
  constexpr int kEach = 40;
  constexpr int kKills = 3;
  Network network;
  const auto stub = network.Stub<EventsService>();
  Acknowledged acknowledged;
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; i < kEach; ++i)
        CreateOne(stub.get(), std::to_string(c) + "-" + std::to_string(i), &acknowledged);
    });
  }
  for (size_t kill = 1; kill <= kKills; ++kill) {
    while (true) {
      std::lock_guard lock(acknowledged.mutex);
      if (acknowledged.events.size() >= kill * kClients * kEach / (kKills + 1)) break;
    }
    EXPECT_EQ(network.services().Kill("accountability"), -SIGKILL);
    network.services().Start("accountability");
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(acknowledged.events.size(), static_cast<size_t>(kClients * kEach));
  network.services().WaitUntilServing("events");
  ExpectEveryEventOnce(stub.get(), acknowledged.events);
  ExpectEveryEntry(&network, acknowledged.receipts);
  const auto folder = network.folder();
  network.Stop();
  const auto verified = deployment::Verify(folder.string());
  EXPECT_TRUE(verified.ok()) << verified.status();
}

}  // namespace
}  // namespace waterline::testing
