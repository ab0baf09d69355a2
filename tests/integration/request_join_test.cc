// Joining over real connections: a server of registry with mutual TLS, an invitation that is
// pinned as `waterline partner invite` pins it, and what it may and may not do.

#include <grpcpp/grpcpp.h>

#include <fstream>
#include <set>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/joining.h"
#include "services/common/identity/mtls_identity.h"
#include "services/common/identity/throwaway.h"
#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"
#include "services/common/text/date.h"
#include "services/registry/api/registry_api.h"
#include "tests/integration/sharing_rig.h"

namespace waterline::testing {
namespace {

namespace fs = std::filesystem;
using identity::ThrowawayAuthority;
using identity::ThrowawayCertificate;
using identity::ThrowawayTokens;
using registry::v1::RequestJoinRequest;
using registry::v1::RequestJoinResponse;

constexpr char kService[] = "/waterline.registry.v1.RegistryService/";

identity::AuthorityOptions Invitation() {
  identity::AuthorityOptions options;
  options.mark = std::string(identity::kInvitationMark);
  return options;
}

class RequestJoin : public ::testing::Test {
 protected:
  RequestJoin() {
    EXPECT_TRUE(privacy::MasterKeys::Create(Path("keys")).ok());
    vault_ = std::make_unique<privacy::Vault>(&store_, *privacy::MasterKeys::Load(Path("keys")),
                                              std::vector<std::string>{});
    registry::RegistryApi::Parts parts;
    parts.store = &store_;
    parts.vault = vault_.get();
    parts.gate = &gate_;
    parts.clock = &clock_;
    parts.pool = &pool_;
    parts.network.network = "sussex";
    parts.network.host = "ods-qnx";
    api_ = std::make_unique<registry::RegistryApi>(parts);
    api_->Register(&service_);
    Pin("ods-qnx", host_, host_tokens_);
    Pin("ods-abc", invitation_, invitation_tokens_);
    trust_ = *identity::TrustStore::Open(Path("trust"), "sussex");
    EXPECT_TRUE(trust_->WriteBundle(Path("bundle.pem")).ok());
    const auto own = host_.Issue({{"spiffe://sussex/org/ods-qnx/svc/registry"}});
    Write("certificate.pem", own.certificate_pem);
    Write("key.pem", own.key_pem);
    mtls_ = std::make_unique<identity::MtlsIdentity>("sussex", trust_.get(), &clock_);
    server_ = Serve(mtls_.get());
  }
  ~RequestJoin() override {
    server_.reset();
    fs::remove_all(folder_);
  }

  std::string Path(const std::string& name) {
    fs::create_directories((folder_ / name).parent_path());
    return (folder_ / name).string();
  }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(Path(name)) << text;
    return Path(name);
  }
  void Pin(const std::string& organisation, const ThrowawayAuthority& authority,
           const ThrowawayTokens& tokens) {
    Write("trust/" + organisation + "/issuer.pem", authority.certificate_pem());
    Write("trust/" + organisation + "/jwks.json", tokens.jwks());
  }
  std::unique_ptr<rpc::Server> Serve(identity::IdentityProvider* identity) {
    rpc::ServerOptions options;
    options.addresses = {"127.0.0.1:0"};
    options.identity = identity;
    options.metrics = &metrics_;
    if (identity == mtls_.get())
      options.tls = rpc::TlsFiles{Path("certificate.pem"), Path("key.pem"), Path("bundle.pem")};
    auto started = rpc::Server::Start(std::move(options), {&service_});
    EXPECT_TRUE(started.ok()) << started.status();
    return *std::move(started);
  }
  // With the invitation, and a token of its own for each call.
  std::shared_ptr<grpc::Channel> Connect(const ThrowawayCertificate& own,
                                         const ThrowawayTokens& tokens) {
    const std::string name = crypto::RandomId('c');
    const rpc::TlsFiles files{Write(name + ".pem", own.certificate_pem),
                              Write(name + ".key", own.key_pem),
                              Write("ca.pem", host_.certificate_pem())};
    const auto source = [this, &tokens,
                         pem = own.certificate_pem]() -> absl::StatusOr<std::string> {
      auto claims = tokens.Claims(pem, clock_.NowMs());
      claims.subject = "j1";
      return tokens.Sign(claims);
    };
    return grpc::CreateChannel("localhost:" + std::to_string(server_->port()),
                               *rpc::ClientCredentialsOf(files, source));
  }
  template <class Response, class Request>
  static absl::StatusOr<Response> Send(const std::shared_ptr<grpc::Channel>& channel,
                                       const std::string& method, const Request& request) {
    Response response;
    const auto status = coro::SyncWait(
        rpc::CallUnaryRaw(channel, kService + method, &request, &response, {},
                          std::chrono::steady_clock::now() + std::chrono::seconds(20)));
    if (!status.ok()) return status;
    return response;
  }
  static absl::StatusOr<RequestJoinResponse> Join(const std::shared_ptr<grpc::Channel>& channel,
                                                  const RequestJoinRequest& request) {
    return Send<RequestJoinResponse>(channel, "RequestJoin", request);
  }

