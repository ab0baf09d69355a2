// Identity over real connections: a server with mutual TLS on loopback, a host and a partner with
// an authority each, and everything that may be wrong with a certificate or a token.

#include <google/protobuf/descriptor.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/mtls_identity.h"
#include "services/common/identity/throwaway.h"
#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"
#include "waterline/accountability/v1/agreement_service.pb.h"

namespace waterline::rpc {
namespace {

namespace fs = std::filesystem;
namespace v1 = accountability::v1;
using identity::AccessToken;
using identity::ThrowawayAuthority;
using identity::ThrowawayCertificate;
using identity::ThrowawayTokens;
using std::chrono::seconds;

constexpr char kAgreements[] = "waterline.accountability.v1.AgreementService";
constexpr char kDecisions[] = "waterline.accountability.v1.DecisionService";
constexpr char kRead[] = "GetAgreement";
constexpr char kWrite[] = "CreateAgreement";

// Every method of a service; it remembers who called last.
class Remembers {
 public:
  explicit Remembers(const std::string& name) : service(name) {
    const auto* pool = google::protobuf::DescriptorPool::generated_pool();
    const auto* descriptor = pool->FindServiceByName(name);
    for (int i = 0; i < descriptor->method_count(); ++i) Add(*descriptor->method(i));
  }
  Call last() {
    std::lock_guard lock(mutex_);
    return last_;
  }

  Service service;

 private:
  void Add(const google::protobuf::MethodDescriptor& from) {
    auto* factory = google::protobuf::MessageFactory::generated_factory();
    Method method;
    const auto exposure = from.options().GetExtension(common::v1::exposure);
    method.exposure = exposure;
    if (exposure == common::v1::EXPOSURE_INTERNAL) method.callers = {"registry", "events"};
    method.kind = from.client_streaming() ? Method::Kind::kBidi : Method::Kind::kUnary;
    method.request_prototype = factory->GetPrototype(from.input_type());
    method.response_prototype = factory->GetPrototype(from.output_type());
    const auto* response = method.response_prototype;
    method.unary = [this, response](const Call& call, const google::protobuf::Message&) {
      return Answer(this, &call, response);
    };
    method.stream = [this](const Call& call, RawStream*) { return End(this, &call); };
    service.Add(from.name(), std::move(method));
  }
  static coro::Task<absl::StatusOr<Reply>> Answer(Remembers* self, const Call* call,
                                                  const google::protobuf::Message* response) {
    self->Remember(*call);
    Reply reply;
    reply.message.reset(response->New());
    co_return reply;
  }
  static coro::Task<absl::Status> End(Remembers* self, const Call* call) {
    self->Remember(*call);
    co_return absl::OkStatus();
  }
  void Remember(const Call& call) {
    std::lock_guard lock(mutex_);
    last_ = call;
  }

  std::mutex mutex_;
  Call last_;
};

class MtlsServer : public ::testing::Test {
 protected:
  MtlsServer() {
    Write("trust/ods-qnx/issuer.pem", host_.certificate_pem());
    Write("trust/ods-qnx/jwks.json", host_tokens_.jwks());
    Write("trust/ods-abc/issuer.pem", partner_.certificate_pem());
    Write("trust/ods-abc/jwks.json", partner_tokens_.jwks());
    trust_ = *identity::TrustStore::Open((folder_ / "trust").string(), "sussex");
    EXPECT_TRUE(trust_->WriteBundle(Path("bundle.pem")).ok());
    Show("one", host_.Issue({{"spiffe://sussex/org/ods-qnx/svc/accountability"}}));
    Serve();
  }
  ~MtlsServer() override {
    inside_.reset();
    server_.reset();
    fs::remove_all(folder_);
  }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path.string() + ".new") << text;
    fs::rename(path.string() + ".new", path);
    return path.string();
  }
  // The server shows this certificate from now on: both files change in one step.
  void Show(const std::string& name, const ThrowawayCertificate& own) {
    Write(name + "/certificate.pem", own.certificate_pem);
    Write(name + "/key.pem", own.key_pem);
    fs::create_directory_symlink(folder_ / name, folder_ / "next");
    fs::rename(folder_ / "next", folder_ / "live");
  }
  void Serve() {
    identity_ = std::make_unique<identity::MtlsIdentity>("sussex", trust_.get(), &clock_);
    server_ = Start({&agreements_.service}, "");
    inside_ = Start({&decisions_.service}, "spiffe://sussex/org/ods-qnx/svc/");
  }
  std::unique_ptr<Server> Start(std::vector<const Service*> services,
                                const std::string& internal_callers) {
    ServerOptions options;
    options.addresses = {"127.0.0.1:0"};
    options.identity = identity_.get();
    options.metrics = &metrics_;
    options.tls = TlsFiles{Path("live/certificate.pem"), Path("live/key.pem"), Path("bundle.pem")};
    options.internal_callers = internal_callers;
    auto started = Server::Start(std::move(options), std::move(services));
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? *std::move(started) : nullptr;
  }

