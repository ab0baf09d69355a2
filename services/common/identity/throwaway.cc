#include "services/common/identity/throwaway.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "services/common/crypto/random.h"

namespace waterline::identity {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr std::chrono::seconds kAuthorityEnds = std::chrono::hours(24 * 30);

EVP_PKEY* Handle(const crypto::PrivateKey& key) { return static_cast<EVP_PKEY*>(key.handle()); }

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) std::abort();  // A name that is none: a fault of the caller.
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate Blank(const crypto::PrivateKey& key, const std::string& name,
                  std::chrono::seconds begins, std::chrono::seconds ends) {
  Certificate certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::string serial = crypto::RandomBytes(16);
  serial[0] = static_cast<char>(serial[0] & 0x7f);
  BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()), 16, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), begins.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), ends.count());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
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

Certificate FromPem(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Certificate certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), &X509_free);
  BIO_free(bio);
  return certificate;
}

}  // namespace

ThrowawayAuthority::ThrowawayAuthority(const std::string& common_name)
    : key_(crypto::PrivateKey::Generate(crypto::KeyKind::kP256)) {
  const auto certificate = Blank(key_, common_name, std::chrono::seconds(-60), kAuthorityEnds);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(certificate.get(), NID_subject_key_identifier, "hash");
  X509_sign(certificate.get(), Handle(key_), EVP_sha256());
  certificate_pem_ = ToPem(certificate.get());
}

ThrowawayCertificate ThrowawayAuthority::Issue(const LeafOptions& options) const {
  const auto key = crypto::PrivateKey::Generate(crypto::KeyKind::kP256);
  const auto leaf = Blank(key, "throwaway", options.begins, options.ends);
  const auto issuer = FromPem(certificate_pem_);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer.get()));
  std::string names = "DNS:localhost,IP:127.0.0.1";
  for (const auto& uri : options.uris) names += ",URI:" + uri;
  AddExtension(leaf.get(), NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(leaf.get(), NID_key_usage, "critical,digitalSignature");
  AddExtension(leaf.get(), NID_ext_key_usage, "clientAuth,serverAuth");
  AddExtension(leaf.get(), NID_subject_alt_name, names);
  X509_sign(leaf.get(), Handle(key_), EVP_sha256());
  return {ToPem(leaf.get()), key.ToPem()};
}

}  // namespace waterline::identity