  // What a partner with this authority and key hands in.
  RequestJoinRequest PapersOf(const ThrowawayAuthority& authority) {
    const auto key = crypto::PrivateKey::Generate(crypto::KeyKind::kEd25519);
    papers_ = {};
    papers_.network = "sussex";
    papers_.organisation = "ods-abc";
    papers_.issuer_pem = authority.certificate_pem();
    papers_.jwks = identity::JwkSet::Of({identity::Signer::Of(key).jwk()})->ToJson();
    papers_.invitation = "j1";
    papers_.signed_at = clock_.NowMs() / 1000;
    const auto leaf = authority.Issue({{"spiffe://sussex/org/ods-abc/svc/cli"}});
    const auto proofs = identity::ProveJoin(papers_, {key}, leaf.certificate_pem,
                                            *crypto::PrivateKey::FromPem(leaf.key_pem));
    EXPECT_TRUE(proofs.ok()) << proofs.status();
    RequestJoinRequest request;
    request.set_issuer_pem(papers_.issuer_pem);
    request.set_jwks(papers_.jwks);
    request.mutable_signed_at()->set_seconds(papers_.signed_at);
    request.mutable_key_proofs()->Add(proofs->key_proofs.begin(), proofs->key_proofs.end());
    request.set_certificate_pem(proofs->certificate_pem);
    request.set_certificate_proof(proofs->certificate_proof);
    return request;
  }
  std::optional<registry::v1::JoinRequest> Stored() {
    using registry::storage::v1::JoinRequestRecord;
    const waterline::storage::Key key(registry::kJoinRequests, "ods-abc");
    auto stored = coro::SyncWait(
        records::Load<JoinRequestRecord>(&store_, registry::NetworkPartition(), key));
    EXPECT_TRUE(stored.ok()) << stored.status();
    if (!stored.ok() || !*stored) return std::nullopt;
    return (*stored)->record.public_();
  }

  const fs::path folder_ = fs::temp_directory_path() / crypto::RandomId('t');
  SystemClock clock_;
  storage::MemoryStore store_;
  std::unique_ptr<privacy::Vault> vault_;
  OneAgreement decider_;
  gate::Gate gate_{&decider_};
  coro::Pool pool_{"files", 1};
  rpc::Service service_{"waterline.registry.v1.RegistryService"};
  std::unique_ptr<registry::RegistryApi> api_;
  const ThrowawayAuthority host_{"host"};
  const ThrowawayTokens host_tokens_{"sussex", "ods-qnx"};
  const ThrowawayAuthority invitation_{"ods-abc", Invitation()};
  const ThrowawayTokens invitation_tokens_{"sussex", "ods-abc"};
  const ThrowawayCertificate invited_ =
      invitation_.Issue({{"spiffe://sussex/org/ods-abc/svc/join"}});
  std::unique_ptr<identity::TrustStore> trust_;
  std::unique_ptr<identity::MtlsIdentity> mtls_;
  identity::DevelopmentIdentity development_;
  rpc::Metrics metrics_;
  std::unique_ptr<rpc::Server> server_;
  identity::JoinPapers papers_;
};

TEST_F(RequestJoin, WhatIsProvedIsKeptAndTheNewestCounts) {
  const auto channel = Connect(invited_, invitation_tokens_);
  for (const char* name : {"first", "second"}) {
    const ThrowawayAuthority charity(name);
    const auto request = PapersOf(charity);
    const auto answer = Join(channel, request);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->fingerprint(), crypto::HexEncode(identity::JoinFingerprint(papers_)));
    EXPECT_TRUE(Join(channel, request).ok()) << "the same again is the same";
    const auto stored = Stored();
    ASSERT_TRUE(stored.has_value());
    EXPECT_EQ(stored->issuer_pem(), charity.certificate_pem());
    EXPECT_EQ(stored->jwks(), papers_.jwks);
    EXPECT_EQ(stored->fingerprint(), answer->fingerprint());
    EXPECT_EQ(stored->organisation(), "organisations/ods-abc");
    EXPECT_EQ(stored->invitation(), "j1");
  }
}

TEST_F(RequestJoin, WhatIsNotProvedIsNotKept) {
  const auto channel = Connect(invited_, invitation_tokens_);
  const ThrowawayAuthority charity("charity");
  auto request = PapersOf(charity);
  request.set_key_proofs(0, request.certificate_proof());
  request.set_certificate_pem(
      host_.Issue({{"spiffe://sussex/org/ods-abc/svc/cli"}}).certificate_pem);
  std::set<std::string> fields;
  for (const auto& violation : ViolationsOf(Join(channel, request).status()))
    fields.insert(violation.field);
  EXPECT_EQ(fields,
            (std::set<std::string>{"key_proofs[0]", "certificate_pem", "certificate_proof"}));
  EXPECT_FALSE(Stored().has_value());
}

