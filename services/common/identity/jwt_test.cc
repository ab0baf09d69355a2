#include "services/common/identity/jwt.h"

#include <gtest/gtest.h>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/status/error.h"

namespace waterline::identity {
namespace {

using crypto::KeyKind;
using crypto::PrivateKey;

constexpr int64_t kNow = 1'800'000'000;

const Signer& Ours() {
  static const Signer signer = Signer::Of(PrivateKey::Generate(KeyKind::kEd25519));
  return signer;
}

const JwkSet& Keys() {
  static const JwkSet keys = *JwkSet::Of({Ours().jwk()});
  return keys;
}

AccessToken Good() {
  AccessToken token;
  token.issuer = "https://id.example";
  token.subject = "ann";
  token.organisation = "ods-qnx";
  token.role = "engagement_lead";
  token.purpose = "practice_learning";
  token.acting = "ods-abc";
  token.id = "one";
  token.certificate = crypto::Sha256("certificate");
  token.issued_at = kNow;
  token.expires_at = kNow + 300;
  return token;
}

std::string Claims(const std::string& change = "", const std::string& to = "") {
  std::string claims =
      R"({"iss":"i","sub":"ann","aud":"spiffe://sussex","exp":1800000300,"iat":1800000000,)"
      R"("jti":"one","org":"ods-qnx","role":"engagement_lead","purpose":"practice_learning",)"
      R"("act":{"sub":"spiffe://sussex/org/ods-abc"},"cnf":{"x5t#S256":")" +
      crypto::Base64UrlEncode(crypto::Sha256("c")) + R"("}})";
  const size_t at = claims.find(change);
  EXPECT_NE(at, std::string::npos) << change;
  if (!change.empty()) claims.replace(at, change.size(), to);
  return claims;
}

absl::Status Read(const std::string& claims, std::string_view type = kTokenType) {
  return ReadAccessToken(Ours().Sign(claims, type), Keys(), "sussex").status();
}

TEST(Jwt, ReadsWhatItSigns) {
  const auto read = ReadAccessToken(SignAccessToken(Good(), "sussex", Ours()), Keys(), "sussex");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->issuer, Good().issuer);
  EXPECT_EQ(read->subject, "ann");
  EXPECT_EQ(read->organisation, "ods-qnx");
  EXPECT_EQ(read->role, "engagement_lead");
  EXPECT_EQ(read->purpose, "practice_learning");
  EXPECT_EQ(read->acting, "ods-abc");
  EXPECT_EQ(read->id, "one");
  EXPECT_EQ(read->certificate, Good().certificate);
  EXPECT_EQ(read->issued_at, kNow);
  EXPECT_EQ(read->expires_at, kNow + 300);
  EXPECT_EQ(*IssuerSaid(SignAccessToken(Good(), "sussex", Ours())), Good().issuer);
}

