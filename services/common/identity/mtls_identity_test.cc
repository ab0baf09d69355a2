#include "services/common/identity/mtls_identity.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "services/common/crypto/hash.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/throwaway.h"
#include "services/common/status/error.h"

namespace waterline::identity {
namespace {

namespace fs = std::filesystem;

class SetClock : public Clock {
 public:
  int64_t NowMs() override { return now_ms; }
  int64_t now_ms = SystemClock().NowMs();
};

const ThrowawayAuthority& BoardAuthority() {
  static const ThrowawayAuthority authority("board");
  return authority;
}
const ThrowawayAuthority& CharityAuthority() {
  static const ThrowawayAuthority authority("charity");
  return authority;
}

class Mtls : public ::testing::Test {
 protected:
  Mtls() {
    Put("ods-qnx", "issuer.pem", BoardAuthority().certificate_pem());
    Put("ods-qnx", "jwks.json", board_.jwks());
    Put("ods-abc", "issuer.pem", CharityAuthority().certificate_pem());
    Put("ods-abc", "jwks.json", charity_.jwks());
    trust_ = *TrustStore::Open(folder_.string(), "sussex");
    identity_ = std::make_unique<MtlsIdentity>("sussex", trust_.get(), &clock_);
  }
  ~Mtls() override { fs::remove_all(folder_); }

  void Put(const std::string& organisation, const std::string& file, const std::string& text) {
    fs::create_directories(folder_ / organisation);
    std::ofstream(folder_ / organisation / file) << text;
  }
  static std::string Board(const std::string& service = "cli") {
    return BoardAuthority().Issue({{"spiffe://sussex/org/ods-qnx/svc/" + service}}).certificate_pem;
  }
  static std::string Charity() {
    return CharityAuthority().Issue({{"spiffe://sussex/org/ods-abc/svc/cli"}}).certificate_pem;
  }
  AccessToken BoardClaims(const std::string& certificate) {
    return board_.Claims(certificate, clock_.now_ms);
  }
  absl::StatusOr<Identified> Ask(const std::string& certificate, const std::string& token,
                                 Access access = Access::kRead,
                                 std::map<std::string, std::string, std::less<>> metadata = {}) {
    if (!token.empty()) metadata["authorization"] = "Bearer " + token;
    const auto read = [&](std::string_view key) -> std::optional<std::string> {
      const auto found = metadata.find(key);
      if (found == metadata.end()) return std::nullopt;
      return found->second;
    };
    return identity_->Identify(read, {"ipv4:192.0.2.1:1", certificate}, access);
  }
  std::string ReasonFor(const std::string& certificate, const std::string& token,
                        Access access = Access::kRead,
                        std::map<std::string, std::string, std::less<>> metadata = {}) {
    const auto answer = Ask(certificate, token, access, std::move(metadata));
    return answer.ok() ? "OK" : ReasonOf(answer.status()).value_or("none");
  }

