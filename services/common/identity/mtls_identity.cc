#include "services/common/identity/mtls_identity.h"

#include <algorithm>

#include "services/common/crypto/hash.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::identity {
namespace {

absl::StatusOr<std::string> BearerOf(const MetadataReader& metadata) {
  const std::string value = metadata(kAuthorizationKey).value_or("");
  if (value.size() <= kBearer.size() || !value.starts_with(kBearer))
    return Error(reason::kIdentityMissing,
                 "say who asks: metadata is missing: authorization with `Bearer` and an access "
                 "token",
                 {{"missing", std::string(kAuthorizationKey)}});
  return value.substr(kBearer.size());
}

absl::Status WrongBinding(const char* sentence) { return Error(reason::kTokenBinding, sentence); }

// That this token may be used over this connection, for this call.
absl::Status CheckBinding(const AccessToken& token, const std::string& thumbprint,
                          const std::string& organisation, const MetadataReader& metadata) {
  if (token.certificate != thumbprint)
    return WrongBinding("the access token is bound to another client certificate");
  if (token.organisation != organisation && token.acting != organisation)
    return WrongBinding(
        "the access token is of another organisation than the client certificate, and its `act` "
        "does not let that one use it");
  if (token.organisation == organisation && !token.acting.empty() && token.acting != organisation)
    return WrongBinding(
        "the access token is for another organisation to use, which its `act` names");
  const auto purpose = metadata(kPurposeKey).value_or("");
  if (!purpose.empty() && purpose != token.purpose)
    return WrongBinding(
        "the access token is for another purpose than waterline-purpose says, or for none");
  return absl::OkStatus();
}

std::chrono::steady_clock::time_point After(int64_t ms) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
}

}  // namespace

absl::StatusOr<MtlsIdentity::Client> MtlsIdentity::Verify(const std::string& pem,
                                                          const Trust& trust,
                                                          int64_t now_ms) const {
  WATERLINE_ASSIGN_OR_RETURN(const auto certificate, Certificate::Parse(pem));
  WATERLINE_ASSIGN_OR_RETURN(const auto uri, certificate.Uri());
  WATERLINE_ASSIGN_OR_RETURN(auto name, ParseSpiffeId(uri, network_));
  const TrustedOrganisation* organisation = trust.Find(name.organisation);
  if (organisation == nullptr)
    return Error(reason::kIssuerNotPinned,
                 "no issuer is pinned to the organisation that the client certificate names");
  WATERLINE_ASSIGN_OR_RETURN(const auto window,
                             organisation->authorities.Verify(certificate, now_ms));
  return Client{std::move(name), certificate.thumbprint(), window};
}

absl::StatusOr<std::shared_ptr<const MtlsIdentity::Client>> MtlsIdentity::ClientOf(
    const Peer& peer, const Trust& trust, int64_t now_ms) {
  if (peer.certificate_pem.empty())
    return Error(reason::kCertificateRefused, "the call came without a client certificate");
  const std::string digest = crypto::Sha256(peer.certificate_pem);
  auto known = clients_.Find(digest, trust.generation());
  if (known != nullptr && known->window.from <= now_ms && now_ms < known->window.until)
    return known;
  WATERLINE_ASSIGN_OR_RETURN(auto verified, Verify(peer.certificate_pem, trust, now_ms));
  auto client = std::make_shared<const Client>(std::move(verified));
  clients_.Put(digest, trust.generation(), client->window.until, client);
  return client;
}

absl::StatusOr<std::shared_ptr<const AccessToken>> MtlsIdentity::TokenOf(const std::string& token,
                                                                         const std::string& digest,
                                                                         const Trust& trust) {
  if (auto known = tokens_.Find(digest, trust.generation())) return known;
  WATERLINE_ASSIGN_OR_RETURN(const auto issuer, IssuerSaid(token));
  const TrustedOrganisation* organisation = trust.FindIssuer(issuer);
  if (organisation == nullptr)
    return Error(reason::kIssuerNotPinned,
                 "the issuer of the access token is not pinned to any organisation");
  WATERLINE_ASSIGN_OR_RETURN(auto read, ReadAccessToken(token, organisation->keys, network_));
  if (read.organisation != organisation->id)
    return Error(reason::kIssuerNotPinned,
                 "the issuer of the access token is not pinned to the organisation in `org`");
  auto verified = std::make_shared<const AccessToken>(std::move(read));
  tokens_.Put(digest, trust.generation(), verified->EndMs(), verified);
  return verified;
}

Identified MtlsIdentity::AsService(const Client& client, int64_t now_ms) {
  Identified out;
  out.caller.set_organisation(client.name.organisation);
  out.caller.set_actor(client.name.service);
  out.caller.set_authentication(accountability::v1::AUTHENTICATION_MTLS);
  out.caller.set_certificate_identity(client.name.ToString());
  out.expiry = After(client.window.until - now_ms);
  return out;
}

absl::StatusOr<Identified> MtlsIdentity::Identify(const MetadataReader& metadata, const Peer& peer,
                                                  Access access) {
  const auto trust = trust_->Now();
  const int64_t now_ms = clock_->NowMs();
  WATERLINE_ASSIGN_OR_RETURN(const auto client, ClientOf(peer, *trust, now_ms));
  if (client->name.service == kJoinService && access != Access::kPublic)
    return Error(reason::kCertificateRefused,
                 "a certificate for joining calls what is public and nothing else");
  if (access == Access::kInternal) return AsService(*client, now_ms);
  WATERLINE_ASSIGN_OR_RETURN(const auto bearer, BearerOf(metadata));
  const std::string digest = crypto::Sha256(bearer);
  WATERLINE_ASSIGN_OR_RETURN(const auto token, TokenOf(bearer, digest, *trust));
  // A token names an organisation of this trust, or it would not have been verified.
  if (access != Access::kPublic && trust->Find(token->organisation)->is_invited)
    return Error(reason::kIssuerNotPinned,
                 "the organisation that the access token speaks for has not joined yet");
  WATERLINE_RETURN_IF_ERROR(CheckTime(*token, now_ms));
  const std::string& organisation = client->name.organisation;
  WATERLINE_RETURN_IF_ERROR(CheckBinding(*token, client->thumbprint, organisation, metadata));
  if (access == Access::kWrite) {
    WATERLINE_RETURN_IF_ERROR(replays_.Use(*token, now_ms));
  }
  Identified out;
  out.caller.set_organisation(organisation);
  out.caller.set_issuer(token->issuer);
  out.caller.set_actor(token->subject);
  out.caller.set_role(token->role);
  if (token->organisation != organisation) out.caller.set_on_behalf_of(token->organisation);
  out.caller.set_authentication(accountability::v1::AUTHENTICATION_MTLS_JWT);
  out.caller.set_token_digest(digest);
  out.caller.set_certificate_identity(client->name.ToString());
  out.purpose = token->purpose;
  out.expiry = After(std::min(token->EndMs(), client->window.until) - now_ms);
  return out;
}

}  // namespace waterline::identity
