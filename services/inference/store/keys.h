#pragma once

// Where inference keeps what, in its own Store. Partition = the organisation whose evidence it is.
//
//     cursors/feed                                     ProjectorCursor
//     leases/projector                                 epoch of the projector that owns it
//     evidence/<event id>                              EvidenceRecord
//     evidence_parts/<event id>/<revision>/<part>      EvidenceRecord with items only
//     scopes/<scope>                                   ScopeState
//     scope_events/<scope>|<day>|<event id>            empty; the scope rests on its answers
//     checkpoints/<scope>|<day>                        ScopeCheckpoint: the state after that day
//
// <scope> is a resource name: organisations/{org}, organisations/{org}/events/{event},
// organisations/{org}/programmes/{programme}, places/{place} (as seen from the partition's own
// events). <revision> and <part> are 20 decimal digits; <day> is days since 1970-01-01 plus
// 1,000,000,000 in 10 decimal digits, so that keys sort by time. Thread
// safety: constants and pure functions.

#include <cstdint>
#include <string>

#include "services/common/storage/store.h"

namespace waterline::inference {

inline constexpr char kCursors[] = "cursors";
inline constexpr char kLeases[] = "leases";
inline constexpr char kEvidence[] = "evidence";
inline constexpr char kEvidenceParts[] = "evidence_parts";
inline constexpr char kScopes[] = "scopes";
inline constexpr char kScopeEvents[] = "scope_events";
inline constexpr char kCheckpoints[] = "checkpoints";

// Days beyond these have no key; evidence of such a day is rejected.
inline constexpr int64_t kDayMax = 100'000'000;

waterline::storage::Key CursorKey();
waterline::storage::Key LeaseKey();
waterline::storage::Key EvidenceKey(const std::string& event_id);
waterline::storage::Key EvidencePartKey(const std::string& event_id, uint64_t revision,
                                        uint64_t part);
waterline::storage::Key ScopeKey(const std::string& scope);
waterline::storage::Key ScopeEventKey(const std::string& scope, int64_t day,
                                      const std::string& event_id);
waterline::storage::Key CheckpointKey(const std::string& scope, int64_t day);

// Everything of `scope` from `day` on, in `collection` kScopeEvents or kCheckpoints.
waterline::storage::Range FromDay(std::string collection, const std::string& scope, int64_t day);
// Everything of `scope` before `day`.
waterline::storage::Range BeforeDay(std::string collection, const std::string& scope, int64_t day);

// The day of the id of a checkpoint or of an event of a scope; the event id behind it.
int64_t DayOfId(const std::string& id);
std::string EventOfId(const std::string& id);

}  // namespace waterline::inference
