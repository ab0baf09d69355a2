#pragma once

// What the demonstration network is made of: a list of what to create, in the order in which it can
// be created. The messages are the public ones of the APIs; what only the server knows (names of
// events, programmes, participants and contributions) is referred to by title, source id or index.
// Thread safety: values.

#include <cstdint>
#include <string>
#include <vector>

#include "waterline/events/v1/events_service.pb.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::demonstration {

inline constexpr char kHost[] = "local-demonstration-board";
inline constexpr char kHostTitle[] = "Saltmarsh and Downs Demonstration Board (invented)";

struct PlannedPlace {
  std::string id;
  registry::v1::Place place;
  std::vector<registry::v1::PlaceMembership> memberships;
};

struct PlannedContribution {
  events::v1::Contribution contribution;
  std::string participant;  // Source id of who said it, when registered.
};

struct PlannedReaction {
  size_t contribution = 0;  // Index into the event's contributions.
  events::v1::Reaction reaction;
};

struct PlannedEvent {
  std::string key;        // Unique; request ids are made from it.
  std::string programme;  // Its title.
  events::v1::Event event;
  std::vector<PlannedContribution> contributions;
  std::vector<PlannedReaction> reactions;
  std::vector<events::v1::IndicatorResponse> responses;
  events::v1::HoldEventRequest hold;  // Tallies, level delivered, feedback date.
  bool is_reported = true;
};

// Something one can see in the maps, with the scopes that show it.
struct Story {
  struct Look {
    std::string title;  // Of a place, programme or event, as `waterline map` takes it.
    std::string shows;
  };
  std::string title;
  std::vector<Look> looks;
};

struct Plan {
  uint64_t seed = 0;
  int64_t as_of = 0;  // Days since 1970-01-01. Nothing in the plan is later.
  std::vector<registry::v1::Organisation> organisations;  // Each after those it names.
  std::vector<std::string> members;                       // Organisation names.
  std::vector<PlannedPlace> places;
  std::vector<events::v1::Programme> programmes;
  std::vector<registry::v1::Participant> participants;
  std::vector<PlannedEvent> events;
  std::vector<Story> stories;
};

// The line that ends the description of every programme, from which a later run learns with which
// arguments the network was made.
struct Edition {
  uint64_t seed = 0;
  int64_t as_of = 0;
};
std::string FormatEdition(const Edition& edition);
// True and the arguments when `description` ends with an edition of this version of the program.
bool ParseEdition(const std::string& description, Edition* edition);
// True when the programme was made by this program, in any version.
bool IsDemonstrationProgramme(const events::v1::Programme& programme);

// Every byte of the plan, for comparing two.
std::string Bytes(const Plan& plan);

}  // namespace waterline::demonstration
