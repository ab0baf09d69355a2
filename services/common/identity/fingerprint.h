#pragma once

// Fingerprints as people read them to each other: SHA-256 in hex, sixteen groups of four.
// Thread safety: pure functions.

#include <string>
#include <string_view>

namespace waterline::identity {

// ab12-cd34-... of the raw bytes.
std::string InGroups(std::string_view bytes);

// The raw 32 bytes of what was typed, with or without dashes, spaces and capitals between and in
// it; empty when it is no whole fingerprint.
std::string FingerprintFrom(std::string_view typed);

}  // namespace waterline::identity
