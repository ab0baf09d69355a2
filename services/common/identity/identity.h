#pragma once

// Who is calling. An IdentityProvider turns what came with a call into a Caller; it is chosen once
// at start: MtlsIdentity (mtls_identity.h), for a real network; or development identity, which
// takes everything from metadata, so that it is allowed on loopback and Unix sockets alone, and
// receipts say DEV. Thread safety: Identify is called from any thread.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::identity {

// Metadata keys of a call.
inline constexpr std::string_view kOrganisationKey = "waterline-organisation";
inline constexpr std::string_view kActorKey = "waterline-actor";
inline constexpr std::string_view kRoleKey = "waterline-role";
inline constexpr std::string_view kPurposeKey = "waterline-purpose";
inline constexpr std::string_view kAgreementKey = "waterline-agreement";
inline constexpr std::string_view kApprovalKey = "waterline-approval";
inline constexpr std::string_view kJustificationKey = "waterline-justification";
inline constexpr std::string_view kReleaseLevelKey = "waterline-release-level";
inline constexpr std::string_view kAuthorizationKey = "authorization";
inline constexpr std::string_view kBearer = "Bearer ";  // Before the token.

// Who vouches for actors in development identity: `issuer` of the caller.
inline constexpr std::string_view kDevelopmentIssuer = "dev";

// The value of one metadata key, or nothing.
using MetadataReader = std::function<std::optional<std::string>(std::string_view key)>;

// The other side of the connection, as the transport knows it.
struct Peer {
  std::string address;          // `ipv4:127.0.0.1:1`, `unix:`
  std::string certificate_pem;  // The client's own certificate; empty without TLS.
};

// What a call is about to do. A method writes when its request has a `request_id`; internal methods
// are called by services and not for a person; public ones by anybody, also by whoever is invited
// and has not joined.
enum class Access { kRead, kWrite, kInternal, kPublic };

struct Identified {
  accountability::v1::Caller caller;
  // When the proof ends and every stream with it; nothing for one without an end.
  std::optional<std::chrono::steady_clock::time_point> expiry;
  // What the proof says the call is for, when the call itself does not say; empty: nothing.
  std::string purpose;
};

class IdentityProvider {
 public:
  virtual ~IdentityProvider() = default;

  // UNAUTHENTICATED/IDENTITY_MISSING naming every missing key, INVALID_FIELDS for malformed values;
  // UNAUTHENTICATED with TOKEN_* or CERTIFICATE_* where there is a proof and it does not hold.
  virtual absl::StatusOr<Identified> Identify(const MetadataReader& metadata, const Peer& peer,
                                              Access access) = 0;

  // Whether the server may listen there. FAILED_PRECONDITION naming the address otherwise.
  virtual absl::Status AllowsListeningOn(std::string_view address) = 0;
};

class DevelopmentIdentity : public IdentityProvider {
 public:
  absl::StatusOr<Identified> Identify(const MetadataReader& metadata, const Peer& peer,
                                      Access access) override;
  absl::Status AllowsListeningOn(std::string_view address) override;
};

}  // namespace waterline::identity
