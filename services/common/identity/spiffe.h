#pragma once

// Names of SPIFFE. The one in a certificate is
// spiffe://<network>/org/<organisation id>/svc/<service>. Strict: lower case, no port, no user, no
// query, no percent sign, no wildcard, nothing before or after.
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

// spiffe://<network>: whom tokens are for.
// spiffe://<network>/org/<id>: the issuer of an organisation's tokens when its key set names no
// other.
std::string NetworkUri(std::string_view network);
std::string OrganisationUri(std::string_view network, std::string_view organisation);

// The service in the certificate of an invitation: it may call what is PUBLIC and nothing else.
inline constexpr std::string_view kJoinService = "join";

// Whether a network of this id is for development: no real one has such an id, as `waterline admin
// init` makes sure.
bool IsDevelopmentName(std::string_view network);

// UNAUTHENTICATED/CERTIFICATE_REFUSED saying what is wrong: its form, or the network.
absl::StatusOr<SpiffeId> ParseSpiffeId(std::string_view uri, std::string_view network);

}  // namespace waterline::identity
