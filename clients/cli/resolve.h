#pragma once

// Names as people type them: a resource name (organisations/ods-qnx), an id or code (ods-qnx, QNX)
// or a title, in any case of letters. Never a guess: what fits nothing or more than one thing is an
// error with suggestions.
// Thread safety: one thread.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/cli/session.h"
#include "google/protobuf/message.h"

namespace waterline::cli {

struct Candidate {
  std::string name;  // places/harbour
  std::string title;
};

// The candidate whose name or id is `typed`, or else the one whose title is. `what` is the kind of
// thing, in words. NOT_FOUND with up to three near titles; INVALID_ARGUMENT with the names of those
// that share the title.
absl::StatusOr<Candidate> Choose(const std::string& typed, const std::string& what,
                                 const std::vector<Candidate>& candidates);

// Names as the ids that `typed` may be: QNX -> ods-qnx; ods-qnx -> itself. Empty for what can only
// be a title.
std::vector<std::string> OrganisationIdsFor(const std::string& typed);

// Resource names of what was typed. Events, programmes and imports: of the caller's organisation.
absl::StatusOr<std::string> ResolveOrganisation(Session* session, const std::string& typed);
absl::StatusOr<std::string> ResolvePlace(Session* session, const std::string& typed);
absl::StatusOr<std::string> ResolveEvent(Session* session, const std::string& typed);
absl::StatusOr<std::string> ResolveProgramme(Session* session, const std::string& typed);

// What a map is of: a place, a programme or an event of the caller, or an organisation, in this
// order; with its title.
absl::StatusOr<Candidate> ResolveScope(Session* session, const std::string& typed);

// Brings every field of `message` that names an organisation, a place or a programme into its
// resource name, at any depth.
absl::Status ResolveFields(Session* session, google::protobuf::Message* message);

}  // namespace waterline::cli
