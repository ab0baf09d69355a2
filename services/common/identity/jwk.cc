#include "services/common/identity/jwk.h"

#include <algorithm>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/identity/json.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"

namespace waterline::identity {
namespace {

using crypto::KeyKind;
using crypto::PublicKey;
using crypto::SignatureAlgorithm;

absl::Status Refused(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

absl::StatusOr<std::string> BytesOf(const Json& json, std::string_view name) {
  const auto text = json.StringOf(name);
  if (!text) return Refused("the key has no text `" + std::string(name) + "`");
  auto bytes = crypto::Base64UrlDecode(*text);
  if (!bytes.ok())
    return Refused("`" + std::string(name) + "` of the key is not base64url without padding");
  return bytes;
}

// Both say what the key is for; a key for anything but verifying is somebody's mistake.
absl::Status CheckUse(const Json& json) {
  if (const Json* use = json.Find("use"); use != nullptr && use->String() != "sig")
    return Refused("`use` of the key is not sig");
  const Json* operations = json.Find("key_ops");
  if (operations == nullptr) return absl::OkStatus();
  if (!operations->IsArray() || operations->items().empty())
    return Refused("`key_ops` of the key is no list of operations");
  for (const Json& operation : operations->items()) {
    if (operation.String() != "verify") return Refused("`key_ops` of the key is not verify alone");
  }
  return absl::OkStatus();
}

absl::Status CheckPublic(const Json& json) {
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    if (json.Find(name) != nullptr)
      return Refused("the key holds its secret half: replace it, it is known to others now");
  }
  return absl::OkStatus();
}

absl::StatusOr<PublicKey> OctetKey(const Json& json) {
  if (json.StringOf("crv") != "Ed25519") return Refused("the curve of the key is not Ed25519");
  WATERLINE_ASSIGN_OR_RETURN(const auto x, BytesOf(json, "x"));
  return PublicKey::Ed25519(x);
}

absl::StatusOr<PublicKey> CurveKey(const Json& json) {
  if (json.StringOf("crv") != "P-256") return Refused("the curve of the key is not P-256");
  WATERLINE_ASSIGN_OR_RETURN(const auto x, BytesOf(json, "x"));
  WATERLINE_ASSIGN_OR_RETURN(const auto y, BytesOf(json, "y"));
  return PublicKey::P256(x, y);
}

absl::StatusOr<PublicKey> RsaKey(const Json& json) {
  WATERLINE_ASSIGN_OR_RETURN(const auto n, BytesOf(json, "n"));
  WATERLINE_ASSIGN_OR_RETURN(const auto e, BytesOf(json, "e"));
  return PublicKey::Rsa(n, e);
}

absl::StatusOr<PublicKey> KeyOf(const Json& json) {
  const auto type = json.StringOf("kty");
  if (type == "oct") return Refused("symmetric keys are refused: whoever verifies could sign");
  WATERLINE_RETURN_IF_ERROR(CheckPublic(json));
  if (type == "OKP") return OctetKey(json);
  if (type == "EC") return CurveKey(json);
  if (type == "RSA") return RsaKey(json);
  return Refused("`kty` of the key is not OKP, EC or RSA");
}

absl::StatusOr<SignatureAlgorithm> AlgorithmOf(const Json& json, KeyKind kind) {
  const bool named = json.Find("alg") != nullptr;
  const auto name = json.StringOf("alg");
  if (kind == KeyKind::kEd25519 && (!named || name == "EdDSA")) return SignatureAlgorithm::kEd25519;
  if (kind == KeyKind::kP256 && (!named || name == "ES256"))
    return SignatureAlgorithm::kEcdsaP256Sha256;
  if (kind == KeyKind::kRsa && name == "RS256") return SignatureAlgorithm::kRsaSha256;
  if (kind == KeyKind::kRsa && name == "RS512") return SignatureAlgorithm::kRsaSha512;
  return Refused(
      "`alg` of the key is not the one its kind allows: EdDSA for Ed25519, ES256 for "
      "P-256, RS256 or RS512, said in the key, for RSA");
}

absl::StatusOr<Jwk> FromJson(const Json& json) {
  const auto kid = json.StringOf("kid");
  if (!kid || !text::IsVisibleAscii(*kid, kKidMax))
    return Refused("the key has no `kid` of 1 to 128 visible ASCII characters");
  WATERLINE_RETURN_IF_ERROR(CheckUse(json));
  WATERLINE_ASSIGN_OR_RETURN(auto key, KeyOf(json));
  WATERLINE_ASSIGN_OR_RETURN(const auto algorithm, AlgorithmOf(json, key.kind()));
  return Jwk(*kid, algorithm, std::move(key));
}

// The required members in the order of RFC 7638, without braces.
std::string Members(const PublicKey& key) {
  const std::string first = '"' + crypto::Base64UrlEncode(key.first()) + '"';
  const std::string second = '"' + crypto::Base64UrlEncode(key.second()) + '"';
  switch (key.kind()) {
    case KeyKind::kEd25519:
      return R"("crv":"Ed25519","kty":"OKP","x":)" + first;
    case KeyKind::kP256:
      return R"("crv":"P-256","kty":"EC","x":)" + first + R"(,"y":)" + second;
    case KeyKind::kRsa:
      break;
  }
  return R"("e":)" + second + R"(,"kty":"RSA","n":)" + first;
}

}  // namespace

std::string_view AlgorithmName(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::kEd25519:
      return "EdDSA";
    case SignatureAlgorithm::kEcdsaP256Sha256:
      return "ES256";
    case SignatureAlgorithm::kRsaSha256:
      return "RS256";
    case SignatureAlgorithm::kRsaSha512:
      break;
  }
  return "RS512";
}

