// Invitations, pins and the check of a partner as their headers promise.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "clients/cli/invitation.h"
#include "clients/cli/partner_check.h"
#include "clients/cli/pinning.h"
#include "google/protobuf/descriptor.h"
#include "services/common/clock/clock.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/mtls_identity.h"
#include "services/common/identity/spiffe.h"
#include "services/common/identity/throwaway.h"
#include "services/common/identity/trust_store.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"
#include "services/common/text/date.h"
#include "waterline/accountability/v1/agreement_service.pb.h"

namespace waterline::cli {
namespace {

namespace fs = std::filesystem;
using identity::ThrowawayAuthority;
using identity::ThrowawayTokens;

Invitation Facts() {
  Invitation facts;
  facts.id = "j1";
  facts.network = "sussex";
  facts.host = "ods-qnx";
  facts.organisation = "ods-abc";
  facts.server = "registry=a:1,b:2";
  facts.tls_ca = "-----BEGIN\n\"quoted\"\n";
  facts.ledger_key = "sussex/accountability+0+k";
  return facts;
}

int64_t Now() { return SystemClock().NowMs(); }

TEST(Invitations, WhatIsWrittenIsReadAgain) {
  const auto made = MakeInvitation(Facts(), Now());
  const auto read = ParseInvitation(FormatInvitation(made.invitation));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(FormatInvitation(*read), FormatInvitation(made.invitation));
  EXPECT_EQ(read->tls_ca, Facts().tls_ca);
  EXPECT_EQ(read->server, Facts().server);
  EXPECT_EQ(read->expires_at_ms, made.invitation.expires_at_ms);
}

TEST(Invitations, WhatIsMissingIsNamedWithoutAValue) {
  EXPECT_EQ(ReasonOf(ParseInvitation("x").status()), reason::kInvalidFields.name);
  EXPECT_EQ(ReasonOf(ParseInvitation("{\"network\": \"sussex\"}").status()),
            reason::kInvalidFields.name);
  EXPECT_EQ(ReasonOf(ParseInvitation("{\"waterline-invitation\": 2}").status()),
            reason::kFormatTooNew.name);
  Invitation some = MakeInvitation(Facts(), Now()).invitation;
  some.key.clear();
  const auto violations = ViolationsOf(ParseInvitation(FormatInvitation(some)).status());
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "key");
}

TEST(Invitations, TheCertificateIsForJoiningAndLastsTwoWeeks) {
  const auto made = MakeInvitation(Facts(), Now());
  const auto leaf = identity::Certificate::Parse(made.invitation.certificate);
  ASSERT_TRUE(leaf.ok()) << leaf.status();
  EXPECT_EQ(*leaf->Uri(), "spiffe://sussex/org/ods-abc/svc/join");
  const auto issuers = identity::PinnedIssuers::Of(made.issuer_pem, "");
  constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
  EXPECT_TRUE(issuers->Verify(*leaf, Now() + 13 * kDayMs).ok());
  EXPECT_FALSE(issuers->Verify(*leaf, Now() + 15 * kDayMs).ok());
  EXPECT_TRUE(identity::Certificate::Parse(made.issuer_pem)->HasMark(identity::kInvitationMark));
  EXPECT_NE(MakeInvitation(Facts(), Now()).issuer_pem, made.issuer_pem);
}

coro::Task<absl::StatusOr<rpc::Reply>> Copy(const google::protobuf::Message* answer) {
  rpc::Reply reply;
  std::unique_ptr<google::protobuf::Message> copy(answer->New());
  copy->CopyFrom(*answer);
  reply.message = std::move(copy);
  co_return reply;
}
coro::Task<absl::Status> End() { co_return absl::OkStatus(); }

class Pinning : public ::testing::Test {
 protected:
  ~Pinning() override { fs::remove_all(trust_); }
  static Pins Invited() {
    const auto made = MakeInvitation(Facts(), Now());
    return {made.issuer_pem, made.jwks};
  }
  Pins Partner(const std::string& issuer = "") const {
    const ThrowawayTokens tokens("sussex", "ods-abc");
    const auto named = identity::JwkSet::Of({tokens.signer().jwk()}, issuer);
    return {ThrowawayAuthority("abc").certificate_pem(),
            issuer.empty() ? tokens.jwks() : named->ToJson()};
  }
  Pins Held() const {
    const auto read = [&](const char* name) {
      std::ifstream file(trust_ + "/ods-abc/" + name);
      return std::string(std::istreambuf_iterator<char>(file), {});
    };
    return {read("issuer.pem"), read("jwks.json")};
  }
  static bool Same(const Pins& a, const Pins& b) {
    return a.issuer_pem == b.issuer_pem && a.jwks == b.jwks;
  }

