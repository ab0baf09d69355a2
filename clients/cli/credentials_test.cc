#include "clients/cli/credentials.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "clients/cli/session.h"
#include "google/protobuf/descriptor.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/mtls_identity.h"
#include "services/common/identity/throwaway.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"
#include "waterline/accountability/v1/agreement_service.pb.h"

namespace waterline::cli {
namespace {

namespace fs = std::filesystem;
using accountability::v1::CreateAgreementRequest;
using accountability::v1::CreateAgreementResponse;
using identity::Access;

coro::Task<absl::StatusOr<rpc::Reply>> SayWho(rpc::Call call) {
  auto response = std::make_unique<CreateAgreementResponse>();
  response->mutable_agreement()->set_name(call.caller.organisation() + " " + call.caller.actor() +
                                          " " + call.purpose);
  rpc::Reply reply;
  reply.message = std::move(response);
  co_return reply;
}

// A service whose CreateAgreement, a write, answers who called.
rpc::Service Mirror() {
  rpc::Service service("waterline.accountability.v1.AgreementService");
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  const auto* descriptor = pool->FindServiceByName(service.full_name());
  auto* factory = google::protobuf::MessageFactory::generated_factory();
  for (int i = 0; i < descriptor->method_count(); ++i) {
    rpc::Method method;
    method.request_prototype = factory->GetPrototype(descriptor->method(i)->input_type());
    method.response_prototype = factory->GetPrototype(descriptor->method(i)->output_type());
    method.unary = [](const rpc::Call& call, const google::protobuf::Message&) {
      return SayWho(call);
    };
    service.Add(descriptor->method(i)->name(), std::move(method));
  }
  return service;
}

class Credentials : public ::testing::Test {
 protected:
  Credentials() {
    Write("trust/ods-qnx/issuer.pem", authority_.certificate_pem());
    Write("trust/ods-qnx/jwks.json", identity::JwkSet::Of({signer_.jwk()})->ToJson());
    settings_ = {{"tls-certificate", Write("own.pem", own_.certificate_pem)},
                 {"tls-key", Write("own.key", own_.key_pem)},
                 {"tls-ca", Write("ca.pem", authority_.certificate_pem())},
                 {"token-key", Write("token.key", key_.ToPem())},
                 {"actor", "ann"},
                 {"role", "engagement_lead"},
                 {"purpose", "practice_learning"}};
  }
  ~Credentials() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  const fs::path folder_ = fs::temp_directory_path() / crypto::RandomId('t');
  SystemClock clock_;
  const identity::ThrowawayAuthority authority_{"ours"};
  const identity::ThrowawayCertificate own_ =
      authority_.Issue({{"spiffe://sussex/org/ods-qnx/svc/cli"}});
  const crypto::PrivateKey key_ = crypto::PrivateKey::Generate(crypto::KeyKind::kEd25519);
  const identity::Signer signer_ = identity::Signer::Of(key_);
  Values settings_;
};

TEST_F(Credentials, ANetworkTakesTheTokensThatAreSigned) {
  const auto trust = identity::TrustStore::Open((folder_ / "trust").string(), "sussex");
  ASSERT_TRUE(trust.ok()) << trust.status();
  identity::MtlsIdentity network("sussex", trust->get(), &clock_);
  const auto tokens = TokenSourceOf(settings_, &clock_);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  for (int i = 0; i < 2; ++i) {  // A token of its own for each write.
    const std::string token = "Bearer " + *(*tokens)();
    const auto who = network.Identify(
        [&](std::string_view key) -> std::optional<std::string> {
          if (key == "authorization") return token;
          return std::nullopt;
        },
        {"ipv4:192.0.2.1:1", own_.certificate_pem}, Access::kWrite);
    ASSERT_TRUE(who.ok()) << who.status();
    EXPECT_EQ(who->caller.organisation(), "ods-qnx");
    EXPECT_EQ(who->caller.actor(), "ann");
    EXPECT_EQ(who->caller.role(), "engagement_lead");
    EXPECT_EQ(who->purpose, "practice_learning");
  }
  EXPECT_TRUE(CredentialsOf(settings_).ok());
}

TEST_F(Credentials, ASessionSpeaksToAServerOfARealNetwork) {
  const auto trust = identity::TrustStore::Open((folder_ / "trust").string(), "sussex");
  ASSERT_TRUE(trust.ok()) << trust.status();
  identity::MtlsIdentity network("sussex", trust->get(), &clock_);
  const rpc::Service mirror = Mirror();
  rpc::Metrics metrics;
  rpc::ServerOptions options;
  options.addresses = {"127.0.0.1:0"};
  options.identity = &network;
  options.metrics = &metrics;
  options.tls =
      rpc::TlsFiles{settings_["tls-certificate"], settings_["tls-key"], settings_["tls-ca"]};
  auto server = rpc::Server::Start(std::move(options), {&mirror});
  ASSERT_TRUE(server.ok()) << server.status();
  settings_["server"] = "localhost:" + std::to_string((*server)->port());
  const Output output(Format::kJson, false, false);
  Session session({settings_, "", {}, false}, &output);
  for (int i = 0; i < 2; ++i) {  // Each write with a token of its own.
    const auto answer = session.Get<CreateAgreementResponse>(CreateAgreementRequest());
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->agreement().name(), "ods-qnx ann practice_learning");
  }
  settings_.erase("token-key");
  Session nobody({settings_, "", {}, false}, &output);
  EXPECT_EQ(ReasonOf(nobody.Get<CreateAgreementResponse>(CreateAgreementRequest()).status()),
            reason::kIdentityMissing.name);
  settings_.erase("tls-key");
  Session half({settings_, "", {}, false}, &output);
  EXPECT_EQ(ReasonOf(half.Get<CreateAgreementResponse>(CreateAgreementRequest()).status()),
            reason::kInvalidFields.name)
      << "never without encryption";
}

TEST_F(Credentials, TheFirstCertificateOfTheFileIsTheOwnOne) {
  settings_["tls-certificate"] =
      Write("chain.pem", own_.certificate_pem + authority_.certificate_pem());
  EXPECT_TRUE(TokenSourceOf(settings_, &clock_).ok());
}

TEST_F(Credentials, WithoutAnyOfTheSettingsNothingIsEncryptedAndWithSomeAllAreNeeded) {
  EXPECT_FALSE(WantsTls({{"actor", "ann"}}));
  EXPECT_TRUE(CredentialsOf({}).ok());
  for (const char* key : {"tls-certificate", "tls-key", "tls-ca"}) {
    EXPECT_TRUE(WantsTls({{key, "x"}})) << key;
    Values some = settings_;
    some.erase(key);
    const auto violations = ViolationsOf(CredentialsOf(some).status());
    ASSERT_EQ(violations.size(), 1u) << key;
    EXPECT_EQ(violations[0].field, "--" + std::string(key));
  }
  EXPECT_EQ(ViolationsOf(CredentialsOf({{"token-key", "x"}}).status()).size(), 3u);
}

TEST(Names, TheNetworkIsThatOfASpiffeNameAndOfNothingElse) {
  EXPECT_EQ(NetworkOf("spiffe://sussex/org/ods-qnx/svc/cli"), "sussex");
  EXPECT_EQ(NetworkOf("spiffe://sussex/org/ods-qnx"), "sussex");
  EXPECT_EQ(NetworkOf("spiffe://sussex"), "sussex");
  for (const char* other : {"", "x", "x:y", "spiffe:/", "spiffe://", "https://sussex/org/ods-qnx"})
    EXPECT_EQ(NetworkOf(other), "") << other;
}

TEST_F(Credentials, WhatIsWrongIsNamed) {
  const auto with = [&](const std::string& key, const std::string& value) {
    Values changed = settings_;
    changed[key] = value;
    return CredentialsOf(changed).status();
  };
  EXPECT_EQ(ReasonOf(with("actor", "")), reason::kIdentityMissing.name);
  EXPECT_EQ(ReasonOf(with("role", "")), reason::kIdentityMissing.name);
  EXPECT_EQ(ViolationsOf(with("org", "ods-abc")).size(), 1u);
  EXPECT_TRUE(with("org", "QNX").ok());
  EXPECT_EQ(MetadataOf(with("token-key", "/nowhere"), "file"), "/nowhere");
  EXPECT_EQ(MetadataOf(with("tls-key", "/nowhere"), "file"), "/nowhere");
  EXPECT_EQ(ViolationsOf(with("token-key", Write("x.key", "x"))).size(), 1u);
  EXPECT_EQ(ReasonOf(with("tls-certificate", Write("x.pem", "x"))),
            reason::kCertificateRefused.name);
}

}  // namespace
}  // namespace waterline::cli
