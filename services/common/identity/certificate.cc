#include "services/common/identity/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "services/common/crypto/hash.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::identity {
namespace {

constexpr int64_t kMs = 1000;
constexpr int kAuthLevel = 2;  // 112 bits: no SHA-1, no RSA below 2048 bits.

template <auto free>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using Context = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;
using Owned = std::shared_ptr<void>;

X509* AsX509(const Owned& owned) { return static_cast<X509*>(owned.get()); }
X509_CRL* AsList(const Owned& owned) { return static_cast<X509_CRL*>(owned.get()); }
X509_STORE* AsStore(const Owned& owned) { return static_cast<X509_STORE*>(owned.get()); }

absl::Status Refused(std::string_view sentence) {
  return Error(reason::kCertificateRefused,
               "the client certificate is refused: " + std::string(sentence));
}
absl::Status Broken(const char* sentence) { return absl::InvalidArgumentError(sentence); }

// PEM texts of one kind; nothing when one of them does not parse or the last is cut off.
template <class T, auto read, auto free>
std::vector<Owned> ReadPem(std::string_view pem, std::string_view kind) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Owned> out;
  while (T* one = read(bio.get(), nullptr, nullptr, nullptr))
    out.emplace_back(one, [](void* p) { free(static_cast<T*>(p)); });
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  const size_t last = pem.find_last_not_of(" \r\n");
  const std::string end = "-----END " + std::string(kind) + "-----";
  if (!ended || last == std::string_view::npos || !pem.substr(0, last + 1).ends_with(end))
    return {};
  return out;
}

std::vector<Owned> ReadCertificates(std::string_view pem) {
  return ReadPem<X509, PEM_read_bio_X509, X509_free>(pem, "CERTIFICATE");
}
std::vector<Owned> ReadLists(std::string_view pem) {
  return ReadPem<X509_CRL, PEM_read_bio_X509_CRL, X509_CRL_free>(pem, "X509 CRL");
}

int64_t ToMs(const ASN1_TIME* time) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return int64_t{timegm(&parts)} * kMs;
}

// Its subject alternative names of one type, GEN_URI or GEN_DNS.
std::vector<std::string> NamesOf(X509* certificate, int type) {
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  std::vector<std::string> out;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != type) continue;
    const ASN1_IA5STRING* text = name->d.ia5;
    out.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<size_t>(ASN1_STRING_length(text)));
  }
  return out;
}

bool IsAuthority(X509* certificate) {
  const uint32_t flags = X509_get_extension_flags(certificate);
  return (flags & EXFLAG_INVALID) == 0 && (flags & EXFLAG_CA) != 0 &&
         (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) != 0;
}

// X509-SVID section 4: a leaf shows itself and signs no other; and it is for clients.
absl::Status CheckLeaf(X509* certificate) {
  const uint32_t flags = X509_get_extension_flags(certificate);
  const uint32_t usage = X509_get_key_usage(certificate);
  if ((flags & EXFLAG_INVALID) != 0) return Refused("its extensions contradict each other");
  if ((flags & EXFLAG_CA) != 0 || usage == UINT32_MAX ||
      (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0 || (usage & KU_DIGITAL_SIGNATURE) == 0)
    return Refused("its key may sign certificates, or may not sign for itself");
  if ((flags & EXFLAG_XKUSAGE) == 0 ||
      (X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT) == 0)
    return Refused("it is not for clients: the extended key usage clientAuth is missing");
  return absl::OkStatus();
}

// Why OpenSSL says no.
absl::Status ToStatus(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return Error(reason::kIssuerNotPinned,
                   "the client certificate was not issued by an issuer that is pinned to the "
                   "organisation it names");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Refused("it, or its issuer, is not valid yet; compare the clocks");
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Refused("it, or its issuer, has ended: get a new one");
    case X509_V_ERR_CERT_REVOKED:
      return Refused("its issuer has revoked it");
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return Refused(
          "the revocation list of its issuer is out of date: its organisation must "
          "hand in a new one");
    default:
      return Refused(X509_verify_cert_error_string(error));
  }
}

// The one list that this authority signed; nullptr when there are no lists.
absl::StatusOr<Owned> ListOf(X509* authority, const std::vector<Owned>& lists) {
  Owned found;
  for (const auto& list : lists) {
    if (X509_CRL_verify(AsList(list), X509_get0_pubkey(authority)) == 1) found = list;
  }
  ERR_clear_error();
  if (lists.empty()) return found;
  if (found == nullptr)
    return Broken("the revocation lists are not one of each issuer, signed by it");
  if (X509_CRL_get0_nextUpdate(AsList(found)) == nullptr)
    return Broken("a revocation list does not say until when it holds");
  return found;
}

Owned NewStore(X509* authority, const Owned& list) {
  Owned store(X509_STORE_new(), [](void* p) { X509_STORE_free(static_cast<X509_STORE*>(p)); });
  X509_STORE_add_cert(AsStore(store), authority);
  if (list != nullptr) X509_STORE_add_crl(AsStore(store), AsList(list));
  return store;
}

}  // namespace

Certificate Certificate::Of(Owned x509) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(AsX509(x509), &der);
  Certificate out;
  out.x509_ = std::move(x509);
  out.thumbprint_ =
      crypto::Sha256({reinterpret_cast<const char*>(der), static_cast<size_t>(std::max(size, 0))});
  OPENSSL_free(der);
  return out;
}

