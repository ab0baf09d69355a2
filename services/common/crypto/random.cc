#include "services/common/crypto/random.h"

#include <openssl/rand.h>

#include <cstdio>
#include <cstdlib>

#include "services/common/crypto/encoding.h"

namespace waterline::crypto {

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    std::fputs("no random numbers from the operating system\n", stderr);
    std::abort();
  }
  return bytes;
}

std::string RandomId(char letter) { return IdFromBytes(letter, RandomBytes(16)); }

std::string IdFromBytes(char letter, const std::string& bytes16) {
  return letter + Base32Encode(bytes16).substr(0, 25);
}

}  // namespace waterline::crypto
