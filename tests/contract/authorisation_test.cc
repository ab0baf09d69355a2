// Who may call what, over mutual TLS: every method of the descriptors, by everybody who might try,
// with every release level they might ask for. What a cell must say follows from the method's
// exposure and from whose proof holds, by the few rules of Expect below; nothing is listed by hand,
// so that a method that is added tomorrow is in the matrix. What the policy then decides of those
// whose proof holds, by organisation and role, is the matter of exposure_test, oracle_test and the
// tests of each service.

#include <stdlib.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/jwt.h"
#include "services/waterlined/separate.h"
#include "tests/contract/methods.h"
#include "tests/integration/raw.h"
#include "waterline/accountability/v1/accountability_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using common::v1::EXPOSURE_GATED;
using common::v1::EXPOSURE_INTERNAL;
using common::v1::EXPOSURE_PUBLIC;
using google::protobuf::MethodDescriptor;
using identity::AccessToken;
using identity::ThrowawayAuthority;
using identity::ThrowawayCertificate;
using Metadata = std::map<std::string, std::string>;

constexpr char kPartner[] = "local-test-council";
constexpr char kPurpose[] = "service_planning";

// ---- Who calls ----------------------------------------------------------------------------------

// What becomes of a caller's proof.
enum class Proof {
  kNoConnection,  // Nothing he sends is read.
  kRefused,       // There is a connection, and who he is does not hold.
  kHolds,
};

struct Kind {
  std::string name;
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  Proof proof = Proof::kHolds;
  std::string reason = "";                       // With which it is refused.
  std::function<std::string()> token = nullptr;  // A new one for a call; nullptr: none is shown.
  Metadata metadata = {};
  bool invited = false;  // May ask to join.
};

std::shared_ptr<grpc::ChannelCredentials> Tls(const std::string& roots,
                                              const ThrowawayCertificate& own = {}) {
  return grpc::SslCredentials({roots, own.key_pem, own.certificate_pem});
}

// The claims of a token under a signature of no algorithm.
std::string SignedByNobody(const std::string& token, const std::string& kid) {
  const std::string header = R"({"alg":"none","typ":"at+jwt","kid":")" + kid + "\"}";
  return crypto::Base64UrlEncode(header) +
         token.substr(token.find('.'), token.rfind('.') - token.find('.') + 1);
}

// Makes callers. Each one who does not hold has one thing wrong and everything else right.
class Callers {
 public:
  explicit Callers(const Parties* parties) : parties_(parties) {}

  ThrowawayCertificate Issue(const std::string& authority, const std::string& organisation,
                             const std::string& service) const {
    return IssueBy(parties_->AuthorityOf(authority), organisation, service);
  }
  static ThrowawayCertificate IssueBy(const ThrowawayAuthority& authority,
                                      const std::string& organisation, const std::string& service) {
    return authority.Issue(
        {{identity::OrganisationUri(kTestNetwork, organisation) + "/svc/" + service}});
  }
  std::shared_ptr<grpc::ChannelCredentials> With(const ThrowawayCertificate& own = {}) const {
    return Tls(parties_->AuthorityOf(kHost).certificate_pem(), own);
  }

  // Makes good tokens of the organisation for the certificate, but for what `change` changes.
  std::function<std::string()> Tokens(
      const std::string& organisation, const ThrowawayCertificate& own,
      const std::function<void(AccessToken*)>& change = nullptr) const {
    const std::string thumbprint = identity::Certificate::Parse(own.certificate_pem)->thumbprint();
    return [this, organisation, thumbprint, change] {
      AccessToken claims;
      claims.issuer = identity::OrganisationUri(kTestNetwork, organisation);
      claims.subject = "ann";
      claims.organisation = organisation;
      claims.role = "engagement_lead";
      claims.purpose = kPurpose;
      claims.id = crypto::RandomId('t');
      claims.certificate = thumbprint;
      claims.issued_at = SystemClock().NowMs() / 1000;
      claims.expires_at = claims.issued_at + identity::kTokenLifeMax.count();
      if (change != nullptr) change(&claims);
      return identity::SignAccessToken(claims, kTestNetwork, parties_->SignerOf(organisation));
    };
  }

