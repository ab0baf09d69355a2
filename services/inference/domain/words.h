#pragma once

// How a map speaks: one sentence per value, counts in words, the surface measures (contracts.md 7,
// domain.md 5.5, model.md 12). No exact number of people leaves here.
// Thread safety: pure functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "services/inference/domain/suppression.h"
#include "services/inference/domain/values.h"
#include "waterline/inference/storage/v1/records.pb.h"
#include "waterline/inference/v1/inference.pb.h"

namespace waterline::inference {

// A count of people: 0 "none", 1 to 7 "under 8", from 8 "about N" with N rounded to the nearest 5.
std::string PeopleInWords(uint64_t count);
// A count of events, which are no people: "none", "1 event", "12 events".
std::string EventsInWords(uint64_t count);

// One sentence about a value: what may be said, of what, and in whose eyes.
std::string WordsOf(v1::Estimate::Status status, const ValueId& id);

// Of a value without a number: why there is none and what helps. Empty for others, except that a
// value with too little evidence says what would help.
std::string WhyOf(v1::Estimate::Status status, Shown shown, const ValueId& id);

// Counts of people in words; the median of days of notice (of an even number of events the mean of
// the two in the middle); the levels promised and delivered; first and last day.
v1::Surface SurfaceOf(const storage::v1::EvidenceTally& tally);

}  // namespace waterline::inference
