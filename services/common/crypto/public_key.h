#pragma once

// Signatures with keys of other organisations and our own: Ed25519 (RFC 8032), ECDSA on P-256
// (FIPS 186-5, signatures as the 64 bytes of IEEE P1363), RSA PKCS #1 v1.5 of 2048 bits and more.
// The caller names the algorithm; a key of another kind verifies nothing with it.
// Making a key from numbers refuses what no honest owner has: points off the curve or of small
// order, RSA keys that are short, have an exponent below 65537, or carry the ROCA fault
// (CVE-2017-15361). The refusal is INVALID_ARGUMENT with a plain sentence.
// Thread safety: keys are immutable; const methods from any thread.

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace waterline::crypto {

enum class KeyKind { kEd25519, kP256, kRsa };
enum class SignatureAlgorithm { kEd25519, kEcdsaP256Sha256, kRsaSha256, kRsaSha512 };

inline constexpr size_t kP256FieldBytes = 32;
inline constexpr size_t kP256SignatureBytes = 64;
inline constexpr int kRsaBitsMin = 2048;
inline constexpr int kRsaBitsMax = 8192;

class PublicKey {
 public:
  static absl::StatusOr<PublicKey> Ed25519(std::string_view point);
  static absl::StatusOr<PublicKey> P256(std::string_view x, std::string_view y);
  // SubjectPublicKeyInfo in DER, as certificates hold it.
  static absl::StatusOr<PublicKey> FromSpki(std::string_view der);
  // Big endian without leading zeros.
  static absl::StatusOr<PublicKey> Rsa(std::string_view modulus, std::string_view exponent);

  KeyKind kind() const { return kind_; }
  // Ed25519: the point and nothing. P-256: x and y. RSA: modulus and exponent.
  const std::string& first() const { return first_; }
  const std::string& second() const { return second_; }

  bool Verify(SignatureAlgorithm algorithm, std::string_view message,
              std::string_view signature) const;

 private:
  friend class PrivateKey;
  // Of an EVP_PKEY with or without its private half, which is not kept.
  static absl::StatusOr<PublicKey> FromHandle(void* key);
  PublicKey(KeyKind kind, std::string_view first, std::string_view second)
      : kind_(kind), first_(first), second_(second) {}

  KeyKind kind_;
  std::string first_;
  std::string second_;
  std::shared_ptr<void> key_;  // EVP_PKEY
};

class PrivateKey {
 public:
  static PrivateKey Generate(KeyKind kind);  // RSA: 2048 bits.
  // PKCS #8, not encrypted. INVALID_ARGUMENT for anything else and for another kind of key.
  static absl::StatusOr<PrivateKey> FromPem(const std::string& pem);

  std::string ToPem() const;
  const PublicKey& public_key() const { return public_key_; }
  // The algorithm fits the kind of the key; another one ends the process.
  std::string Sign(SignatureAlgorithm algorithm, std::string_view message) const;

  // The EVP_PKEY, for making certificates.
  void* handle() const { return public_key_.key_.get(); }

 private:
  explicit PrivateKey(PublicKey key) : public_key_(std::move(key)) {}
  static absl::StatusOr<PrivateKey> FromHandle(std::shared_ptr<void> key);
  PublicKey public_key_;  // Its EVP_PKEY holds the private half too.
};

}  // namespace waterline::crypto
