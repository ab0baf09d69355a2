#include "services/waterlined/admission.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "services/common/identity/jws.h"
#include "services/common/identity/mtls_identity.h"
#include "services/common/identity/spiffe.h"
#include "services/common/log/log.h"
#include "services/common/rpc/host_services.h"
#include "services/common/rpc/tls.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"

namespace waterline::deployment {
namespace {

absl::Status Check(const TlsOptions& tls, const rpc::NetworkFacts& facts) {
  if (tls.certificate.empty() != tls.key.empty()) {
    return BadFields({{tls.key.empty() ? "tls-key" : "tls-certificate",
                       "is required with the other one: a certificate and its key go together"}});
  }
  if (!tls.certificate.empty() || facts.development) return absl::OkStatus();
  return Error(reason::kStateForbids,
               "the network " + facts.network +
                   " was made without --development, so callers must prove who they are: give "
                   "--tls-certificate and --tls-key");
}

void Tell(const identity::TrustStore::Reload& reload) {
  if (reload.trust_changed) log::Info("whom we trust has changed");
  for (const auto& fault : reload.faults) log::Error("fault in trust", {{"message", fault}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Admission>> Admission::Open(const TlsOptions& tls,
                                                           const std::string& trust,
                                                           const Layout& layout,
                                                           const rpc::NetworkFacts& facts,
                                                           Clock* clock) {
  WATERLINE_RETURN_IF_ERROR(Check(tls, facts));
  std::unique_ptr<Admission> admission(
      new Admission(tls, trust.empty() ? layout.Trust() : trust, layout.Tls(), facts));
  if (admission->has_tls()) {
    WATERLINE_RETURN_IF_ERROR(admission->OpenTrust(clock));
  } else {
    admission->callers_ = std::make_unique<identity::DevelopmentIdentity>();
    admission->services_ = std::make_unique<rpc::DevelopmentServices>(facts);
  }
  return admission;
}

Admission::~Admission() = default;

absl::Status Admission::OpenTrust(Clock* clock) {
  WATERLINE_ASSIGN_OR_RETURN(trust_, identity::TrustStore::Open(trust_folder_, facts_.network));
  if (trust_->Now()->Find(facts_.host) == nullptr) {
    return Error(reason::kStateForbids, "the trust folder " + trust_folder_ +
                                            " holds nothing of the host itself: " + facts_.host +
                                            "/issuer.pem and " + facts_.host + "/jwks.json");
  }
  WATERLINE_ASSIGN_OR_RETURN(own_, OwnCertificate::Open(tls_, made_));
  own_->Watch();
  WATERLINE_RETURN_IF_ERROR(WriteTrust());
  watch_ = std::make_unique<identity::TrustWatch>(
      trust_.get(), Bundle(), [this](const identity::TrustStore::Reload& reload) {
        Tell(reload);
        const absl::Status written = WriteTrust();
        if (!written.ok()) log::Error("fault in trust", {{"message", written.ToString()}});
      });
  callers_ = std::make_unique<identity::MtlsIdentity>(facts_.network, trust_.get(), clock);
  return absl::OkStatus();
}

absl::Status Admission::WriteTrust() const {
  WATERLINE_RETURN_IF_ERROR(trust_->WriteBundle(Bundle()));
  return trust_->WriteAuthorities(facts_.host, HostAuthorities());
}

// Without TLS the folder is read each time: a party publishes its keys by a file there.
absl::StatusOr<identity::JwkSet> Admission::KeysOf(const std::string& organisation) const {
  const auto none = Error(reason::kKeyMissing, "the party has published no keys to the host yet");
  if (trust_ != nullptr) {
    const auto trust = trust_->Now();
    const auto* found = trust->Find(organisation);
    return found == nullptr ? absl::StatusOr<identity::JwkSet>(none) : found->keys;
  }
  std::ifstream file(trust_folder_ + "/" + organisation + "/jwks.json");
  if (!file) return none;
  return identity::JwkSet::Parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

accountability::VerifySignature Admission::signatures() const {
  return [this](const std::string& organisation, const std::string& key_id, const std::string& jws,
                const std::string& payload) -> absl::Status {
    WATERLINE_ASSIGN_OR_RETURN(const auto keys, KeysOf(std::string(text::IdOf(organisation))));
    const auto* key = keys.Find(key_id);
    if (key == nullptr)
      return BadFields({{"signature.key_id", "names no key that the party has published"}});
    const auto verified = identity::VerifyDetached(jws, payload, *key);
    if (verified.ok()) return absl::OkStatus();
    return BadFields({{"signature.jws", std::string(verified.status().message())}});
  };
}

void Admission::Admit(rpc::ServerOptions* server) const {
  server->identity = callers_.get();
  if (!has_tls()) return;
  const TlsOptions own = own_->copies();
  server->tls = rpc::TlsFiles{own.certificate, own.key, Bundle()};
}

void Admission::AdmitServices(rpc::ServerOptions* server) const {
  Admit(server);
  if (services_ != nullptr) server->identity = services_.get();
  server->internal_callers = rpc::HostServicePrefix(facts_);
}

absl::StatusOr<rpc::Link> Admission::LinkTo(const std::string& from, const std::string& to,
                                            const std::string& address) const {
  rpc::LinkOptions link{from, to, address, nullptr};
  if (has_tls()) {
    const TlsOptions own = own_->copies();
    const rpc::TlsFiles files{own.certificate, own.key, HostAuthorities()};
    WATERLINE_ASSIGN_OR_RETURN(link.credentials,
                               rpc::LinkCredentialsOf(files, rpc::HostServicePrefix(facts_) + to));
  }
  return rpc::MakeLink(link);
}

}  // namespace waterline::deployment
