#include "services/common/crypto/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <bitset>
#include <cstdlib>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/signature.h"

namespace waterline::crypto {
namespace {

constexpr char kP256Group[] = "prime256v1";
constexpr unsigned kRsaExponentMin = 65537;
constexpr int kRsaExponentBitsMax = 64;

template <auto free>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    free(pointer);
  }
};
using Bignum = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using ParamsBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

const unsigned char* Bytes(std::string_view view) {
  return reinterpret_cast<const unsigned char*>(view.data());
}

std::shared_ptr<void> Own(EVP_PKEY* key) {
  return std::shared_ptr<void>(key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
}

Bignum ToBignum(std::string_view bytes) {
  return Bignum(BN_bin2bn(Bytes(bytes), static_cast<int>(bytes.size()), nullptr));
}

// `size` bytes; as few as it has when `size` is 0.
std::string ToBytes(const BIGNUM* number, int size = 0) {
  if (size == 0) size = BN_num_bytes(number);
  std::string bytes(static_cast<size_t>(size), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), size);
  return bytes;
}

absl::Status Refused(const char* sentence) { return absl::InvalidArgumentError(sentence); }

// Points of order 1, 2, 4 and 8, with the sign bit cleared, but for those that are not canonical:
// under such a "key" one signature fits many messages.
bool IsWeakPoint(std::string point) {
  point[31] = static_cast<char>(point[31] & 0x7f);
  const auto first = static_cast<uint8_t>(point[0]);
  const bool top = point.find_first_not_of('\xff', 1) == 31 && point[31] == 0x7f;
  if (top && first >= 0xec) return true;  // p - 1, or p and more: not canonical.
  const std::string hex = HexEncode(point);
  return hex == std::string(64, '0') || hex == "01" + std::string(62, '0') ||
         hex == "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05" ||
         hex == "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
}

// Keys of the faulty generator are powers of 65537 modulo every small prime (Nemec et al. 2017).
bool HasRocaFault(const BIGNUM* modulus) {
  constexpr unsigned kPrimes[] = {3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
                                  47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
                                  107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
  for (const unsigned prime : kPrimes) {
    std::bitset<168> powers;
    for (unsigned power = 1; !powers[power]; power = power * (65537 % prime) % prime)
      powers.set(power);
    if (!powers[BN_mod_word(modulus, prime)]) return false;
  }
  return true;
}

absl::StatusOr<std::shared_ptr<void>> FromParams(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return Refused("the key is not valid");
  auto owned = Own(key);
  const KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (EVP_PKEY_public_check(check.get()) != 1) return Refused("the key is not valid");
  return owned;
}

const EVP_MD* DigestOf(SignatureAlgorithm algorithm) {
  if (algorithm == SignatureAlgorithm::kEd25519) return nullptr;
  return algorithm == SignatureAlgorithm::kRsaSha512 ? EVP_sha512() : EVP_sha256();
}

KeyKind KindOf(SignatureAlgorithm algorithm) {
  if (algorithm == SignatureAlgorithm::kEd25519) return KeyKind::kEd25519;
  return algorithm == SignatureAlgorithm::kEcdsaP256Sha256 ? KeyKind::kP256 : KeyKind::kRsa;
}

// The DER form of the two numbers; empty when the length is wrong.
std::string P1363ToDer(std::string_view signature) {
  if (signature.size() != kP256SignatureBytes) return "";
  const EcdsaSignature pair(ECDSA_SIG_new());
  Bignum r = ToBignum(signature.substr(0, kP256FieldBytes));
  Bignum s = ToBignum(signature.substr(kP256FieldBytes));
  ECDSA_SIG_set0(pair.get(), r.release(), s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return "";
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string DerToP1363(std::string_view der) {
  const unsigned char* at = Bytes(der);
  const EcdsaSignature pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  return ToBytes(ECDSA_SIG_get0_r(pair.get()), kP256FieldBytes) +
         ToBytes(ECDSA_SIG_get0_s(pair.get()), kP256FieldBytes);
}

std::string NumberOf(EVP_PKEY* key, const char* name, int size = 0) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  const Bignum owned(number);
  return number == nullptr ? "" : ToBytes(number, size);
}

}  // namespace

absl::StatusOr<PublicKey> PublicKey::Ed25519(std::string_view point) {
  if (point.size() != kEd25519PublicKeyBytes) return Refused("an Ed25519 key has 32 bytes");
  if (IsWeakPoint(std::string(point))) return Refused("the Ed25519 point has small order");
  PublicKey key(KeyKind::kEd25519, point, "");
  key.key_ =
      Own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(point), point.size()));
  if (key.key_ == nullptr) return Refused("the key is not valid");
  return key;
}

absl::StatusOr<PublicKey> PublicKey::P256(std::string_view x, std::string_view y) {
  if (x.size() != kP256FieldBytes || y.size() != kP256FieldBytes)
    return Refused("the coordinates of a P-256 key have 32 bytes each");
  const std::string point = '\x04' + std::string(x) + std::string(y);
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kP256Group, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  auto made = FromParams("EC", builder.get());
  if (!made.ok()) return Refused("the point is not on the curve P-256");
  PublicKey key(KeyKind::kP256, x, y);
  key.key_ = *std::move(made);
  return key;
}

