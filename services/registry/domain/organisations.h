#pragma once

// Rules for organisations and places (domain.md 4 and rules 1, 4, 5). They bring values
// into their normal form and return every violation at once. Thread safety: pure functions.

#include <string>
#include <vector>

#include "services/common/status/error.h"
#include "waterline/registry/v1/registry.pb.h"

namespace waterline::registry {

// `ods-qnx` of (ods, QNX).
std::string OrganisationIdOf(const v1::Identifier& identifier);
std::string OrganisationName(const std::string& id);  // organisations/<id>
std::string PlaceName(const std::string& id);         // places/<id>

// Normalises identifiers and postcode, sets name, legal_entity, public_authority and state from
// them, and checks the rest. Field paths start with `organisation.`.
std::vector<FieldViolation> CheckOrganisation(v1::Organisation* organisation);

// Title, accountable body and GSS code. Field paths start with `place.`.
std::vector<FieldViolation> CheckPlace(v1::Place* place);

// True when the organisation is a member of the place now.
bool IsPlaceMember(const v1::Place& place, const std::string& organisation);

}  // namespace waterline::registry
