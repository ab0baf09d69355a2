#pragma once

// The host's own services to each other: what they are called, and who they are until they have
// certificates. Thread safety: any thread.

#include <string>

#include "services/common/identity/identity.h"
#include "services/common/rpc/network.h"

namespace waterline::rpc {

inline constexpr std::string_view kServiceKey = "waterline-service";  // Of metadata.

// `spiffe://<network>/org/<host>/svc/`; a service's name after it makes its certificate's name.
std::string HostServicePrefix(const NetworkFacts& network);

// Development identity of services: a caller on this machine is the service it says it is, in
// metadata `waterline-service`. Proves nothing; loopback and Unix sockets only.
class DevelopmentServices : public identity::IdentityProvider {
 public:
  explicit DevelopmentServices(const NetworkFacts& network) : network_(network) {}

  absl::StatusOr<identity::Identified> Identify(const identity::MetadataReader& metadata,
                                                const identity::Peer& peer,
                                                identity::Access access) override;
  absl::Status AllowsListeningOn(std::string_view address) override;

 private:
  const NetworkFacts network_;
};

}  // namespace waterline::rpc
