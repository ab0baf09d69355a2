#pragma once

// Organisations that prove who they are: an authority, a key for tokens and agreements, and a
// client certificate each. Thread safety: Bearer from any thread; the rest from one.

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/common/clock/clock.h"
#include "services/common/identity/throwaway.h"
#include "services/common/rpc/tls.h"

namespace waterline::testing {

class Parties {
 public:
  // `folder` is for their files and made. The first one is the host.
  Parties(std::filesystem::path folder, std::string network,
          const std::vector<std::string>& organisations)
      : folder_(std::move(folder)), network_(std::move(network)), host_(organisations.at(0)) {
    std::filesystem::create_directories(folder_);
    for (const auto& organisation : organisations) Add(organisation);
  }

  // What the host pins of them.
  void Pin(const std::filesystem::path& trust) const {
    for (const auto& [organisation, party] : parties_) {
      Write(trust / organisation / "issuer.pem", party.authority.certificate_pem());
      Write(trust / organisation / "jwks.json", party.tokens.jwks());
    }
  }
  const identity::Signer& SignerOf(const std::string& organisation) const {
    return parties_.at(organisation).tokens.signer();
  }
  const identity::ThrowawayAuthority& AuthorityOf(const std::string& organisation) const {
    return parties_.at(organisation).authority;
  }

  // Files of a certificate `svc/<service>` of the organisation, which trusts servers of the host.
  rpc::TlsFiles Files(const std::string& organisation, const std::string& service) const {
    return Show(organisation + "-" + service,
                parties_.at(organisation)
                    .authority.Issue(
                        {{identity::OrganisationUri(network_, organisation) + "/svc/" + service}}));
  }
  // How the organisation's clients connect.
  std::shared_ptr<grpc::ChannelCredentials> Credentials(const std::string& organisation) const {
    const auto credentials =
        rpc::ClientCredentialsOf(Show(organisation + "-cli", parties_.at(organisation).client));
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return *credentials;
  }
  // A new token of somebody of the organisation, bound to its client certificate.
  std::string Bearer(const std::string& organisation, const std::string& actor,
                     const std::string& role, const std::string& purpose) const {
    const Party& party = parties_.at(organisation);
    auto claims = party.tokens.Claims(party.client.certificate_pem, SystemClock().NowMs());
    claims.subject = actor;
    claims.role = role;
    claims.purpose = purpose;
    return party.tokens.Sign(claims);
  }

 private:
  struct Party {
    identity::ThrowawayAuthority authority;
    identity::ThrowawayTokens tokens;
    identity::ThrowawayCertificate client;
  };

  void Add(const std::string& organisation) {
    identity::ThrowawayAuthority authority(organisation);
    auto client =
        authority.Issue({{identity::OrganisationUri(network_, organisation) + "/svc/cli"}});
    parties_.emplace(organisation,
                     Party{std::move(authority), identity::ThrowawayTokens(network_, organisation),
                           std::move(client)});
  }
  // Files are written once: whoever reads them again must never see half of one.
  rpc::TlsFiles Show(const std::string& name, const identity::ThrowawayCertificate& own) const {
    const auto once = [this](const std::string& file, const std::string& text) {
      const auto path = folder_ / file;
      return std::filesystem::exists(path) ? path.string() : Write(path, text);
    };
    return {once(name + ".pem", own.certificate_pem), once(name + ".key", own.key_pem),
            once("host.pem", parties_.at(host_).authority.certificate_pem())};
  }
  static std::string Write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  const std::filesystem::path folder_;
  const std::string network_;
  const std::string host_;
  std::map<std::string, Party> parties_;
};

}  // namespace waterline::testing
