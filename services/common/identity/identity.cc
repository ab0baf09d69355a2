#include "services/common/identity/identity.h"

#include <arpa/inet.h>

#include "services/common/data/code_lists.h"
#include "services/common/status/error.h"
#include "services/common/text/id.h"

namespace waterline::identity {
namespace {

constexpr size_t kActorMax = 128;

// An address of the loopback network; no name that merely begins like one.
bool IsLoopback(std::string_view address) {
  if (address.starts_with("unix:") || address.starts_with("[::1]:") ||
      address.starts_with("localhost:"))
    return true;
  const std::string host(address.substr(0, address.rfind(':')));
  in_addr parsed = {};
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1 && host.starts_with("127.");
}

bool PeerIsLocal(std::string_view peer) {
  return peer.starts_with("ipv4:127.") || peer.starts_with("ipv6:[::1]") ||
         peer.starts_with("ipv6:%5B::1%5D") || peer.starts_with("unix:") ||
         peer.starts_with("inproc");
}

}  // namespace

absl::StatusOr<Identified> DevelopmentIdentity::Identify(const MetadataReader& metadata,
                                                         const Peer& peer, Access) {
  if (!PeerIsLocal(peer.address)) {
    return Error(reason::kIdentityMissing,
                 "development identity is accepted from this machine only");
  }
  accountability::v1::Caller caller;
  caller.set_organisation(metadata(kOrganisationKey).value_or(""));
  caller.set_actor(metadata(kActorKey).value_or(""));
  caller.set_role(metadata(kRoleKey).value_or(""));
  caller.set_issuer(std::string(kDevelopmentIssuer));
  caller.set_authentication(accountability::v1::AUTHENTICATION_DEV);
  std::string missing;
  if (caller.organisation().empty()) missing += " " + std::string(kOrganisationKey);
  if (caller.actor().empty()) missing += " " + std::string(kActorKey);
  if (caller.role().empty()) missing += " " + std::string(kRoleKey);
  if (!missing.empty()) {
    return Error(reason::kIdentityMissing, "say who asks: metadata is missing:" + missing,
                 {{"missing", missing.substr(1)}});
  }
  std::vector<FieldViolation> violations;
  if (!text::IsResourceId(caller.organisation())) {
    violations.push_back(
        {std::string(kOrganisationKey), "is not an organisation id such as ods-qnx"});
  }
  if (!text::IsVisibleAscii(caller.actor(), kActorMax)) {
    violations.push_back({std::string(kActorKey), "is not 1 to 128 visible ASCII characters"});
  }
  if (!data::IsKnownCode("actor_role", caller.role())) {
    violations.push_back({std::string(kRoleKey),
                          "is not in the code list actor_role; see `waterline codes actor_role`"});
  }
  if (!violations.empty()) return BadFields(violations);
  return Identified{std::move(caller), std::nullopt, ""};
}

absl::Status DevelopmentIdentity::AllowsListeningOn(std::string_view address) {
  if (IsLoopback(address)) return absl::OkStatus();
  return Error(reason::kStateForbids,
               "development identity proves nothing, so it may listen on loopback or a Unix socket "
               "only, not on " +
                   std::string(address));
}

}  // namespace waterline::identity
