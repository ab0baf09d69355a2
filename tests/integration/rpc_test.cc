// What a client may rely on from the server itself, whatever the method (services/common/rpc).

#include <google/rpc/error_details.pb.h>

#include <atomic>
#include <future>
#include <thread>

#include "absl/strings/cord.h"
#include "services/common/coro/one_shot.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/server.h"
#include "tests/integration/http.h"
#include "tests/integration/raw.h"
#include "waterline/events/v1/events_service.grpc.pb.h"
#include "waterline/inference/v1/inference_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using RegistryStub = registry::v1::RegistryService::Stub;
using EventsStub = events::v1::EventsService::Stub;

constexpr const char* kServiceNames[] = {
    "waterline.registry.v1.RegistryService", "waterline.events.v1.EventsService",
    "waterline.inference.v1.InferenceService", "waterline.accountability.v1.AccountabilityService"};

// ---- A server whose handler waits until the test lets it go -------------------------------------

class Waiting {
 public:
  coro::Task<absl::StatusOr<inference::v1::GetConceptualMapResponse>> GetConceptualMap(
      const rpc::Call& call, const inference::v1::GetConceptualMapRequest&) {
    coro::OneShot<bool> released;
    cancelled_ = call.cancelled;
    release_.emplace(released.setter());
    started_.set_value(call);
    co_await released;
    ended_ = true;
    inference::v1::GetConceptualMapResponse response;
    co_return response;
  }
  coro::Task<absl::StatusOr<gate::Draft<inference::v1::GetPracticeMapResponse>>> GetPracticeMap(
      const rpc::Call&, const inference::v1::GetPracticeMapRequest&) {
    co_return absl::UnimplementedError("not in this test");
  }

  rpc::Call Started() { return started_.get_future().get(); }
  std::atomic<bool>& cancelled() { return *cancelled_; }
  void Release() { release_->Set(true); }
  bool ended() const { return ended_; }

 private:
  std::promise<rpc::Call> started_;
  std::shared_ptr<std::atomic<bool>> cancelled_;
  std::optional<coro::OneShot<bool>::Setter> release_;
  std::atomic<bool> ended_{false};
};

class WaitingServer {
 public:
  explicit WaitingServer(std::chrono::milliseconds cap = rpc::kUnaryDeadlineMax) {
    rpc::Public(&service_, "GetConceptualMap", &handler, &Waiting::GetConceptualMap);
    rpc::Gated(&service_, "GetPracticeMap", &handler, &Waiting::GetPracticeMap, nullptr);
    rpc::ServerOptions options;
    options.addresses = {"127.0.0.1:0"};
    options.identity = &identity_;
    options.metrics = &metrics_;
    options.unary_deadline_max = cap;
    auto started = rpc::Server::Start(std::move(options), {&service_});
    EXPECT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
    server->SetServing(true);
    stub = inference::v1::InferenceService::NewStub(grpc::CreateChannel(
        "127.0.0.1:" + std::to_string(server->port()), grpc::InsecureChannelCredentials()));
  }

 private:
  rpc::Service service_{"waterline.inference.v1.InferenceService"};
  identity::DevelopmentIdentity identity_;
  rpc::Metrics metrics_;

 public:
  Waiting handler;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<inference::v1::InferenceService::Stub> stub;
};

TEST(Rpc, AUnaryCallWithoutDeadlineEndsAtTheCap) {
  WaitingServer waiting(std::chrono::milliseconds(1));
  grpc::ClientContext context;  // No deadline.
  inference::v1::GetConceptualMapResponse response;
  const auto status = rpc::FromGrpc(waiting.stub->GetConceptualMap(&context, {}, &response));
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ReasonOf(status), "DEADLINE_EXCEEDED");
  waiting.handler.Started();
  EXPECT_TRUE(waiting.handler.cancelled()) << "long work looks at it between steps";
  waiting.handler.Release();
}

TEST(Rpc, TheCapHoldsForALongerDeadlineToo) {
  WaitingServer waiting;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::hours(1));
  inference::v1::GetConceptualMapResponse response;
  auto call = std::async(std::launch::async, [&] {
    return rpc::FromGrpc(waiting.stub->GetConceptualMap(&context, {}, &response));
  });
  const auto started = waiting.handler.Started();
  EXPECT_LE(started.deadline, std::chrono::steady_clock::now() + rpc::kUnaryDeadlineMax);
  waiting.handler.Release();
  EXPECT_TRUE(call.get().ok());
}

TEST(Rpc, DrainWaitsForHandlersThatOutliveTheirCall) {
  auto waiting = std::make_unique<WaitingServer>(std::chrono::milliseconds(1));
  grpc::ClientContext context;
  inference::v1::GetConceptualMapResponse response;
  EXPECT_FALSE(waiting->stub->GetConceptualMap(&context, {}, &response).ok());
  waiting->handler.Started();
  bool ended_first = false;
  std::thread drain([&] {
    waiting->server->Drain();
    ended_first = waiting->handler.ended();
  });
  waiting->handler.Release();
  drain.join();
  EXPECT_TRUE(ended_first);
}

