#include "clients/cli/credentials.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "services/common/crypto/random.h"
#include "services/common/identity/mtls_identity.h"
#include "services/common/identity/throwaway.h"
#include "services/common/status/error.h"

namespace waterline::cli {
namespace {

namespace fs = std::filesystem;
using identity::Access;

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
  identity::MtlsIdentity network("sussex", "ods-qnx", trust->get(), &clock_);
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
