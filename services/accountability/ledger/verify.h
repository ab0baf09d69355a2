#pragma once

// Verification of a ledger's folder from end to end, while nothing has it open: what a start leaves
// out of the oldest entries, and every byte of the files. Thread safety: one thread.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "services/accountability/ledger/note.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"

namespace waterline::accountability {

struct FolderSummary {
  uint64_t epochs = 0;
  uint64_t entries = 0;  // Over all epochs.
};

// Checks: the checksum of every file; for every epoch that each entry matches its hash, each stored
// node its children, the head its signature and the root; what lies beside an entry (tokens,
// payload) the entry; the anchor the newest head. DATA_LOSS/DATA_DAMAGED names file or index.
absl::StatusOr<FolderSummary> VerifyFolder(const std::string& store_path,
                                           const std::string& anchor_path,
                                           const std::string& network,
                                           const NoteVerifier& verifier);

}  // namespace waterline::accountability
