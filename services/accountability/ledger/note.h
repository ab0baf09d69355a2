#pragma once

// Checkpoints as C2SP signed notes (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519:
//
//     <origin>\n<size, decimal>\n<root, base64>\n\n— <key name> <base64(key id | signature)>\n
//
// key id = first 4 bytes of SHA-256(name | 0x0A | 0x01 | public key). Verifier key text (vkey):
// <name>+<key id, hex>+<base64(0x01 | public key)>. Thread safety: const methods from any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/common/crypto/signature.h"

namespace waterline::accountability {

struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  std::string root;  // 32 bytes.
  bool operator==(const Checkpoint&) const = default;
};

class NoteVerifier {
 public:
  static absl::StatusOr<NoteVerifier> FromVkey(std::string_view vkey);
  NoteVerifier(std::string name, std::string public_key);

  const std::string& name() const { return name_; }
  std::string Vkey() const;
  // The text before the blank line, when a signature of this key fits; DATA_LOSS otherwise. Well
  // formed signatures of other keys are passed over.
  absl::StatusOr<std::string> OpenNote(std::string_view note) const;
  absl::StatusOr<Checkpoint> OpenCheckpoint(std::string_view note) const;

 private:
  std::string KeyId() const;
  std::string name_;
  std::string public_key_;
};

class NoteSigner {
 public:
  NoteSigner(std::string name, crypto::Ed25519Key key);
  std::string SignCheckpoint(const Checkpoint& checkpoint) const;
  const NoteVerifier& verifier() const { return verifier_; }

 private:
  std::string SignNote(const std::string& text) const;
  crypto::Ed25519Key key_;
  NoteVerifier verifier_;
  std::string key_id_;
};

}  // namespace waterline::accountability
