#include "tests/bench/proof.h"

#include <filesystem>
#include <fstream>

#include "services/common/clock/clock.h"
#include "services/common/identity/spiffe.h"
#include "tests/bench/servers.h"

namespace waterline::bench {

Proof::Proof(std::string folder) : folder_(std::move(folder)), tokens_(kNetwork, kOrganisation) {
  const identity::ThrowawayAuthority authority(kOrganisation);
  const std::string name = identity::OrganisationUri(kNetwork, kOrganisation) + "/svc/";
  const auto server = authority.Issue({{name + "waterlined"}});
  const auto client = authority.Issue({{name + "cli"}});
  certificate_ = client.certificate_pem;
  Write("server.pem", server.certificate_pem);
  Write("server.key", server.key_pem);
  Write("client.pem", client.certificate_pem);
  Write("client.key", client.key_pem);
  const std::string pinned = std::string("trust/") + kOrganisation;
  issuer_file_ = Write(pinned + "/issuer.pem", authority.certificate_pem());
  Write(pinned + "/jwks.json", tokens_.jwks());
}

std::string Proof::Write(const std::string& name, const std::string& text) const {
  const std::filesystem::path path = folder_ + "/" + name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
  return path.string();
}

deployment::TlsOptions Proof::server() const {
  return {folder_ + "/server.pem", folder_ + "/server.key"};
}

rpc::TlsFiles Proof::client_files() const {
  return {folder_ + "/client.pem", folder_ + "/client.key", issuer_file_};
}

std::shared_ptr<grpc::ChannelCredentials> Proof::client() const {
  return rpc::ClientCredentialsOf(client_files()).value();
}

std::shared_ptr<grpc::ChannelCredentials> Proof::writer() const {
  return rpc::ClientCredentialsOf(client_files(),
                                  [this]() -> absl::StatusOr<std::string> { return Bearer(); })
      .value();
}

std::string Proof::Bearer() const {
  auto claims = tokens_.Claims(certificate_, SystemClock().NowMs());
  claims.subject = kActor;
  claims.role = kRole;
  claims.purpose = kPurpose;
  return tokens_.Sign(claims);
}

}  // namespace waterline::bench