  const std::string trust_ = (fs::temp_directory_path() / crypto::RandomId('t')).string();
};

TEST_F(Pinning, AnInvitationIsReplacedOnlyWhenAskedForAndAPartnerNever) {
  const Pins first = Invited();
  ASSERT_TRUE(PinInvitation(trust_, "ods-abc", first, false).ok());
  EXPECT_TRUE(Same(Held(), first));
  EXPECT_EQ(WhatIsPinned(trust_, "ods-abc"), Pinned::kInvited);
  EXPECT_TRUE(identity::TrustStore::Open(trust_, "sussex").ok()) << "servers take it as it lies";
  EXPECT_TRUE(absl::IsAlreadyExists(PinInvitation(trust_, "ods-abc", Invited(), false)));
  EXPECT_TRUE(Same(Held(), first));
  const Pins second = Invited();
  ASSERT_TRUE(PinInvitation(trust_, "ods-abc", second, true).ok());
  EXPECT_TRUE(Same(Held(), second));
  const Pins partner = Partner();
  ASSERT_TRUE(PinPartner(trust_, "sussex", "ods-abc", partner).ok());
  EXPECT_TRUE(Same(Held(), partner));
  EXPECT_EQ(WhatIsPinned(trust_, "ods-abc"), Pinned::kJoined);
  EXPECT_TRUE(absl::IsAlreadyExists(PinInvitation(trust_, "ods-abc", Invited(), true)));
  EXPECT_TRUE(absl::IsFailedPrecondition(PinPartner(trust_, "sussex", "ods-abc", Partner())));
  EXPECT_TRUE(Same(Held(), partner));
}

TEST_F(Pinning, WithoutAnInvitationNobodyIsPinned) {
  EXPECT_EQ(WhatIsPinned(trust_, "ods-abc"), Pinned::kNobody);
  EXPECT_TRUE(absl::IsFailedPrecondition(PinPartner(trust_, "sussex", "ods-abc", Partner())));
  EXPECT_FALSE(fs::exists(trust_ + "/ods-abc"));
  fs::create_directories(trust_ + "/ods-abc");  // A folder that somebody began by hand.
  EXPECT_EQ(WhatIsPinned(trust_, "ods-abc"), Pinned::kJoined);
  EXPECT_TRUE(absl::IsAlreadyExists(PinInvitation(trust_, "ods-abc", Invited(), true)));
}

// A confirmation that broke off between the two files.
TEST_F(Pinning, BetweenTheTwoFilesOnlyTheInvitationCountsAndConfirmingAgainEndsIt) {
  ASSERT_TRUE(PinInvitation(trust_, "ods-abc", Invited(), false).ok());
  const Pins partner = Partner();
  std::ofstream(trust_ + "/ods-abc/jwks.json") << partner.jwks;
  EXPECT_EQ(WhatIsPinned(trust_, "ods-abc"), Pinned::kInvited);
  ASSERT_TRUE(PinPartner(trust_, "sussex", "ods-abc", partner).ok());
  EXPECT_TRUE(Same(Held(), partner));
}

TEST_F(Pinning, ThePartnersTokenIssuerIsNobodyElses) {
  fs::create_directories(trust_ + "/ods-qnx");
  const ThrowawayTokens host("sussex", "ods-qnx");
  std::ofstream(trust_ + "/ods-qnx/issuer.pem") << ThrowawayAuthority("qnx").certificate_pem();
  std::ofstream(trust_ + "/ods-qnx/jwks.json")
      << identity::JwkSet::Of({host.signer().jwk()}, "https://login.example")->ToJson();
  ASSERT_TRUE(PinInvitation(trust_, "ods-abc", Invited(), false).ok());
  const Pins before = Held();
  EXPECT_TRUE(absl::IsFailedPrecondition(
      PinPartner(trust_, "sussex", "ods-abc", Partner("https://login.example"))));
  EXPECT_TRUE(Same(Held(), before));
  EXPECT_TRUE(PinPartner(trust_, "sussex", "ods-abc", Partner("https://other.example")).ok());
}

// Every method of a service answers what `answers` holds for it, or an empty message.
rpc::Service Answering(const char* name,
                       const std::map<std::string, const google::protobuf::Message*>& answers) {
  rpc::Service service(name);
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
  auto* factory = google::protobuf::MessageFactory::generated_factory();
  for (int i = 0; i < descriptor->method_count(); ++i) {
    const auto& from = *descriptor->method(i);
    rpc::Method method;
    method.exposure = from.options().GetExtension(common::v1::exposure);
    method.kind = from.client_streaming() ? rpc::Method::Kind::kBidi : rpc::Method::Kind::kUnary;
    method.request_prototype = factory->GetPrototype(from.input_type());
    method.response_prototype = factory->GetPrototype(from.output_type());
    const auto found = answers.find(from.name());
    const auto* answer = found == answers.end() ? method.response_prototype : found->second;
    method.unary = [answer](const rpc::Call&, const google::protobuf::Message&) {
      return Copy(answer);
    };
    method.stream = [](const rpc::Call&, rpc::RawStream*) { return End(); };
    service.Add(from.name(), std::move(method));
  }
  return service;
}

// A network as its partner meets it; its clock, its members and its ledger are what a test says.
class Checking : public ::testing::Test {
 protected:
  Checking() {
    const auto own = authority_.Issue({{"spiffe://sussex/org/ods-abc/svc/cli"}});
    settings_ = {{"tls-certificate", Write("own.pem", own.certificate_pem)},
                 {"tls-key", Write("own.key", own.key_pem)},
                 {"tls-ca", Write("ca.pem", authority_.certificate_pem())},
                 {"token-key", Write("token.key", tokens_.key_pem())},
                 {"actor", "ann"},
                 {"role", "engagement_lead"},
                 {"purpose", "practice_learning"}};
    Write("trust/ods-abc/issuer.pem", authority_.certificate_pem());
    Write("trust/ods-abc/jwks.json", tokens_.jwks());
    trust_ = *identity::TrustStore::Open((folder_ / "trust").string(), "sussex");
    identity_ = std::make_unique<identity::MtlsIdentity>("sussex", trust_.get(), &clock_);
    rpc::ServerOptions options;
    options.addresses = {"127.0.0.1:0"};
    options.identity = identity_.get();
    options.metrics = &metrics_;
    options.tls =
        rpc::TlsFiles{settings_["tls-certificate"], settings_["tls-key"], settings_["tls-ca"]};
    server_ = *rpc::Server::Start(std::move(options), {&registry_, &agreements_});
    settings_["server"] = "localhost:" + std::to_string(server_->port());
    answer_.set_organisation("ods-abc");
    answer_.set_ledger_key("k");
    answer_.set_member(true);
    for (const auto state :
         {accountability::v1::AGREEMENT_STATE_ACTIVE, accountability::v1::AGREEMENT_STATE_SUSPENDED,
          accountability::v1::AGREEMENT_STATE_ACTIVE})
      agreed_.add_agreements()->set_state(state);
    SetClock(0);
  }
  ~Checking() override {
    server_.reset();
    fs::remove_all(folder_);
  }
  std::string Write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  void SetClock(int64_t ahead_ms) {
    *answer_.mutable_server_time() = text::ToTimestamp(Now() + ahead_ms);
  }
  void Own(const identity::LeafOptions& leaf) {
    const auto own = authority_.Issue(leaf);
    settings_["tls-certificate"] = Write("next.pem", own.certificate_pem);
    settings_["tls-key"] = Write("next.key", own.key_pem);
  }
  absl::Status Check(const std::string& ledger_key = "k") {
    const Output output(Format::kJson, false, false);
    Session session({settings_, "", {}, false}, &output);
    lines_.clear();
    return CheckPartner(&session, ledger_key, &lines_);
  }
  bool Warns(const std::string& check) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const CheckLine& line) { return line.check == check && line.warning; });
  }

  const fs::path folder_ = fs::temp_directory_path() / crypto::RandomId('t');
  SystemClock clock_;
  const ThrowawayAuthority authority_{"abc"};
  const ThrowawayTokens tokens_{"sussex", "ods-abc"};
  registry::v1::WhoAmIResponse answer_;
  accountability::v1::ListAgreementsResponse agreed_;
  const rpc::Service registry_ =
      Answering("waterline.registry.v1.RegistryService", {{"WhoAmI", &answer_}});
  const rpc::Service agreements_ =
      Answering("waterline.accountability.v1.AgreementService", {{"ListAgreements", &agreed_}});
  std::unique_ptr<identity::TrustStore> trust_;
  std::unique_ptr<identity::MtlsIdentity> identity_;
  rpc::Metrics metrics_;
  std::unique_ptr<rpc::Server> server_;
  Values settings_;
  std::vector<CheckLine> lines_;
};

