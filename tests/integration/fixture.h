#pragma once

// A whole waterlined in this process on a data folder of its own, and clients with an identity.
// With WATERLINE_DEPLOYMENT=separate in the environment: the four services in processes of their
// own, so that one test program runs against both (tests/e2e). With WATERLINE_IDENTITY=mtls callers
// prove who they are: by certificates and tokens of parties that are made here.

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/status/error.h"
#include "services/waterlined/assembly.h"
#include "services/waterlined/deployment.h"
#include "services/waterlined/foundation.h"
#include "tests/integration/parties.h"
#include "tests/integration/separate_services.h"
#include "waterline/accountability/v1/ledger.pb.h"

namespace waterline::testing {

inline constexpr char kTestNetwork[] = "dev-test";

struct Who {
  std::string organisation = kHost;
  std::string actor = "ann";
  std::string role = "engagement_lead";
  std::string purpose = "service_planning";
  std::function<std::string()> bearer = nullptr;  // Makes an access token for a call.
  std::string justification = {};                 // Of the purpose safeguarding.
};

inline Who Steward() { return {kHost, "stella", "network_steward", "system_administration"}; }

// Makes a development network in `data`; `options` may say what kind, the rest is filled in.
inline absl::Status InitNetwork(const std::filesystem::path& data,
                                deployment::InitOptions options = {}) {
  options.data = data.string();
  options.network = kTestNetwork;
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

inline bool IsMtls() {
  const char* kind = std::getenv("WATERLINE_IDENTITY");
  return kind != nullptr && std::string_view(kind) == "mtls";
}

class Network {
 public:
  // `options` may say what kind of network it is; folder and names are filled in. `others`: the
  // organisations beside the host that have keys.
  explicit Network(deployment::InitOptions options = {}, std::vector<std::string> others = {}) {
    static int count = 0;
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("waterline-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    options.separate = IsSeparate();
    const auto status = InitNetwork(folder_, std::move(options));
    EXPECT_TRUE(status.ok()) << status;
    others.insert(others.begin(), kHost);
    parties_ = std::make_unique<Parties>(folder_.string() + "-parties", kTestNetwork, others);
    parties_->Pin(Trust());
    Start();
  }
  ~Network() {
    Stop();
    std::filesystem::remove_all(folder_);
    std::filesystem::remove_all(folder_.string() + "-parties");
  }

  void Start() {
    if (IsSeparate()) {
      services_ =
          std::make_unique<SeparateServices>(folder_, true, IsMtls() ? parties_.get() : nullptr);
      return;
    }
    deployment::ServeOptions options;
    options.data = folder_.string();
    options.listen = {"127.0.0.1:0"};
    options.metrics = "";
    if (IsMtls()) {
      const auto own = parties_->Files(kHost, "waterlined");
      options.tls = {own.certificate, own.key};
    }
    auto started = deployment::Waterlined::Start(options);
    if (!started.ok()) {
      ADD_FAILURE() << started.status();
      return;
    }
    server_ = *std::move(started);
  }
  void Stop() {
    channels_.clear();
    server_.reset();
    services_.reset();
  }

  const std::filesystem::path& folder() const { return folder_; }
  deployment::Waterlined& server() { return *server_; }
  SeparateServices& services() { return *services_; }
  const Parties& parties() const { return *parties_; }
  // Whom the network trusts.
  std::filesystem::path Trust() const {
    return deployment::Folders::Find(folder_.string()).Of("accountability").Trust();
  }
  // The way of an organisation's clients to the service of a method or service name.
  std::shared_ptr<grpc::Channel> channel(std::string_view path = "/waterline.registry.v1.",
                                         const std::string& organisation = kHost) {
    if (services_) return services_->channel(path, organisation);
    std::lock_guard lock(mutex_);
    auto& channel = channels_[IsMtls() ? organisation : ""];
    if (channel == nullptr) {
      channel = grpc::CreateChannel(
          "localhost:" + std::to_string(server_->port()),
          IsMtls() ? parties_->Credentials(organisation) : grpc::InsecureChannelCredentials());
    }
    return channel;
  }
  template <class Service>
  std::unique_ptr<typename Service::Stub> Stub(const std::string& organisation = kHost) {
    return Service::NewStub(channel("/" + std::string(Service::service_full_name()), organisation));
  }
  // With tokens when this network asks for them.
  Who WithProof(Who who) const {
    if (!IsMtls()) return who;
    who.bearer = [this, who] {
      return parties_->Bearer(who.organisation, who.actor, who.role, who.purpose);
    };
    return who;
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<deployment::Waterlined> server_;
  std::mutex mutex_;                                                // Guards channels_.
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;  // By organisation.
  std::unique_ptr<Parties> parties_;
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
    add("waterline-justification", who.justification);
    if (who.bearer) add("authorization", "Bearer " + who.bearer());
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