absl::StatusOr<PublicKey> PublicKey::Rsa(std::string_view modulus, std::string_view exponent) {
  if (modulus.empty() || exponent.empty() || modulus[0] == '\0' || exponent[0] == '\0')
    return Refused("the numbers of an RSA key have no leading zeros");
  const Bignum n = ToBignum(modulus);
  const Bignum e = ToBignum(exponent);
  if (BN_num_bits(n.get()) < kRsaBitsMin || BN_num_bits(n.get()) > kRsaBitsMax)
    return Refused("an RSA key has 2048 to 8192 bits");
  if (!BN_is_odd(n.get())) return Refused("the key is not valid");
  if (!BN_is_odd(e.get()) || BN_num_bits(e.get()) > kRsaExponentBitsMax ||
      BN_get_word(e.get()) < kRsaExponentMin)
    return Refused("the exponent of an RSA key is odd, 65537 or more, and has at most 64 bits");
  if (HasRocaFault(n.get()))
    return Refused("the RSA key comes from a faulty generator (ROCA); its owner needs a new one");
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  auto made = FromParams("RSA", builder.get());
  if (!made.ok()) return made.status();
  PublicKey key(KeyKind::kRsa, modulus, exponent);
  key.key_ = *std::move(made);
  return key;
}

bool PublicKey::Verify(SignatureAlgorithm algorithm, std::string_view message,
                       std::string_view signature) const {
  if (KindOf(algorithm) != kind_) return false;
  std::string der;
  if (kind_ == KeyKind::kP256) {
    der = P1363ToDer(signature);
    signature = der;
  }
  if (kind_ == KeyKind::kEd25519 && signature.size() != kEd25519SignatureBytes) return false;
  if (signature.empty()) return false;
  const DigestContext context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, DigestOf(algorithm), nullptr,
                              static_cast<EVP_PKEY*>(key_.get())) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message),
                          message.size()) == 1;
}

absl::StatusOr<PublicKey> PublicKey::FromHandle(void* key) {
  auto* raw = static_cast<EVP_PKEY*>(key);
  if (EVP_PKEY_is_a(raw, "ED25519")) {
    std::string point(kEd25519PublicKeyBytes, '\0');
    size_t size = point.size();
    EVP_PKEY_get_raw_public_key(raw, reinterpret_cast<unsigned char*>(point.data()), &size);
    return Ed25519(point);
  }
  if (EVP_PKEY_is_a(raw, "EC") && EVP_PKEY_get_bits(raw) == 256)
    return P256(NumberOf(raw, OSSL_PKEY_PARAM_EC_PUB_X, kP256FieldBytes),
                NumberOf(raw, OSSL_PKEY_PARAM_EC_PUB_Y, kP256FieldBytes));
  if (EVP_PKEY_is_a(raw, "RSA"))
    return Rsa(NumberOf(raw, OSSL_PKEY_PARAM_RSA_N), NumberOf(raw, OSSL_PKEY_PARAM_RSA_E));
  return Refused("the key is neither Ed25519, nor P-256, nor RSA");
}

absl::StatusOr<PublicKey> PublicKey::FromSpki(std::string_view der) {
  const unsigned char* at = Bytes(der);
  const auto key = Own(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (key == nullptr || at != Bytes(der) + der.size()) return Refused("the key is not valid");
  return FromHandle(key.get());
}

absl::StatusOr<PrivateKey> PrivateKey::FromHandle(std::shared_ptr<void> key) {
  auto half = PublicKey::FromHandle(key.get());
  if (!half.ok()) return half.status();
  half->key_ = std::move(key);
  return PrivateKey(*std::move(half));
}

PrivateKey PrivateKey::Generate(KeyKind kind) {
  EVP_PKEY* key = nullptr;
  if (kind == KeyKind::kEd25519) key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (kind == KeyKind::kP256) key = EVP_EC_gen(kP256Group);
  if (kind == KeyKind::kRsa) key = EVP_RSA_gen(kRsaBitsMin);
  auto made = FromHandle(Own(key));
  if (!made.ok()) std::abort();  // OpenSSL made no key: nothing can be promised.
  return *std::move(made);
}

absl::StatusOr<PrivateKey> PrivateKey::FromPem(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const auto no_password = [](char*, int, int, void*) { return 0; };
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr);
  if (key == nullptr) return Refused("this is no private key in PEM without a password");
  return FromHandle(Own(key));
}

std::string PrivateKey::ToPem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), static_cast<EVP_PKEY*>(handle()), nullptr, nullptr, 0,
                                nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string PrivateKey::Sign(SignatureAlgorithm algorithm, std::string_view message) const {
  if (KindOf(algorithm) != public_key_.kind()) std::abort();
  const DigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, DigestOf(algorithm), nullptr,
                         static_cast<EVP_PKEY*>(handle())) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(message), message.size()) != 1)
    std::abort();
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(message), message.size()) != 1)
    std::abort();
  signature.resize(size);
  return algorithm == SignatureAlgorithm::kEcdsaP256Sha256 ? DerToP1363(signature) : signature;
}

}  // namespace waterline::crypto
