#pragma once

// The steps of the evaluation that an explanation shares (services/decisions/0014-evaluation.md):
// which agreement an answer may rest on, and what a record of it may show. Thread safety: pure.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "services/accountability/policy/conditions.h"
#include "services/accountability/policy/release.h"
#include "services/accountability/policy/snapshot.h"
#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::accountability {

// The caller asks for its own records.
bool IsOwn(const v1::Question& question);

// A reason in words of 20 to 500 code points.
bool IsJustified(const v1::Question& question);

// How far a candidate got: the place of the first condition that failed; their number: all held.
size_t FirstFailure(const Candidacy& candidacy);

// Steps 4 to 6.
struct Choice {
  std::optional<Candidacy> chosen;
  std::string_view reason;  // Code, when none is.
};
Choice Choose(const Snapshot& rules, const Asked& asked, int64_t now_ms);

// Starts to load the rules that bear on a question: the agreements between the two organisations
// and the standing of its subjects. To wait for them one by one takes longer than all the rest.
void Prefetch(const Snapshot& rules, const v1::Question& question);

// The standing of each of the question's subjects, as it holds at `now_ms`. `until_ms` is lowered
// to when the first of them changes by itself.
using StandingBits = absl::InlinedVector<uint32_t, 64>;
StandingBits StandingsOf(const Snapshot& rules, const v1::Question& question, int64_t now_ms,
                         int64_t* until_ms);

// Steps 7 to 9: what each record may show under a ceiling, with the reason of what is below it. A
// question without records is one about each of its subjects. `candidacy` is null for own records.
std::vector<Release> ReleasesOf(const Asked& asked, const StandingBits& standings,
                                common::v1::ReleaseLevel ceiling, const Candidacy* candidacy);

}  // namespace waterline::accountability
