#include "clients/cli/credentials.h"

#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "clients/cli/session.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/jwt.h"
#include "services/common/identity/spiffe.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::cli {
namespace {

constexpr const char* kTlsKeys[] = {"tls-certificate", "tls-key", "tls-ca"};
constexpr char kCertificateKey[] = "tls-certificate";
constexpr char kTokenKey[] = "token-key";
constexpr char kPemEnd[] = "-----END CERTIFICATE-----";

std::string Get(const Values& settings, const std::string& key) {
  const auto found = settings.find(key);
  return found == settings.end() ? "" : found->second;
}

struct Own {
  identity::SpiffeId name;
  std::string thumbprint;
};

// Of the first certificate in the file, the own one.
absl::StatusOr<Own> ReadOwn(const std::string& path) {
  WATERLINE_ASSIGN_OR_RETURN(const auto pem, ReadFirstCertificate(path));
  WATERLINE_ASSIGN_OR_RETURN(const auto certificate, identity::Certificate::Parse(pem));
  WATERLINE_ASSIGN_OR_RETURN(const auto uri, certificate.Uri());
  WATERLINE_ASSIGN_OR_RETURN(auto name, identity::ParseSpiffeId(uri, NetworkOf(uri)));
  return Own{std::move(name), certificate.thumbprint()};
}

absl::StatusOr<identity::AccessToken> ClaimsOf(const Values& settings) {
  WATERLINE_ASSIGN_OR_RETURN(const auto own, ReadOwn(Get(settings, kCertificateKey)));
  const std::string said = OrganisationIdFrom(Get(settings, "org"));
  if (!said.empty() && said != own.name.organisation)
    return BadFields({{"--org", "is not the organisation of the certificate"}});
  identity::AccessToken claims;
  claims.issuer = identity::OrganisationUri(own.name.network, own.name.organisation);
  claims.organisation = own.name.organisation;
  claims.subject = Get(settings, "actor");
  claims.role = Get(settings, "role");
  claims.purpose = Get(settings, "purpose");
  claims.certificate = own.thumbprint;
  if (claims.subject.empty() || claims.role.empty())
    return Error(reason::kIdentityMissing, "an access token says who asks, and as what");
  return claims;
}

}  // namespace

std::string NetworkOf(std::string_view uri) {
  const std::string scheme = identity::NetworkUri("");
  if (!uri.starts_with(scheme)) return "";
  const std::string_view rest = uri.substr(scheme.size());
  return std::string(rest.substr(0, rest.find('/')));
}

absl::StatusOr<std::string> ReadFileOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(file), {});
  if (file && !content.empty()) return content;
  return Error(reason::kStateForbids, "the file " + path + " is missing, empty or not readable",
               {{"file", path}});
}

absl::StatusOr<std::string> ReadFirstCertificate(const std::string& path) {
  WATERLINE_ASSIGN_OR_RETURN(auto pem, ReadFileOf(path));
  const size_t end = pem.find(kPemEnd);
  if (end != std::string::npos) pem.resize(end + std::string_view(kPemEnd).size());
  return pem;
}

bool WantsTls(const Values& settings) {
  return !Get(settings, kTokenKey).empty() ||
         std::any_of(std::begin(kTlsKeys), std::end(kTlsKeys),
                     [&](const char* key) { return !Get(settings, key).empty(); });
}

absl::StatusOr<rpc::TokenSource> TokenSourceOf(const Values& settings, Clock* clock) {
  if (Get(settings, kTokenKey).empty()) return rpc::TokenSource();
  WATERLINE_ASSIGN_OR_RETURN(const auto pem, ReadFileOf(Get(settings, kTokenKey)));
  auto key = crypto::PrivateKey::FromPem(pem);
  if (!key.ok())
    return BadFields(
        {{"--token-key", "is no private key (PKCS #8 in PEM) of Ed25519, P-256 or RSA"}});
  WATERLINE_ASSIGN_OR_RETURN(const auto claims, ClaimsOf(settings));
  WATERLINE_ASSIGN_OR_RETURN(const auto own, ReadOwn(Get(settings, kCertificateKey)));
  const auto signer = identity::Signer::Of(*std::move(key));
  const std::string network = own.name.network;
  return rpc::TokenSource([claims, signer, network, clock]() -> absl::StatusOr<std::string> {
    identity::AccessToken token = claims;
    token.id = crypto::RandomId('t');
    token.issued_at = clock->NowMs() / 1000;
    token.expires_at = token.issued_at + identity::kTokenLifeMax.count();
    return identity::SignAccessToken(token, network, signer);
  });
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(const Values& settings) {
  static SystemClock clock;
  if (!WantsTls(settings)) return grpc::InsecureChannelCredentials();
  std::vector<FieldViolation> missing;
  for (const char* key : kTlsKeys) {
    if (Get(settings, key).empty())
      missing.push_back({"--" + std::string(key), "is needed for an encrypted connection"});
  }
  if (!missing.empty()) return BadFields(missing);
  WATERLINE_ASSIGN_OR_RETURN(auto tokens, TokenSourceOf(settings, &clock));
  const rpc::TlsFiles files{Get(settings, kTlsKeys[0]), Get(settings, kTlsKeys[1]),
                            Get(settings, kTlsKeys[2])};
  return rpc::ClientCredentialsOf(files, std::move(tokens));
}

}  // namespace waterline::cli
