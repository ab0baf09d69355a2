#include "services/common/crypto/public_key.h"

#include <gtest/gtest.h>

#include "services/common/crypto/encoding.h"

namespace waterline::crypto {
namespace {

struct Pair {
  KeyKind kind;
  SignatureAlgorithm algorithm;
};
constexpr Pair kPairs[] = {{KeyKind::kEd25519, SignatureAlgorithm::kEd25519},
                           {KeyKind::kP256, SignatureAlgorithm::kEcdsaP256Sha256},
                           {KeyKind::kRsa, SignatureAlgorithm::kRsaSha256},
                           {KeyKind::kRsa, SignatureAlgorithm::kRsaSha512}};

TEST(PublicKey, VerifiesWhatItsOwnerSignedAndNothingElse) {
  for (const auto& [kind, algorithm] : kPairs) {
    const PrivateKey key = PrivateKey::Generate(kind);
    const std::string signature = key.Sign(algorithm, "words");
    EXPECT_TRUE(key.public_key().Verify(algorithm, "words", signature));
    EXPECT_FALSE(key.public_key().Verify(algorithm, "word", signature));
    EXPECT_FALSE(key.public_key().Verify(algorithm, "words", signature + '\0'));
    EXPECT_FALSE(key.public_key().Verify(algorithm, "words", signature.substr(1)));
    EXPECT_FALSE(key.public_key().Verify(algorithm, "words", ""));
    EXPECT_FALSE(PrivateKey::Generate(kind).public_key().Verify(algorithm, "words", signature));
    for (const auto& other : kPairs) {
      if (other.algorithm == algorithm) continue;
      EXPECT_FALSE(key.public_key().Verify(other.algorithm, "words", signature));
    }
  }
}

TEST(PublicKey, PrivateKeysGoThroughPem) {
  for (const auto& [kind, algorithm] : kPairs) {
    const PrivateKey key = PrivateKey::Generate(kind);
    const auto again = PrivateKey::FromPem(key.ToPem());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->public_key().first(), key.public_key().first());
    EXPECT_TRUE(key.public_key().Verify(algorithm, "words", again->Sign(algorithm, "words")));
  }
  EXPECT_FALSE(PrivateKey::FromPem("-----BEGIN PRIVATE KEY-----\nAA==\n").ok());
}

TEST(PublicKey, EqualsItsNumbers) {
  const auto ed = PrivateKey::Generate(KeyKind::kEd25519).public_key();
  EXPECT_TRUE(PublicKey::Ed25519(ed.first()).ok());
  const auto ec = PrivateKey::Generate(KeyKind::kP256).public_key();
  EXPECT_TRUE(PublicKey::P256(ec.first(), ec.second()).ok());
  std::string off_curve = ec.second();
  off_curve[31] = static_cast<char>(off_curve[31] ^ 1);
  EXPECT_FALSE(PublicKey::P256(ec.first(), off_curve).ok());
  const auto rsa = PrivateKey::Generate(KeyKind::kRsa).public_key();
  EXPECT_TRUE(PublicKey::Rsa(rsa.first(), rsa.second()).ok());
  EXPECT_FALSE(PublicKey::Rsa(rsa.first(), "\x03").ok());
  EXPECT_FALSE(PublicKey::Rsa(rsa.first().substr(1), rsa.second()).ok()) << "2040 bits";
  EXPECT_FALSE(PublicKey::Rsa(std::string(1, '\0') + rsa.first(), rsa.second()).ok());
}

TEST(PublicKey, PointsOfSmallOrderAreNoKeys) {
  for (const char* hex : {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000080",
                          "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"})
    EXPECT_FALSE(PublicKey::Ed25519(*HexDecode(hex)).ok()) << hex;
}

}  // namespace
}  // namespace waterline::crypto
