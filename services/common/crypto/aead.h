#pragma once

// AES-256-GCM (NIST SP 800-38D) and AES-256 key wrap with padding (RFC 5649). Wrong key or nonce
// lengths end the process: they are broken invariants. Opening what does not fit is
// DATA_LOSS without detail. Thread safety: pure functions.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace waterline::crypto {

inline constexpr size_t kAesKeyBytes = 32;
inline constexpr size_t kGcmNonceBytes = 12;
inline constexpr size_t kGcmTagBytes = 16;

// Ciphertext followed by its tag. A nonce is used once per key.
std::string AesGcmSeal(std::string_view key, std::string_view nonce, std::string_view aad,
                       std::string_view plain);
absl::StatusOr<std::string> AesGcmOpen(std::string_view key, std::string_view nonce,
                                       std::string_view aad, std::string_view sealed);

std::string KeyWrap(std::string_view wrapping_key, std::string_view secret);
absl::StatusOr<std::string> KeyUnwrap(std::string_view wrapping_key, std::string_view wrapped);

}  // namespace waterline::crypto
