#include "services/common/identity/jws.h"

#include <gtest/gtest.h>

#include "services/common/crypto/encoding.h"

namespace waterline::identity {
namespace {

using crypto::Base64UrlEncode;
using crypto::KeyKind;
using crypto::PrivateKey;
using crypto::SignatureAlgorithm;

std::vector<Signer> AllSigners() {
  std::vector<Signer> signers;
  signers.push_back(
      Signer("ed", SignatureAlgorithm::kEd25519, PrivateKey::Generate(KeyKind::kEd25519)));
  signers.push_back(
      Signer("ec", SignatureAlgorithm::kEcdsaP256Sha256, PrivateKey::Generate(KeyKind::kP256)));
  const auto rsa = PrivateKey::Generate(KeyKind::kRsa);
  signers.push_back(Signer("r2", SignatureAlgorithm::kRsaSha256, rsa));
  signers.push_back(Signer("r5", SignatureAlgorithm::kRsaSha512, rsa));
  return signers;
}

JwkSet SetOf(const std::vector<Signer>& signers) {
  std::vector<Jwk> keys;
  for (const auto& signer : signers) keys.push_back(signer.jwk());
  auto set = JwkSet::Of(std::move(keys));
  EXPECT_TRUE(set.ok()) << set.status();
  return *std::move(set);
}

// A JWS with this header, signed by the signer's key whatever the header says.
std::string WithHeader(const std::string& header, const PrivateKey& key,
                       SignatureAlgorithm algorithm = SignatureAlgorithm::kEd25519) {
  const std::string input = Base64UrlEncode(header) + "." + Base64UrlEncode("{}");
  return input + "." + Base64UrlEncode(key.Sign(algorithm, input));
}

TEST(Jws, EachAlgorithmSignsAndVerifiesWholeAndDetached) {
  const auto signers = AllSigners();
  const JwkSet set = SetOf(signers);
  for (const auto& signer : signers) {
    const auto whole = VerifyJws(signer.Sign("words", "at+jwt"), set);
    ASSERT_TRUE(whole.ok()) << whole.status();
    EXPECT_EQ(whole->payload, "words");
    EXPECT_EQ(whole->header.StringOf("typ"), "at+jwt");
    const std::string detached = signer.SignDetached("words");
    EXPECT_EQ(detached.find("words"), std::string::npos);
    EXPECT_TRUE(VerifyDetached(detached, "words", set).ok());
    EXPECT_FALSE(VerifyDetached(detached, "word", set).ok());
    EXPECT_FALSE(VerifyDetached(signer.Sign("words"), "words", set).ok());
    EXPECT_FALSE(VerifyJws(detached, set).ok());
  }
}

// With one key, as agreements are verified: the header need not name it.
absl::StatusOr<Jws> VerifyApart(const std::string& compact, const Jwk& key) {
  const size_t first = compact.find('.'), last = compact.rfind('.');
  const auto content = crypto::Base64UrlDecode(compact.substr(first + 1, last - first - 1));
  EXPECT_TRUE(content.ok());
  return VerifyDetached(compact.substr(0, first) + "." + compact.substr(last), *content, key);
}

// With one key, wherever it is named.
bool VerifiesWith(const std::string& compact, const Jwk& key) {
  const bool apart = VerifyApart(compact, key).ok();
  EXPECT_TRUE(apart || !VerifyJws(compact, *JwkSet::Of({key})).ok());
  return apart;
}

TEST(Jws, TheKeyDecidesTheAlgorithmAndNeverTheHeader) {
  const auto rsa = PrivateKey::Generate(KeyKind::kRsa);
  const Jwk key("k", SignatureAlgorithm::kRsaSha256, rsa.public_key());
  const auto with = [&](const std::string& alg, SignatureAlgorithm algorithm) {
    return VerifiesWith(WithHeader(R"({"alg":")" + alg + R"(","kid":"k"})", rsa, algorithm), key);
  };
  EXPECT_TRUE(with("RS256", SignatureAlgorithm::kRsaSha256));
  EXPECT_FALSE(with("RS512", SignatureAlgorithm::kRsaSha512));
  EXPECT_FALSE(with("RS512", SignatureAlgorithm::kRsaSha256));
  EXPECT_FALSE(with("rs256", SignatureAlgorithm::kRsaSha256));
  for (const char* alg : {"none", "None", "nOnE", "", "HS256", "PS256", "ES256"}) {
    const std::string header = Base64UrlEncode(R"({"alg":")" + std::string(alg) + R"("})");
    for (const char* signature : {"", "AA"})
      EXPECT_FALSE(VerifiesWith(header + "." + Base64UrlEncode("{}") + "." + signature, key));
  }
  EXPECT_FALSE(
      VerifiesWith(WithHeader(R"({"kid":"k"})", rsa, SignatureAlgorithm::kRsaSha256), key));
}

TEST(Jws, TheHeaderBringsNeitherExtensionsNorKeys) {
  const auto honest = PrivateKey::Generate(KeyKind::kEd25519);
  const auto thief = PrivateKey::Generate(KeyKind::kEd25519);
  const Jwk key("k", SignatureAlgorithm::kEd25519, honest.public_key());
  const auto verify = [&](const std::string& members, const PrivateKey& by) {
    return VerifiesWith(WithHeader(R"({"alg":"EdDSA")" + members + "}", by), key);
  };
  EXPECT_TRUE(verify("", honest));
  EXPECT_TRUE(verify(R"(,"kid":"k")", honest));
  EXPECT_FALSE(verify(R"(,"kid":"other")", honest));
  EXPECT_FALSE(verify(R"(,"kid":1)", honest));
  EXPECT_FALSE(verify(R"(,"alg":"EdDSA")", honest)) << "a member twice";
  EXPECT_FALSE(verify(R"(,"crit":[])", honest));
  EXPECT_FALSE(verify(R"(,"crit":["exp"],"exp":1)", honest));
  EXPECT_FALSE(verify(R"(,"b64":false)", honest));
  const std::string own = Jwk("k", SignatureAlgorithm::kEd25519, thief.public_key()).ToJson();
  EXPECT_FALSE(verify(R"(,"jwk":)" + own, thief));
  EXPECT_TRUE(verify(R"(,"jwk":)" + own, honest)) << "it is not even looked at";
}

TEST(Jws, ASetNeedsTheNameOfTheKey) {
  const auto signers = AllSigners();
  const JwkSet set = SetOf(signers);
  const auto stranger = Signer::Of(PrivateKey::Generate(KeyKind::kEd25519));
  EXPECT_FALSE(VerifyJws(stranger.Sign("words"), set).ok());
  const auto key = PrivateKey::Generate(KeyKind::kEd25519);
  const auto named = JwkSet::Of({Jwk("k", SignatureAlgorithm::kEd25519, key.public_key())});
  EXPECT_TRUE(VerifyJws(WithHeader(R"({"alg":"EdDSA","kid":"k"})", key), *named).ok());
  EXPECT_FALSE(VerifyJws(WithHeader(R"({"alg":"EdDSA"})", key), *named).ok());
}

TEST(Jws, EveryFlippedCharacterIsNoticed) {
  const auto signer = Signer::Of(PrivateKey::Generate(KeyKind::kP256));
  const JwkSet keys = *JwkSet::Of({signer.jwk()});
  const std::string good = signer.Sign(R"({"sub":"ann"})");
  ASSERT_TRUE(VerifyJws(good, keys).ok());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(VerifyJws(bad, keys).ok()) << i;
  }
  for (const char* bad : {"", ".", "..", "...", "a.b", "a.b.c.d"})
    EXPECT_FALSE(VerifyJws(bad, keys).ok()) << bad;
  EXPECT_FALSE(VerifyJws(good + ".", keys).ok());
  EXPECT_FALSE(VerifyJws(good + "=", keys).ok());
  EXPECT_FALSE(VerifyJws(std::string(kJwsBytesMax + 1, 'a'), keys).ok());
}

std::string SetOf(const std::string& key) { return R"({"keys":[)" + key + "]}"; }

TEST(Jwk, IsWrittenAsItIsRead) {
  for (const auto& signer : AllSigners()) {
    const auto again = JwkSet::Parse(SetOf(signer.jwk().ToJson()));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->keys()[0].Thumbprint(), signer.jwk().Thumbprint());
    EXPECT_EQ(again->keys()[0].algorithm(), signer.jwk().algorithm());
    EXPECT_TRUE(VerifyJws(signer.Sign("words"), *again).ok());
  }
  const JwkSet set = SetOf(AllSigners());
  const auto again = JwkSet::Parse(set.ToJson());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->keys().size(), 4u);
  const auto issued = JwkSet::Of(again->keys(), "https://id.example");
  EXPECT_EQ(JwkSet::Parse(issued->ToJson())->issuer(), "https://id.example");
}

