#include "services/common/text/utf8.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

namespace waterline::text {
namespace {

// The code point at text[at] and its length; length 0 when malformed (RFC 3629: no overlong forms,
// no surrogates, nothing above U+10FFFF).
std::pair<uint32_t, size_t> Decode(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return {0, 0};
  uint32_t code = first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0, 0};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  static constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {0, 0};
  return {code, length};
}

bool IsForbidden(uint32_t code) {
  if (code < 0x20) return code != '\t' && code != '\n' && code != '\r';
  if (code >= 0x7F && code < 0xA0) return true;
  return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row.back();
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = Decode(text, at).second;
    if (length == 0) return false;
    at += length;
  }
  return true;
}

size_t CodePoints(std::string_view valid_utf8) {
  return static_cast<size_t>(std::count_if(valid_utf8.begin(), valid_utf8.end(), [](char c) {
    return (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  }));
}

std::string TextProblem(std::string_view text, size_t min, size_t max) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) {
    const auto [code, length] = Decode(text, at);
    if (length == 0) return "is not valid UTF-8";
    if (IsForbidden(code)) return "holds a control or bidirectional formatting character";
    at += length;
  }
  if (count < min)
    return min == 1 ? "is required" : "is shorter than " + std::to_string(min) + " characters";
  if (count > max) return "is longer than " + std::to_string(max) + " characters";
  return "";
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string ToUpper(std::string_view ascii) {
  std::string out(ascii);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string ToLower(std::string_view ascii) {
  std::string out(ascii);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string Suggestion(std::string_view wanted, const std::vector<std::string>& candidates) {
  const std::string key = ToLower(wanted);
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const auto& candidate : candidates) {
    const std::string other = ToLower(candidate);
    const bool holds = other.find(key) != std::string::npos || key.find(other) != std::string::npos;
    const size_t distance = holds ? 0 : EditDistance(key, other);
    if (holds || distance <= std::max<size_t>(2, key.size() / 3))
      ranked.emplace_back(distance, candidate);
  }
  std::sort(ranked.begin(), ranked.end());
  std::string out;
  for (size_t i = 0; i < ranked.size() && i < 3; ++i)
    out += (i == 0 ? "" : ", ") + ranked[i].second;
  return out;
}

}  // namespace waterline::text
