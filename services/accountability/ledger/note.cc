#include "services/accountability/ledger/note.h"

#include <algorithm>
#include <charconv>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/status/macros.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

constexpr char kEd25519Type = '\x01';
constexpr std::string_view kSignatureMark = "\xe2\x80\x94 ";  // An em dash and a space.
constexpr size_t kKeyIdBytes = 4;

std::string KeyIdOf(const std::string& name, const std::string& public_key) {
  return crypto::Sha256(name + "\n" + kEd25519Type + public_key).substr(0, kKeyIdBytes);
}

absl::Status Malformed(const std::string& what) {
  return absl::DataLossError("the signed note " + what);
}

// What a note may hold at all: UTF-8 without control characters but the line feed.
bool IsNoteText(std::string_view note) {
  const auto is_control = [](char c) { return c >= '\0' && c < ' ' && c != '\n'; };
  return text::IsValidUtf8(note) && std::none_of(note.begin(), note.end(), is_control);
}

struct SignatureLine {
  std::string name;
  std::string key_id;
  std::string signature;
};

// A line without its line feed.
absl::StatusOr<SignatureLine> ParseSignatureLine(std::string_view line) {
  const auto malformed = Malformed("has a malformed signature line");
  if (!line.starts_with(kSignatureMark)) return malformed;
  line.remove_prefix(kSignatureMark.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return malformed;
  const auto bytes = crypto::Base64Decode(line.substr(space + 1));
  const std::string name(line.substr(0, space));
  if (!bytes.ok() || bytes->size() <= kKeyIdBytes) return malformed;
  if (name.empty() || name.find('+') != std::string::npos) return malformed;
  return SignatureLine{name, bytes->substr(0, kKeyIdBytes), bytes->substr(kKeyIdBytes)};
}

}  // namespace

NoteVerifier::NoteVerifier(std::string name, std::string public_key)
    : name_(std::move(name)), public_key_(std::move(public_key)) {}

std::string NoteVerifier::KeyId() const { return KeyIdOf(name_, public_key_); }

std::string NoteVerifier::Vkey() const {
  return name_ + "+" + crypto::HexEncode(KeyId()) + "+" +
         crypto::Base64Encode(kEd25519Type + public_key_);
}

absl::StatusOr<NoteVerifier> NoteVerifier::FromVkey(std::string_view vkey) {
  const auto malformed = absl::InvalidArgumentError(
      "not a verifier key: expected <name>+<8 hexadecimal digits>+<base64 key>");
  const size_t second = vkey.find('+');
  const size_t third = second == std::string_view::npos ? second : vkey.find('+', second + 1);
  if (third == std::string_view::npos) return malformed;
  const std::string name(vkey.substr(0, second));
  auto key = crypto::Base64Decode(vkey.substr(third + 1));
  if (!key.ok() || key->size() != 1 + crypto::kEd25519PublicKeyBytes ||
      key->front() != kEd25519Type)
    return malformed;
  NoteVerifier verifier(name, key->substr(1));
  if (crypto::HexEncode(verifier.KeyId()) != vkey.substr(second + 1, third - second - 1))
    return malformed;
  return verifier;
}

absl::StatusOr<std::string> NoteVerifier::OpenNote(std::string_view note) const {
  if (!IsNoteText(note)) return Malformed("is not UTF-8 or has control characters");
  const size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos) return Malformed("has no signature");
  const std::string text(note.substr(0, split + 1));
  std::string_view lines = note.substr(split + 2);
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    if (end == std::string_view::npos) return Malformed("has a malformed signature line");
    WATERLINE_ASSIGN_OR_RETURN(const auto line, ParseSignatureLine(lines.substr(0, end)));
    lines.remove_prefix(end + 1);
    if (line.name != name_ || line.key_id != KeyId()) continue;
    if (crypto::Ed25519Verify(public_key_, text, line.signature)) return text;
    return Malformed("has a wrong signature");
  }
  return Malformed("is not signed by " + name_);
}

absl::StatusOr<Checkpoint> NoteVerifier::OpenCheckpoint(std::string_view note) const {
  WATERLINE_ASSIGN_OR_RETURN(const std::string text, OpenNote(note));
  const size_t first = text.find('\n');
  const size_t second = text.find('\n', first + 1);
  const size_t third = second == std::string::npos ? second : text.find('\n', second + 1);
  if (third == std::string::npos) return Malformed("is no checkpoint");
  Checkpoint checkpoint;
  checkpoint.origin = text.substr(0, first);
  const char* begin = text.data() + first + 1;
  const char* end = text.data() + second;
  const auto parsed = std::from_chars(begin, end, checkpoint.size);
  auto root = crypto::Base64Decode(std::string_view(text).substr(second + 1, third - second - 1));
  if (parsed.ec != std::errc() || parsed.ptr != end || (*begin == '0' && end - begin > 1))
    return Malformed("has a malformed size");
  if (!root.ok() || root->size() != crypto::kSha256Bytes) return Malformed("has a malformed root");
  checkpoint.root = *std::move(root);
  return checkpoint;
}

NoteSigner::NoteSigner(std::string name, crypto::Ed25519Key key)
    : key_(std::move(key)),
      verifier_(name, key_.public_key()),
      key_id_(KeyIdOf(name, key_.public_key())) {}

std::string NoteSigner::SignNote(const std::string& text) const {
  return text + "\n" + std::string(kSignatureMark) + verifier_.name() + " " +
         crypto::Base64Encode(key_id_ + key_.Sign(text)) + "\n";
}

std::string NoteSigner::SignCheckpoint(const Checkpoint& checkpoint) const {
  return SignNote(checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
                  crypto::Base64Encode(checkpoint.root) + "\n");
}

}  // namespace waterline::accountability
