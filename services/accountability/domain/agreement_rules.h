#pragma once

// What must hold of the terms of an agreement (domain.md 5.1, 3.8 and rules 5, 6, 28 to 33, 35 to
// 37 of 8.6). Every violation is told at once; field paths start with `terms.`. Nothing echoes a
// value. Thread safety: pure functions.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "services/common/privacy/small_numbers.h"
#include "services/common/status/error.h"
#include "waterline/accountability/v1/agreement.pb.h"

namespace waterline::accountability {

// What the network's directory says of an organisation.
struct OrganisationFacts {
  bool legal_entity = false;
  bool public_authority = false;
  bool closed = false;
};
// Of `organisations/{org}`; nothing when the network has no such organisation.
using FactsOf = std::function<std::optional<OrganisationFacts>(const std::string& organisation)>;

// What this deployment allows at most; agreements may only be stricter.
struct Platform {
  v1::SmallNumberPolicy small_numbers = v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5;
  int term_months_max = 60;
};

// What holds of every agreement, draft or not: names, codes, lengths, UTF-8, nothing twice, and the
// lead is a party. What a draft leaves out is no violation.
std::vector<FieldViolation> CheckDraft(const v1::AgreementTerms& terms);

// What it takes to put the terms before the parties: CheckDraft, all that is required, and the
// rules 28 to 31, 33, 35 and 36 as far as they speak of terms.
std::vector<FieldViolation> CheckTerms(const v1::AgreementTerms& terms, const FactsOf& facts,
                                       const Platform& platform);

// Rules 5 and 6: every party is a legal person of the network and not closed. FAILED_PRECONDITION
// (NOT_PARTY) names the first that is not.
absl::Status CheckParties(const v1::AgreementTerms& terms, const FactsOf& facts);

// What a new version must have in common with the one it supersedes: reference, lead or one of the
// parties as lead, and the next version number.
std::vector<FieldViolation> CheckSuccessor(const v1::AgreementTerms& terms,
                                           const v1::AgreementTerms& before);

// Rule 32, about one more signature. `signature` has its organisation and role, as the caller was
// verified. Handles tell persons apart, by issuer and subject: `handle` of who signs now,
// `earlier_handles` by place in agreement.signatures. FAILED_PRECONDITION: NOT_PARTY,
// STATE_FORBIDS (the party has signed), NOT_ASSESSED, SIGNATORY_NOT_AUTHORISED, SIGNED_FOR_ANOTHER.
absl::Status CheckSigning(const v1::Agreement& agreement, const v1::Signature& signature,
                          const std::string& handle,
                          const std::vector<std::string>& earlier_handles);

// A name as it is compared: without case, titles (Dr, Ms), punctuation and the order of its words.
// Accents are kept.
std::string ComparedName(const std::string& name);

using privacy::IsAtLeastAsStrict;

// `time` of the calendar, so many months later; a day the month lacks becomes its last.
int64_t AddMonths(int64_t time_ms, int months);

// Two functions, not the same, have approved that the purpose does not rest on the person's
// consent.
bool IsConsentIndependent(const v1::PurposeTerms& purpose);

bool IsController(const v1::Party& party);  // Alone or jointly.
const v1::Party* FindParty(const v1::AgreementTerms& terms, const std::string& organisation);

}  // namespace waterline::accountability