constexpr char kOwnName[] = "spiffe://sussex/org/ods-abc/svc/cli";

TEST_F(Checking, EverythingIsInOrder) {
  ASSERT_TRUE(Check().ok()) << Check();
  EXPECT_EQ(lines_.back().what, "2 in force");
  EXPECT_TRUE(Warns("certificate")) << "it ends within the hour";
  EXPECT_FALSE(Warns("clock"));
}

TEST_F(Checking, ACertificateThatIsOverOrNotYetOrOfAnotherKeyIsNamed) {
  identity::LeafOptions leaf{{kOwnName}};
  leaf.begins = std::chrono::hours(-2);
  leaf.ends = std::chrono::hours(-1);
  Own(leaf);
  EXPECT_NE(Check().message().find("ended at"), absl::string_view::npos) << Check();
  leaf.begins = std::chrono::hours(1);
  leaf.ends = std::chrono::hours(2);
  Own(leaf);
  EXPECT_NE(Check().message().find("begins only at"), absl::string_view::npos) << Check();
  Own({{kOwnName}});
  settings_["tls-key"] = Write("other.key", authority_.Issue({{kOwnName}}).key_pem);
  ASSERT_EQ(ViolationsOf(Check()).size(), 1u);
  EXPECT_EQ(ViolationsOf(Check())[0].field, "--tls-key");
}

