#include "services/common/crypto/encoding.h"

#include <cstdint>
#include <optional>

namespace waterline::crypto {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kBase32[] = "abcdefghijklmnopqrstuvwxyz234567";
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kBase64Url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Writes `bytes` in digits of `bits` bits each, most significant first; the rest is zero bits.
std::string EncodeBits(std::string_view bytes, int bits, const char* alphabet) {
  std::string text;
  uint32_t pending = 0;
  int pending_bits = 0;
  for (const char byte : bytes) {
    pending = (pending << 8) | static_cast<uint8_t>(byte);
    pending_bits += 8;
    while (pending_bits >= bits) {
      pending_bits -= bits;
      text.push_back(alphabet[(pending >> pending_bits) & ((1u << bits) - 1)]);
    }
    pending &= (1u << pending_bits) - 1;
  }
  if (pending_bits > 0)
    text.push_back(alphabet[(pending << (bits - pending_bits)) & ((1u << bits) - 1)]);
  return text;
}

int DigitOf(char c, const char* alphabet, int size) {
  for (int i = 0; i < size; ++i) {
    if (alphabet[i] == c) return i;
  }
  return -1;
}

absl::Status Malformed(const char* what) {
  return absl::InvalidArgumentError(std::string("not ") + what);
}

// The whole bytes of digits of six bits; left-over bits are the caller's to judge.
std::optional<std::string> DecodeSixBits(std::string_view digits, const char* alphabet) {
  std::string bytes;
  uint32_t pending = 0;
  int pending_bits = 0;
  for (const char c : digits) {
    const int digit = DigitOf(c, alphabet, 64);
    if (digit < 0) return std::nullopt;
    pending = (pending << 6) | static_cast<uint32_t>(digit);
    pending_bits += 6;
    if (pending_bits < 8) continue;
    pending_bits -= 8;
    bytes.push_back(static_cast<char>((pending >> pending_bits) & 255));
    pending &= (1u << pending_bits) - 1;
  }
  return bytes;
}

}  // namespace

std::string HexEncode(std::string_view bytes) { return EncodeBits(bytes, 4, kHex); }
std::string Base32Encode(std::string_view bytes) { return EncodeBits(bytes, 5, kBase32); }

absl::StatusOr<std::string> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) return Malformed("hexadecimal");
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = DigitOf(text[i], kHex, 16);
    const int low = DigitOf(text[i + 1], kHex, 16);
    if (high < 0 || low < 0) return Malformed("hexadecimal");
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

std::string Base64Encode(std::string_view bytes) {
  std::string text = EncodeBits(bytes, 6, kBase64);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

absl::StatusOr<std::string> Base64Decode(std::string_view text) {
  const std::string_view digits = text.substr(0, text.find('='));
  if (text.size() % 4 != 0 || text.size() - digits.size() > 2) return Malformed("base64");
  auto bytes = DecodeSixBits(digits, kBase64);
  if (!bytes || Base64Encode(*bytes) != text) return Malformed("base64");
  return *std::move(bytes);
}

std::string Base64UrlEncode(std::string_view bytes) { return EncodeBits(bytes, 6, kBase64Url); }

absl::StatusOr<std::string> Base64UrlDecode(std::string_view text) {
  auto bytes = DecodeSixBits(text, kBase64Url);
  if (!bytes || Base64UrlEncode(*bytes) != text) return Malformed("base64url without padding");
  return *std::move(bytes);
}

}  // namespace waterline::crypto
