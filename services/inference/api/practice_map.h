#pragma once

// The map of one scope as it is shown: readings of the model behind suppression, words first.
// Thread safety: pure functions.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "services/inference/projector/model_adapter.h"
#include "waterline/inference/storage/v1/records.pb.h"
#include "waterline/inference/v1/inference.pb.h"

namespace waterline::inference {

// The conceptual map compiled in, for learning.
v1::ConceptualMap CurrentConceptualMap();

// The map of `scope` at the start of day `as_of` (days since 1970-01-01), or of the day of its last
// evidence when that is later. A scope without evidence has the same shape with NO_EVIDENCE
// everywhere. Without the flags `demonstration` and `catching_up`.
absl::StatusOr<v1::PracticeMap> BuildPracticeMap(const std::string& scope,
                                                 const storage::v1::ScopeState& state,
                                                 const ScopeModel& model, int64_t as_of);

}  // namespace waterline::inference
