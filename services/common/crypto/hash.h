#pragma once

// SHA-256, HMAC-SHA-256 (RFC 2104), HKDF-SHA-256 (RFC 5869). Thread safety: pure functions on
// contexts kept per thread; a Sha256Stream belongs to one thread at a time.

#include <memory>
#include <string>
#include <string_view>

namespace waterline::crypto {

inline constexpr size_t kSha256Bytes = 32;

std::string Sha256(std::string_view bytes);
std::string HmacSha256(std::string_view key, std::string_view bytes);
// `length` up to 8,160 bytes.
std::string HkdfSha256(std::string_view key, std::string_view salt, std::string_view info,
                       size_t length);

// Compares in time that depends on the lengths only.
bool ConstantTimeEquals(std::string_view a, std::string_view b);

class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  void Update(std::string_view bytes);
  std::string Finish();  // Once.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace waterline::crypto