TEST(Jwt, WhatNeedNotBeThereNeedNot) {
  EXPECT_TRUE(Read(Claims()).ok()) << Read(Claims());
  EXPECT_TRUE(Read(Claims(R"("purpose":"practice_learning",)")).ok());
  EXPECT_TRUE(Read(Claims(R"("act":{"sub":"spiffe://sussex/org/ods-abc"},)")).ok());
  EXPECT_TRUE(Read(Claims(R"("spiffe://sussex")", R"(["x","spiffe://sussex"])")).ok());
  EXPECT_TRUE(Read(Claims(R"("jti")", R"("nbf":1800000000,"client_id":"c","jti")")).ok());
  EXPECT_TRUE(Read(Claims(), "application/at+jwt").ok());
}

TEST(Jwt, AClaimThatIsMissingOrWrongIsRefused) {
  const std::pair<const char*, const char*> changes[] = {
      {R"("iss":"i",)", ""},
      {R"("iss":"i",)", R"("iss":1,)"},
      {R"("sub":"ann",)", ""},
      {R"("ann")", R"("a b")"},
      {R"("ann")", R"("")"},
      {R"("aud":"spiffe://sussex",)", ""},
      {R"("spiffe://sussex")", R"("spiffe://kent")"},
      {R"("spiffe://sussex")", R"(["spiffe://kent"])"},
      {R"("exp":1800000300,)", ""},
      {R"(1800000300)", R"(1800000301)"},
      {R"(1800000300)", R"(1800000000)"},
      {R"(1800000300)", R"("1800000300")"},
      {R"(1800000300)", R"(1800000300.5)"},
      {R"(1800000300)", R"(9223372036854775807)"},
      {R"("iat":1800000000,)", ""},
      {R"("iat":1800000000)", R"("iat":-9223372036854775808)"},
      {R"("jti")", R"("nbf":1800000001,"jti")"},
      {R"("jti":"one",)", ""},
      {R"("org":"ods-qnx",)", ""},
      {R"("org":"ods-qnx",)", R"("org":"QNX",)"},
      {R"("role":"engagement_lead",)", ""},
      {R"("engagement_lead")", R"("king")"},
      {R"("practice_learning")", R"("marketing")"},
      {R"("practice_learning")", R"(1)"},
      {R"({"sub":"spiffe://sussex/org/ods-abc"})", R"("ods-abc")"},
      {R"(sussex/org/ods-abc)", R"(kent/org/ods-abc)"},
      {R"(org/ods-abc)", R"(org/ods-abc/svc/x)"},
      {R"(ods-abc"})", R"(ods-abc","act":{"sub":"spiffe://sussex/org/ods-def"}})"},
      {R"("x5t#S256")", R"("x5t")"},
      {R"("x5t#S256":")", R"("x5t#S256":"AA)"},
      {R"("sub":"ann",)", R"("sub":"ann","sub":"bob",)"},
  };
  for (const auto& [change, to] : changes)
    EXPECT_EQ(ReasonOf(Read(Claims(change, to))), reason::kTokenInvalid.name)
        << change << " -> " << to;
}

TEST(Jwt, ATextOfOneHundredAndTwentyEightCharactersIsTheLongest) {
  EXPECT_TRUE(Read(Claims("ann", std::string(128, 'a'))).ok());
  EXPECT_FALSE(Read(Claims("ann", std::string(129, 'a'))).ok());
  EXPECT_FALSE(Read(Claims("one", std::string(129, 'a'))).ok());
}

TEST(Jwt, AnotherTypeOfSignedTextIsNoToken) {
  for (const char* type : {"", "JWT", "jwt", "AT+JWT", "waterline-agreement"})
    EXPECT_EQ(ReasonOf(Read(Claims(), type)), reason::kTokenInvalid.name) << type;
}

TEST(Jwt, AnAlgorithmOfTheTokensChoosingIsRefused) {
  const std::string claims = crypto::Base64UrlEncode(Claims());
  const std::string kid = Ours().jwk().kid();
  const auto with = [&](const std::string& header) {
    return crypto::Base64UrlEncode(header) + "." + claims + ".";
  };
  EXPECT_EQ(ReasonOf(ReadAccessToken(with(R"({"alg":"none","typ":"at+jwt","kid":")" + kid + "\"}"),
                                     Keys(), "sussex")
                         .status()),
            reason::kTokenInvalid.name);
  const std::string hs =
      crypto::Base64UrlEncode(R"({"alg":"HS256","typ":"at+jwt","kid":")" + kid + "\"}") + "." +
      claims;
  const std::string mac = crypto::HmacSha256(Ours().jwk().key().first(), hs);
  EXPECT_EQ(
      ReasonOf(ReadAccessToken(hs + "." + crypto::Base64UrlEncode(mac), Keys(), "sussex").status()),
      reason::kTokenInvalid.name);
}

TEST(Jwt, NoErrorRepeatsWhatTheTokenSays) {
  for (const char* change : {"ann", "one", "ods-qnx", "engagement_lead", "practice_learning"}) {
    const auto status = Read(Claims(change, "Se cret"));
    EXPECT_FALSE(status.ok()) << change;
    EXPECT_EQ(status.message().find("cret"), std::string::npos) << status;
  }
}

TEST(Jwt, TimesHaveALeewayOfThirtySeconds) {
  const AccessToken token = Good();
  EXPECT_TRUE(CheckTime(token, (kNow - 30) * 1000).ok());
  EXPECT_EQ(ReasonOf(CheckTime(token, (kNow - 30) * 1000 - 1)), reason::kTokenInvalid.name);
  EXPECT_TRUE(CheckTime(token, (kNow + 330) * 1000 - 1).ok());
  EXPECT_EQ(ReasonOf(CheckTime(token, (kNow + 330) * 1000)), reason::kTokenExpired.name);
}

TEST(ReplayGuard, OneTokenIsForOneWrite) {
  ReplayGuard guard(kNow * 1000);
  AccessToken token = Good();
  EXPECT_TRUE(guard.Use(token, kNow * 1000).ok());
  EXPECT_EQ(ReasonOf(guard.Use(token, token.EndMs() - 1)), reason::kTokenReplayed.name);
  token.id = "two";
  EXPECT_TRUE(guard.Use(token, kNow * 1000).ok());
  token.issuer = "another";
  EXPECT_TRUE(guard.Use(token, kNow * 1000).ok()) << "ids are those of their issuer";
}

TEST(ReplayGuard, WhatWasIssuedBeforeTheStartCountsAsUsed) {
  ReplayGuard guard(kNow * 1000 + 999);
  AccessToken token = Good();
  EXPECT_TRUE(guard.Use(token, kNow * 1000 + 999).ok());
  token.id = "two";
  token.issued_at = kNow - 1;
  EXPECT_EQ(ReasonOf(guard.Use(token, kNow * 1000 + 999)), reason::kTokenReplayed.name);
}

// Else a token that was used just before a restart would serve a second write after it.
TEST(ReplayGuard, ATokenFromTheFutureServesNoWriteBeforeItsTime) {
  AccessToken token = Good();
  token.issued_at = kNow + 30;
  ReplayGuard before(kNow * 1000);
  EXPECT_EQ(ReasonOf(before.Use(token, (kNow + 29) * 1000 + 999)), reason::kTokenInvalid.name);
  EXPECT_TRUE(before.Use(token, (kNow + 30) * 1000).ok());
  ReplayGuard after((kNow + 31) * 1000);
  EXPECT_EQ(ReasonOf(after.Use(token, (kNow + 31) * 1000)), reason::kTokenReplayed.name);
}

TEST(ReplayGuard, FullIsBusyForThatIssuerUntilATokenEnds) {
  ReplayGuard guard(kNow * 1000, 2);
  AccessToken token = Good();
  for (const char* id : {"one", "two"}) {
    token.id = id;
    EXPECT_TRUE(guard.Use(token, kNow * 1000).ok());
  }
  token.id = "three";
  EXPECT_EQ(ReasonOf(guard.Use(token, kNow * 1000)), reason::kBusy.name);
  AccessToken other = token;
  other.issuer = "another";
  EXPECT_TRUE(guard.Use(other, kNow * 1000).ok());
  const int64_t end = token.EndMs();
  token.issued_at += 300;
  token.expires_at += 300;
  EXPECT_TRUE(guard.Use(token, end).ok());
}

}  // namespace
}  // namespace waterline::identity