  // They have no way in: what they send is right in all else.
  std::vector<Kind> WithoutConnection(const std::string& service) const {
    static const ThrowawayAuthority unpinned("unpinned");
    const auto stranger = IssueBy(unpinned, kHost, service);
    const auto good = Issue(kHost, kHost, service);
    return {{"no TLS", grpc::InsecureChannelCredentials(), Proof::kNoConnection, "",
             Tokens(kHost, good), Pretended()},
            {"TLS without a client certificate", With(), Proof::kNoConnection, "",
             Tokens(kHost, good), Pretended()},
            {"a certificate of an unpinned authority", With(stranger), Proof::kNoConnection, "",
             Tokens(kHost, stranger), Pretended()}};
  }
  std::vector<Kind> WithCertificatesThatDoNotHold() const {
    const auto minted = Issue(kPartner, kHost, "cli");
    const auto invited = Issue(kPartner, kPartner, std::string(identity::kJoinService));
    std::vector<Kind> kinds = {Refused("the partner's authority mints the host's name", minted,
                                       reason::kIssuerNotPinned, Tokens(kHost, minted)),
                               Refused("a certificate for joining without its token", invited,
                                       reason::kCertificateRefused, nullptr),
                               Refused("a certificate for joining", invited,
                                       reason::kCertificateRefused, Tokens(kPartner, invited))};
    kinds.back().invited = true;
    return kinds;
  }
  std::vector<Kind> WithTokensThatDoNotHold() const {
    const auto host = Issue(kHost, kHost, "cli");
    const auto partner = Issue(kPartner, kPartner, "cli");
    const auto service = Issue(kHost, kHost, "events");
    const auto expired = [](AccessToken* claims) {
      claims->issued_at -= 400;
      claims->expires_at -= 400;
    };
    const auto of_the_host = [](AccessToken* claims) { claims->organisation = kHost; };
    const auto by_nobody = [this, good = Tokens(kHost, host)] {
      return SignedByNobody(good(), parties_->SignerOf(kHost).jwk().kid());
    };
    std::vector<Kind> kinds = {
        Refused("no token", host, reason::kIdentityMissing, nullptr),
        Refused("a service of the host without a token", service, reason::kIdentityMissing,
                nullptr),
        Refused("a token of another certificate", host, reason::kTokenBinding,
                Tokens(kHost, Issue(kHost, kHost, "cli"))),
        Refused("a token that has ended", host, reason::kTokenExpired,
                Tokens(kHost, host, expired)),
        Refused("a token of alg none", host, reason::kTokenInvalid, by_nobody),
        Refused("a token of another organisation without act", partner, reason::kTokenBinding,
                Tokens(kHost, partner)),
        Refused("the partner's keys sign for the host", partner, reason::kIssuerNotPinned,
                Tokens(kPartner, partner, of_the_host)),
        Refused("a token for another purpose", host, reason::kTokenBinding, Tokens(kHost, host))};
    kinds.back().metadata["waterline-purpose"] = "safeguarding";
    return kinds;
  }
  std::vector<Kind> WhoHold() const {
    const auto host = Issue(kHost, kHost, "cli");
    const auto partner = Issue(kPartner, kPartner, "cli");
    const auto steward = [](AccessToken* claims) {
      claims->role = "network_steward";
      claims->purpose = "system_administration";
    };
    const auto for_the_partner = [](AccessToken* claims) { claims->acting = kPartner; };
    return {
        Holds("somebody of a partner", partner, Tokens(kPartner, partner)),
        Holds("an engagement lead of the host", host, Tokens(kHost, host)),
        Holds("the steward of the network", host, Tokens(kHost, host, steward)),
        Holds("a partner for the host, by act", partner, Tokens(kHost, partner, for_the_partner))};
  }

  // What development identity would believe; here it is worth nothing.
  static Metadata Pretended() {
    return {{"waterline-organisation", kHost},
            {"waterline-actor", "stella"},
            {"waterline-role", "network_steward"},
            {"waterline-service", "events"}};
  }

 private:
  Kind Refused(std::string name, const ThrowawayCertificate& own, const Reason& reason,
               std::function<std::string()> token) const {
    return {std::move(name),          With(own),        Proof::kRefused,
            std::string(reason.name), std::move(token), Pretended()};
  }
  Kind Holds(std::string name, const ThrowawayCertificate& own,
             std::function<std::string()> token) const {
    return {std::move(name), With(own), Proof::kHolds, "", std::move(token), {}};
  }

  const Parties* const parties_;
};

// ---- What came back -----------------------------------------------------------------------------

struct Heard {
  absl::Status status;
  std::string reason;
  size_t messages = 0;
  std::optional<accountability::v1::Receipt> receipt;
};

Heard CallAs(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
             const Kind& kind, const std::string& level) {
  Context context({"", "", "", "", kind.token});
  for (const auto& [key, value] : kind.metadata) context.get()->AddMetadata(key, value);
  if (!level.empty()) context.get()->AddMetadata("waterline-release-level", level);
  const auto answer = CallRaw(channel, path.c_str(), {""}, context.get());
  return {answer.status, ReasonOf(answer.status).value_or(""), answer.messages.size(),
          context.receipt()};
}

