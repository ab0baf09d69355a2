#pragma once

// Who is calling. An IdentityProvider turns what came with a call into a Caller; it is chosen once
// at start. Now there is development identity only: everything is taken from metadata, so it is
// allowed on loopback and Unix sockets alone, and receipts say DEV.
// Thread safety: Identify is called from any thread.

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

// The value of one metadata key, or nothing.
using MetadataReader = std::function<std::optional<std::string>(std::string_view key)>;

class IdentityProvider {
 public:
  virtual ~IdentityProvider() = default;

  // UNAUTHENTICATED/IDENTITY_MISSING naming every missing key, INVALID_FIELDS for malformed values.
  // `peer` is the transport's name of the other side (`ipv4:127.0.0.1:1`, `unix:`).
  virtual absl::StatusOr<accountability::v1::Caller> Identify(const MetadataReader& metadata,
                                                              std::string_view peer) = 0;

  // Whether the server may listen there. FAILED_PRECONDITION naming the address otherwise.
  virtual absl::Status AllowsListeningOn(std::string_view address) = 0;
};

class DevelopmentIdentity : public IdentityProvider {
 public:
  absl::StatusOr<accountability::v1::Caller> Identify(const MetadataReader& metadata,
                                                      std::string_view peer) override;
  absl::Status AllowsListeningOn(std::string_view address) override;
};

}  // namespace waterline::identity
