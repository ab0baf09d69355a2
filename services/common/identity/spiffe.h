#pragma once

// The name in a certificate: spiffe://<network>/org/<organisation id>/svc/<service>. Strict: lower
// case, no port, no user, no query, no percent sign, no wildcard, nothing before or after.
// Thread safety: pure functions.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace waterline::identity {

inline constexpr size_t kSpiffeBytesMax = 2048;  // SPIFFE-ID section 2.

struct SpiffeId {
  std::string network;
  std::string organisation;
  std::string service;

  std::string ToString() const;
};

// UNAUTHENTICATED/CERTIFICATE_REFUSED saying what is wrong: its form, or the network.
absl::StatusOr<SpiffeId> ParseSpiffeId(std::string_view uri, std::string_view network);

}  // namespace waterline::identity
