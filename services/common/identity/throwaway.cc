#include "services/common/identity/throwaway.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "services/common/crypto/random.h"
#include "services/common/identity/certificate.h"

namespace waterline::identity {
namespace {

using OwnX509 = std::unique_ptr<X509, decltype(&X509_free)>;

EVP_PKEY* Handle(const crypto::PrivateKey& key) { return static_cast<EVP_PKEY*>(key.handle()); }

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) std::abort();  // A name that is none: a fault of the caller.
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void AddToSubject(X509* certificate, const char* what, const std::string& value) {
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), what, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
}

OwnX509 Blank(const crypto::PrivateKey& key, const std::string& name, std::chrono::seconds begins,
              std::chrono::seconds ends) {
  OwnX509 certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::string serial = crypto::RandomBytes(16);
  serial[0] = static_cast<char>(serial[0] & 0x7f);
  BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()), 16, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), begins.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), ends.count());
  AddToSubject(certificate.get(), "CN", name);
  X509_set_pubkey(certificate.get(), Handle(key));
  return certificate;
}

std::string ToPem(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

OwnX509 FromPem(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  OwnX509 certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), &X509_free);
  BIO_free(bio);
  return certificate;
}

}  // namespace

ThrowawayAuthority::ThrowawayAuthority(const std::string& common_name,
                                       const AuthorityOptions& options)
    : key_(crypto::PrivateKey::Generate(crypto::KeyKind::kP256)) {
  const auto certificate = Blank(key_, common_name, std::chrono::seconds(-60), options.ends);
  if (!options.mark.empty()) AddToSubject(certificate.get(), "O", options.mark);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(certificate.get(), NID_subject_key_identifier, "hash");
  if (!options.uri.empty())
    AddExtension(certificate.get(), NID_subject_alt_name, "URI:" + options.uri);
  X509_sign(certificate.get(), Handle(key_), EVP_sha256());
  certificate_pem_ = ToPem(certificate.get());
}

absl::StatusOr<ThrowawayAuthority> ThrowawayAuthority::Load(const std::string& certificate_pem,
                                                            const std::string& key_pem) {
  auto key = crypto::PrivateKey::FromPem(key_pem);
  if (!key.ok()) return key.status();
  const auto certificate = FromPem(certificate_pem);
  if (certificate == nullptr || X509_check_private_key(certificate.get(), Handle(*key)) != 1)
    return absl::InvalidArgumentError("the certificate and the key do not belong together");
  return ThrowawayAuthority(*std::move(key), certificate_pem);
}

ThrowawayCertificate ThrowawayAuthority::Issue(const LeafOptions& options) const {
  const auto key = crypto::PrivateKey::Generate(crypto::KeyKind::kP256);
  const auto leaf = Blank(key, "throwaway", options.begins, options.ends);
  const auto issuer = FromPem(certificate_pem_);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer.get()));
  std::string names = "DNS:localhost,IP:127.0.0.1";
  for (const auto& dns : options.dns) names += ",DNS:" + dns;
  for (const auto& uri : options.uris) names += ",URI:" + uri;
  const bool authority = options.authority;
  AddExtension(leaf.get(), NID_basic_constraints,
               authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  AddExtension(leaf.get(), NID_key_usage,
               authority ? "critical,keyCertSign,digitalSignature" : "critical,digitalSignature");
  if (!options.usage.empty()) AddExtension(leaf.get(), NID_ext_key_usage, options.usage);
  AddExtension(leaf.get(), NID_subject_alt_name, names);
  X509_sign(leaf.get(), Handle(key_), EVP_sha256());
  return {ToPem(leaf.get()), key.ToPem()};
}

std::string ThrowawayAuthority::Revoke(const std::vector<std::string>& certificates_pem,
                                       std::chrono::seconds ends) const {
  const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list(X509_CRL_new(), &X509_CRL_free);
  const auto issuer = FromPem(certificate_pem_);
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> from(X509_gmtime_adj(nullptr, -60),
                                                                   &ASN1_TIME_free);
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> until(
      X509_gmtime_adj(nullptr, ends.count()), &ASN1_TIME_free);
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer.get()));
  X509_CRL_set1_lastUpdate(list.get(), from.get());
  X509_CRL_set1_nextUpdate(list.get(), until.get());
  for (const auto& pem : certificates_pem) {
    X509_REVOKED* revoked = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(FromPem(pem).get()));
    X509_REVOKED_set_revocationDate(revoked, from.get());
    X509_CRL_add0_revoked(list.get(), revoked);
  }
  X509_CRL_sort(list.get());
  X509_CRL_sign(list.get(), Handle(key_), EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(bio, list.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

ThrowawayTokens::ThrowawayTokens(std::string network, std::string organisation)
    : ThrowawayTokens(std::move(network), std::move(organisation),
                      crypto::PrivateKey::Generate(crypto::KeyKind::kEd25519)) {}

ThrowawayTokens::ThrowawayTokens(std::string network, std::string organisation,
                                 crypto::PrivateKey key)
    : network_(std::move(network)),
      organisation_(std::move(organisation)),
      key_(std::move(key)),
      signer_(Signer::Of(key_)) {}

std::string ThrowawayTokens::jwks() const { return JwkSet::Of({signer_.jwk()})->ToJson(); }

AccessToken ThrowawayTokens::Claims(const std::string& certificate_pem, int64_t now_ms) const {
  AccessToken token;
  token.issuer = OrganisationUri(network_, organisation_);
  token.subject = "ann";
  token.organisation = organisation_;
  token.role = "engagement_lead";
  token.id = crypto::RandomId('t');
  token.certificate = Certificate::Parse(certificate_pem)->thumbprint();
  token.issued_at = now_ms / 1000;
  token.expires_at = token.issued_at + kTokenLifeMax.count();
  return token;
}

std::string ThrowawayTokens::Sign(const AccessToken& claims) const {
  return SignAccessToken(claims, network_, signer_);
}

}  // namespace waterline::identity
