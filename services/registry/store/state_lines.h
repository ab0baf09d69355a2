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

namespace waterline::registry {

// What registry holds, for the state digest (contracts.md 4), as events::StateLines. The lines hold
// personal data: hash them, do not show them. `participants` gets the source id of each
// participant's name; it outlives the call.
coro::Task<absl::StatusOr<std::vector<std::string>>> StateLines(
    waterline::storage::Store* store, privacy::Vault* vault,
    std::map<std::string, std::string>* participants);

}  // namespace waterline::registry
