#pragma once

// How people answer in the demonstration: from how well a practice is carried out to a category of
// an indicator's scale, with honest variation. Whole numbers only. Thread safety: pure functions.

#include <cstdint>

#include "clients/demonstration/random.h"
#include "services/common/data/indicators.h"

namespace waterline::demonstration {

// How well something works, as one group meets it.
enum class Quality { kBad, kWeak, kMixed, kGood, kStrong };

// What moves all answers of an event, or of a person, a little: -1 down, 0 not at all, 1 up.
int DrawMood(Random* random);

// A value on the raw scale of the indicator (a reverse one is answered the other way round).
uint32_t DrawValue(const data::Indicator& indicator, Quality quality, int event_mood,
                   int person_mood, Random* random);

}  // namespace waterline::demonstration
