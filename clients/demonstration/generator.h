#pragma once

// The demonstration network from a seed and a date. Pure: the same arguments give the same plan,
// byte by byte, on any machine. All names, people and statements are invented.
//
// Events lie on weekdays in the 24 months before `as_of` (days since 1970-01-01). Nothing drawn
// depends on the date, so another date shifts the network and changes nothing else.
// Thread safety: pure functions.

#include <cstdint>

#include "clients/demonstration/plan.h"

namespace waterline::demonstration {

Plan Generate(uint64_t seed, int64_t as_of);

// Titles of what the stories are told with.
inline constexpr char kDecayPlace[] = "Samphire Quay";
inline constexpr char kGapPlace[] = "Larkhollow";
inline constexpr char kThinPlace[] = "Drovers Edge";
inline constexpr char kBeforeProgramme[] = "Front Door Together";
inline constexpr char kAfterProgramme[] = "Front Door: Next Steps";
inline constexpr char kGapProgramme[] = "Clinic Letters That Speak";
inline constexpr char kThinProgramme[] = "Drovers Edge Listening";
inline constexpr char kSmallProgramme[] = "Small Rooms";
inline constexpr char kSmallEvent[] = "A workshop of nine: what to ask at the door";

}  // namespace waterline::demonstration