  const fs::path folder_ = fs::temp_directory_path() / crypto::RandomId('t');
  const ThrowawayTokens board_{"sussex", "ods-qnx"};
  const ThrowawayTokens charity_{"sussex", "ods-abc"};
  SetClock clock_;
  std::unique_ptr<TrustStore> trust_;
  std::unique_ptr<MtlsIdentity> identity_;
};

TEST_F(Mtls, TheCallerIsWhoCertificateAndTokenSay) {
  const std::string certificate = Board();
  AccessToken claims = BoardClaims(certificate);
  claims.purpose = "practice_learning";
  const std::string token = board_.Sign(claims);
  const std::map<std::string, std::string, std::less<>> pretended = {
      {"waterline-organisation", "ods-abc"},
      {"waterline-actor", "bob"},
      {"waterline-role", "siro"}};
  for (int i = 0; i < 2; ++i) {  // The second time from what is remembered.
    const auto who = Ask(certificate, token, Access::kRead, pretended);
    ASSERT_TRUE(who.ok()) << who.status();
    EXPECT_EQ(who->caller.organisation(), "ods-qnx");
    EXPECT_EQ(who->caller.on_behalf_of(), "");
    EXPECT_EQ(who->caller.actor(), "ann");
    EXPECT_EQ(who->caller.role(), "engagement_lead");
    EXPECT_EQ(who->caller.issuer(), "spiffe://sussex/org/ods-qnx");
    EXPECT_EQ(who->caller.authentication(), accountability::v1::AUTHENTICATION_MTLS_JWT);
    EXPECT_EQ(who->caller.token_digest(), crypto::Sha256(token));
    EXPECT_EQ(who->caller.certificate_identity(), "spiffe://sussex/org/ods-qnx/svc/cli");
    EXPECT_EQ(who->purpose, "practice_learning");
    ASSERT_TRUE(who->expiry.has_value());
    const auto left = *who->expiry - std::chrono::steady_clock::now();
    EXPECT_LE(left, std::chrono::seconds(330));
    EXPECT_GT(left, std::chrono::seconds(200));
  }
}

TEST_F(Mtls, ACallNeedsBothCertificateAndToken) {
  const std::string certificate = Board();
  const std::string token = board_.Sign(BoardClaims(certificate));
  EXPECT_EQ(ReasonFor("", token), reason::kCertificateRefused.name);
  EXPECT_EQ(ReasonFor("x", token), reason::kCertificateRefused.name);
  EXPECT_EQ(ReasonFor(certificate, ""), reason::kIdentityMissing.name);
  EXPECT_EQ(ReasonFor(certificate, "", Access::kRead, {{"authorization", "Basic " + token}}),
            reason::kIdentityMissing.name);
  EXPECT_EQ(ReasonFor(certificate, "x"), reason::kTokenInvalid.name);
  EXPECT_EQ(ReasonFor(certificate, token + "x"), reason::kTokenInvalid.name);
}

// Threat: one bundle of all issuers lets each of them mint every name.
TEST_F(Mtls, APartnersAuthorityCannotMintTheNameOfAnother) {
  const std::string minted =
      CharityAuthority().Issue({{"spiffe://sussex/org/ods-qnx/svc/cli"}}).certificate_pem;
  EXPECT_EQ(ReasonFor(minted, board_.Sign(BoardClaims(minted))), reason::kIssuerNotPinned.name);
  const std::string unknown =
      CharityAuthority().Issue({{"spiffe://sussex/org/ods-zzz/svc/cli"}}).certificate_pem;
  EXPECT_EQ(ReasonFor(unknown, ""), reason::kIssuerNotPinned.name);
  const std::string elsewhere =
      CharityAuthority().Issue({{"spiffe://kent/org/ods-abc/svc/cli"}}).certificate_pem;
  EXPECT_EQ(ReasonFor(elsewhere, ""), reason::kCertificateRefused.name);
}

TEST_F(Mtls, APartnersKeysCannotSignForAnother) {
  const std::string certificate = Board();
  AccessToken claims = charity_.Claims(certificate, clock_.now_ms);
  claims.organisation = "ods-qnx";
  EXPECT_EQ(ReasonFor(certificate, charity_.Sign(claims)), reason::kIssuerNotPinned.name);
  claims = BoardClaims(certificate);
  EXPECT_EQ(ReasonFor(certificate, charity_.Sign(claims)), reason::kTokenInvalid.name);
  claims.issuer = "https://elsewhere";
  EXPECT_EQ(ReasonFor(certificate, board_.Sign(claims)), reason::kIssuerNotPinned.name);
}

TEST_F(Mtls, ATokenWorksWithItsOwnCertificateOnly) {
  const std::string certificate = Board();
  const std::string token = board_.Sign(BoardClaims(certificate));
  EXPECT_EQ(ReasonFor(certificate, token), "OK");
  EXPECT_EQ(ReasonFor(Board(), token), reason::kTokenBinding.name);
}

TEST_F(Mtls, AnotherOrganisationUsesATokenOnlyWhenItsActSaysSo) {
  const std::string certificate = Charity();
  AccessToken claims = BoardClaims(certificate);
  EXPECT_EQ(ReasonFor(certificate, board_.Sign(claims)), reason::kTokenBinding.name);
  claims.acting = "ods-other";
  EXPECT_EQ(ReasonFor(certificate, board_.Sign(claims)), reason::kTokenBinding.name);
  claims.acting = "ods-abc";
  const auto who = Ask(certificate, board_.Sign(claims));
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(who->caller.organisation(), "ods-abc");
  EXPECT_EQ(who->caller.on_behalf_of(), "ods-qnx");
  const std::string own = Board();
  claims = BoardClaims(own);
  claims.acting = "ods-abc";
  EXPECT_EQ(ReasonFor(own, board_.Sign(claims)), reason::kTokenBinding.name);
}

TEST_F(Mtls, ThePurposeOfTheCallIsThatOfTheToken) {
  const std::string certificate = Board();
  AccessToken claims = BoardClaims(certificate);
  const std::string without = board_.Sign(claims);
  claims.purpose = "practice_learning";
  const std::string with = board_.Sign(claims);
  const auto ask = [&](const std::string& token, const std::string& purpose) {
    return ReasonFor(certificate, token, Access::kRead, {{"waterline-purpose", purpose}});
  };
  EXPECT_EQ(ask(with, "practice_learning"), "OK");
  EXPECT_EQ(ask(with, "safeguarding"), reason::kTokenBinding.name);
  EXPECT_EQ(ask(without, "safeguarding"), reason::kTokenBinding.name);
  EXPECT_EQ(ReasonFor(certificate, without), "OK");
}

TEST_F(Mtls, ATokenEndsAlsoWhenItIsRemembered) {
  const std::string certificate = Board();
  const std::string token = board_.Sign(BoardClaims(certificate));
  EXPECT_EQ(ReasonFor(certificate, token), "OK");
  clock_.now_ms += 300'000;
  EXPECT_EQ(ReasonFor(certificate, token), "OK") << "within the leeway";
  clock_.now_ms += 30'000;
  EXPECT_EQ(ReasonFor(certificate, token), reason::kTokenExpired.name);
}

TEST_F(Mtls, ATokenIsGoodForReadsAndOneWrite) {
  const std::string certificate = Board();
  const std::string token = board_.Sign(BoardClaims(certificate));
  EXPECT_EQ(ReasonFor(certificate, token), "OK");
  EXPECT_EQ(ReasonFor(certificate, token, Access::kWrite), "OK");
  EXPECT_EQ(ReasonFor(certificate, token), "OK");
  EXPECT_EQ(ReasonFor(certificate, token, Access::kWrite), reason::kTokenReplayed.name);
  const std::string next = board_.Sign(BoardClaims(certificate));
  EXPECT_EQ(ReasonFor(certificate, next, Access::kWrite), "OK");
}

TEST_F(Mtls, ACallThatIsRefusedUsesNoTokenUp) {
  const std::string certificate = Board();
  const std::string token = board_.Sign(BoardClaims(certificate));
  EXPECT_EQ(ReasonFor(Board(), token, Access::kWrite), reason::kTokenBinding.name);
  EXPECT_EQ(ReasonFor(certificate, token, Access::kWrite), "OK");
}

TEST_F(Mtls, ARevokedCertificateIsRefusedAlsoWhenItIsRemembered) {
  const std::string certificate = Board();
  const std::string token = board_.Sign(BoardClaims(certificate));
  EXPECT_EQ(ReasonFor(certificate, token), "OK");
  Put("ods-qnx", "crl.pem", BoardAuthority().Revoke({certificate}));
  ASSERT_TRUE(trust_->ReloadIfChanged().faults.empty());
  EXPECT_EQ(ReasonFor(certificate, token), reason::kCertificateRefused.name);
  const std::string other = Board();
  EXPECT_EQ(ReasonFor(other, board_.Sign(BoardClaims(other))), "OK");
}

TEST_F(Mtls, ACertificateEndsAlsoWhenItIsRemembered) {
  const std::string certificate = BoardAuthority()
                                      .Issue({{"spiffe://sussex/org/ods-qnx/svc/cli"},
                                              std::chrono::seconds(-60),
                                              std::chrono::seconds(100)})
                                      .certificate_pem;
  const auto who = Ask(certificate, board_.Sign(BoardClaims(certificate)));
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_LE(*who->expiry - std::chrono::steady_clock::now(), std::chrono::seconds(101));
  clock_.now_ms += 102'000;
  EXPECT_EQ(ReasonFor(certificate, board_.Sign(BoardClaims(certificate))),
            reason::kCertificateRefused.name);
}

TEST_F(Mtls, AKeyThatIsTakenOutOfItsSetVerifiesNothingMore) {
  const std::string certificate = Board();
  const std::string token = board_.Sign(BoardClaims(certificate));
  EXPECT_EQ(ReasonFor(certificate, token), "OK");
  const ThrowawayTokens rotated("sussex", "ods-qnx");
  Put("ods-qnx", "jwks.json", rotated.jwks());
  ASSERT_TRUE(trust_->ReloadIfChanged().faults.empty());
  EXPECT_EQ(ReasonFor(certificate, token), reason::kTokenInvalid.name);
  EXPECT_EQ(ReasonFor(certificate, rotated.Sign(rotated.Claims(certificate, clock_.now_ms))), "OK");
}

// Which of them may call what is the server's to decide (mtls_test).
TEST_F(Mtls, OfInternalMethodsTheCertificateAloneSaysWhoCalls) {
  const auto who = Ask(Board("events"), "", Access::kInternal);
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(who->caller.organisation(), "ods-qnx");
  EXPECT_EQ(who->caller.actor(), "events");
  EXPECT_EQ(who->caller.certificate_identity(), "spiffe://sussex/org/ods-qnx/svc/events");
  EXPECT_EQ(who->caller.authentication(), accountability::v1::AUTHENTICATION_MTLS);
  EXPECT_TRUE(who->expiry.has_value());
  const std::string partner =
      CharityAuthority().Issue({{"spiffe://sussex/org/ods-abc/svc/events"}}).certificate_pem;
  EXPECT_EQ(Ask(partner, "", Access::kInternal)->caller.certificate_identity(),
            "spiffe://sussex/org/ods-abc/svc/events");
  const std::string minted =
      CharityAuthority().Issue({{"spiffe://sussex/org/ods-qnx/svc/events"}}).certificate_pem;
  EXPECT_EQ(ReasonFor(minted, "", Access::kInternal), reason::kIssuerNotPinned.name);
}

TEST_F(Mtls, ACertificateForJoiningCallsWhatIsPublicOnly) {
  for (const char* service : {"join", "joins"}) {
    const std::string own = Board(service);
    const auto token = [&] { return board_.Sign(BoardClaims(own)); };
    const std::string want =
        service == kJoinService ? std::string(reason::kCertificateRefused.name) : "OK";
    EXPECT_EQ(ReasonFor(own, token(), Access::kPublic), "OK");
    EXPECT_EQ(ReasonFor(own, token(), Access::kRead), want);
    EXPECT_EQ(ReasonFor(own, token(), Access::kWrite), want);
    EXPECT_EQ(ReasonFor(own, "", Access::kInternal), want);
  }
}

// Whoever has the file of an invitation, with a certificate of its own, speaks for nobody by it.
TEST_F(Mtls, TheKeyOfAnInvitationSpeaksForNobodyUntilItIsAccepted) {
  const ThrowawayTokens invited("sussex", "ods-new");
  const ThrowawayAuthority invitation("invitation", {std::string(kInvitationMark), ""});
  Put("ods-new", "issuer.pem", invitation.certificate_pem());
  Put("ods-new", "jwks.json", invited.jwks());
  ASSERT_TRUE(trust_->ReloadIfChanged().trust_changed);
  const std::string certificate = Charity();
  AccessToken claims = invited.Claims(certificate, clock_.now_ms);
  claims.acting = "ods-abc";
  EXPECT_EQ(ReasonFor(certificate, invited.Sign(claims)), "ISSUER_NOT_PINNED");
  const ThrowawayAuthority joined("new");
  Put("ods-new", "issuer.pem", joined.certificate_pem());
  ASSERT_TRUE(trust_->ReloadIfChanged().trust_changed);
  EXPECT_EQ(ReasonFor(certificate, invited.Sign(claims)), "OK");
}

}  // namespace
}  // namespace waterline::identity