// A key with one member replaced or added; the good one reads.
absl::Status Altered(const std::string& members) {
  const std::string x =
      Base64UrlEncode(PrivateKey::Generate(KeyKind::kEd25519).public_key().first());
  std::string text = R"({"kty":"OKP","crv":"Ed25519","x":")" + x + "\"";
  if (members.find("\"kid\"") == std::string::npos) text += R"(,"kid":"k")";
  return JwkSet::Parse(SetOf(text + members + "}")).status();
}

TEST(Jwk, SaysWhatIsWrongWithAKey) {
  EXPECT_TRUE(Altered("").ok());
  EXPECT_TRUE(Altered(R"(,"alg":"EdDSA","use":"sig","key_ops":["verify"])").ok());
  for (const char* members :
       {R"(,"alg":"ES256")", R"(,"alg":"none")", R"(,"alg":null)", R"(,"use":"enc")", R"(,"use":1)",
        R"(,"key_ops":["sign"])", R"(,"key_ops":["verify","encrypt"])", R"(,"key_ops":[])",
        R"(,"key_ops":"verify")", R"(,"d":"AA")", R"(,"kid":"")", R"(,"kid":"a b")", R"(,"kid":7)"})
    EXPECT_FALSE(Altered(members).ok()) << members;
  EXPECT_FALSE(Altered(R"(,"kid":")" + std::string(kKidMax + 1, 'k') + "\"").ok());
  EXPECT_TRUE(Altered(R"(,"kid":")" + std::string(kKidMax, 'k') + "\"").ok());
  EXPECT_NE(JwkSet::Parse(SetOf(R"({"kty":"oct","kid":"k","k":"AAAA"})"))
                .status()
                .message()
                .find("symmetric"),
            absl::string_view::npos);
  EXPECT_FALSE(JwkSet::Parse(SetOf(R"({"kty":"OKP","crv":"Ed25519"})")).ok());
  EXPECT_FALSE(JwkSet::Parse(SetOf(R"({"kty":"OKP","crv":"Ed25519","kid":"k","x":"AA"})")).ok());
}

TEST(Jwk, ASetIsRefusedAsAWhole) {
  const auto signers = AllSigners();
  const std::string good = signers[0].jwk().ToJson();
  EXPECT_TRUE(JwkSet::Parse(R"({"keys":[)" + good + "]}").ok());
  EXPECT_NE(JwkSet::Parse(R"({"keys":[)" + good + "," + good + "]}")
                .status()
                .message()
                .find("two keys of the set have the kid ed"),
            absl::string_view::npos);
  const std::string oct = R"({"kty":"oct","kid":"o","k":"AAAA"})";
  EXPECT_NE(
      JwkSet::Parse(R"({"keys":[)" + good + "," + oct + "]}").status().message().find("keys[1]"),
      absl::string_view::npos);
  EXPECT_FALSE(JwkSet::Parse(R"({"keys":[]})").ok());
  EXPECT_FALSE(JwkSet::Parse(R"({"keys":{}})").ok());
  EXPECT_FALSE(JwkSet::Parse(R"({"keys":[1]})").ok());
}

}  // namespace
}  // namespace waterline::identity
