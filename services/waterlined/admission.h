#pragma once

// How callers show themselves to a process and how the process shows itself to the host's other
// services: by certificates and tokens (services/decisions/0015), or by development identity on
// this machine, which only a network made for development allows. Thread safety: one thread opens
// and closes; the rest from any.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/accountability/domain/life_cycle.h"
#include "services/common/clock/clock.h"
#include "services/common/identity/identity.h"
#include "services/common/identity/trust_store.h"
#include "services/common/rpc/link.h"
#include "services/common/rpc/network.h"
#include "services/common/rpc/server.h"
#include "services/waterlined/foundation.h"
#include "services/waterlined/own_certificate.h"

namespace waterline::deployment {

class Admission {
 public:
  // `trust` is the folder of whom the network trusts; empty: the one in the data folder.
  // INVALID_FIELDS when only half of `tls` is there; FAILED_PRECONDITION when the network is not
  // for development and there is no certificate, or naming the file that is missing or wrong.
  // `clock` outlives it.
  static absl::StatusOr<std::unique_ptr<Admission>> Open(const TlsOptions& tls,
                                                         const std::string& trust,
                                                         const Layout& layout,
                                                         const rpc::NetworkFacts& facts,
                                                         Clock* clock);
  ~Admission();

  // Lets in callers from outside, or the host's own services only. It outlives the server.
  void Admit(rpc::ServerOptions* server) const;
  void AdmitServices(rpc::ServerOptions* server) const;

  // Verifies what a party signed by the keys that are pinned of it at the time: where there is TLS
  // those that verify its tokens. This outlives it.
  accountability::VerifySignature signatures() const;

  // A way from our service `from` to the service `to`: with TLS only to a certificate of the host
  // that names `to`. FAILED_PRECONDITION naming a file that cannot be read.
  absl::StatusOr<rpc::Link> LinkTo(const std::string& from, const std::string& to,
                                   const std::string& address) const;

 private:
  Admission(TlsOptions tls, std::string trust, std::string made, const rpc::NetworkFacts& facts)
      : tls_(std::move(tls)),
        trust_folder_(std::move(trust)),
        made_(std::move(made)),
        facts_(facts) {}
  std::string Bundle() const { return made_ + "/trust.pem"; }
  std::string HostAuthorities() const { return made_ + "/host.pem"; }
  bool has_tls() const { return !tls_.certificate.empty(); }
  absl::Status OpenTrust(Clock* clock);
  absl::Status WriteTrust() const;
  absl::StatusOr<identity::JwkSet> KeysOf(const std::string& organisation) const;

  const TlsOptions tls_;
  const std::string trust_folder_;
  const std::string made_;  // What TLS reads.
  const rpc::NetworkFacts facts_;
  std::unique_ptr<OwnCertificate> own_;  // These three with TLS only.
  std::unique_ptr<identity::TrustStore> trust_;
  std::unique_ptr<identity::TrustWatch> watch_;
  std::unique_ptr<identity::IdentityProvider> callers_;
  std::unique_ptr<identity::IdentityProvider> services_;  // Of development identity only.
};

}  // namespace waterline::deployment