  ThrowawayCertificate Host(const std::string& service = "cli") const {
    return host_.Issue({{"spiffe://sussex/org/ods-qnx/svc/" + service}});
  }
  ThrowawayCertificate Partner() const {
    return partner_.Issue({{"spiffe://sussex/org/ods-abc/svc/cli"}});
  }
  // A new token for each call.
  TokenSource Fresh(const ThrowawayTokens& tokens, const ThrowawayCertificate& own,
                    const std::function<void(AccessToken*)>& change = nullptr) {
    return [this, &tokens, pem = own.certificate_pem, change]() -> absl::StatusOr<std::string> {
      AccessToken claims = tokens.Claims(pem, clock_.NowMs());
      if (change != nullptr) change(&claims);
      return tokens.Sign(claims);
    };
  }
  static TokenSource Always(const std::string& token) {
    return [token]() -> absl::StatusOr<std::string> { return token; };
  }

  std::shared_ptr<grpc::Channel> Connect(const ThrowawayCertificate& own, TokenSource tokens,
                                         const std::string& trust, const Server& server) {
    const std::string name = crypto::RandomId('c');
    const TlsFiles files{Write(name + ".pem", own.certificate_pem),
                         Write(name + ".key", own.key_pem), Write(name + "-trust.pem", trust)};
    const auto credentials = ClientCredentialsOf(files, std::move(tokens));
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return grpc::CreateChannel("localhost:" + std::to_string(server.port()), *credentials);
  }
  std::shared_ptr<grpc::Channel> Connect(const ThrowawayCertificate& own, TokenSource tokens,
                                         const std::string& trust) {
    return Connect(own, std::move(tokens), trust, *server_);
  }
  std::shared_ptr<grpc::Channel> Connect(const ThrowawayCertificate& own, TokenSource tokens) {
    return Connect(own, std::move(tokens), host_.certificate_pem());
  }
  std::shared_ptr<grpc::Channel> ConnectInside(const ThrowawayCertificate& own,
                                               TokenSource tokens) {
    return Connect(own, std::move(tokens), host_.certificate_pem(), *inside_);
  }
  static absl::Status Send(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                           const Metadata& metadata = {}) {
    const v1::GetAgreementRequest request;  // Empty, like every request here.
    v1::GetAgreementResponse response;
    return coro::SyncWait(CallUnaryRaw(channel, "/" + method, &request, &response, metadata,
                                       std::chrono::steady_clock::now() + seconds(20)));
  }
  static absl::Status Ask(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                          const Metadata& metadata = {}) {
    return Send(channel, std::string(kAgreements) + "/" + method, metadata);
  }
  static std::string ReasonFor(const std::shared_ptr<grpc::Channel>& channel,
                               const std::string& method, const Metadata& metadata = {}) {
    const auto status = Ask(channel, method, metadata);
    return status.ok() ? "OK" : ReasonOf(status).value_or(std::string(status.message()));
  }

  const fs::path folder_ = fs::temp_directory_path() / crypto::RandomId('t');
  SystemClock clock_;
  const ThrowawayAuthority host_{"host"};
  const ThrowawayAuthority partner_{"partner"};
  const ThrowawayTokens host_tokens_{"sussex", "ods-qnx"};
  const ThrowawayTokens partner_tokens_{"sussex", "ods-abc"};
  std::unique_ptr<identity::TrustStore> trust_;
  std::unique_ptr<identity::MtlsIdentity> identity_;
  Metrics metrics_;
  Remembers agreements_{kAgreements};
  Remembers decisions_{kDecisions};
  std::unique_ptr<Server> server_;
  std::unique_ptr<Server> inside_;  // For the host's own services.
};

