#pragma once

// What must hold of an agreement before an answer may rest on it, in the order in which it is
// asked. Evaluate stops at the first that fails, Explain tells them all. Thread safety: pure.

#include <string>
#include <vector>

#include "services/accountability/policy/snapshot.h"
#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::accountability {

// A question, and what every rule asks of it, found once. Refers to the question.
struct Asked {
  explicit Asked(const v1::Question& of);

  const v1::Question& question;
  common::v1::ReleaseLevel level;  // That is asked for; unset means identifiable.
  PurposeSet purpose;              // None: in no code list.
  Word role;
  // Contact or access needs are asked: they make no sense without the person, so less than
  // identifiable is nothing.
  bool needs_the_person;
};

// One agreement held against one question. Refers to both.
struct Candidacy {
  Candidacy(const Passage& passage, const Asked& of, int64_t now);

  const CompiledAgreement& agreement;
  const Asked& asked;
  const v1::Question& question;
  int64_t now_ms;
  const CompiledRecipient* recipient;  // The caller as a party; never null.
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

}  // namespace waterline::accountability
