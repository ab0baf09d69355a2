#pragma once

// Rules for permissions and standing (domain.md rule 9). Thread safety: pure functions.

#include <cstdint>
#include <vector>

#include "services/common/status/error.h"
#include "waterline/registry/v1/registry.pb.h"

namespace waterline::registry {

// Everything wrong with a permission; `history` are those recorded before, in order. Paths start
// with `permission.`.
std::vector<FieldViolation> CheckPermission(const v1::Permission& permission,
                                            const std::vector<v1::Permission>& history,
                                            int64_t now_ms);

// The one of its kind that counts: the latest given_at, the last recorded of equal ones; nullptr
// when there is none.
const v1::Permission* CurrentOf(const std::string& kind,
                                const std::vector<v1::Permission>& history);

// Marks those that do not count.
void MarkSuperseded(std::vector<v1::Permission>* history);
void MarkSuperseded(std::vector<v1::Standing>* history);

std::vector<FieldViolation> CheckStanding(v1::Standing::Kind kind, const std::string& reason);
// FAILED_PRECONDITION/STATE_FORBIDS when it is set, or lifted, already.
absl::Status CheckStandingMove(v1::Standing::Kind kind, bool lift,
                               const std::vector<v1::Standing>& history);
// objection, restriction, hold.
std::string StandingName(v1::Standing::Kind kind);

}  // namespace waterline::registry