TEST_F(MtlsServer, AGoodCallArrivesAsWhoItIs) {
  const auto own = Partner();
  const auto channel = Connect(own, Fresh(partner_tokens_, own, [](AccessToken* claims) {
                                 claims->purpose = "practice_learning";
                               }));
  ASSERT_TRUE(Ask(channel, kWrite).ok()) << Ask(channel, kWrite);
  const Call first = agreements_.last();
  EXPECT_EQ(first.caller.organisation(), "ods-abc");
  EXPECT_EQ(first.caller.actor(), "ann");
  EXPECT_EQ(first.caller.certificate_identity(), "spiffe://sussex/org/ods-abc/svc/cli");
  EXPECT_EQ(first.caller.authentication(), v1::AUTHENTICATION_MTLS_JWT);
  EXPECT_EQ(first.purpose, "practice_learning") << "the token says it when the call does not";
  EXPECT_LT(first.token_expiry, std::chrono::steady_clock::now() + seconds(331));
  ASSERT_TRUE(Ask(channel, kWrite, {{"waterline-purpose", "practice_learning"}}).ok());
  EXPECT_NE(agreements_.last().caller.token_digest(), first.caller.token_digest())
      << "each call has a token of its own";
  EXPECT_EQ(ReasonFor(channel, kRead, {{"waterline-purpose", "safeguarding"}}),
            reason::kTokenBinding.name);
}

TEST_F(MtlsServer, APartnersAuthorityMintsTheHostsNameInVain) {
  const auto minted = partner_.Issue({{"spiffe://sussex/org/ods-qnx/svc/cli"}});
  EXPECT_EQ(ReasonFor(Connect(minted, Fresh(host_tokens_, minted)), kRead),
            reason::kIssuerNotPinned.name);
}

TEST_F(MtlsServer, ACertificateWithTwoNamesIsRefused) {
  const auto two = partner_.Issue(
      {{"spiffe://sussex/org/ods-abc/svc/cli", "spiffe://sussex/org/ods-qnx/svc/cli"}});
  EXPECT_EQ(ReasonFor(Connect(two, Fresh(partner_tokens_, two)), kRead),
            reason::kCertificateRefused.name);
}

TEST_F(MtlsServer, ATokenOnAnotherCertificateIsRefused) {
  const auto own = Host();
  EXPECT_EQ(ReasonFor(Connect(Host(), Fresh(host_tokens_, own)), kRead),
            reason::kTokenBinding.name);
  EXPECT_EQ(ReasonFor(Connect(Partner(), Fresh(host_tokens_, own)), kRead),
            reason::kTokenBinding.name);
}

TEST_F(MtlsServer, ATokenSignedByNobodyIsRefused) {
  const auto own = Host();
  const std::string good =
      host_tokens_.Sign(host_tokens_.Claims(own.certificate_pem, clock_.NowMs()));
  const std::string header =
      R"({"alg":"none","typ":"at+jwt","kid":")" + host_tokens_.signer().jwk().kid() + "\"}";
  const std::string claims = good.substr(good.find('.'), good.rfind('.') - good.find('.') + 1);
  EXPECT_EQ(ReasonFor(Connect(own, Always(good)), kRead), "OK");
  EXPECT_EQ(ReasonFor(Connect(own, Always(crypto::Base64UrlEncode(header) + claims)), kRead),
            reason::kTokenInvalid.name);
  EXPECT_EQ(ReasonFor(Connect(own, nullptr), kRead), reason::kIdentityMissing.name);
}

TEST_F(MtlsServer, AKeySetWithOneKidTwiceChangesNothing) {
  const ThrowawayTokens other("sussex", "ods-abc");
  const std::string kid = partner_tokens_.signer().jwk().kid();
  std::string twin = other.jwks();
  twin.replace(twin.find(other.signer().jwk().kid()), kid.size(), kid);
  const std::string ours = partner_tokens_.jwks();
  const std::string both = ours.substr(0, ours.rfind(']')) + "," + twin.substr(twin.find('[') + 1);
  Write("trust/ods-abc/jwks.json", both);
  const auto reload = trust_->ReloadIfChanged();
  ASSERT_EQ(reload.faults.size(), 1u);
  EXPECT_NE(reload.faults[0].find("kid"), std::string::npos) << reload.faults[0];
  const auto own = Partner();
  EXPECT_EQ(ReasonFor(Connect(own, Fresh(partner_tokens_, own)), kRead), "OK");
  EXPECT_EQ(ReasonFor(Connect(own, Fresh(other, own)), kRead), reason::kTokenInvalid.name);
}

TEST_F(MtlsServer, ATokenThatHasEndedIsRefused) {
  const auto own = Host();
  EXPECT_EQ(ReasonFor(Connect(own, Fresh(host_tokens_, own,
                                         [](AccessToken* claims) {
                                           claims->issued_at -= 400;
                                           claims->expires_at -= 400;
                                         })),
                      kRead),
            reason::kTokenExpired.name);
}

