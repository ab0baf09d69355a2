#include "services/common/rpc/host_services.h"

#include "services/common/identity/spiffe.h"
#include "services/common/status/error.h"
#include "services/common/text/id.h"

namespace waterline::rpc {

std::string HostServicePrefix(const NetworkFacts& network) {
  return identity::OrganisationUri(network.network, network.host) + "/svc/";
}

absl::StatusOr<identity::Identified> DevelopmentServices::Identify(
    const identity::MetadataReader& metadata, const identity::Peer& /*peer*/,
    identity::Access /*access*/) {
  const std::string service = metadata(kServiceKey).value_or("");
  if (!text::IsResourceId(service)) {
    return Error(reason::kIdentityMissing,
                 "say which service asks: metadata is missing: " + std::string(kServiceKey));
  }
  accountability::v1::Caller caller;
  caller.set_organisation(network_.host);
  caller.set_authentication(accountability::v1::AUTHENTICATION_DEV);
  caller.set_certificate_identity(HostServicePrefix(network_) + service);
  return identity::Identified{std::move(caller), std::nullopt, ""};
}

absl::Status DevelopmentServices::AllowsListeningOn(std::string_view address) {
  return identity::DevelopmentIdentity().AllowsListeningOn(address);
}

}  // namespace waterline::rpc