TEST(Rpc, AFaultOfTheServiceLeavesAsAnIncidentIdAndNotAsItsText) {
  WaitingServer waiting;
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "incident-7");
  context.AddMetadata("waterline-organisation", kHost);
  context.AddMetadata("waterline-actor", "ann");
  context.AddMetadata("waterline-role", "engagement_lead");
  inference::v1::GetPracticeMapResponse response;
  const auto status = rpc::FromGrpc(waiting.stub->GetPracticeMap(&context, {}, &response));
  EXPECT_EQ(ReasonOf(status), reason::kUnexpected.name);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(status.message().find("incident-7"), absl::string_view::npos);
  EXPECT_EQ(status.message().find("not in this test"), absl::string_view::npos);
}

TEST(Rpc, AHandlerSeesThatItsClientHasGone) {
  WaitingServer waiting;
  grpc::ClientContext context;
  inference::v1::GetConceptualMapResponse response;
  auto call = std::async(std::launch::async, [&] {
    return rpc::FromGrpc(waiting.stub->GetConceptualMap(&context, {}, &response));
  });
  waiting.handler.Started();
  context.TryCancel();
  EXPECT_EQ(call.get().code(), absl::StatusCode::kCancelled);
  while (!waiting.handler.cancelled()) std::this_thread::yield();
  waiting.handler.Release();
}

// ---- The whole server ---------------------------------------------------------------------------

TEST(Rpc, AnErrorNamesItsReasonDomainAndEveryWrongField) {
  Network network;
  auto stub = network.Stub<events::v1::EventsService>();
  events::v1::CreateEventRequest request;
  request.mutable_event()->set_method("no-such-method");
  request.mutable_event()->set_mode("nowhere");
  request.mutable_event()->add_places("not-a-place");
  events::v1::CreateEventResponse response;
  const auto status = Call(stub.get(), &EventsStub::CreateEvent, request, &response);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  google::rpc::ErrorInfo info;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  ASSERT_TRUE(payload && info.ParseFromString(std::string(*payload)));
  EXPECT_EQ(info.reason(), "INVALID_FIELDS");
  EXPECT_EQ(info.domain(), "common.waterline");
  std::set<std::string> fields;
  for (const auto& violation : ViolationsOf(status)) {
    fields.insert(violation.field);
    EXPECT_FALSE(violation.description.empty()) << violation.field;
  }
  for (const char* field : {"parent", "request_id", "event.title", "event.method", "event.mode",
                            "event.starts_at", "event.ends_at", "event.places[0]"})
    EXPECT_TRUE(fields.contains(field)) << field;
}

TEST(Rpc, AMalformedMessageIsAnErrorWithItsReason) {
  Network network;
  Context context;
  const auto answer = CallRaw(network.channel(), "/waterline.registry.v1.RegistryService/GetPlace",
                              {"\xFF\xFF\xFF"}, context.get());
  EXPECT_EQ(answer.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(answer.status), "INVALID_FIELDS");
}

TEST(Rpc, HealthIsAnsweredForTheServerAndForEachService) {
  Network network;
  for (const char* name : kServiceNames) {
    const auto answer = CheckHealth(network.channel(), name);
    ASSERT_TRUE(answer.status.ok()) << name << ' ' << answer.status;
    EXPECT_EQ(answer.messages.at(0), kServing) << name;
  }
  EXPECT_EQ(CheckHealth(network.channel(), "").messages.at(0), kServing);
  EXPECT_EQ(CheckHealth(network.channel(), "no.such.Service").status.code(),
            absl::StatusCode::kNotFound);
}

TEST(Rpc, ReflectionListsTheServices) {
  Network network;
  grpc::ClientContext context;
  const auto answer =
      CallRaw(network.channel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              {std::string("\x3a\x01*")}, &context);
  ASSERT_TRUE(answer.status.ok()) << answer.status;
  for (const char* name : kServiceNames)
    EXPECT_NE(answer.messages.at(0).find(name), std::string::npos) << name;
}

std::string InitialMetadata(grpc::ClientContext* context, const char* key) {
  const auto& metadata = context->GetServerInitialMetadata();
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
}

TEST(Rpc, RequestIdAndTraceparentComeBack) {
  Network network;
  auto stub = network.Stub<registry::v1::RegistryService>();
  constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  Context sent;
  sent.get()->AddMetadata("x-request-id", "my-request");
  sent.get()->AddMetadata("traceparent", kTraceparent);
  registry::v1::WhoAmIResponse response;
  ASSERT_TRUE(stub->WhoAmI(sent.get(), {}, &response).ok());
  EXPECT_EQ(InitialMetadata(sent.get(), "x-request-id"), "my-request");
  EXPECT_EQ(InitialMetadata(sent.get(), "traceparent"), kTraceparent);
  Context malformed;
  malformed.get()->AddMetadata("x-request-id", std::string(65, 'x'));
  malformed.get()->AddMetadata("traceparent", "00-nonsense");
  ASSERT_TRUE(stub->WhoAmI(malformed.get(), {}, &response).ok());
  const std::string made = InitialMetadata(malformed.get(), "x-request-id");
  EXPECT_FALSE(made.empty());
  EXPECT_LE(made.size(), 64u);
  EXPECT_EQ(InitialMetadata(malformed.get(), "traceparent").size(), 55u);
}