TEST_F(MtlsServer, ATokenIsGoodForOneWrite) {
  const auto own = Host();
  const auto channel = Connect(own, Always(*Fresh(host_tokens_, own)()));
  EXPECT_EQ(ReasonFor(channel, kRead), "OK");
  EXPECT_EQ(ReasonFor(channel, kWrite), "OK");
  EXPECT_EQ(ReasonFor(channel, kWrite), reason::kTokenReplayed.name);
  EXPECT_EQ(ReasonFor(channel, kRead), "OK");
}

TEST_F(MtlsServer, ARevocationCountsOnConnectionsThatAreOpen) {
  const auto own = Partner();
  const auto other = Partner();
  const auto channel = Connect(own, Fresh(partner_tokens_, own));
  const auto spared = Connect(other, Fresh(partner_tokens_, other));
  EXPECT_EQ(ReasonFor(channel, kRead), "OK");
  Write("trust/ods-abc/crl.pem", partner_.Revoke({own.certificate_pem}));
  EXPECT_TRUE(trust_->ReloadIfChanged().changed);
  EXPECT_EQ(ReasonFor(channel, kRead), reason::kCertificateRefused.name);
  EXPECT_EQ(ReasonFor(spared, kRead), "OK");
}

TEST_F(MtlsServer, ANewCertificateOfTheServerCountsWithoutRestart) {
  const ThrowawayAuthority next("next");
  const auto own = Host();
  const auto channel = Connect(own, Fresh(host_tokens_, own), next.certificate_pem());
  EXPECT_EQ(Ask(channel, kRead).code(), absl::StatusCode::kUnavailable)
      << "this client trusts the next authority only";
  Show("two", next.Issue({{"spiffe://sussex/org/ods-qnx/svc/accountability"}}));
  ASSERT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() + seconds(60)));
  EXPECT_EQ(ReasonFor(channel, kRead), "OK");
}

TEST_F(MtlsServer, ANewPartnerIsLetInWithoutRestart) {
  const ThrowawayAuthority council("council");
  const ThrowawayTokens tokens("sussex", "ods-new");
  const auto own = council.Issue({{"spiffe://sussex/org/ods-new/svc/cli"}});
  const auto channel = Connect(own, Fresh(tokens, own));
  EXPECT_EQ(Ask(channel, kRead).code(), absl::StatusCode::kUnavailable);
  Write("trust/ods-new/issuer.pem", council.certificate_pem());
  Write("trust/ods-new/jwks.json", tokens.jwks());
  EXPECT_TRUE(trust_->ReloadIfChanged().changed);
  ASSERT_TRUE(trust_->WriteBundle(Path("bundle.pem")).ok());
  // With TLS 1.3 a client finds out with its first call whether it was let in.
  const auto end = std::chrono::steady_clock::now() + seconds(60);
  std::string answer;
  do {
    answer = ReasonFor(channel, kRead);
  } while (answer != "OK" && std::chrono::steady_clock::now() < end);
  EXPECT_EQ(answer, "OK");
}

// Threat: a partner's certificate, or a person's of the host, calls Decide.
TEST_F(MtlsServer, DecideIsForTheHostsServices) {
  const std::string decide = std::string(kDecisions) + "/Decide";
  const auto partner = partner_.Issue({{"spiffe://sussex/org/ods-abc/svc/events"}});
  EXPECT_EQ(ReasonOf(Send(ConnectInside(partner, nullptr), decide)),
            reason::kRoleNotPermitted.name);
  const auto person = Host();
  EXPECT_EQ(ReasonOf(Send(ConnectInside(person, Fresh(host_tokens_, person)), decide)),
            reason::kRoleNotPermitted.name);
  EXPECT_EQ(ReasonOf(Send(ConnectInside(Host("inference"), nullptr), decide)),
            reason::kRoleNotPermitted.name)
      << "a service of the host that the method does not list";
  const auto minted = partner_.Issue({{"spiffe://sussex/org/ods-qnx/svc/events"}});
  EXPECT_EQ(ReasonOf(Send(ConnectInside(minted, nullptr), decide)), reason::kIssuerNotPinned.name);
  EXPECT_EQ(decisions_.last().caller.certificate_identity(), "") << "nobody has come in";
  EXPECT_NE(ReasonOf(Send(ConnectInside(Host("events"), nullptr), decide)),
            reason::kRoleNotPermitted.name);
  EXPECT_EQ(decisions_.last().caller.certificate_identity(),
            "spiffe://sussex/org/ods-qnx/svc/events");
  EXPECT_EQ(decisions_.last().caller.authentication(), v1::AUTHENTICATION_MTLS);
}

}  // namespace
}  // namespace waterline::rpc
