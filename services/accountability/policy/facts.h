#pragma once

// Facts: what a decision rested on, small enough to keep beside every entry, and the question that
// entry and facts give back for an explanation. Thread safety: pure functions.

#include "services/accountability/policy/evaluate.h"
#include "services/accountability/policy/snapshot.h"
#include "waterline/accountability/v1/decision.pb.h"
#include "waterline/accountability/v1/ledger.pb.h"

namespace waterline::accountability {

// Of a question decided by `rules` at `now_ms`: permissions that had run out by then are kept as
// withdrawn. Of a plain permit of own records nothing about the records is kept.
v1::DecisionFacts KeptFacts(const v1::Question& question, const Verdict& verdict,
                            const Snapshot& rules, int64_t now_ms);

// A question that is decided as the one behind the entry was, and the rules with the standings of
// then. Subjects are numbered: their ids are not kept.
struct Recalled {
  v1::Question question;
  std::shared_ptr<const Snapshot> rules;
};
Recalled Recall(const v1::Access& access, const v1::DecisionFacts& facts,
                std::shared_ptr<const Snapshot> rules);

}  // namespace waterline::accountability
