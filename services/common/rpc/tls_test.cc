// Mutual TLS on loopback with authorities made here: who gets a connection, and that the identity
// provider sees the client's own certificate.

#include "services/common/rpc/tls.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/throwaway.h"
#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"

namespace waterline::rpc {
namespace {

namespace fs = std::filesystem;
using accountability::v1::DecideRequest;
using accountability::v1::DecideResponse;

class SeesPeers : public identity::IdentityProvider {
 public:
  absl::StatusOr<identity::Identified> Identify(const identity::MetadataReader&,
                                                const identity::Peer& peer,
                                                identity::Access access) override {
    std::lock_guard lock(mutex_);
    certificate_ = peer.certificate_pem;
    EXPECT_EQ(access, identity::Access::kInternal);
    identity::Identified identified;
    identified.caller.set_certificate_identity("spiffe://sussex/org/ods-qnx/svc/events");
    return identified;
  }
  absl::Status AllowsListeningOn(std::string_view) override { return absl::OkStatus(); }
  std::string certificate() {
    std::lock_guard lock(mutex_);
    return certificate_;
  }

 private:
  std::mutex mutex_;
  std::string certificate_;
};

coro::Task<absl::Status> Nothing(const Call&, RawStream*) { co_return absl::OkStatus(); }

class Tls : public ::testing::Test {
 protected:
  Tls() {
    fs::create_directories(folder_);
    Method method;
    method.kind = Method::Kind::kBidi;
    method.exposure = common::v1::EXPOSURE_INTERNAL;
    method.callers = {"events"};
    method.request_prototype = &DecideRequest::default_instance();
    method.response_prototype = &DecideResponse::default_instance();
    method.stream = Nothing;
    service_.Add("Decide", std::move(method));
  }
  ~Tls() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  TlsFiles Files(const std::string& name, const identity::ThrowawayCertificate& own,
                 const std::string& trust) {
    return {Write(name + ".pem", own.certificate_pem), Write(name + ".key", own.key_pem),
            Write(name + "-trust.pem", trust)};
  }
  void Serve(const TlsFiles& files) {
    ServerOptions options;
    options.addresses = {"127.0.0.1:0"};
    options.identity = &identity_;
    options.metrics = &metrics_;
    options.internal_callers = "spiffe://sussex/org/ods-qnx/svc/";
    options.tls = files;
    auto started = Server::Start(std::move(options), {&service_});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  absl::Status CallWith(std::shared_ptr<grpc::ChannelCredentials> credentials) {
    const auto channel =
        grpc::CreateChannel("localhost:" + std::to_string(server_->port()), credentials);
    const DecideRequest request;
    DecideResponse response;
    return coro::SyncWait(
        CallUnaryRaw(channel, "/waterline.accountability.v1.DecisionService/Decide", &request,
                     &response, {}, std::chrono::steady_clock::now() + std::chrono::seconds(20)));
  }

  const fs::path folder_ = fs::temp_directory_path() / crypto::RandomId('t');
  SeesPeers identity_;
  Metrics metrics_;
  Service service_{"waterline.accountability.v1.DecisionService"};
  std::unique_ptr<Server> server_;
  identity::ThrowawayAuthority ours_{"ours"};
  identity::ThrowawayAuthority theirs_{"theirs"};
};

TEST_F(Tls, OnlyCertificatesOfTrustedIssuersGetAConnection) {
  const auto client = ours_.Issue({{"spiffe://test/org/ods-a/svc/cli"}});
  Serve(Files("server", ours_.Issue({{"spiffe://test/org/ods-a/svc/events"}}),
              ours_.certificate_pem()));
  const auto good = ClientCredentialsOf(Files("client", client, ours_.certificate_pem()));
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_NE(CallWith(*good).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(identity_.certificate(), client.certificate_pem);
  const auto stranger = theirs_.Issue({{"spiffe://test/org/ods-a/svc/cli"}});
  EXPECT_EQ(
      CallWith(*ClientCredentialsOf(Files("stranger", stranger, ours_.certificate_pem()))).code(),
      absl::StatusCode::kUnavailable);
  EXPECT_EQ(CallWith(*ClientCredentialsOf(Files("wary", client, theirs_.certificate_pem()))).code(),
            absl::StatusCode::kUnavailable)
      << "the client does not trust the server";
  EXPECT_EQ(CallWith(grpc::InsecureChannelCredentials()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(Tls, AFileThatIsNotThereIsNamed) {
  auto files =
      Files("server", ours_.Issue({{"spiffe://test/org/ods-a/svc/x"}}), ours_.certificate_pem());
  files.trust = (folder_ / "missing.pem").string();
  EXPECT_EQ(MetadataOf(ServerCredentialsOf(files).status(), "file"), files.trust);
  EXPECT_EQ(MetadataOf(ClientCredentialsOf(files).status(), "file"), files.trust);
}

// Services of the host call each other by name of certificate, whatever the address is.
TEST_F(Tls, AServiceIsKnownByTheUriOfItsCertificate) {
  Serve(Files("server", ours_.Issue({{"spiffe://test/org/ods-a/svc/accountability"}}),
              ours_.certificate_pem()));
  const auto client = ours_.Issue({{"spiffe://test/org/ods-a/svc/events"}});
  const auto reaches = [&](const std::string& name, const std::string& trust) {
    const auto credentials = LinkCredentialsOf(Files("client", client, trust), name);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return !absl::IsUnavailable(CallWith(*credentials));
  };
  const std::string right = "spiffe://test/org/ods-a/svc/accountability";
  EXPECT_TRUE(reaches(right, ours_.certificate_pem()));
  EXPECT_FALSE(reaches("spiffe://test/org/ods-a/svc/registry", ours_.certificate_pem()));
  EXPECT_FALSE(reaches("spiffe://test/org/ods-b/svc/accountability", ours_.certificate_pem()));
  EXPECT_FALSE(reaches(right, theirs_.certificate_pem()));
}

TEST_F(Tls, TwoNamesAreNoName) {
  const std::string right = "spiffe://test/org/ods-a/svc/accountability";
  Serve(Files("server", ours_.Issue({{right, "spiffe://test/org/ods-a/svc/cli"}}),
              ours_.certificate_pem()));
  const auto client = ours_.Issue({{"spiffe://test/org/ods-a/svc/events"}});
  const auto credentials =
      LinkCredentialsOf(Files("client", client, ours_.certificate_pem()), right);
  EXPECT_TRUE(absl::IsUnavailable(CallWith(*credentials)));
}

}  // namespace
}  // namespace waterline::rpc
