#pragma once

// What this service adds to the state digest. Thread safety: any thread; of a store that is
// being written, the lines belong to no one moment.

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/coro/task.h"
#include "services/common/privacy/vault.h"
#include "services/common/storage/store.h"

namespace waterline::events {

// What events holds, for the state digest (contracts.md 4): one line per record, of its public
// content, with source ids for names and without generated ids, times of recording, etags, receipts
// and ciphertext. Unordered. The lines hold personal data: hash them, do not show them.
// `participants` gives the source id of a participant's name; it outlives the call.
coro::Task<absl::StatusOr<std::vector<std::string>>> StateLines(
    waterline::storage::Store* store, privacy::Vault* vault,
    const std::map<std::string, std::string>& participants);

}  // namespace waterline::events
