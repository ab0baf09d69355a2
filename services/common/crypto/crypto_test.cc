#include <gtest/gtest.h>

#include "services/common/crypto/aead.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/crypto/random.h"
#include "services/common/crypto/signature.h"

namespace waterline::crypto {
namespace {

std::string Hex(std::string_view hex) { return *HexDecode(hex); }

TEST(Hash, MatchesFips180) {
  EXPECT_EQ(HexEncode(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(Sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, MatchesRfc4231) {
  EXPECT_EQ(HexEncode(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexEncode(HmacSha256(std::string(131, '\xaa'),
                                 "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hash, MatchesRfc5869) {
  EXPECT_EQ(HexEncode(HkdfSha256(std::string(22, '\x0b'), Hex("000102030405060708090a0b0c"),
                                 Hex("f0f1f2f3f4f5f6f7f8f9"), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(Hash, StreamsLikeOneShot) {
  Sha256Stream stream;
  stream.Update("a");
  stream.Update("bc");
  EXPECT_EQ(stream.Finish(), Sha256("abc"));
}

TEST(Aead, MatchesTheGcmSpecification) {  // Test case 16 of the GCM submission.
  const std::string key = Hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string nonce = Hex("cafebabefacedbaddecaf888");
  const std::string aad = Hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string plain =
      Hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
          "49a6b525b16aedf5aa0de657ba637b39");
  const std::string sealed = AesGcmSeal(key, nonce, aad, plain);
  EXPECT_EQ(HexEncode(sealed),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b"
            "1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(*AesGcmOpen(key, nonce, aad, sealed), plain);
}

TEST(Aead, RefusesEveryFlippedBit) {
  const std::string key(32, 'k'), nonce(12, 'n');
  const std::string sealed = AesGcmSeal(key, nonce, "aad", "plain");
  for (size_t i = 0; i < sealed.size() * 8; ++i) {
    std::string bad = sealed;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(AesGcmOpen(key, nonce, "aad", bad).ok());
  }
  EXPECT_FALSE(AesGcmOpen(key, nonce, "other", sealed).ok());
}

TEST(KeyWrap, RoundTripsAndRefusesAnotherKey) {
  const std::string key(32, 'k'), secret(32, 's');
  const std::string wrapped = KeyWrap(key, secret);
  EXPECT_EQ(wrapped.size(), 40u);
  EXPECT_EQ(*KeyUnwrap(key, wrapped), secret);
  EXPECT_FALSE(KeyUnwrap(std::string(32, 'x'), wrapped).ok());
}

TEST(Signature, MatchesRfc8032) {
  auto key =
      Ed25519Key::FromSeed(Hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(HexEncode(key->public_key()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const std::string signature = key->Sign("\x72");
  EXPECT_EQ(HexEncode(signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36"
            "13d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(Ed25519Verify(key->public_key(), "\x72", signature));
  EXPECT_FALSE(Ed25519Verify(key->public_key(), "\x73", signature));
}

TEST(Encoding, IsStrict) {
  EXPECT_EQ(Base64Encode("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
  EXPECT_EQ(*Base64Decode("YW55IGNhcm5hbCBwbGVhcw=="), "any carnal pleas");
  for (const char* bad : {"YQ", "YQ=", "YR==", "Y===", "YQ==YQ==", "Y Q="})
    EXPECT_FALSE(Base64Decode(bad).ok()) << bad;
  EXPECT_EQ(Base64UrlEncode("\xfb\xff\xfe?"), "-__-Pw");
  EXPECT_EQ(*Base64UrlDecode("-__-Pw"), "\xfb\xff\xfe?");
  EXPECT_EQ(*Base64UrlDecode(""), "");
  for (const char* bad : {"YQ==", "YR", "Y", "+/", "Y Q", "YQ\n", "YWI="})
    EXPECT_FALSE(Base64UrlDecode(bad).ok()) << bad;
  EXPECT_FALSE(HexDecode("0").ok());
  EXPECT_FALSE(HexDecode("0G").ok());
  EXPECT_EQ(Base32Encode("foobar"), "mzxw6ytboi");
}

TEST(RandomId, FitsResourceIds) {
  const std::string id = RandomId('e');
  EXPECT_EQ(id.size(), 26u);
  EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
  EXPECT_NE(id, RandomId('e'));
}

}  // namespace
}  // namespace waterline::crypto
