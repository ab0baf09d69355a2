#pragma once

// The invented directory of the demonstration: organisations, places, people. Thread safety: pure
// functions.

#include "clients/demonstration/plan.h"
#include "clients/demonstration/random.h"

namespace waterline::demonstration {

std::string OrganisationNameOf(const std::string& code);  // organisations/local-<code>

void AddOrganisations(Plan* plan);
void AddPlaces(Plan* plan);
void AddProgrammes(Plan* plan);
void AddParticipants(Plan* plan);

std::string ParticipantSource(int index);  // From 0.
inline constexpr int kParticipants = 36;

}  // namespace waterline::demonstration
