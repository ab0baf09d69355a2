#include "services/common/identity/joining.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "services/common/clock/clock.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/fingerprint.h"
#include "services/common/identity/throwaway.h"

namespace waterline::identity {
namespace {

using crypto::KeyKind;
using crypto::PrivateKey;

constexpr char kName[] = "spiffe://sussex/org/ods-abc/svc/cli";

class Joining : public ::testing::Test {
 protected:
  Joining() {
    papers_.network = "sussex";
    papers_.organisation = "ods-abc";
    papers_.issuer_pem = authority_.certificate_pem();
    papers_.jwks = KeySet();
    papers_.invitation = "j1";
    papers_.signed_at = now_ms_ / 1000;
    Prove(leaf_);
  }
  std::string KeySet(std::optional<std::string> issuer = {}) const {
    std::vector<Jwk> keys;
    for (const auto& key : keys_) keys.push_back(Signer::Of(key).jwk());
    return JwkSet::Of(keys, std::move(issuer))->ToJson();
  }
  void Prove(const ThrowawayCertificate& leaf) {
    const auto proved =
        ProveJoin(papers_, keys_, leaf.certificate_pem, *PrivateKey::FromPem(leaf.key_pem));
    ASSERT_TRUE(proved.ok()) << proved.status();
    proofs_ = *proved;
  }
  // The fields that do not hold.
  std::set<std::string> Wrong() const {
    std::set<std::string> fields;
    for (const auto& violation : CheckJoin(papers_, proofs_, now_ms_))
      fields.insert(violation.field);
    return fields;
  }
  using Fields = std::set<std::string>;

