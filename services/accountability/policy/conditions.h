#pragma once

// What must hold of an agreement before an answer may rest on it, in the order in which it is
// asked. Evaluate stops at the first that fails, Explain tells them all. Thread safety: pure.

#include <optional>
#include <string>
#include <vector>

#include "services/accountability/policy/snapshot.h"
#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::accountability {

// One agreement held against one question.
struct Candidacy {
  Candidacy(const CompiledAgreement& candidate, const v1::Question& asked, int64_t now);

  const CompiledAgreement& agreement;
  const v1::Question& question;
  int64_t now_ms;
  const CompiledRecipient* recipient;  // The caller as a party; never null for a candidate.
  bool reaches_all;                    // The agreement is over all of the controller's records.
  // The most it would let leave for what is asked, before any person's standing.
  common::v1::ReleaseLevel cap;
};

struct ConditionRule {
  const char* name;           // As explanations show it: purpose, scope, ...
  const char* reason;         // The code of a refusal for which it is to blame.
  bool tells_of_the_records;  // Its outcome depends on the records, not on the request alone.
  bool (*holds)(const Candidacy&);
  std::string (*detail)(const Candidacy&);  // Why it failed, in words.
  std::string (*remedy)(const Candidacy&);  // What would make it hold.
};

// In order.
const std::vector<ConditionRule>& ConditionRules();

// Whether the agreement reaches a record, or, without one, the answer as a whole.
bool Covers(const Candidacy& candidacy, const v1::RecordFacts* record);

// Categories about persons: a row of them is no aggregate.
bool IsPersonal(int category);

// Whether contact or access needs are asked: they make no sense without the person, so less than
// identifiable is nothing.
bool NeedsThePerson(const v1::Question& question);

}  // namespace waterline::accountability