using Code = absl::StatusCode;

void ExpectRefused(const Heard& heard, Code code, std::string_view reason) {
  EXPECT_EQ(heard.status.code(), code) << heard.status;
  EXPECT_EQ(heard.reason, reason) << heard.status;
  EXPECT_EQ(heard.messages, 0u);
  EXPECT_FALSE(heard.receipt.has_value()) << "nothing was decided";
}

// ---- The public port ----------------------------------------------------------------------------

struct Level {
  const char* word;  // Empty: it is not said.
  common::v1::ReleaseLevel level;
};

constexpr Level kLevels[] = {{"", common::v1::RELEASE_LEVEL_IDENTIFIABLE},
                             {"identifiable", common::v1::RELEASE_LEVEL_IDENTIFIABLE},
                             {"pseudonymised", common::v1::RELEASE_LEVEL_PSEUDONYMISED},
                             {"aggregate", common::v1::RELEASE_LEVEL_AGGREGATE},
                             {"everything", common::v1::RELEASE_LEVEL_UNSPECIFIED}};

bool IsLevel(const Level& level) { return level.level != common::v1::RELEASE_LEVEL_UNSPECIFIED; }

// Methods that permit the call, with its entry, and then tell nothing of a decision that is not the
// caller's: exposure_test finds that entry.
bool TellsOfOwnDecisionsOnly(const MethodDescriptor* method) {
  return method->service()->name() == "AccountabilityService" &&
         (method->name() == "Explain" || method->name() == "DraftFromRefusal");
}

// Who is known is decided on: an answer or a refusal, each with its entry. The request is empty, so
// that it may be a bad one.
void ExpectDecided(const Heard& heard, const MethodDescriptor* method, const Level& asked) {
  const auto code = heard.status.code();
  EXPECT_TRUE(code == Code::kOk || code == Code::kInvalidArgument ||
              code == Code::kPermissionDenied)
      << heard.status;
  if (code == Code::kInvalidArgument) return;
  if (TellsOfOwnDecisionsOnly(method))
    return ExpectRefused(heard, Code::kPermissionDenied, reason::kNotCovered.name);
  ASSERT_TRUE(heard.receipt.has_value()) << heard.status;
  EXPECT_EQ(heard.receipt->authentication(), accountability::v1::AUTHENTICATION_MTLS_JWT);
  EXPECT_EQ(heard.receipt->result() == accountability::v1::RESULT_PERMIT, heard.status.ok());
  EXPECT_LE(heard.receipt->given(), asked.level) << "no more than was asked for";
}

// What is PUBLIC is answered whoever asks, without an entry; but for the one method that takes the
// certificate and a token of an invitation in the place of who asks.
void ExpectPublic(const Heard& heard, const MethodDescriptor* method, const Kind& kind) {
  if (method->full_name() == "waterline.registry.v1.RegistryService.RequestJoin" && !kind.invited)
    return ExpectRefused(heard, Code::kUnauthenticated, reason::kCertificateRefused.name);
  EXPECT_TRUE(heard.status.ok() || heard.status.code() == Code::kInvalidArgument) << heard.status;
  EXPECT_FALSE(heard.receipt.has_value());
}

// The rules of the matrix.
void Expect(const Heard& heard, const MethodDescriptor* method, const Kind& kind,
            const Level& asked) {
  const auto exposure = ExposureOf(method);
  // Who gets no connection hears nothing of the server.
  if (kind.proof == Proof::kNoConnection) return ExpectRefused(heard, Code::kUnavailable, "");
  // What is INTERNAL is not there, whoever asks.
  if (exposure == EXPOSURE_INTERNAL) return ExpectRefused(heard, Code::kUnimplemented, "");
  // A word that is no level is a mistake before anything is decided, also who asks.
  if (!IsLevel(asked))
    return ExpectRefused(heard, Code::kInvalidArgument, reason::kInvalidFields.name);
  if (exposure == EXPOSURE_PUBLIC) return ExpectPublic(heard, method, kind);
  ASSERT_EQ(exposure, EXPOSURE_GATED) << "a method says its exposure";
  // What is GATED is decided for who is known, and for nobody else.
  if (kind.proof == Proof::kRefused)
    return ExpectRefused(heard, Code::kUnauthenticated, kind.reason);
  ExpectDecided(heard, method, asked);
}

// What the matrix came to, so that it cannot have been empty.
struct Tally {
  size_t cells = 0;
  int permits = 0;
  int refusals = 0;
  std::map<common::v1::Exposure, std::set<const MethodDescriptor*>> methods;
};

