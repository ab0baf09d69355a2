#include "services/common/privacy/pseudonym.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/text/id.h"

namespace waterline::privacy {
namespace {

constexpr size_t kBitsKept = 128;

// Whose ids are no secret: they name no person and nothing a person said.
constexpr std::array<std::string_view, 6> kReadableParents = {
    "agreements", "events", "imports", "organisations", "places", "programmes"};

std::string BigEndian(uint32_t number) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(number >> shift & 0xff));
  return bytes;
}

std::string WithLength(const std::string& text) {
  return BigEndian(static_cast<uint32_t>(text.size())) + text;
}

void CheckKey(std::string_view key) {
  if (key.size() == kPseudonymKeyBytes) return;
  std::fputs("a pseudonym key has another length than 32 bytes\n", stderr);
  std::abort();
}

bool IsCollection(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
}

bool IsReadable(std::string_view collection) {
  return std::find(kReadableParents.begin(), kReadableParents.end(), collection) !=
         kReadableParents.end();
}

}  // namespace

std::string PseudonymKey(std::string_view root, const PseudonymScope& scope) {
  CheckKey(root);
  const std::string info = "pseudonym/v1" + WithLength(scope.recipient) +
                           WithLength(scope.agreement_reference) + BigEndian(scope.epoch);
  return crypto::HkdfSha256(root, "", info, kPseudonymKeyBytes);
}

std::string Pseudonym(std::string_view key, std::string_view value) {
  CheckKey(key);
  const std::string mac = crypto::HmacSha256(key, "pid/v1" + std::string(value));
  return "p" + crypto::Base32Encode(mac.substr(0, kBitsKept / 8));
}

std::string PseudonymOfName(std::string_view key, std::string_view name) {
  std::string shown;
  for (size_t begin = 0; begin < name.size();) {
    const size_t slash = std::min(name.find('/', begin), name.size());
    const size_t end = std::min(name.find('/', slash + 1), name.size());
    const std::string_view collection = name.substr(begin, slash - begin);
    const std::string_view id = name.substr(std::min(slash + 1, name.size()), end - slash - 1);
    if (!IsCollection(collection) || !text::IsResourceId(id)) return Pseudonym(key, name);
    shown.append(collection).push_back('/');
    if (end == name.size()) return shown + Pseudonym(key, name);
    shown.append(IsReadable(collection) ? std::string(id) : Pseudonym(key, name.substr(0, end)));
    shown.push_back('/');
    begin = end + 1;
  }
  return Pseudonym(key, name);
}

}  // namespace waterline::privacy