TEST_F(RequestJoin, NobodyElseHandsInPapers) {
  const ThrowawayAuthority charity("charity");
  const auto request = PapersOf(charity);
  // A member of the host's staff, and the host's own services.
  for (const char* service : {"cli", "registry", "joiner"}) {
    const auto own = host_.Issue({{"spiffe://sussex/org/ods-qnx/svc/" + std::string(service)}});
    EXPECT_EQ(ReasonOf(Join(Connect(own, host_tokens_), request).status()),
              reason::kCertificateRefused.name);
  }
  // The invitation's certificate, and tokens of somebody else.
  const ThrowawayTokens stolen("sussex", "ods-abc");
  EXPECT_EQ(ReasonOf(Join(Connect(invited_, stolen), request).status()),
            reason::kCertificateRefused.name);
  EXPECT_FALSE(Stored().has_value());
}

TEST_F(RequestJoin, DevelopmentIdentityIsNoInvitation) {
  const auto server = Serve(&development_);
  const auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()),
                                           grpc::InsecureChannelCredentials());
  const ThrowawayAuthority charity("charity");
  EXPECT_EQ(ReasonOf(Join(channel, PapersOf(charity)).status()), reason::kCertificateRefused.name);
}

TEST_F(RequestJoin, AnInvitationReadsAndWritesNothing) {
  decider_.scopes = {"organisations/chc-1234567"};  // Whoever got past identity would be permitted.
  const auto channel = Connect(invited_, invitation_tokens_);
  const auto read = Send<registry::v1::ListMembersResponse>(channel, "ListMembers",
                                                            registry::v1::ListMembersRequest());
  EXPECT_EQ(ReasonOf(read.status()), reason::kCertificateRefused.name);
  registry::v1::AddMemberRequest add;
  add.set_organisation("organisations/ods-abc");
  add.set_request_id("r");
  const auto written = Send<registry::v1::AddMemberResponse>(channel, "AddMember", add);
  EXPECT_EQ(ReasonOf(written.status()), reason::kCertificateRefused.name);
  EXPECT_TRUE(decider_.questions.empty());
  const auto who =
      Send<registry::v1::WhoAmIResponse>(channel, "WhoAmI", registry::v1::WhoAmIRequest());
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(who->organisation(), "ods-abc");
  EXPECT_FALSE(who->member());
}

TEST_F(RequestJoin, AListHasNoFilesAndTellsWhoIsKnownAndAMember) {
  const ThrowawayAuthority charity("charity");
  ASSERT_TRUE(Join(Connect(invited_, invitation_tokens_), PapersOf(charity)).ok());
  waterline::storage::Batch batch;
  batch.Put(waterline::storage::Key(registry::kMembers, "ods-abc"), "");
  ASSERT_TRUE(coro::SyncWait(store_.Commit(registry::NetworkPartition(), std::move(batch))).ok());
  decider_.scopes = {"network"};
  rpc::Call steward;
  steward.caller.set_organisation("network");  // As the fake knows who may read there.
  auto draft = coro::SyncWait(api_->ListJoinRequests(steward, {}));
  ASSERT_TRUE(draft.ok()) << draft.status();
  const auto listed = coro::SyncWait(gate_.Release(*std::move(draft)));
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->message().join_requests_size(), 1);
  const auto& row = listed->message().join_requests(0);
  EXPECT_EQ(row.issuer_pem() + row.jwks(), "") << "a thousand of them are more than a message";
  EXPECT_EQ(row.fingerprint().size(), 64u);
  EXPECT_TRUE(row.member());
  EXPECT_FALSE(row.known());
  registry::v1::GetJoinRequestRequest get;
  get.set_name("join_requests/ods-abc");
  auto whole = coro::SyncWait(api_->GetJoinRequest(steward, get));
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto one = coro::SyncWait(gate_.Release(*std::move(whole)));
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->message().join_request().issuer_pem(), charity.certificate_pem());
  EXPECT_TRUE(one->message().join_request().member());
}

TEST_F(RequestJoin, AfterConfirmingTheInvitationIsOver) {
  const auto channel = Connect(invited_, invitation_tokens_);
  const ThrowawayAuthority charity("charity");
  ASSERT_TRUE(Join(channel, PapersOf(charity)).ok());
  Write("trust/ods-abc/jwks.json", papers_.jwks);
  Write("trust/ods-abc/issuer.pem", papers_.issuer_pem);
  ASSERT_TRUE(trust_->ReloadIfChanged().changed);
  const ThrowawayAuthority thief("thief");
  EXPECT_EQ(ReasonOf(Join(channel, PapersOf(thief)).status()), reason::kCertificateRefused.name)
      << "on the connection that was open, too";
  EXPECT_EQ(Stored()->issuer_pem(), charity.certificate_pem());
}

}  // namespace
}  // namespace waterline::testing
