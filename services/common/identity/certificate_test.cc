#include "services/common/identity/certificate.h"

#include <gtest/gtest.h>

#include <chrono>

#include "services/common/clock/clock.h"
#include "services/common/crypto/hash.h"
#include "services/common/identity/throwaway.h"
#include "services/common/status/error.h"

namespace waterline::identity {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr char kName[] = "spiffe://sussex/org/ods-qnx/svc/cli";

const ThrowawayAuthority& Ours() {
  static const ThrowawayAuthority authority("ours");
  return authority;
}
const ThrowawayAuthority& Theirs() {
  static const ThrowawayAuthority authority("theirs");
  return authority;
}

int64_t Now() { return SystemClock().NowMs(); }

absl::StatusOr<Window> Verify(const std::string& pem, const std::string& revoked = "",
                              int64_t now_ms = Now()) {
  const auto issuers = PinnedIssuers::Of(Ours().certificate_pem(), revoked);
  EXPECT_TRUE(issuers.ok()) << issuers.status();
  const auto certificate = Certificate::Parse(pem);
  EXPECT_TRUE(certificate.ok()) << certificate.status();
  return issuers->Verify(*certificate, now_ms);
}

std::string Leaf(const LeafOptions& options) { return Ours().Issue(options).certificate_pem; }

TEST(Certificate, OneCertificateAndNothingElse) {
  const std::string pem = Leaf({{kName}});
  ASSERT_TRUE(Certificate::Parse(pem).ok());
  EXPECT_EQ(Certificate::Parse(pem)->thumbprint().size(), crypto::kSha256Bytes);
  EXPECT_NE(Certificate::Parse(pem)->thumbprint(),
            Certificate::Parse(Leaf({{kName}}))->thumbprint());
  for (const std::string& bad :
       {std::string(), std::string("x"), pem + pem, pem.substr(0, pem.size() - 10), pem + "more"})
    EXPECT_EQ(ReasonOf(Certificate::Parse(bad).status()), reason::kCertificateRefused.name);
}

TEST(Certificate, HasExactlyOneUriName) {
  EXPECT_EQ(*Certificate::Parse(Leaf({{kName}}))->Uri(), kName);
  EXPECT_EQ(ReasonOf(Certificate::Parse(Leaf({}))->Uri().status()),
            reason::kCertificateRefused.name);
  EXPECT_EQ(ReasonOf(Certificate::Parse(Leaf({{kName, "https://example.org"}}))->Uri().status()),
            reason::kCertificateRefused.name);
}

TEST(PinnedIssuers, HoldsAsLongAsTheCertificate) {
  const int64_t now = Now();
  const auto window = Verify(Leaf({{kName}, seconds(-60), seconds(3600)}));
  ASSERT_TRUE(window.ok()) << window.status();
  EXPECT_NEAR(static_cast<double>(window->from - now), -60e3, 30e3);
  EXPECT_NEAR(static_cast<double>(window->until - now), 3600e3, 30e3);
  const std::string pem = Leaf({{kName}, seconds(-50), seconds(3600)});
  const auto lasts = *Verify(pem);
  EXPECT_TRUE(Verify(pem, "", lasts.from).ok());
  EXPECT_EQ(ReasonOf(Verify(pem, "", lasts.from - 1000).status()),
            reason::kCertificateRefused.name);
  EXPECT_TRUE(Verify(pem, "", lasts.until - 1).ok());
  EXPECT_EQ(ReasonOf(Verify(pem, "", lasts.until).status()), reason::kCertificateRefused.name);
}

TEST(PinnedIssuers, OnlyThePinnedOnesCount) {
  EXPECT_EQ(ReasonOf(Verify(Theirs().Issue({{kName}}).certificate_pem).status()),
            reason::kIssuerNotPinned.name);
  const ThrowawayAuthority twin("ours");  // The same name, another key.
  EXPECT_EQ(ReasonOf(Verify(twin.Issue({{kName}}).certificate_pem).status()),
            reason::kIssuerNotPinned.name);
  const auto both = PinnedIssuers::Of(Ours().certificate_pem() + Theirs().certificate_pem(), "");
  EXPECT_TRUE(
      both->Verify(*Certificate::Parse(Theirs().Issue({{kName}}).certificate_pem), Now()).ok());
}

TEST(PinnedIssuers, AuthoritiesThatFollowEachOtherUnderOneNameBothCount) {
  const ThrowawayAuthority next("ours");
  const std::string both = Ours().certificate_pem() + next.certificate_pem();
  const auto revoked = next.Issue({{kName}});
  const auto issuers =
      PinnedIssuers::Of(both, next.Revoke({revoked.certificate_pem}) + Ours().Revoke({}));
  ASSERT_TRUE(issuers.ok()) << issuers.status();
  const auto answer = [&](const std::string& pem) {
    return ReasonOf(issuers->Verify(*Certificate::Parse(pem), Now()).status()).value_or("OK");
  };
  EXPECT_EQ(answer(Leaf({{kName}})), "OK");
  EXPECT_EQ(answer(next.Issue({{kName}}).certificate_pem), "OK");
  EXPECT_EQ(answer(revoked.certificate_pem), reason::kCertificateRefused.name);
  EXPECT_EQ(answer(ThrowawayAuthority("ours").Issue({{kName}}).certificate_pem),
            reason::kIssuerNotPinned.name);
}

TEST(PinnedIssuers, ALeafIsForClientsAndSignsNothing) {
  EXPECT_TRUE(Verify(Leaf({{kName}, seconds(-60), hours(1), "clientAuth"})).ok());
  for (const char* usage : {"", "serverAuth", "codeSigning"})
    EXPECT_EQ(ReasonOf(Verify(Leaf({{kName}, seconds(-60), hours(1), usage})).status()),
              reason::kCertificateRefused.name)
        << usage;
  EXPECT_EQ(
      ReasonOf(
          Verify(Leaf({{kName}, seconds(-60), hours(1), "clientAuth,serverAuth", true})).status()),
      reason::kCertificateRefused.name);
  EXPECT_FALSE(Verify(Ours().certificate_pem()).ok()) << "the authority itself";
}

TEST(PinnedIssuers, WhatIsRevokedIsRefused) {
  const std::string good = Leaf({{kName}});
  const std::string bad = Leaf({{kName}});
  const std::string list = Ours().Revoke({bad});
  EXPECT_TRUE(Verify(good, list).ok()) << Verify(good, list).status();
  EXPECT_TRUE(Verify(bad).ok());
  EXPECT_EQ(ReasonOf(Verify(bad, list).status()), reason::kCertificateRefused.name);
  EXPECT_NE(Verify(bad, list).status().message().find("revoked"), std::string::npos);
}

TEST(PinnedIssuers, ARevocationListThatIsOutOfDateLetsNobodyIn) {
  const std::string good = Leaf({{kName}});
  const std::string list = Ours().Revoke({}, seconds(600));
  const auto window = Verify(good, list);
  ASSERT_TRUE(window.ok()) << window.status();
  EXPECT_LT(window->until, Now() + 601'000);
  EXPECT_EQ(ReasonOf(Verify(good, list, window->until).status()), reason::kCertificateRefused.name);
}

TEST(PinnedIssuers, FilesThatAreHalfThereAreNotTaken) {
  const std::string& ours = Ours().certificate_pem();
  const std::string list = Ours().Revoke({});
  EXPECT_TRUE(PinnedIssuers::Of(ours, list).ok());
  EXPECT_FALSE(PinnedIssuers::Of("", "").ok());
  EXPECT_FALSE(PinnedIssuers::Of(ours.substr(0, ours.size() / 2), "").ok());
  EXPECT_FALSE(PinnedIssuers::Of(ours + ours.substr(0, 20), "").ok());
  EXPECT_FALSE(PinnedIssuers::Of(Leaf({{kName}}), "").ok()) << "no authority";
  EXPECT_FALSE(PinnedIssuers::Of(ours, list.substr(0, list.size() / 2)).ok());
  EXPECT_FALSE(PinnedIssuers::Of(ours, Theirs().Revoke({})).ok()) << "a list of another";
  EXPECT_FALSE(PinnedIssuers::Of(ours, ThrowawayAuthority("ours").Revoke({})).ok())
      << "signed by another key";
  EXPECT_FALSE(PinnedIssuers::Of(ours + Theirs().certificate_pem(), list).ok())
      << "one issuer has no list";
  EXPECT_FALSE(PinnedIssuers::Of(ours, list + Theirs().Revoke({})).ok());
}

TEST(CertificateFacts, SayWhoseItIsHowLongAndWhichKey) {
  AuthorityOptions options;
  options.mark = std::string(kThrowawayMark);
  options.uri = "spiffe://dev-x/org/ods-qnx";
  const ThrowawayAuthority marked("ods-qnx", options);
  const auto authority = Certificate::Parse(marked.certificate_pem());
  ASSERT_TRUE(authority.ok()) << authority.status();
  EXPECT_TRUE(authority->HasMark(kThrowawayMark));
  EXPECT_FALSE(authority->HasMark(kInvitationMark));
  EXPECT_EQ(*authority->Uri(), options.uri);
  EXPECT_EQ(authority->Subject(), "CN = ods-qnx, O = Waterline throw-away");
  EXPECT_FALSE(Certificate::Parse(Ours().certificate_pem())->HasMark(kThrowawayMark));
  LeafOptions leaf{{kName}};
  leaf.dns = {"waterline.example"};
  const auto made = marked.Issue(leaf);
  const auto own = Certificate::Parse(made.certificate_pem);
  EXPECT_EQ(own->DnsNames(), (std::vector<std::string>{"localhost", "waterline.example"}));
  EXPECT_NEAR(static_cast<double>(own->Valid().until - Now()), 3600e3, 60e3);
  const auto key = crypto::PrivateKey::FromPem(made.key_pem);
  const auto algorithm = crypto::SignatureAlgorithm::kEcdsaP256Sha256;
  ASSERT_TRUE(own->Key().ok()) << own->Key().status();
  EXPECT_TRUE(own->Key()->Verify(algorithm, "x", key->Sign(algorithm, "x")));
  EXPECT_FALSE(authority->Key()->Verify(algorithm, "x", key->Sign(algorithm, "x")));
  EXPECT_EQ(Certificate::ParseAll(made.certificate_pem + marked.certificate_pem()).size(), 2u);
  EXPECT_TRUE(Certificate::ParseAll("x").empty());
}

TEST(Throwaway, AnAuthorityThatWasKeptSignsAsBefore) {
  const auto again = ThrowawayAuthority::Load(Ours().certificate_pem(), Ours().key_pem());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(Verify(again->Issue({{kName}}).certificate_pem).ok());
  EXPECT_FALSE(ThrowawayAuthority::Load(Ours().certificate_pem(), Theirs().key_pem()).ok());
  EXPECT_FALSE(ThrowawayAuthority::Load("x", Ours().key_pem()).ok());
}

}  // namespace
}  // namespace waterline::identity