absl::StatusOr<Certificate> Certificate::Parse(std::string_view pem) {
  const auto all = ParseAll(pem);
  if (all.size() != 1) return Refused("it is not one certificate in PEM");
  return all[0];
}

std::vector<Certificate> Certificate::ParseAll(std::string_view pem) {
  std::vector<Certificate> out;
  for (auto& x509 : ReadCertificates(pem)) out.push_back(Of(std::move(x509)));
  return out;
}

absl::StatusOr<std::string> Certificate::Uri() const {
  const auto uris = NamesOf(AsX509(x509_), GEN_URI);
  if (uris.size() != 1)
    return Refused("it has " + std::to_string(uris.size()) + " URI names, and must have one");
  return uris[0];
}

std::vector<std::string> Certificate::DnsNames() const { return NamesOf(AsX509(x509_), GEN_DNS); }

std::string Certificate::Subject() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(AsX509(x509_)), 0,
                     XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

bool Certificate::HasMark(std::string_view organisation) const {
  const X509_NAME* subject = X509_get_subject_name(AsX509(x509_));
  int at = -1;
  while ((at = X509_NAME_get_index_by_NID(subject, NID_organizationName, at)) >= 0) {
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                static_cast<size_t>(ASN1_STRING_length(value)));
    if (text == organisation) return true;
  }
  return false;
}

Window Certificate::Valid() const {
  return {ToMs(X509_get0_notBefore(AsX509(x509_))), ToMs(X509_get0_notAfter(AsX509(x509_)))};
}

absl::StatusOr<crypto::PublicKey> Certificate::Key() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(AsX509(x509_)), &der);
  if (size <= 0) return Broken("the certificate holds no key");
  const std::string spki(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return crypto::PublicKey::FromSpki(spki);
}

absl::StatusOr<PinnedIssuers> PinnedIssuers::Of(std::string_view issuers,
                                                std::string_view revoked) {
  const auto authorities = ReadCertificates(issuers);
  if (authorities.empty() || authorities.size() > kIssuersMax)
    return Broken("it is not 1 to 16 whole certificates in PEM");
  std::vector<Owned> lists;
  if (!revoked.empty()) {
    lists = ReadLists(revoked);
    if (lists.empty()) return Broken("the revocation lists are not whole X509 CRLs in PEM");
    if (lists.size() != authorities.size())
      return Broken("the revocation lists are not one of each issuer, signed by it");
  }
  PinnedIssuers out;
  out.has_lists_ = !lists.empty();
  for (const auto& authority : authorities) {
    if (!IsAuthority(AsX509(authority)))
      return Broken("one of the certificates is no authority: it may not sign certificates");
    WATERLINE_ASSIGN_OR_RETURN(auto list, ListOf(AsX509(authority), lists));
    out.authorities_.push_back({NewStore(AsX509(authority), list), std::move(list)});
  }
  return out;
}

absl::StatusOr<Window> PinnedIssuers::VerifyWith(const Authority& authority, void* leaf,
                                                 int64_t now_ms) {
  const Context context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), AsStore(authority.store), static_cast<X509*>(leaf), nullptr);
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (authority.list != nullptr) flags |= X509_V_FLAG_CRL_CHECK;
  X509_VERIFY_PARAM_set_flags(param, flags);
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
  X509_VERIFY_PARAM_set_auth_level(param, kAuthLevel);
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(now_ms / kMs));
  const bool holds = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!holds) return ToStatus(X509_STORE_CTX_get_error(context.get()));
  Window window{0, INT64_MAX};
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* link = sk_X509_value(chain, i);
    window.from = std::max(window.from, ToMs(X509_get0_notBefore(link)));
    window.until = std::min(window.until, ToMs(X509_get0_notAfter(link)));
  }
  if (authority.list != nullptr)
    window.until = std::min(window.until, ToMs(X509_CRL_get0_nextUpdate(AsList(authority.list))));
  return window;
}

absl::StatusOr<Window> PinnedIssuers::Verify(const Certificate& certificate, int64_t now_ms) const {
  WATERLINE_RETURN_IF_ERROR(CheckLeaf(AsX509(certificate.x509_)));
  // The answer of the authority that signed it, whichever that is.
  absl::StatusOr<Window> answer = ToStatus(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT);
  for (const auto& authority : authorities_) {
    auto window = VerifyWith(authority, certificate.x509_.get(), now_ms);
    if (window.ok() || ReasonOf(window.status()) != reason::kIssuerNotPinned.name) answer = window;
    if (window.ok()) break;
  }
  return answer;
}

PairFault CheckPair(std::string_view certificate, std::string_view key) {
  const auto certificates = ReadCertificates(certificate);
  if (certificates.empty()) return PairFault::kNoCertificate;
  const Bio bio(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
  char no_password[] = "";
  const std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> own(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_password));
  const bool fits =
      own != nullptr && X509_check_private_key(AsX509(certificates.front()), own.get()) == 1;
  ERR_clear_error();
  if (own == nullptr) return PairFault::kNoKey;
  return fits ? PairFault::kNone : PairFault::kDoNotFit;
}

}  // namespace waterline::identity
