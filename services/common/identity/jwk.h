#pragma once

// JSON Web Keys (RFC 7517, 7518, 8037) of organisations: what a partner publishes and we verify
// with, and what we publish ourselves.
//
// Each key has exactly one algorithm for ever. `alg` says it; only an RSA key must have it, of the
// others the curve leaves one choice. The header of a signature never chooses.
// A set is refused as a whole when one key is refused or two have one `kid`: a set that is half
// understood verifies the wrong things. Symmetric keys, private halves and keys with another `use`
// or `key_ops` than verifying are refused. Errors are INVALID_ARGUMENT, a plain sentence.
// Thread safety: keys and sets are immutable; const methods from any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/crypto/public_key.h"

namespace waterline::identity {

inline constexpr size_t kKidMax = 128;  // Visible ASCII.
inline constexpr size_t kKeysOfSetMax = 32;

// The registered name: EdDSA, ES256, RS256, RS512.
std::string_view AlgorithmName(crypto::SignatureAlgorithm algorithm);

class Jwk {
 public:
  // Precondition: the algorithm fits the key.
  Jwk(std::string kid, crypto::SignatureAlgorithm algorithm, crypto::PublicKey key)
      : kid_(std::move(kid)), algorithm_(algorithm), key_(std::move(key)) {}

  std::string ToJson() const;

  const std::string& kid() const { return kid_; }
  crypto::SignatureAlgorithm algorithm() const { return algorithm_; }
  const crypto::PublicKey& key() const { return key_; }

  // RFC 7638, the raw 32 bytes of SHA-256.
  std::string Thumbprint() const;

 private:
  std::string kid_;
  crypto::SignatureAlgorithm algorithm_;
  crypto::PublicKey key_;
};

class JwkSet {
 public:
  JwkSet() = default;
  // The additional member `issuer`, when there is one, is the `iss` of tokens these keys sign.
  static absl::StatusOr<JwkSet> Parse(std::string_view text);
  static absl::StatusOr<JwkSet> Of(std::vector<Jwk> keys, std::optional<std::string> issuer = {});
  std::string ToJson() const;

  // nullptr when there is none.
  const Jwk* Find(std::string_view kid) const;
  const std::vector<Jwk>& keys() const { return keys_; }
  const std::optional<std::string>& issuer() const { return issuer_; }

 private:
  std::vector<Jwk> keys_;
  std::optional<std::string> issuer_;
};

}  // namespace waterline::identity
