#pragma once

// Text forms of bytes. Decoders are strict: INVALID_ARGUMENT for any character, length or padding
// that the encoder would not have made. Thread safety: pure functions.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace waterline::crypto {

std::string HexEncode(std::string_view bytes);  // Lower case.
absl::StatusOr<std::string> HexDecode(std::string_view text);

std::string Base64Encode(std::string_view bytes);  // RFC 4648 section 4, padded.
absl::StatusOr<std::string> Base64Decode(std::string_view text);

// RFC 4648 section 5 without padding, as JOSE writes it (RFC 7515 section 2).
std::string Base64UrlEncode(std::string_view bytes);
absl::StatusOr<std::string> Base64UrlDecode(std::string_view text);

std::string Base32Encode(std::string_view bytes);  // RFC 4648 section 6, lower case, no padding.

}  // namespace waterline::crypto