  const int64_t now_ms_ = SystemClock().NowMs();
  const ThrowawayAuthority authority_{"charity"};
  const std::vector<PrivateKey> keys_ = {PrivateKey::Generate(KeyKind::kEd25519),
                                         PrivateKey::Generate(KeyKind::kP256),
                                         PrivateKey::Generate(KeyKind::kRsa)};
  const ThrowawayCertificate leaf_ = authority_.Issue({{kName}});
  JoinPapers papers_;
  JoinProofs proofs_;
};

TEST_F(Joining, EveryKindOfKeyProvesItself) {
  EXPECT_EQ(Wrong(), Fields());
  EXPECT_EQ(proofs_.key_proofs.size(), 3u);
}

TEST_F(Joining, TheStatementIsWhatTheProtoSays) {
  papers_.issuer_pem = "a";
  papers_.jwks = "b";
  papers_.signed_at = 7;
  const std::string first =
      "waterline join 1\nsussex\nods-abc\n"
      "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\n"
      "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d\n";
  EXPECT_EQ(JoinStatement(papers_), first + "j1\n7\n");
  EXPECT_EQ(JoinFingerprint(papers_), crypto::Sha256(first));
}

TEST_F(Joining, WhatWasSignedForAnotherNetworkOrganisationOrInvitationProvesNothing) {
  const JoinPapers good = papers_;
  const Fields unsigned_fields = {"key_proofs[0]", "key_proofs[1]", "key_proofs[2]",
                                  "certificate_proof"};
  Fields with_leaf = unsigned_fields;
  with_leaf.insert("certificate_pem");
  papers_.network = "kent";
  EXPECT_EQ(Wrong(), with_leaf);
  papers_ = good;
  papers_.organisation = "ods-abd";
  EXPECT_EQ(Wrong(), with_leaf);
  papers_ = good;
  papers_.invitation = "j2";
  EXPECT_EQ(Wrong(), unsigned_fields);
  papers_ = good;
  papers_.signed_at += 1;
  EXPECT_EQ(Wrong(), unsigned_fields);
  papers_ = good;
  papers_.issuer_pem += "\n";
  EXPECT_EQ(Wrong(), unsigned_fields);
}

TEST_F(Joining, EveryKeyOfTheSetMustProveItself) {
  const JoinProofs good = proofs_;
  proofs_.key_proofs.pop_back();
  EXPECT_EQ(Wrong(), Fields({"key_proofs"}));
  proofs_.key_proofs.push_back(good.key_proofs[0]);
  EXPECT_EQ(Wrong(), Fields({"key_proofs[2]"}));
  proofs_ = good;
  proofs_.certificate_proof = good.key_proofs[1];
  EXPECT_EQ(Wrong(), Fields({"certificate_proof"}));
  const auto some =
      ProveJoin(papers_, {keys_[0]}, leaf_.certificate_pem, *PrivateKey::FromPem(leaf_.key_pem));
  EXPECT_FALSE(some.ok());
}

TEST_F(Joining, TheCertificateIsOneOfItsClientsByItsAuthority) {
  const ThrowawayAuthority other("other");
  for (const auto& leaf :
       {other.Issue({{kName}}), authority_.Issue({{"spiffe://sussex/org/ods-qnx/svc/cli"}}),
        authority_.Issue({{"spiffe://kent/org/ods-abc/svc/cli"}}),
        authority_.Issue({{"spiffe://sussex/org/ods-abc/svc/join"}}), authority_.Issue({{}})}) {
    Prove(leaf);
    EXPECT_EQ(Wrong(), Fields({"certificate_pem"}));
  }
  LeafOptions over{{kName}};
  over.begins = std::chrono::hours(-2);
  over.ends = std::chrono::hours(-1);
  Prove(authority_.Issue(over));
  EXPECT_EQ(Wrong(), Fields({"certificate_pem"}));
}

TEST_F(Joining, AuthoritiesOfInvitationsAndToThrowAwayAreNone) {
  AuthorityOptions options;
  for (const std::string_view mark : {kInvitationMark, kThrowawayMark}) {
    options.mark = std::string(mark);
    const ThrowawayAuthority marked("charity", options);
    papers_.issuer_pem = marked.certificate_pem();
    Prove(marked.Issue({{kName}}));
    EXPECT_EQ(Wrong(), Fields({"issuer_pem"})) << mark;
  }
  papers_.network = "dev-sussex";
  papers_.issuer_pem = ThrowawayAuthority("charity", options).certificate_pem();
  const ThrowawayAuthority again("charity", options);
  papers_.issuer_pem = again.certificate_pem();
  Prove(again.Issue({{"spiffe://dev-sussex/org/ods-abc/svc/cli"}}));
  EXPECT_EQ(Wrong(), Fields()) << "a development network takes them";
}

TEST_F(Joining, AllThatIsWrongIsToldAtOnce) {
  papers_.signed_at = std::numeric_limits<int64_t>::min();
  papers_.issuer_pem = "x";
  papers_.jwks = std::string(kJoinFileBytesMax + 1, 'x');
  proofs_.certificate_pem = "";
  EXPECT_EQ(Wrong(), Fields({"signed_at", "jwks", "certificate_pem"}));
  proofs_.certificate_pem = leaf_.certificate_pem;
  EXPECT_EQ(Wrong(), Fields({"signed_at", "jwks", "issuer_pem", "certificate_proof"}));
  papers_.jwks = "{}";
  EXPECT_TRUE(Wrong().contains("jwks"));
}

TEST_F(Joining, TheTokenIssuerIsNoOtherOrganisation) {
  papers_.jwks = KeySet("spiffe://sussex/org/ods-qnx");
  Prove(leaf_);
  EXPECT_EQ(Wrong(), Fields({"jwks"}));
  papers_.jwks = KeySet("https://login.example");
  Prove(leaf_);
  EXPECT_EQ(Wrong(), Fields());
}

TEST_F(Joining, ClocksMayDifferByFiveMinutes) {
  papers_.signed_at = now_ms_ / 1000 - 299;
  Prove(leaf_);
  EXPECT_EQ(Wrong(), Fields());
  papers_.signed_at = now_ms_ / 1000 - 301;
  Prove(leaf_);
  EXPECT_EQ(Wrong(), Fields({"signed_at"}));
}

TEST(Fingerprint, IsReadInGroupsAndTypedAsPeopleType) {
  const std::string bytes = crypto::Sha256("x");
  const std::string groups = InGroups(bytes);
  EXPECT_EQ(groups.size(), 79u);
  EXPECT_EQ(FingerprintFrom(groups), bytes);
  std::string typed = groups;
  for (char& c : typed) c = c == '-' ? ' ' : static_cast<char>(std::toupper(c));
  EXPECT_EQ(FingerprintFrom(" " + typed + " "), bytes);
  EXPECT_EQ(FingerprintFrom(crypto::HexEncode(bytes)), bytes);
  EXPECT_EQ(FingerprintFrom(groups.substr(0, 75)), "");
  EXPECT_EQ(FingerprintFrom(groups + "-00"), "");
  EXPECT_EQ(FingerprintFrom(""), "");
  EXPECT_EQ(FingerprintFrom("g" + groups.substr(1)), "");
}

}  // namespace
}  // namespace waterline::identity
