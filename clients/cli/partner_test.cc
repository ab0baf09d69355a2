// Invitations and pins as their headers promise.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "clients/cli/invitation.h"
#include "clients/cli/pinning.h"
#include "services/common/clock/clock.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/spiffe.h"
#include "services/common/identity/throwaway.h"
#include "services/common/identity/trust_store.h"
#include "services/common/status/error.h"

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

}  // namespace
}  // namespace waterline::cli
