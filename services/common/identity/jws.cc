#include "services/common/identity/jws.h"

#include "services/common/crypto/encoding.h"
#include "services/common/status/macros.h"

namespace waterline::identity {
namespace {

using crypto::KeyKind;
using crypto::SignatureAlgorithm;

absl::Status Refused(const char* sentence) { return absl::UnauthenticatedError(sentence); }

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
};

absl::StatusOr<Parts> Split(std::string_view compact) {
  if (compact.size() > kJwsBytesMax) return Refused("it has more than 16 KiB");
  const size_t first = compact.find('.');
  const size_t second =
      first == std::string_view::npos ? std::string_view::npos : compact.find('.', first + 1);
  if (second == std::string_view::npos || compact.find('.', second + 1) != std::string_view::npos)
    return Refused("it has not three parts with dots between");
  return Parts{compact.substr(0, first), compact.substr(first + 1, second - first - 1),
               compact.substr(second + 1)};
}

absl::StatusOr<Json> HeaderOf(const Parts& parts) {
  const auto text = crypto::Base64UrlDecode(parts.header);
  if (!text.ok()) return Refused("its header is not base64url without padding");
  auto header = Json::ParseObject(*text);
  if (!header.ok()) return Refused("its header is no JSON object with each member once");
  if (header->Find("crit") != nullptr)
    return Refused("its header has `crit`: no extension is understood here");
  if (header->Find("b64") != nullptr) return Refused("its header has `b64`, which is not allowed");
  return header;
}

absl::StatusOr<std::string> PayloadOf(const Parts& parts) {
  auto payload = crypto::Base64UrlDecode(parts.payload);
  if (!payload.ok()) return Refused("its payload is not base64url without padding");
  return payload;
}

// `payload` is in base64url.
absl::Status CheckSignature(const Parts& parts, const Json& header, const Jwk& key,
                            std::string_view payload) {
  if (header.StringOf("alg") != AlgorithmName(key.algorithm()))
    return Refused("its header names another algorithm than its key has");
  if (header.Find("kid") != nullptr && header.StringOf("kid") != key.kid())
    return Refused("it names another key");
  const auto signature = crypto::Base64UrlDecode(parts.signature);
  if (!signature.ok()) return Refused("its signature is not base64url without padding");
  const std::string input = std::string(parts.header) + "." + std::string(payload);
  if (!key.key().Verify(key.algorithm(), input, *signature))
    return Refused("its signature is not that of its key");
  return absl::OkStatus();
}

absl::StatusOr<Jwk> KeyOf(const Json& header, const JwkSet& keys) {
  const auto kid = header.StringOf("kid");
  if (!kid) return Refused("its header names no key: `kid` is missing");
  const Jwk* key = keys.Find(*kid);
  if (key == nullptr)
    return Refused(
        "its key is not in the key set of its issuer; a new key is published there "
        "before it is used");
  return *key;
}

absl::StatusOr<Jws> VerifyWhole(const Parts& parts, Json header, const Jwk& key) {
  WATERLINE_ASSIGN_OR_RETURN(auto payload, PayloadOf(parts));
  WATERLINE_RETURN_IF_ERROR(CheckSignature(parts, header, key, parts.payload));
  return Jws{std::move(header), std::move(payload)};
}

absl::StatusOr<Jws> VerifyApart(const Parts& parts, Json header, const Jwk& key,
                                std::string_view content) {
  if (!parts.payload.empty())
    return Refused("it carries content although its content travels apart");
  WATERLINE_RETURN_IF_ERROR(CheckSignature(parts, header, key, crypto::Base64UrlEncode(content)));
  return Jws{std::move(header), std::string(content)};
}

}  // namespace

absl::StatusOr<Jws> VerifyJws(std::string_view compact, const JwkSet& keys) {
  WATERLINE_ASSIGN_OR_RETURN(const auto parts, Split(compact));
  WATERLINE_ASSIGN_OR_RETURN(auto header, HeaderOf(parts));
  WATERLINE_ASSIGN_OR_RETURN(const auto key, KeyOf(header, keys));
  return VerifyWhole(parts, std::move(header), key);
}

absl::StatusOr<Jws> VerifyDetached(std::string_view jws, std::string_view content, const Jwk& key) {
  WATERLINE_ASSIGN_OR_RETURN(const auto parts, Split(jws));
  WATERLINE_ASSIGN_OR_RETURN(auto header, HeaderOf(parts));
  return VerifyApart(parts, std::move(header), key, content);
}

absl::StatusOr<Jws> VerifyDetached(std::string_view jws, std::string_view content,
                                   const JwkSet& keys) {
  WATERLINE_ASSIGN_OR_RETURN(const auto parts, Split(jws));
  WATERLINE_ASSIGN_OR_RETURN(auto header, HeaderOf(parts));
  WATERLINE_ASSIGN_OR_RETURN(const auto key, KeyOf(header, keys));
  return VerifyApart(parts, std::move(header), key, content);
}

absl::StatusOr<Jws> ReadUnverified(std::string_view compact) {
  WATERLINE_ASSIGN_OR_RETURN(const auto parts, Split(compact));
  WATERLINE_ASSIGN_OR_RETURN(auto header, HeaderOf(parts));
  WATERLINE_ASSIGN_OR_RETURN(auto payload, PayloadOf(parts));
  return Jws{std::move(header), std::move(payload)};
}

Signer Signer::Of(crypto::PrivateKey key) {
  const KeyKind kind = key.public_key().kind();
  SignatureAlgorithm algorithm = SignatureAlgorithm::kRsaSha256;
  if (kind == KeyKind::kEd25519) algorithm = SignatureAlgorithm::kEd25519;
  if (kind == KeyKind::kP256) algorithm = SignatureAlgorithm::kEcdsaP256Sha256;
  const Jwk nameless("", algorithm, key.public_key());
  return Signer(crypto::Base64UrlEncode(nameless.Thumbprint()), algorithm, std::move(key));
}

std::string Signer::Header(std::string_view type) const {
  std::string header = R"({"alg":")" + std::string(AlgorithmName(jwk_.algorithm())) +
                       R"(","kid":)" + JsonQuote(jwk_.kid());
  if (!type.empty()) header += R"(,"typ":)" + JsonQuote(type);
  return crypto::Base64UrlEncode(header + "}");
}

std::string Signer::SignatureOf(const std::string& input) const {
  return crypto::Base64UrlEncode(key_.Sign(jwk_.algorithm(), input));
}

std::string Signer::Sign(std::string_view payload, std::string_view type) const {
  const std::string input = Header(type) + "." + crypto::Base64UrlEncode(payload);
  return input + "." + SignatureOf(input);
}

std::string Signer::SignDetached(std::string_view content, std::string_view type) const {
  const std::string header = Header(type);
  return header + ".." + SignatureOf(header + "." + crypto::Base64UrlEncode(content));
}

}  // namespace waterline::identity
