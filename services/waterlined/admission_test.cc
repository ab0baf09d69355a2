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
    auto opened = Admission::Open(tls, (folder_ / "trust").string(),
                                  (folder_ / "trust.pem").string(), facts, &clock_);
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
  EXPECT_TRUE(fs::exists(folder_ / "trust.pem"));
}

TEST_F(AdmissionTest, HalfOfWhatTlsNeedsIsAMistakeThatIsNamed) {
  EXPECT_EQ(ViolationsOf(Open({"own.pem", ""}, true)).at(0).field, "tls-key");
  EXPECT_EQ(ViolationsOf(Open({"", "own.key"}, true)).at(0).field, "tls-certificate");
  Pin("ods-abc");
  const auto no_host = Open(Own(), true);
  EXPECT_EQ(ReasonOf(no_host), reason::kStateForbids.name);
  EXPECT_NE(no_host.message().find("ods-qnx/issuer.pem"), absl::string_view::npos) << no_host;
}

}  // namespace
}  // namespace waterline::deployment
