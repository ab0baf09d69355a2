#pragma once

// The export of one epoch, for verification without a server: one file, one pinned key.
//
//     "waterline-ledger-export v1\n"
//     u32 length | signed checkpoint                       big-endian lengths
//     for every entry of the checkpoint's tree, in order:
//         u8 1 | u32 length | the leaf as stored           entries its reader made or controls
//         u8 0 | u32 32     | the leaf hash                all others
//
// Thread safety: one thread at a time.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/accountability/ledger/merkle.h"
#include "services/accountability/ledger/note.h"

namespace waterline::accountability {

std::string ExportHeader(std::string_view checkpoint);
std::string ExportLeaf(std::string_view leaf);
std::string ExportHash(std::string_view leaf_hash);

struct ExportSummary {
  Checkpoint checkpoint;
  uint64_t whole_entries = 0;
};

// Checks the signature of the checkpoint against `verifier`; that its origin is an epoch of this
// key's ledger (`<key name>/<epoch>`); that entry 0, and no other, is the start of just that epoch;
// that every whole entry has an id and a time no earlier than those before it (what else it says
// may be of a newer version); and that the leaves make the checkpoint's root. With `held`, a
// checkpoint that the reader kept from before: that the log it signs is the beginning of this one.
// DATA_LOSS/DATA_DAMAGED says what is wrong and at which index; INVALID_FIELDS that `held` is of
// another epoch.
absl::StatusOr<ExportSummary> VerifyExport(std::string_view file, const NoteVerifier& verifier,
                                           const std::optional<Checkpoint>& held = std::nullopt);

// The signed checkpoint an export begins with, not verified; nothing when it is no export.
std::optional<std::string_view> CheckpointOfExport(std::string_view file);

}  // namespace waterline::accountability
