#pragma once

// Identity of a real network: the organisation from the client certificate, the person from an
// access token that is bound to that certificate. Metadata of development identity is not read.
//
//   authorization: Bearer <token>   jwt.h says what it holds
//   waterline-purpose               when given, the token names the same purpose; when not given,
//                                   the token's purpose is the call's
//
// The token speaks for its own organisation: its issuer's keys sign for no other. Used with the
// certificate of another one, `act` in it names that other one: the caller is then the
// organisation of the certificate on behalf of that of the token.
// A token serves any number of reads and one write in one process; a write that is repeated takes a
// new token and the same request_id.
// Of internal methods the certificate alone says who calls, and no token is read; which services of
// the host may call one is the server's to decide (rpc/server.h).
// What was verified is remembered until the trust changes; time is looked at with each call.
// Thread safety: Identify from any thread.

#include <memory>
#include <string>

#include "services/common/clock/clock.h"
#include "services/common/identity/identity.h"
#include "services/common/identity/jwt.h"
#include "services/common/identity/spiffe.h"
#include "services/common/identity/trust_store.h"
#include "services/common/identity/verified_cache.h"

namespace waterline::identity {

class MtlsIdentity : public IdentityProvider {
 public:
  // `trust` and `clock` outlive it.
  MtlsIdentity(std::string network, const TrustStore* trust, Clock* clock)
      : network_(std::move(network)), trust_(trust), clock_(clock), replays_(clock->NowMs()) {}

  // UNAUTHENTICATED: IDENTITY_MISSING without a token; CERTIFICATE_REFUSED, ISSUER_NOT_PINNED,
  // TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_BINDING, TOKEN_REPLAYED. RESOURCE_EXHAUSTED/BUSY.
  absl::StatusOr<Identified> Identify(const MetadataReader& metadata, const Peer& peer,
                                      Access access) override;
  // Everywhere: the transport is the server's to choose, and without mutual TLS no call has a
  // certificate.
  absl::Status AllowsListeningOn(std::string_view) override { return absl::OkStatus(); }

 private:
  static constexpr size_t kTokensMax = 16 * 1024;
  static constexpr size_t kClientsMax = 4096;

  struct Client {
    SpiffeId name;
    std::string thumbprint;
    Window window;
  };

  absl::StatusOr<std::shared_ptr<const Client>> ClientOf(const Peer& peer, const Trust& trust,
                                                         int64_t now_ms);
  absl::StatusOr<Client> Verify(const std::string& pem, const Trust& trust, int64_t now_ms) const;
  absl::StatusOr<std::shared_ptr<const AccessToken>> TokenOf(const std::string& token,
                                                             const std::string& digest,
                                                             const Trust& trust);
  static Identified AsService(const Client& client, int64_t now_ms);

  const std::string network_;
  const TrustStore* const trust_;
  Clock* const clock_;
  VerifiedCache<AccessToken> tokens_{kTokensMax};
  VerifiedCache<Client> clients_{kClientsMax};
  ReplayGuard replays_;
};

}  // namespace waterline::identity
