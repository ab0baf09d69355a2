#pragma once

// Access tokens: who asks, signed by the organisation that vouches for them, in the shape of
// RFC 9068 (`typ` at+jwt). Claims, all needed unless said otherwise:
//
//   iss      the issuer of the organisation's key set
//   aud      holds spiffe://<network>
//   sub      the person or program: 1 to 128 visible ASCII characters
//   org      the organisation's id; the one whose keys sign
//   role     of the code list actor_role
//   purpose  of the code list purpose; need not be there
//   iat exp  at most 5 minutes apart; clocks may differ by 30 s, but a write is never before `iat`
//   jti      1 to 128 visible ASCII characters, new for each token
//   cnf      {"x5t#S256": SHA-256 of the client certificate} (RFC 8705)
//   act      {"sub": spiffe://<network>/org/<id>} (RFC 8693): the organisation that may use the
//            token for `org`, in one step; need not be there
//
// Verifying is split: ReadAccessToken does what never changes for one token and key set, so that
// its answer can be kept; time, certificate and use are checked with each call.
// Thread safety: pure functions; ReplayGuard from any thread.

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "services/common/identity/jws.h"
#include "services/common/identity/spiffe.h"

namespace waterline::identity {

inline constexpr std::chrono::seconds kTokenLifeMax{300};
inline constexpr std::chrono::seconds kTokenLeeway{30};
inline constexpr std::string_view kTokenType = "at+jwt";
inline constexpr size_t kTokenTextMax = 128;  // Of `sub` and `jti`.

struct AccessToken {
  std::string issuer;
  std::string subject;
  std::string organisation;
  std::string role;
  std::string purpose;      // Empty: it names none.
  std::string acting;       // The organisation in `act`; empty: none.
  std::string id;           // `jti`
  std::string certificate;  // SHA-256 of its DER, raw.
  int64_t issued_at = 0;    // Seconds since 1970.
  int64_t expires_at = 0;

  // Not taken any more from then on; milliseconds.
  int64_t EndMs() const;
};

// UNAUTHENTICATED/TOKEN_INVALID saying what is wrong, without a value of the token.
absl::StatusOr<AccessToken> ReadAccessToken(std::string_view token, const JwkSet& keys,
                                            std::string_view network);
// TOKEN_EXPIRED, or TOKEN_INVALID for one that begins later.
absl::Status CheckTime(const AccessToken& token, int64_t now_ms);
// `iss` as the token says it, unverified: to find the keys to verify with. TOKEN_INVALID.
absl::StatusOr<std::string> IssuerSaid(std::string_view token);

// Signs the claims as they are; also bad ones.
std::string SignAccessToken(const AccessToken& token, std::string_view network,
                            const Signer& signer);

// Tokens that were used for a write: one token, one write. What was used before this process
// started is not known, so that a token issued before counts as used.
class ReplayGuard {
 public:
  // Writes of one issuer within the life of a token; others have room of their own.
  static constexpr size_t kTokensOfIssuerMax = 256 * 1024;

  explicit ReplayGuard(int64_t started_ms, size_t tokens_max = kTokensOfIssuerMax)
      : started_ms_(started_ms), tokens_max_(tokens_max) {}

  // UNAUTHENTICATED/TOKEN_REPLAYED, or TOKEN_INVALID when it is issued later than now: of those the
  // guard could not tell after a restart whether they were used. RESOURCE_EXHAUSTED/BUSY when there
  // is no room until tokens end.
  absl::Status Use(const AccessToken& token, int64_t now_ms);

 private:
  struct Used {
    std::unordered_map<std::string, int64_t> end_of;  // By SHA-256 of `jti`.
    std::multimap<int64_t, std::string> by_end;
    void Forget(int64_t now_ms);
  };

  const int64_t started_ms_;
  const size_t tokens_max_;
  std::mutex mutex_;  // Guards the rest. No other lock is taken under it.
  std::map<std::string, Used> issuers_;
};

}  // namespace waterline::identity
