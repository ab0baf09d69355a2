#pragma once

// Where events keeps what, in its own Store, in the partition of the lead organisation:
//     programmes/<id>                          ProgrammeRecord
//     events/<id>                              EventRecord
//     programme_events/<programme>/<event>     empty
//     contributions/<event>/<id>               ContributionRecord
//     contribution_sources/<HMAC>              id of the contribution
//     informants|reactions|responses/<event>/<bits>   a bucket of bulk rows (bulk_rows.h)
//     bulk_directories/<event>/<kind>          BucketDirectory
//     imports/<id>                             ImportRecord
//     import_contents/<event>/<digest>         id of the newest import of these files; event `-`
//                                              when the import makes its event
//     keys/..., dedupe/...
// Log `evidence`: one item per change of an event's evidence, named after the event.
// Thread safety: constants and pure functions.

#include <string>

#include "services/common/text/id.h"

namespace waterline::events {

inline constexpr char kProgrammes[] = "programmes";
inline constexpr char kEvents[] = "events";
inline constexpr char kProgrammeEvents[] = "programme_events";
inline constexpr char kContributions[] = "contributions";
inline constexpr char kContributionSources[] = "contribution_sources";
inline constexpr char kBulkDirectories[] = "bulk_directories";
inline constexpr char kImports[] = "imports";
inline constexpr char kImportContents[] = "import_contents";
inline constexpr char kEvidenceLog[] = "evidence";

inline std::string ProgrammeName(const std::string& organisation, const std::string& id) {
  return "organisations/" + organisation + "/programmes/" + id;
}
inline std::string EventName(const std::string& organisation, const std::string& id) {
  return "organisations/" + organisation + "/events/" + id;
}
inline std::string ContributionName(const std::string& organisation, const std::string& event,
                                    const std::string& id) {
  return EventName(organisation, event) + "/contributions/" + id;
}
inline std::string ImportName(const std::string& organisation, const std::string& id) {
  return "organisations/" + organisation + "/imports/" + id;
}
using text::IdOf;

}  // namespace waterline::events
