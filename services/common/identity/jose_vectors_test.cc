// The vectors of other implementations: Wycheproof (signatures, keys, Ed25519, P-256), CCTV
// Ed25519, the JOSE cookbook (RFC 7520, RFC 8037). They are read in place from the folder named by
// WATERLINE_VECTORS, by default ../shared/vectors beside the project. A case that does not apply
// falls under a rule below, and is refused by us: that is tested too. A few vectors of the RFCs are
// in this file, so that something runs everywhere.

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/signature.h"
#include "services/common/identity/jws.h"

namespace waterline::identity {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::element;

fs::path Folder() {
  const char* named = std::getenv("WATERLINE_VECTORS");
  return named != nullptr && *named != '\0' ? named : "../shared/vectors";
}

// True when the file is there; says in one line when it is not. A folder that was named and is not
// there is a failure.
bool Have(const char* file) {
  if (fs::exists(Folder() / file)) return true;
  printf("%s is not there: its cases were not run\n", (Folder() / file).c_str());
  EXPECT_EQ(std::getenv("WATERLINE_VECTORS"), nullptr) << "WATERLINE_VECTORS names no vectors";
  return false;
}

// What ran, and what did not apply with its rule.
struct Tally {
  std::string file;
  size_t ran = 0;
  std::map<std::string, size_t> other;

