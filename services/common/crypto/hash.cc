#include "services/common/crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstring>

namespace waterline::crypto {
namespace {

constexpr size_t kBlockBytes = 64;

const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

struct DigestContext {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~DigestContext() { EVP_MD_CTX_free(context); }
};

// Two parts, so that HMAC needs no concatenation.
std::string Digest(std::string_view first, std::string_view second) {
  thread_local DigestContext digest;
  std::string out(kSha256Bytes, '\0');
  EVP_DigestInit_ex2(digest.context, Sha256Algorithm(), nullptr);
  EVP_DigestUpdate(digest.context, first.data(), first.size());
  EVP_DigestUpdate(digest.context, second.data(), second.size());
  EVP_DigestFinal_ex(digest.context, reinterpret_cast<unsigned char*>(out.data()), nullptr);
  return out;
}

}  // namespace

std::string Sha256(std::string_view bytes) { return Digest(bytes, {}); }

std::string HmacSha256(std::string_view key, std::string_view bytes) {
  char inner[kBlockBytes] = {};
  char outer[kBlockBytes] = {};
  const std::string hashed = key.size() > kBlockBytes ? Sha256(key) : std::string(key);
  std::memcpy(inner, hashed.data(), hashed.size());
  std::memcpy(outer, hashed.data(), hashed.size());
  for (size_t i = 0; i < kBlockBytes; ++i) {
    inner[i] = static_cast<char>(inner[i] ^ 0x36);
    outer[i] = static_cast<char>(outer[i] ^ 0x5c);
  }
  return Digest({outer, kBlockBytes}, Digest({inner, kBlockBytes}, bytes));
}

std::string HkdfSha256(std::string_view key, std::string_view salt, std::string_view info,
                       size_t length) {
  const std::string secret =
      HmacSha256(salt.empty() ? std::string(kSha256Bytes, '\0') : std::string(salt), key);
  std::string out;
  std::string block;
  for (char counter = 1; out.size() < length; ++counter) {
    block = HmacSha256(secret, block + std::string(info) + counter);
    out += block;
  }
  out.resize(length);
  return out;
}

bool ConstantTimeEquals(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

struct Sha256Stream::State : DigestContext {};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  EVP_DigestInit_ex2(state_->context, Sha256Algorithm(), nullptr);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;

void Sha256Stream::Update(std::string_view bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

std::string Sha256Stream::Finish() {
  std::string out(kSha256Bytes, '\0');
  EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(out.data()), nullptr);
  return out;
}

}  // namespace waterline::crypto
