#include "services/common/crypto/aead.h"

#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>

namespace waterline::crypto {
namespace {

const EVP_CIPHER* Gcm() {
  static const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

const EVP_CIPHER* Kwp() {
  static const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-WRAP-PAD", nullptr);
  return cipher;
}

struct CipherContext {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  ~CipherContext() { EVP_CIPHER_CTX_free(context); }
};

const unsigned char* Bytes(std::string_view view) {
  return reinterpret_cast<const unsigned char*>(view.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "cryptography used wrongly: %s\n", what);
  std::abort();
}

absl::Status DoesNotOpen() { return absl::DataLossError("does not open under this key"); }

}  // namespace

std::string AesGcmSeal(std::string_view key, std::string_view nonce, std::string_view aad,
                       std::string_view plain) {
  Require(key.size() == kAesKeyBytes && nonce.size() == kGcmNonceBytes,
          "AES-256-GCM key or nonce length");
  thread_local CipherContext cipher;
  std::string sealed(plain.size() + kGcmTagBytes, '\0');
  int length = 0;
  bool good = EVP_EncryptInit_ex2(cipher.context, Gcm(), Bytes(key), Bytes(nonce), nullptr) == 1;
  good = good && EVP_EncryptUpdate(cipher.context, nullptr, &length, Bytes(aad),
                                   static_cast<int>(aad.size())) == 1;
  good = good && EVP_EncryptUpdate(cipher.context, Bytes(sealed), &length, Bytes(plain),
                                   static_cast<int>(plain.size())) == 1;
  good = good && EVP_EncryptFinal_ex(cipher.context, Bytes(sealed) + length, &length) == 1;
  good = good && EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_GCM_GET_TAG, kGcmTagBytes,
                                     Bytes(sealed) + plain.size()) == 1;
  Require(good, "AES-256-GCM failed");
  return sealed;
}

absl::StatusOr<std::string> AesGcmOpen(std::string_view key, std::string_view nonce,
                                       std::string_view aad, std::string_view sealed) {
  if (key.size() != kAesKeyBytes || nonce.size() != kGcmNonceBytes || sealed.size() < kGcmTagBytes)
    return DoesNotOpen();
  thread_local CipherContext cipher;
  std::string plain(sealed.size() - kGcmTagBytes, '\0');
  std::string tag(sealed.substr(plain.size()));
  int length = 0;
  bool good = EVP_DecryptInit_ex2(cipher.context, Gcm(), Bytes(key), Bytes(nonce), nullptr) == 1;
  good = good && EVP_DecryptUpdate(cipher.context, nullptr, &length, Bytes(aad),
                                   static_cast<int>(aad.size())) == 1;
  good = good && EVP_DecryptUpdate(cipher.context, Bytes(plain), &length, Bytes(sealed),
                                   static_cast<int>(plain.size())) == 1;
  good = good &&
         EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_GCM_SET_TAG, kGcmTagBytes, tag.data()) == 1;
  good = good && EVP_DecryptFinal_ex(cipher.context, Bytes(plain) + length, &length) == 1;
  if (!good) return DoesNotOpen();
  return plain;
}

std::string KeyWrap(std::string_view wrapping_key, std::string_view secret) {
  Require(wrapping_key.size() == kAesKeyBytes && !secret.empty(), "AES-256-KWP key length");
  thread_local CipherContext cipher;
  EVP_CIPHER_CTX_set_flags(cipher.context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  std::string wrapped(secret.size() + 16, '\0');
  int length = 0;
  bool good =
      EVP_EncryptInit_ex2(cipher.context, Kwp(), Bytes(wrapping_key), nullptr, nullptr) == 1;
  good = good && EVP_EncryptUpdate(cipher.context, Bytes(wrapped), &length, Bytes(secret),
                                   static_cast<int>(secret.size())) == 1;
  Require(good, "AES-256-KWP failed");
  wrapped.resize(static_cast<size_t>(length));
  return wrapped;
}

absl::StatusOr<std::string> KeyUnwrap(std::string_view wrapping_key, std::string_view wrapped) {
  if (wrapping_key.size() != kAesKeyBytes || wrapped.size() < 16 || wrapped.size() % 8 != 0)
    return DoesNotOpen();
  thread_local CipherContext cipher;
  EVP_CIPHER_CTX_set_flags(cipher.context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  std::string secret(wrapped.size() + 8, '\0');
  int length = 0;
  bool good =
      EVP_DecryptInit_ex2(cipher.context, Kwp(), Bytes(wrapping_key), nullptr, nullptr) == 1;
  good = good && EVP_DecryptUpdate(cipher.context, Bytes(secret), &length, Bytes(wrapped),
                                   static_cast<int>(wrapped.size())) == 1;
  if (!good || length <= 0) return DoesNotOpen();
  secret.resize(static_cast<size_t>(length));
  return secret;
}

}  // namespace waterline::crypto
