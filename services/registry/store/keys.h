#pragma once

// Where registry keeps what, in its own Store.
//
// Partition `network`:
//     organisations/<id>                       OrganisationRecord
//     identifiers/<scheme>/<value>             id of the organisation
//     organisation_types/<type>/<id>           empty
//     organisation_parts/<parent id>/<id>      empty; directly part of
//     members/<id>                             MemberRecord
//     join_requests/<id>                       JoinRequestRecord of an organisation
//     places/<id>                              PlaceRecord
//     place_titles/<title in lower case>       id of the place
//     keys/..., key_checks/...                 the vault
// Partition of an organisation:
//     participants/<id>                        ParticipantRecord
//     participant_sources/<HMAC>               id of the participant
//     permissions/<participant>/<number>       PermissionRecord, in order of recording
//     standing/<participant>/<number>          StandingRecord, likewise
// Both: dedupe/...
// Thread safety: constants and pure functions.

#include <string>

#include "services/common/storage/store.h"

namespace waterline::registry {

inline constexpr char kNetworkPartition[] = "network";
inline constexpr char kOrganisations[] = "organisations";
inline constexpr char kIdentifiers[] = "identifiers";
inline constexpr char kOrganisationTypes[] = "organisation_types";
inline constexpr char kOrganisationParts[] = "organisation_parts";
inline constexpr char kMembers[] = "members";
inline constexpr char kJoinRequests[] = "join_requests";
inline constexpr char kPlaces[] = "places";
inline constexpr char kPlaceTitles[] = "place_titles";
inline constexpr char kParticipants[] = "participants";
inline constexpr char kParticipantSources[] = "participant_sources";
inline constexpr char kPermissions[] = "permissions";
inline constexpr char kStanding[] = "standing";

inline waterline::storage::Partition NetworkPartition() {
  return waterline::storage::Partition(kNetworkPartition);
}

}  // namespace waterline::registry