void Walk(int port, const Kind& kind, Tally* tally) {
  const auto channel = grpc::CreateChannel("localhost:" + std::to_string(port), kind.credentials);
  for (const auto* method : AllMethods()) {
    tally->methods[ExposureOf(method)].insert(method);
    for (const auto& level : kLevels) {
      SCOPED_TRACE(kind.name + " calls " + method->full_name() + " and asks for '" + level.word +
                   "'");
      const auto heard = CallAs(channel, PathOf(method), kind, level.word);
      Expect(heard, method, kind, level);
      ++tally->cells;
      tally->permits += heard.receipt && heard.status.ok() ? 1 : 0;
      tally->refusals += heard.receipt && !heard.status.ok() ? 1 : 0;
    }
  }
}

// Folders of one test, and the parties whom the network trusts.
class Authorisation : public ::testing::Test {
 protected:
  explicit Authorisation(bool separate = false) {
    std::string made = ::testing::TempDir() + "wl-XXXXXX";
    EXPECT_NE(mkdtemp(made.data()), nullptr);
    folder_ = made;
    deployment::InitOptions options;
    options.separate = separate;
    const auto status = InitNetwork(data(), std::move(options));
    EXPECT_TRUE(status.ok()) << status;
    parties_ = std::make_unique<Parties>(folder_ / "parties", kTestNetwork,
                                         std::vector<std::string>{kHost, kPartner});
    parties_->Pin(trust());
  }
  ~Authorisation() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path data() const { return folder_ / "data"; }
  std::filesystem::path trust() const {
    return deployment::Folders::Find(data().string()).Of("accountability").Trust();
  }
  deployment::TlsOptions TlsOf(const std::string& service) const {
    const auto files = parties_->Files(kHost, service);
    return {files.certificate, files.key};
  }

  std::filesystem::path folder_;
  std::unique_ptr<Parties> parties_;
};

std::string Checkpoint(int port, const Kind& kind) {
  const auto channel = grpc::CreateChannel("localhost:" + std::to_string(port), kind.credentials);
  Context context;
  const auto answer =
      CallRaw(channel, "/waterline.accountability.v1.AccountabilityService/GetCheckpoint", {""},
              context.get());
  EXPECT_TRUE(answer.status.ok()) << answer.status;
  return answer.messages.empty() ? "" : answer.messages[0];
}

TEST_F(Authorisation, EveryMethodByEverybodyAtEveryLevel) {
  deployment::ServeOptions options;
  options.data = data().string();
  options.listen = {"127.0.0.1:0"};
  options.tls = TlsOf("waterlined");
  auto server = deployment::Waterlined::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  const int port = (*server)->port();
  const Callers callers(parties_.get());
  const auto who_hold = callers.WhoHold();
  const std::string before = Checkpoint(port, who_hold[0]);
  Tally tally;
  size_t kinds = who_hold.size();
  for (const auto& strangers :
       {callers.WithoutConnection("cli"), callers.WithCertificatesThatDoNotHold(),
        callers.WithTokensThatDoNotHold()}) {
    kinds += strangers.size();
    for (const auto& kind : strangers) Walk(port, kind, &tally);
  }
  EXPECT_EQ(Checkpoint(port, who_hold[0]), before) << "who is not known leaves nothing behind";
  EXPECT_EQ(tally.permits + tally.refusals, 0);
  for (const auto& kind : who_hold) Walk(port, kind, &tally);
  EXPECT_NE(Checkpoint(port, who_hold[0]), before);
  EXPECT_GT(tally.permits, 0);
  EXPECT_GT(tally.refusals, 0);
  EXPECT_EQ(tally.cells, kinds * AllMethods().size() * std::size(kLevels));
  for (const auto exposure : {EXPOSURE_PUBLIC, EXPOSURE_GATED, EXPOSURE_INTERNAL})
    EXPECT_FALSE(tally.methods[exposure].empty()) << common::v1::Exposure_Name(exposure);
}

// ---- The ports of the host's services -----------------------------------------------------------

// Which services of the host call an INTERNAL service (architecture: arrows). One that is added is
// a decision: give it a row.
const std::map<std::string, std::set<std::string>>& InternalCallers() {
  static const std::map<std::string, std::set<std::string>> callers = {
      {"waterline.accountability.v1.DecisionService", {"registry", "events", "inference"}},
      {"waterline.accountability.v1.StandingService", {"registry"}},
      {"waterline.registry.v1.DirectoryService", {"events"}},
      {"waterline.events.v1.EvidenceService", {"inference"}}};
  return callers;
}

