#pragma once

// Rules for participants (domain.md 8.1 and rules 2, 7, 8). Thread safety: pure functions.

#include <vector>

#include "services/common/status/error.h"
#include "waterline/registry/v1/registry.pb.h"

namespace waterline::registry {

// Normalises the outward postcode and checks every field; paths start with `participant.`.
std::vector<FieldViolation> CheckParticipant(v1::Participant* participant);

}  // namespace waterline::registry
