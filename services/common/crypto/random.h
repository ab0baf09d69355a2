#pragma once

// Randomness for keys, nonces and ids. Thread safety: all functions from any thread.

#include <string>

namespace waterline::crypto {

// `count` bytes from the operating system's generator through OpenSSL. Ends the process when there
// are none: nothing can be promised without them. Thread safe.
std::string RandomBytes(size_t count);

// One letter and 128 random bits in 25 characters of lower case base 32 (a-z2-7): the id of
// everything that has no identifier of its own (contracts.md 1). The last three bits are dropped.
std::string RandomId(char letter);

// The same shape from 16 given bytes.
std::string IdFromBytes(char letter, const std::string& bytes16);

}  // namespace waterline::crypto
