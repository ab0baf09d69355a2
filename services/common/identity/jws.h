#pragma once

// JSON Web Signatures (RFC 7515), compact form, whole or detached (appendix F: header..signature,
// the content travels apart). Agreements are signed detached; tokens are signed whole.
//
// The key decides the algorithm; a header that names another is refused, so `none` and HS* verify
// nothing, and RS256 turned into HS256 neither. `crit` and `b64` are refused. Keys the header
// brings or points at (jwk, jku, x5c, x5u) are never looked at. With a set, the header names its
// key by `kid`; with one key, a `kid` must be that key's.
// Errors are UNAUTHENTICATED with a plain sentence, without a value from the token.
// Thread safety: pure functions.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/common/identity/json.h"
#include "services/common/identity/jwk.h"

namespace waterline::identity {

inline constexpr size_t kJwsBytesMax = 16 * 1024;

struct Jws {
  Json header;
  std::string payload;
};

absl::StatusOr<Jws> VerifyJws(std::string_view compact, const JwkSet& keys);
absl::StatusOr<Jws> VerifyDetached(std::string_view jws, std::string_view content,
                                   const JwkSet& keys);
absl::StatusOr<Jws> VerifyDetached(std::string_view jws, std::string_view content, const Jwk& key);

// What the three parts hold, unverified: to find out whose keys to verify with, nothing else.
absl::StatusOr<Jws> ReadUnverified(std::string_view compact);

// A private key that signs in one way, under the name its public half has in a set.
class Signer {
 public:
  Signer(std::string kid, crypto::SignatureAlgorithm algorithm, crypto::PrivateKey key)
      : jwk_(std::move(kid), algorithm, key.public_key()), key_(std::move(key)) {}
  // The kid is the thumbprint of the key, in base64url; RSA signs RS256.
  static Signer Of(crypto::PrivateKey key);

  const Jwk& jwk() const { return jwk_; }
  // `type` goes into the header as `typ`; empty: none.
  std::string Sign(std::string_view payload, std::string_view type = "") const;
  std::string SignDetached(std::string_view content, std::string_view type = "") const;

 private:
  std::string Header(std::string_view type) const;
  std::string SignatureOf(const std::string& input) const;

  Jwk jwk_;
  crypto::PrivateKey key_;
};

}  // namespace waterline::identity
