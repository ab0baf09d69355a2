#pragma once

// X.509 certificates of clients and the issuers an organisation is pinned to. Everything TLS does
// not do for us: gRPC checks a client certificate against one bundle of all issuers, so that each
// partner's issuer could sign another partner's name; here a name counts only under the issuers of
// the organisation it names.
// Thread safety: values are immutable; const methods from any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/crypto/public_key.h"

namespace waterline::identity {

inline constexpr size_t kIssuersMax = 16;

// Organisation (O) in the subject of authorities that only Waterline makes. A network that is not
// for development never trusts one of the first; of one of the second the key was thrown away.
inline constexpr std::string_view kThrowawayMark = "Waterline throw-away";
inline constexpr std::string_view kInvitationMark = "Waterline invitation";

// Milliseconds since 1970; `until` is the first one outside.
struct Window {
  int64_t from = 0;
  int64_t until = 0;
};

class Certificate {
 public:
  // One certificate in PEM and nothing else. UNAUTHENTICATED/CERTIFICATE_REFUSED.
  static absl::StatusOr<Certificate> Parse(std::string_view pem);

  // One or more; empty when one of them does not parse.
  static std::vector<Certificate> ParseAll(std::string_view pem);

  // SHA-256 of its DER, raw: `x5t#S256` (RFC 8705).
  const std::string& thumbprint() const { return thumbprint_; }
  // Its one URI name. CERTIFICATE_REFUSED when it has none or several.
  absl::StatusOr<std::string> Uri() const;

  // What people read: the subject on one line, and its names for the web (DNS:, IP: left out).
  std::string Subject() const;
  std::vector<std::string> DnsNames() const;
  bool HasMark(std::string_view organisation) const;  // O of its subject.
  Window Valid() const;
  // INVALID_ARGUMENT for a key that we take from nobody.
  absl::StatusOr<crypto::PublicKey> Key() const;

 private:
  static Certificate Of(std::shared_ptr<void> x509);
  friend class PinnedIssuers;
  std::shared_ptr<void> x509_;  // X509
  std::string thumbprint_;
};

// What is wrong with a certificate and the file of its key.
enum class PairFault { kNone, kNoCertificate, kNoKey, kDoNotFit };

// Of the first certificate in `certificate` (PEM); `key` is PEM without a password.
PairFault CheckPair(std::string_view certificate, std::string_view key);

// The authorities whose signature alone lets a certificate speak for one organisation, and what
// they have revoked.
class PinnedIssuers {
 public:
  // `issuers`: PEM of 1 to 16 authorities; each signs client certificates directly, and none need
  // be a root. `revoked`: PEM of their revocation lists, empty for none; when there are lists,
  // each authority has one, signed by it. INVALID_ARGUMENT, a plain sentence.
  static absl::StatusOr<PinnedIssuers> Of(std::string_view issuers, std::string_view revoked);

  // That one of them signed it for a client's use, that it is neither over nor revoked, and that
  // its authority and the revocation list are not over. Answers how long all that lasts.
  // UNAUTHENTICATED: ISSUER_NOT_PINNED when none of them signed it, else CERTIFICATE_REFUSED.
  absl::StatusOr<Window> Verify(const Certificate& certificate, int64_t now_ms) const;

  bool has_revocation_lists() const { return has_lists_; }

 private:
  // One authority and its list by themselves: authorities that follow each other often have one
  // name, and OpenSSL would have to guess which one is meant.
  struct Authority {
    std::shared_ptr<void> store;  // X509_STORE
    std::shared_ptr<void> list;   // X509_CRL, or nullptr.
  };
  static absl::StatusOr<Window> VerifyWith(const Authority& authority, void* leaf, int64_t now_ms);

  std::vector<Authority> authorities_;
  bool has_lists_ = false;
};

}  // namespace waterline::identity
