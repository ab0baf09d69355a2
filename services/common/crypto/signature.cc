#include "services/common/crypto/signature.h"

#include <openssl/evp.h>

namespace waterline::crypto {
namespace {

const unsigned char* Bytes(std::string_view view) {
  return reinterpret_cast<const unsigned char*>(view.data());
}

struct SignatureContext {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~SignatureContext() { EVP_MD_CTX_free(context); }
};

}  // namespace

absl::StatusOr<Ed25519Key> Ed25519Key::FromSeed(std::string_view seed) {
  if (seed.size() != kEd25519SeedBytes)
    return absl::InvalidArgumentError("an Ed25519 seed has 32 bytes");
  Ed25519Key key;
  EVP_PKEY* made =
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed), seed.size());
  if (made == nullptr) return absl::InternalError("OpenSSL made no Ed25519 key");
  key.key_ = std::shared_ptr<void>(made, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
  key.public_key_.resize(kEd25519PublicKeyBytes);
  size_t length = kEd25519PublicKeyBytes;
  EVP_PKEY_get_raw_public_key(made, reinterpret_cast<unsigned char*>(key.public_key_.data()),
                              &length);
  return key;
}

std::string Ed25519Key::Sign(std::string_view message) const {
  SignatureContext signature;
  std::string out(kEd25519SignatureBytes, '\0');
  size_t length = out.size();
  EVP_DigestSignInit(signature.context, nullptr, nullptr, nullptr,
                     static_cast<EVP_PKEY*>(key_.get()));
  EVP_DigestSign(signature.context, reinterpret_cast<unsigned char*>(out.data()), &length,
                 Bytes(message), message.size());
  return out;
}

bool Ed25519Verify(std::string_view public_key, std::string_view message,
                   std::string_view signature) {
  if (public_key.size() != kEd25519PublicKeyBytes || signature.size() != kEd25519SignatureBytes)
    return false;
  EVP_PKEY* key =
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(public_key), public_key.size());
  if (key == nullptr) return false;
  SignatureContext context;
  const bool good = EVP_DigestVerifyInit(context.context, nullptr, nullptr, nullptr, key) == 1 &&
                    EVP_DigestVerify(context.context, Bytes(signature), signature.size(),
                                     Bytes(message), message.size()) == 1;
  EVP_PKEY_free(key);
  return good;
}

}  // namespace waterline::crypto
