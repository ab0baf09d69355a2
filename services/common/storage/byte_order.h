#pragma once

// Numbers as keys: 8 bytes, big-endian, so that keys sort as their numbers do.
// Thread safety: pure functions.

#include <cstdint>
#include <string>
#include <string_view>

namespace waterline::storage {

inline std::string BigEndian(uint64_t value) {
  std::string bytes(8, '\0');
  for (size_t i = 8; i > 0; --i, value >>= 8) bytes[i - 1] = static_cast<char>(value & 255);
  return bytes;
}

// Of the first 8 bytes; precondition: there are that many.
inline uint64_t FromBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes.substr(0, 8))
    value = (value << 8) | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace waterline::storage
