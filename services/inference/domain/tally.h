#pragma once

// What is counted of evidence (contracts.md 7): the n of every value and the surface measures. Sums
// of whole numbers, so that a scope's tally is kept up to date by taking an event's old tally away
// and adding its new one: exact in any order.
// Thread safety: pure functions.

#include <cstdint>
#include <vector>

#include "waterline/inference/storage/v1/records.pb.h"

namespace waterline::inference {

// Of one event. n of a value: distinct informants over the items that touch it, plus, for anonymous
// answers, the largest total over all categories of one indicator. Items of indicators the
// catalogue does not know, or of perspectives outside 0..3, are not counted: the model rejects such
// an event. An event that is not present has the empty tally.
storage::v1::EvidenceTally TallyOf(const events::v1::EventEvidence& evidence);

void Add(const storage::v1::EvidenceTally& tally, storage::v1::EvidenceTally* sum);
// Precondition: `tally` was added to `sum` before.
void Subtract(const storage::v1::EvidenceTally& tally, storage::v1::EvidenceTally* sum);

// n per value, kValues numbers.
std::vector<uint64_t> InformantsOf(const storage::v1::EvidenceTally& tally);
std::vector<uint64_t> EventsOf(const storage::v1::EvidenceTally& tally);

}  // namespace waterline::inference