std::string Jwk::ToJson() const {
  return R"({"alg":")" + std::string(AlgorithmName(algorithm_)) + R"(","kid":)" + JsonQuote(kid_) +
         R"(,"use":"sig",)" + Members(key_) + "}";
}

std::string Jwk::Thumbprint() const { return crypto::Sha256("{" + Members(key_) + "}"); }

absl::StatusOr<JwkSet> JwkSet::Of(std::vector<Jwk> keys, std::optional<std::string> issuer) {
  if (keys.empty() || keys.size() > kKeysOfSetMax) return Refused("a key set has 1 to 32 keys");
  JwkSet set;
  for (auto& key : keys) {
    if (set.Find(key.kid()) != nullptr)
      return Refused("two keys of the set have the kid " + key.kid());
    set.keys_.push_back(std::move(key));
  }
  set.issuer_ = std::move(issuer);
  return set;
}

absl::StatusOr<JwkSet> JwkSet::Parse(std::string_view text) {
  WATERLINE_ASSIGN_OR_RETURN(const auto json, Json::ParseObject(text));
  const Json* list = json.Find("keys");
  if (list == nullptr || !list->IsArray()) return Refused("the key set has no list `keys`");
  std::vector<Jwk> keys;
  for (size_t i = 0; i < list->items().size(); ++i) {
    auto key = FromJson(list->items()[i]);
    if (!key.ok())
      return Refused("keys[" + std::to_string(i) + "]: " + std::string(key.status().message()));
    keys.push_back(*std::move(key));
  }
  if (json.Find("issuer") != nullptr && json.StringOf("issuer").value_or("").empty())
    return Refused("`issuer` of the key set is not a text");
  return Of(std::move(keys), json.StringOf("issuer"));
}

std::string JwkSet::ToJson() const {
  std::string out = "{";
  if (issuer_) out += R"("issuer":)" + JsonQuote(*issuer_) + ",";
  out += R"("keys":[)";
  for (size_t i = 0; i < keys_.size(); ++i) out += (i == 0 ? "" : ",") + keys_[i].ToJson();
  return out + "]}\n";
}

const Jwk* JwkSet::Find(std::string_view kid) const {
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const Jwk& key) { return key.kid() == kid; });
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace waterline::identity
