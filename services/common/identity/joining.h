#pragma once

// How an organisation that was invited hands in what it is to be known by, and proves that it holds
// the keys. Both sides make the same statement from the papers; every key of the key set signs it,
// and so does the key of a client certificate by one of the authorities. Whoever confirms compares
// the fingerprint, which names the network, the organisation and every byte of both files.
// Thread safety: pure functions.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/crypto/public_key.h"
#include "services/common/status/error.h"

namespace waterline::identity {

inline constexpr size_t kJoinFileBytesMax = 32 * 1024;
inline constexpr std::chrono::minutes kJoinClocksDiffer{5};

struct JoinPapers {
  std::string network;
  std::string organisation;
  std::string issuer_pem;
  std::string jwks;
  std::string invitation;  // `sub` of the invitation's tokens.
  int64_t signed_at = 0;   // Seconds since 1970.
};

struct JoinProofs {
  std::vector<std::string> key_proofs;  // Detached JWS, one of each key of the set, in its order.
  std::string certificate_pem;
  std::string certificate_proof;  // Detached JWS.
};

std::string JoinStatement(const JoinPapers& papers);
// The raw 32 bytes.
std::string JoinFingerprint(const JoinPapers& papers);

// What does not hold, all of it, under the names of RequestJoinRequest; empty: it joins.
std::vector<FieldViolation> CheckJoin(const JoinPapers& papers, const JoinProofs& proofs,
                                      int64_t now_ms);

// The proofs with the private keys of the set, in any order, and of the certificate.
// INVALID_ARGUMENT when a key of the set has no private half among them.
absl::StatusOr<JoinProofs> ProveJoin(const JoinPapers& papers,
                                     const std::vector<crypto::PrivateKey>& token_keys,
                                     const std::string& certificate_pem,
                                     const crypto::PrivateKey& certificate_key);

}  // namespace waterline::identity
