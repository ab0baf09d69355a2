#pragma once

// Certificate authorities, certificates and tokens that are thrown away: for tests and for trying
// out. Whoever uses them proves nothing to a real network, which refuses authorities with their
// mark. Keys are P-256, of tokens Ed25519.
// Thread safety: values.

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/crypto/public_key.h"
#include "services/common/identity/jwt.h"

namespace waterline::identity {

struct LeafOptions {
  // URI names, e.g. spiffe://sussex/org/ods-qnx/svc/registry; a good certificate has one.
  std::vector<std::string> uris;
  std::chrono::seconds begins{-60};  // From now.
  std::chrono::seconds ends{3600};
  std::string usage = "clientAuth,serverAuth";  // Empty: the extension is left out.
  bool authority = false;                       // May sign certificates itself.
  std::vector<std::string> dns = {};            // Names beyond localhost.
};

struct ThrowawayCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

struct AuthorityOptions {
  std::string mark;  // kThrowawayMark, kInvitationMark; empty: none, as tests need it.
  std::string uri;   // spiffe://<network>/org/<id> of whom it is for; empty: none.
  std::chrono::seconds ends = std::chrono::hours(24 * 30);
};

class ThrowawayAuthority {
 public:
  explicit ThrowawayAuthority(const std::string& common_name, const AuthorityOptions& options = {});
  // One that was kept. INVALID_ARGUMENT when the two do not belong together.
  static absl::StatusOr<ThrowawayAuthority> Load(const std::string& certificate_pem,
                                                 const std::string& key_pem);

  const std::string& certificate_pem() const { return certificate_pem_; }
  std::string key_pem() const { return key_.ToPem(); }
  // For client and server, also named localhost and 127.0.0.1.
  ThrowawayCertificate Issue(const LeafOptions& options) const;
  // These certificates are revoked; the list holds from a minute ago to `ends` from now.
  std::string Revoke(const std::vector<std::string>& certificates_pem,
                     std::chrono::seconds ends = std::chrono::hours(24)) const;

 private:
  ThrowawayAuthority(crypto::PrivateKey key, std::string certificate_pem)
      : key_(std::move(key)), certificate_pem_(std::move(certificate_pem)) {}

  crypto::PrivateKey key_;
  std::string certificate_pem_;
};

// The token issuer of one organisation.
class ThrowawayTokens {
 public:
  ThrowawayTokens(std::string network, std::string organisation);
  // With a key that was kept.
  ThrowawayTokens(std::string network, std::string organisation, crypto::PrivateKey key);

  std::string jwks() const;  // jwks.json of the organisation.
  const Signer& signer() const { return signer_; }
  std::string key_pem() const { return key_.ToPem(); }
  // Claims of a good token for this certificate, with an id of their own, to be changed and signed.
  AccessToken Claims(const std::string& certificate_pem, int64_t now_ms) const;
  std::string Sign(const AccessToken& claims) const;

 private:
  const std::string network_;
  const std::string organisation_;
  const crypto::PrivateKey key_;
  const Signer signer_;
};

}  // namespace waterline::identity
