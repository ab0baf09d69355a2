#pragma once

// Ed25519 (RFC 8032). Thread safety: const methods from any thread.

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace waterline::crypto {

inline constexpr size_t kEd25519SeedBytes = 32;
inline constexpr size_t kEd25519PublicKeyBytes = 32;
inline constexpr size_t kEd25519SignatureBytes = 64;

class Ed25519Key {
 public:
  // From the 32-byte seed; INVALID_ARGUMENT for another length.
  static absl::StatusOr<Ed25519Key> FromSeed(std::string_view seed);

  const std::string& public_key() const { return public_key_; }
  std::string Sign(std::string_view message) const;

 private:
  std::shared_ptr<void> key_;  // EVP_PKEY
  std::string public_key_;
};

bool Ed25519Verify(std::string_view public_key, std::string_view message,
                   std::string_view signature);

}  // namespace waterline::crypto