  size_t Total() const {
    size_t total = ran;
    for (const auto& [rule, count] : other) total += count;
    return total;
  }
  void Print() const {
    printf("%s: %zu cases run, %zu do not apply and are refused\n", file.c_str(), ran,
           Total() - ran);
    for (const auto& [rule, count] : other) printf("  %zu: %s\n", count, rule.c_str());
  }
};

std::string Text(element object, const char* name) {
  element value;
  if (object[name].get(value) != simdjson::SUCCESS) return "";
  return value.is_string() ? std::string(std::string_view(value)) : simdjson::to_string(value);
}

bool Has(element object, const char* name) { return object[name].error() == simdjson::SUCCESS; }

element PublicHalf(element group) {
  return Has(group, "public") ? element(group["public"]) : element(group["private"]);
}

// Why a key is none of ours; empty when it is one.
std::string WhyNotKey(element key) {
  const std::string type = Text(key, "kty"), curve = Text(key, "crv"), alg = Text(key, "alg");
  if (type == "oct") return "symmetric keys are refused";
  if (type == "EC" && curve != "P-256") return "curve " + curve + ": P-256 is the only one";
  if (alg == "RS384" || alg.starts_with("PS"))
    return alg + ": of RSA, RS256 and RS512 are the only ones";
  return "";
}

std::string SetOf(element key) { return R"({"keys":[)" + simdjson::to_string(key) + "]}"; }

// The one key of a set made of it.
absl::StatusOr<Jwk> KeyOf(const std::string& key) {
  const auto set = JwkSet::Parse(R"({"keys":[)" + key + "]}");
  if (!set.ok()) return set.status();
  return set->keys().front();
}

// What a header that names no key is verified with: its content apart.
absl::StatusOr<Jws> VerifyApart(const std::string& compact, const Jwk& key) {
  const size_t first = compact.find('.'), last = compact.rfind('.');
  const auto content = crypto::Base64UrlDecode(compact.substr(first + 1, last - first - 1));
  if (!content.ok()) return content.status();
  return VerifyDetached(compact.substr(0, first) + "." + compact.substr(last), *content, key);
}

bool Verifies(const std::string& set, const std::string& jws) {
  const auto keys = JwkSet::Parse(set);
  return keys.ok() && VerifyJws(jws, *keys).ok();
}

// ---- Wycheproof ---------------------------------------------------------------------------------

TEST(JoseVectors, WycheproofSignatures) {
  const char* file = "wycheproof/json_web_signature_test.json";
  if (!Have(file)) return;
  simdjson::dom::parser parser;
  element root = parser.load((Folder() / file).string());
  Tally tally{file, 0, {}};
  size_t valid = 0;
  for (element group : root["testGroups"].get_array()) {
    element key = PublicHalf(group);
    const std::string why_not = WhyNotKey(key);
    for (element test : group["tests"].get_array()) {
      const bool wanted = why_not.empty() && Text(test, "result") == "valid";
      EXPECT_EQ(Verifies(SetOf(key), Text(test, "jws")), wanted) << Text(test, "tcId");
      valid += wanted ? 1 : 0;
      ++(why_not.empty() ? tally.ran : tally.other[why_not]);
    }
  }
  tally.Print();
  EXPECT_GT(valid, 0u);
  EXPECT_EQ(tally.Total(), uint64_t(root["numberOfTests"]));
}

TEST(JoseVectors, WycheproofKeys) {
  const char* file = "wycheproof/json_web_key_test.json";
  if (!Have(file)) return;
  simdjson::dom::parser parser;
  element root = parser.load((Folder() / file).string());
  Tally tally{file, 0, {}};
  for (element group : root["testGroups"].get_array()) {
    element keys = PublicHalf(group);
    const std::string set = Has(keys, "keys") ? simdjson::to_string(keys) : SetOf(keys);
    for (element test : group["tests"].get_array()) {
      const bool wanted = Text(test, "result") == "valid";
      const bool symmetric = set.find(R"("kty":"oct")") != std::string::npos;
      const bool ours = !(wanted && symmetric);
      EXPECT_EQ(Verifies(set, Text(test, "jws")), wanted && ours) << Text(test, "tcId");
      ++(ours ? tally.ran : tally.other["symmetric keys are refused"]);
    }
  }
  tally.Print();
  EXPECT_EQ(tally.Total(), uint64_t(root["numberOfTests"]));
}

TEST(JoseVectors, WycheproofEd25519) {
  const char* file = "wycheproof/ed25519_test.json";
  if (!Have(file)) return;
  simdjson::dom::parser parser;
  element root = parser.load((Folder() / file).string());
  Tally tally{file, 0, {}};
  for (element group : root["testGroups"].get_array()) {
    const auto key = crypto::PublicKey::Ed25519(*crypto::HexDecode(Text(group["publicKey"], "pk")));
    ASSERT_TRUE(key.ok()) << key.status();
    for (element test : group["tests"].get_array()) {
      const auto signature = crypto::HexDecode(Text(test, "sig"));
      EXPECT_EQ(key->Verify(crypto::SignatureAlgorithm::kEd25519,
                            *crypto::HexDecode(Text(test, "msg")), *signature),
                Text(test, "result") == "valid")
          << Text(test, "tcId");
      ++tally.ran;
    }
  }
  tally.Print();
  EXPECT_EQ(tally.ran, uint64_t(root["numberOfTests"]));
}

// The coordinates of an uncompressed point in hexadecimal.
absl::StatusOr<crypto::PublicKey> P256Of(const std::string& uncompressed) {
  const std::string point = *crypto::HexDecode(uncompressed);
  return crypto::PublicKey::P256(point.substr(1, 32), point.substr(33));
}

TEST(JoseVectors, WycheproofP256) {
  const char* file = "wycheproof/ecdsa_secp256r1_sha256_p1363_test.json";
  if (!Have(file)) return;
  simdjson::dom::parser parser;
  element root = parser.load((Folder() / file).string());
  Tally tally{file, 0, {}};
  for (element group : root["testGroups"].get_array()) {
    const auto key = P256Of(Text(group["publicKey"], "uncompressed"));
    ASSERT_TRUE(key.ok()) << key.status();
    for (element test : group["tests"].get_array()) {
      EXPECT_EQ(
          key->Verify(crypto::SignatureAlgorithm::kEcdsaP256Sha256,
                      *crypto::HexDecode(Text(test, "msg")), *crypto::HexDecode(Text(test, "sig"))),
          Text(test, "result") == "valid")
          << Text(test, "tcId") << ' ' << Text(test, "comment");
      ++tally.ran;
    }
  }
  tally.Print();
  EXPECT_EQ(tally.ran, uint64_t(root["numberOfTests"]));
}

// ---- CCTV ---------------------------------------------------------------------------------------

bool Flagged(element vector, std::string_view flag) {
  element flags;
  if (vector["flags"].get(flags) != simdjson::SUCCESS || !flags.is_array()) return false;
  for (element each : flags.get_array()) {
    if (std::string_view(each) == flag) return true;
  }
  return false;
}

// Points of small order are no keys of a partner. Of the rest the equation without cofactor decides
// and R is compared as bytes: what OpenSSL does, pinned here for the ledger's signatures as well.
TEST(JoseVectors, CctvEd25519) {
  const char* file = "cctv/ed25519vectors.json";
  if (!Have(file)) return;
  simdjson::dom::parser parser;
  element root = parser.load((Folder() / file).string());
  Tally tally{file, 0, {}};
  for (element vector : root.get_array()) {
    const std::string point = *crypto::HexDecode(Text(vector, "key"));
    const std::string signature = *crypto::HexDecode(Text(vector, "sig"));
    const bool weak = Flagged(vector, "low_order_A") || Flagged(vector, "non_canonical_A");
    const bool good = !Flagged(vector, "low_order_residue") && !Flagged(vector, "non_canonical_R");
    const auto key = crypto::PublicKey::Ed25519(point);
    EXPECT_EQ(key.ok(), !weak) << Text(vector, "number");
    EXPECT_EQ(crypto::Ed25519Verify(point, Text(vector, "msg"), signature), good)
        << Text(vector, "number");
    if (key.ok()) {
      EXPECT_EQ(key->Verify(crypto::SignatureAlgorithm::kEd25519, Text(vector, "msg"), signature),
                good)
          << Text(vector, "number");
    }
    ++(weak ? tally.other["the key is a point of small order"] : tally.ran);
  }
  tally.Print();
  EXPECT_EQ(tally.Total(), 914u);
}

// ---- The JOSE cookbook --------------------------------------------------------------------------

// The key as a set of one: `alg` and `kid`, which the cookbook leaves out, and no secret half.
std::string CookbookSet(element key, const std::string& alg) {
  std::string members;
  for (const auto& [name, value] : key.get_object()) {
    const bool keep = name == "kty" || name == "use" || name == "crv" || name == "x" ||
                      name == "y" || name == "n" || name == "e" || name == "k" || name == "kid";
    if (keep) members += "\"" + std::string(name) + "\":" + simdjson::to_string(value) + ",";
  }
  if (!Has(key, "kid")) members += R"("kid":"cookbook",)";
  return R"({"keys":[{)" + members + R"("alg":")" + alg + R"("}]})";
}

// Why a case is none of ours; empty when it is one.
std::string WhyNotCase(element root) {
  element input = root["input"];
  if (!element(input["key"]).is_object()) return "several signatures: the compact form has one";
  if (const auto key = WhyNotKey(input["key"]); !key.empty()) return key;
  const std::string alg = Text(input, "alg");
  if (alg.starts_with("PS")) return alg + ": of RSA, RS256 and RS512 are the only ones";
  return "";
}

bool CookbookVerifies(element root) {
  element input = root["input"];
  const auto keys = JwkSet::Parse(CookbookSet(input["key"], Text(input, "alg")));
  if (!keys.ok()) return false;
  const std::string compact = Text(root["output"], "compact");
  const auto jws = VerifyApart(compact, keys->keys().front());
  return jws.ok() && jws->payload == Text(input, "payload");
}

TEST(JoseVectors, CookbookSignatures) {
  if (!Have("jose-cookbook/jws")) return;
  std::vector<fs::path> files = {Folder() / "jose-cookbook/curve25519/jws.json"};
  for (const auto& file : fs::directory_iterator(Folder() / "jose-cookbook/jws"))
    files.push_back(file.path());
  Tally tally{"jose-cookbook/jws, curve25519/jws.json", 0, {}};
  for (const auto& file : files) {
    simdjson::dom::parser parser;
    element root = parser.load(file.string());
    const std::string why_not = WhyNotCase(root);
    if (!why_not.empty()) {
      ++tally.other[why_not];
      const bool several = !element(root["input"]["key"]).is_object();
      EXPECT_FALSE(several ? Verifies(SetOf(element(root["input"]["key"]).at(0)),
                                      simdjson::to_string(element(root["output"]["json"])))
                           : CookbookVerifies(root))
          << file;
      continue;
    }
    EXPECT_TRUE(CookbookVerifies(root)) << file;
    ++tally.ran;
  }
  tally.Print();
  EXPECT_EQ(tally.ran, 2u);
  EXPECT_EQ(tally.Total(), 9u);
}

TEST(JoseVectors, CookbookKeysWithoutAKidOrWithTheirSecretHalfAreRefused) {
  if (!Have("jose-cookbook/jwk")) return;
  for (const auto& file : fs::directory_iterator(Folder() / "jose-cookbook/jwk")) {
    simdjson::dom::parser parser;
    EXPECT_FALSE(KeyOf(simdjson::to_string(element(parser.load(file.path().string())))).ok())
        << file.path() << " is P-521, symmetric, private, or RSA without alg";
  }
}

// ---- Of the RFCs, in this file ------------------------------------------------------------------

constexpr char kRfc8037Key[] = R"({"kty":"OKP","crv":"Ed25519","kid":"rfc8037",)"
                               R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
constexpr char kRfc8037Jws[] =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

TEST(JoseVectors, Rfc8037Ed25519) {
  const auto key = KeyOf(kRfc8037Key);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(crypto::Base64UrlEncode(key->Thumbprint()),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  const auto jws = VerifyApart(kRfc8037Jws, *key);
  ASSERT_TRUE(jws.ok()) << jws.status();
  EXPECT_EQ(jws->payload, "Example of Ed25519 signing");
  // Ed25519 signatures are reproducible: the private key of the RFC makes the same one.
  const std::string seed = *crypto::Base64UrlDecode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
  const std::string der = *crypto::HexDecode("302e020100300506032b657004220420") + seed;
  const auto secret =
      crypto::PrivateKey::FromPem("-----BEGIN PRIVATE KEY-----\n" + crypto::Base64Encode(der) +
                                  "\n-----END PRIVATE KEY-----\n");
  ASSERT_TRUE(secret.ok()) << secret.status();
  const std::string whole = kRfc8037Jws;
  EXPECT_EQ(crypto::Base64UrlEncode(secret->Sign(crypto::SignatureAlgorithm::kEd25519,
                                                 whole.substr(0, whole.rfind('.')))),
            whole.substr(whole.rfind('.') + 1));
}

TEST(JoseVectors, Rfc7515Es256) {
  const auto key = KeyOf(R"({"kty":"EC","crv":"P-256","kid":"a3","alg":"ES256",)"
                         R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                         R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})");
  ASSERT_TRUE(key.ok()) << key.status();
  const std::string header = "eyJhbGciOiJFUzI1NiJ9";
  const std::string payload =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ";
  const std::string signature =
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  EXPECT_TRUE(VerifyApart(header + "." + payload + "." + signature, *key).ok());
  EXPECT_TRUE(
      VerifyDetached(header + ".." + signature, *crypto::Base64UrlDecode(payload), *key).ok());
}

}  // namespace
}  // namespace waterline::identity