TEST(Days, AreWholeAndMinusOneWhenOver) {
  EXPECT_EQ(DaysLeft(-1), -1);
  EXPECT_EQ(DaysLeft(0), 0);
  EXPECT_EQ(DaysLeft(86'399'999), 0);
  EXPECT_EQ(DaysLeft(86'400'000), 1);
}

TEST_F(Checking, ClocksMayDifferByThirtySeconds) {
  for (const int64_t ahead : {-15'000, 15'000}) {
    SetClock(ahead);
    EXPECT_TRUE(Check().ok()) << Check();
  }
  for (const int64_t ahead : {-60'000, 60'000}) {
    SetClock(ahead);
    const auto fault = Check();
    EXPECT_NE(fault.message().find("clocks differ"), absl::string_view::npos) << fault;
    EXPECT_NE(fault.message().find(ahead < 0 ? "behind" : "ahead"), absl::string_view::npos);
  }
}

TEST_F(Checking, WhoIsNoMemberOrMeetsAnotherLedgerIsTold) {
  EXPECT_TRUE(absl::IsDataLoss(Check("other")));
  EXPECT_TRUE(Check("").ok());
  EXPECT_TRUE(Warns("ledger key"));
  answer_.set_member(false);
  EXPECT_EQ(ReasonOf(Check()), reason::kNotMember.name);
}

TEST_F(Checking, ATokenThatIsRefusedSaysWhy) {
  settings_["token-key"] = Write("other.key", ThrowawayTokens("sussex", "ods-abc").key_pem());
  EXPECT_EQ(ReasonOf(Check()), reason::kTokenInvalid.name);
}

}  // namespace
}  // namespace waterline::cli