TEST(Rpc, SizesAreLimitedAndTheServerStaysUp) {
  Network network;
  auto stub = network.Stub<registry::v1::RegistryService>();
  registry::v1::GetPlaceRequest large;
  large.set_name(std::string(rpc::kMessageBytesMax + 1, 'x'));
  registry::v1::GetPlaceResponse place;
  EXPECT_EQ(Call(stub.get(), &RegistryStub::GetPlace, large, &place).code(),
            absl::StatusCode::kResourceExhausted);
  // gRPC closes the connection as well, so this caller has one of its own.
  grpc::ChannelArguments own_connection;
  own_connection.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto talker = registry::v1::RegistryService::NewStub(
      grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(network.server().port()),
                                grpc::InsecureChannelCredentials(), own_connection));
  Context context;
  context.get()->AddMetadata("x-filler", std::string(rpc::kMetadataBytesMax + 1, 'x'));
  registry::v1::WhoAmIResponse response;
  EXPECT_EQ(talker->WhoAmI(context.get(), {}, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  const auto after = Call(stub.get(), &RegistryStub::WhoAmI, {}, &response);
  EXPECT_TRUE(after.ok()) << after;
}

TEST(Rpc, AnUnknownMethodIsUnimplemented) {
  Network network;
  Context context;
  EXPECT_EQ(CallRaw(network.channel(), "/waterline.registry.v1.RegistryService/NoSuch", {""},
                    context.get())
                .status.code(),
            absl::StatusCode::kUnimplemented);
}

// ---- Addresses and metrics ----------------------------------------------------------------------

TEST(Rpc, DevelopmentIdentityListensOnLoopbackAndUnixSocketsOnly) {
  Network network;
  network.Stop();
  deployment::ServeOptions options;
  options.data = network.folder().string();
  for (const char* address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0",
                              "127.0.0.1.example.org:0", "127.example.org:0"}) {
    options.listen = {address};
    const auto refused = deployment::Waterlined::Start(options);
    ASSERT_FALSE(refused.ok()) << address;
    EXPECT_NE(refused.status().message().find("loopback or a Unix socket only"),
              absl::string_view::npos)
        << refused.status();
  }
  const std::string socket = "unix:" + (network.folder() / "socket").string();
  options.listen = {socket};
  const auto server = deployment::Waterlined::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  auto stub = registry::v1::RegistryService::NewStub(
      grpc::CreateChannel(socket, grpc::InsecureChannelCredentials()));
  registry::v1::WhoAmIResponse response;
  EXPECT_TRUE(Call(stub.get(), &RegistryStub::WhoAmI, {}, &response).ok());
}

// The value of a metric line that starts with `name`; -1 when there is none.
double MetricOf(const std::string& text, const std::string& name) {
  const size_t at = text.find("\n" + name);
  if (at == std::string::npos) return -1;
  const size_t space = text.find(' ', text.find_first_of("} ", at + 1 + name.size() - 1));
  return std::stod(text.substr(space));
}

TEST(Rpc, MetricsCountCallsErrorsAndDurationsAndTheHeartBeats) {
  Network network;
  network.Stop();
  deployment::ServeOptions options;
  options.data = network.folder().string();
  options.listen = {"127.0.0.1:0"};
  options.metrics = "127.0.0.1:0";
  const auto server = deployment::Waterlined::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  auto stub = registry::v1::RegistryService::NewStub(grpc::CreateChannel(
      "127.0.0.1:" + std::to_string((*server)->port()), grpc::InsecureChannelCredentials()));
  registry::v1::ListPlacesResponse places;
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::ListPlaces, {}, &places).ok());
  ASSERT_TRUE(Call(stub.get(), &RegistryStub::ListPlaces, {}, &places).ok());
  Who no_purpose;
  no_purpose.purpose = "";
  ASSERT_FALSE(Call(stub.get(), &RegistryStub::ListPlaces, {}, &places, no_purpose).ok());
  std::string text;
  do {
    text = HttpGet((*server)->metrics_port(), "/metrics");
  } while (MetricOf(text, "waterline_reaction_lag_seconds_count") < 2);
  constexpr char kMethod[] = "method=\"/waterline.registry.v1.RegistryService/ListPlaces\"";
  const auto line = [&](const std::string& name, const std::string& code) {
    return MetricOf(text, name + "{" + (code.empty() ? "" : "code=\"" + code + "\",") + kMethod);
  };
  EXPECT_EQ(line("waterline_calls_total", "OK"), 2) << text;
  EXPECT_EQ(line("waterline_calls_total", "PERMISSION_DENIED"), 1) << text;
  EXPECT_EQ(line("waterline_call_duration_seconds_count", ""), 3) << text;
}

}  // namespace
}  // namespace waterline::testing
