#pragma once

// A whole waterlined in this process on a data folder of its own, and clients with an identity.
// With WATERLINE_DEPLOYMENT=separate in the environment: the four services in processes of their
// own, so that one test program runs against both (tests/e2e).

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/status/error.h"
#include "services/waterlined/assembly.h"
#include "services/waterlined/deployment.h"
#include "tests/integration/separate_services.h"
#include "waterline/accountability/v1/ledger.pb.h"

namespace waterline::testing {

inline constexpr char kHost[] = "local-test-board";

struct Who {
  std::string organisation = kHost;
  std::string actor = "ann";
  std::string role = "engagement_lead";
  std::string purpose = "service_planning";
};

inline Who Steward() { return {kHost, "stella", "network_steward", "system_administration"}; }

// Makes a development network in `data`; `options` may say what kind, the rest is filled in.
inline absl::Status InitNetwork(const std::filesystem::path& data,
                                deployment::InitOptions options = {}) {
  options.data = data.string();
  options.network = "dev-test";
  if (options.host.empty()) options.host = kHost;
  options.host_title = "Test Board";
  options.administrator = "stella";
  options.development = true;
  return deployment::Init(options).status();
}

inline bool IsSeparate() {
  const char* kind = std::getenv("WATERLINE_DEPLOYMENT");
  return kind != nullptr && std::string_view(kind) == "separate";
}

class Network {
 public:
  // `options` may say what kind of network it is; folder and names are filled in.
  explicit Network(deployment::InitOptions options = {}) {
    static int count = 0;
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("waterline-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    options.separate = IsSeparate();
    const auto status = InitNetwork(folder_, std::move(options));
    EXPECT_TRUE(status.ok()) << status;
    Start();
  }
  ~Network() {
    Stop();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    if (IsSeparate()) {
      services_ = std::make_unique<SeparateServices>(folder_);
      return;
    }
    deployment::ServeOptions options;
    options.data = folder_.string();
    options.listen = {"127.0.0.1:0"};
    options.metrics = "";
    auto started = deployment::Waterlined::Start(options);
    if (!started.ok()) {
      ADD_FAILURE() << started.status();
      return;
    }
    server_ = *std::move(started);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                                   grpc::InsecureChannelCredentials());
  }
  void Stop() {
    channel_.reset();
    server_.reset();
    services_.reset();
  }

  const std::filesystem::path& folder() const { return folder_; }
  deployment::Waterlined& server() { return *server_; }
  SeparateServices& services() { return *services_; }
  // The way to the service of a method or service name.
  std::shared_ptr<grpc::Channel> channel(std::string_view path = "/waterline.registry.v1.") {
    return services_ ? services_->channel(path) : channel_;
  }
  template <class Service>
  std::unique_ptr<typename Service::Stub> Stub() {
    return Service::NewStub(channel("/" + std::string(Service::service_full_name())));
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<deployment::Waterlined> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<SeparateServices> services_;
};

// A client context with identity, and what came back with the call.
class Context {
 public:
  explicit Context(const Who& who = {}) {
    const auto add = [this](const char* key, const std::string& value) {
      if (!value.empty()) context_.AddMetadata(key, value);
    };
    add("waterline-organisation", who.organisation);
    add("waterline-actor", who.actor);
    add("waterline-role", who.role);
    add("waterline-purpose", who.purpose);
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  }
  grpc::ClientContext* get() { return &context_; }

  // The receipt in trailing metadata, when there is one.
  std::optional<accountability::v1::Receipt> receipt() const {
    const auto& trailing = context_.GetServerTrailingMetadata();
    const auto found = trailing.find("waterline-receipt-bin");
    accountability::v1::Receipt receipt;
    if (found == trailing.end() ||
        !receipt.ParseFromArray(found->second.data(), static_cast<int>(found->second.size())))
      return std::nullopt;
    return receipt;
  }

 private:
  grpc::ClientContext context_;
};

// Calls a unary method of a stub: Call(stub.get(), &Stub::GetPlace, request, &response).
template <class Stub, class Request, class Response>
absl::Status Call(Stub* stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, Response* response, const Who& who = {},
                  std::optional<accountability::v1::Receipt>* receipt = nullptr) {
  Context context(who);
  const absl::Status status = rpc::FromGrpc((stub->*method)(context.get(), request, response));
  if (receipt != nullptr) *receipt = context.receipt();
  return status;
}

}  // namespace waterline::testing
