#pragma once

// Puts an organisation with all its index keys into a batch, so that they never part.
// Thread safety: pure function.

#include <optional>

#include "services/common/storage/store.h"
#include "waterline/registry/storage/v1/records.pb.h"

namespace waterline::registry {

// At most this many operations per organisation of the import.
inline constexpr int kOperationsPerOrganisation = 10;

// `before`: the record it replaces, whose index keys go. The record's name must be set.
void PutOrganisation(const storage::v1::OrganisationRecord& record,
                     const storage::v1::OrganisationRecord* before,
                     waterline::storage::Batch* batch);

}  // namespace waterline::registry
