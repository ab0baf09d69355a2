#pragma once

// The policy: may this caller do this with these records, and how much of them may leave? A pure
// function of the rules, the question and the time, in the order of
// services/decisions/0014-evaluation.md; the first hard stop wins, and what no rule permits is
// refused. An answer rests on one agreement or on none; two are never added up.
// Thread safety: pure functions.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "services/accountability/policy/release.h"
#include "services/accountability/policy/snapshot.h"
#include "waterline/accountability/v1/decision.pb.h"
#include "waterline/accountability/v1/explanation.pb.h"

namespace waterline::accountability {

struct Verdict {
  v1::Result result = v1::RESULT_DENY;
  common::v1::ReleaseLevel level = common::v1::RELEASE_LEVEL_NOTHING;  // Ceiling of the answer.
  std::string reason;  // Code; of a refusal, and of a reduction.
  // Of a permit: OWN_RECORDS, NETWORK_DIRECTORY, NETWORK_STEWARD, AGREEMENT_PARTY, AGREEMENT.
  std::string basis;
  std::string agreement;  // The one it rests on; empty: none.
  std::string agreement_reference;
  uint32_t agreement_version = 0;
  v1::SmallNumberPolicy small_numbers = v1::SMALL_NUMBER_POLICY_UNSPECIFIED;
  // One per record of the question, when one of them is below the ceiling or may not show its text.
  std::vector<Release> records;
  uint32_t decisions_per_minute = 0;  // The agreement's cap for this recipient; 0: none.
  // When the agreement or a permission that the verdict rests on ends by itself.
  int64_t holds_until_ms = std::numeric_limits<int64_t>::max();
  uint64_t revision = 0;  // Of the rules.
};

Verdict Evaluate(const Snapshot& rules, const v1::Question& question, int64_t now_ms);

// Whose records a question is about, as entries and explanations name it: organisations/{org}, or
// `network` or `agreements`, which belong to all.
std::string ControllerName(const std::string& controller);

// The refusal in place of a permit over its agreement's rate cap.
Verdict RateLimited(const Verdict& permit);

// The same evaluation told: every condition of every candidate, nearest miss first; what the
// standing of people did; what would help. `to_controller`: with what only the controller may know
// (scope, standing); others see the conditions that follow from their request and the agreement.
v1::Explanation Explain(const Snapshot& rules, const v1::Question& question, int64_t now_ms,
                        bool to_controller);

}  // namespace waterline::accountability