// Three services with internal ports, in this process. Each waits for those it calls.
class InternalAuthorisation : public Authorisation {
 protected:
  InternalAuthorisation() : Authorisation(true) {
    for (const char* service : {"accountability", "registry", "events"}) Start(service);
  }

  std::string Address(const std::string& service) const {
    return "unix:" + (folder_ / (service + ".socket")).string();
  }
  void Start(const std::string& service) {
    deployment::SeparateOptions options;
    options.service = service;
    options.data = (data() / service).string();
    options.internal_listen = Address(service);
    for (const auto& other : deployment::LinksOf(service)) options.links[other] = Address(other);
    options.tls = TlsOf(service);
    options.trust = trust().string();
    auto started = deployment::Separate::Start(options);
    ASSERT_TRUE(started.ok()) << service << ": " << started.status();
    services_.push_back(*std::move(started));
  }
  // The one whose package has the method.
  static std::string ServiceOf(const MethodDescriptor* method) {
    std::istringstream package(method->file()->package());
    std::string service;
    std::getline(std::getline(package, service, '.'), service, '.');
    return service;
  }
  std::shared_ptr<grpc::Channel> Connect(const std::string& service, const Kind& kind) {
    auto& channel = channels_[{service, kind.name}];
    if (channel != nullptr) return channel;
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("localhost");
    channel = grpc::CreateCustomChannel(Address(service), kind.credentials, arguments);
    return channel;
  }

  std::vector<std::unique_ptr<deployment::Separate>> services_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<grpc::Channel>> channels_;
};

// Of certificates that hold, `service` is the name in it: empty for one that is not of a service of
// the host.
void ExpectInside(const Heard& heard, const MethodDescriptor* method, const Kind& kind,
                  const std::string& service) {
  if (kind.proof == Proof::kNoConnection) return ExpectRefused(heard, Code::kUnavailable, "");
  // On these ports is nothing else.
  if (ExposureOf(method) != EXPOSURE_INTERNAL)
    return ExpectRefused(heard, Code::kUnimplemented, "");
  if (kind.proof == Proof::kRefused)
    return ExpectRefused(heard, Code::kUnauthenticated, kind.reason);
  const auto listed = InternalCallers().find(method->service()->full_name());
  ASSERT_NE(listed, InternalCallers().end()) << "who calls it?";
  if (!listed->second.contains(service))
    return ExpectRefused(heard, Code::kPermissionDenied, reason::kRoleNotPermitted.name);
  // He is let in: an empty request gets an answer or is a bad one.
  EXPECT_TRUE(heard.status.ok() || heard.status.code() == Code::kInvalidArgument) << heard.status;
}

TEST_F(InternalAuthorisation, EveryInternalMethodIsForTheServicesThatCallIt) {
  const Callers callers(parties_.get());
  std::vector<std::pair<Kind, std::string>> everybody;
  for (const auto& kind : callers.WithoutConnection("events")) everybody.push_back({kind, ""});
  for (const auto& kind : callers.WithCertificatesThatDoNotHold()) everybody.push_back({kind, ""});
  for (const auto& kind : callers.WhoHold()) everybody.push_back({kind, ""});
  for (const char* service :
       {"registry", "events", "inference", "accountability", "waterlined", "cli"}) {
    Kind host{std::string("the host's ") + service,
              callers.With(callers.Issue(kHost, kHost, service))};
    Kind partner{std::string("the partner's ") + service,
                 callers.With(callers.Issue(kPartner, kPartner, service))};
    partner.metadata = Callers::Pretended();
    Kind minted{std::string("minted: the host's ") + service,
                callers.With(callers.Issue(kPartner, kHost, service)), Proof::kRefused,
                std::string(reason::kIssuerNotPinned.name)};
    everybody.insert(everybody.end(), {{host, service}, {partner, ""}, {minted, ""}});
  }
  std::set<std::string> asked;
  for (const auto* method : AllMethods()) {
    const std::string service = ServiceOf(method);
    if (!deployment::HasInternal(service)) continue;
    asked.insert(method->service()->full_name());
    for (const auto& [kind, name] : everybody) {
      SCOPED_TRACE(kind.name + " calls " + method->full_name());
      const auto heard = CallAs(Connect(service, kind), PathOf(method), kind, "");
      ExpectInside(heard, method, kind, name);
    }
  }
  for (const auto& [internal, callers_of_it] : InternalCallers())
    EXPECT_TRUE(asked.contains(internal)) << internal << " is there no more: take its row away";
}

}  // namespace
}  // namespace waterline::testing
