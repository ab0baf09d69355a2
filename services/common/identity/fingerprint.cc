#include "services/common/identity/fingerprint.h"

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/text/utf8.h"

namespace waterline::identity {

std::string InGroups(std::string_view bytes) {
  constexpr size_t kGroup = 4;
  const std::string hex = crypto::HexEncode(bytes);
  std::string out;
  for (size_t i = 0; i < hex.size(); i += kGroup) {
    if (i > 0) out += '-';
    out += hex.substr(i, kGroup);
  }
  return out;
}

std::string FingerprintFrom(std::string_view typed) {
  std::string hex;
  for (const char c : text::ToLower(std::string(typed))) {
    if (c != ' ' && c != '-') hex += c;
  }
  const auto bytes = crypto::HexDecode(hex);
  return bytes.ok() && bytes->size() == crypto::kSha256Bytes ? *bytes : "";
}

}  // namespace waterline::identity
