// Who gets into a process, and what it refuses to start without.

#include "services/waterlined/admission.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "services/common/crypto/random.h"
#include "services/common/identity/throwaway.h"
#include "services/common/status/error.h"

namespace waterline::deployment {
namespace {

namespace fs = std::filesystem;

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() { fs::create_directories(folder_); }
  ~AdmissionTest() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  void Pin(const std::string& organisation) {
    Write("trust/" + organisation + "/issuer.pem", authority_.certificate_pem());
    Write("trust/" + organisation + "/jwks.json", tokens_.jwks());
  }
  TlsOptions Own() {
    const auto own = authority_.Issue({{"spiffe://sussex/org/ods-qnx/svc/waterlined"}});
    return {Write("own.pem", own.certificate_pem), Write("own.key", own.key_pem)};
  }
  absl::Status Open(const TlsOptions& tls, bool development) {
    const rpc::NetworkFacts facts{"sussex", "ods-qnx", development, false, ""};
    auto opened = Admission::Open(tls, "", Layout(folder_.string()), facts, &clock_);
    if (opened.ok()) (*opened)->Admit(&server_);
    has_tls_ = server_.tls.has_value();
    return opened.status();
  }

  const fs::path folder_ = fs::temp_directory_path() / crypto::RandomId('t');
  identity::ThrowawayAuthority authority_{"ours"};
  identity::ThrowawayTokens tokens_{"sussex", "ods-qnx"};
  SystemClock clock_;
  rpc::ServerOptions server_;
  bool has_tls_ = false;
};

TEST_F(AdmissionTest, CallersAreBelievedInDevelopmentOnly) {
  EXPECT_TRUE(Open({}, true).ok());
  EXPECT_FALSE(has_tls_);
  const auto refused = Open({}, false);
  EXPECT_EQ(ReasonOf(refused), reason::kStateForbids.name);
  EXPECT_NE(refused.message().find("--tls-certificate"), absl::string_view::npos) << refused;
}

TEST_F(AdmissionTest, WithACertificateEverybodyProvesWhoTheyAreInDevelopmentToo) {
  Pin("ods-qnx");
  EXPECT_TRUE(Open(Own(), false).ok());
  EXPECT_TRUE(has_tls_);
  has_tls_ = false;
  EXPECT_TRUE(Open(Own(), true).ok());
  EXPECT_TRUE(has_tls_);
  EXPECT_TRUE(fs::exists(folder_ / "tls" / "trust.pem"));
}

TEST_F(AdmissionTest, HalfOfWhatTlsNeedsIsAMistakeThatIsNamed) {
  EXPECT_EQ(ViolationsOf(Open({"own.pem", ""}, true)).at(0).field, "tls-key");
  EXPECT_EQ(ViolationsOf(Open({"", "own.key"}, true)).at(0).field, "tls-certificate");
  Pin("ods-abc");
  const auto no_host = Open(Own(), true);
  EXPECT_EQ(ReasonOf(no_host), reason::kStateForbids.name);
  EXPECT_NE(no_host.message().find("ods-qnx/issuer.pem"), absl::string_view::npos) << no_host;
}

class OwnCertificateTest : public AdmissionTest {
 protected:
  static std::string Content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
};

TEST_F(OwnCertificateTest, WhatIsNotAPairIsNamedAtTheStart) {
  const auto own = Own();
  const auto other = authority_.Issue({{"spiffe://sussex/org/ods-qnx/svc/waterlined"}});
  const auto fault = [&](const TlsOptions& files) {
    const auto opened = OwnCertificate::Open(files, (folder_ / "tls").string());
    EXPECT_EQ(ReasonOf(opened.status()), reason::kStateForbids.name);
    return MetadataOf(opened.status(), "file");
  };
  EXPECT_EQ(fault({own.certificate, Write("other.key", other.key_pem)}), Write("other.key", ""));
  EXPECT_EQ(fault({Write("empty.pem", ""), own.key}), (folder_ / "empty.pem").string());
  EXPECT_EQ(fault({own.key, own.key}), own.key);
  EXPECT_EQ(fault({own.certificate, own.certificate}), own.certificate);
}

TEST_F(OwnCertificateTest, APairIsTakenWhenItIsWholeAndNotBefore) {
  const auto files = Own();
  const std::string first = Content(files.certificate);
  auto opened = OwnCertificate::Open(files, (folder_ / "tls").string());
  ASSERT_TRUE(opened.ok()) << opened.status();
  auto& own = **opened;
  EXPECT_EQ(Content(own.copies().certificate), first);
  EXPECT_EQ(fs::status(own.copies().key).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  const auto next = authority_.Issue({{"spiffe://sussex/org/ods-qnx/svc/waterlined"}});
  for (const std::string& half : {std::string(), next.certificate_pem}) {
    Write("own.pem", half);  // As a copy over it begins; then its key is not there yet.
    own.Look();
    EXPECT_EQ(Content(own.copies().certificate), first);
  }
  Write("own.key", next.key_pem);
  own.Look();
  EXPECT_EQ(Content(own.copies().certificate), next.certificate_pem);
  EXPECT_EQ(Content(own.copies().key), next.key_pem);
  EXPECT_FALSE(fs::exists(folder_ / "tls" / "0")) << "an old key is not kept";
}

}  // namespace
}  // namespace waterline::deployment
