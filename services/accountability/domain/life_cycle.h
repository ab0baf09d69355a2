#pragma once

// The life of an agreement: draft -> in_review -> agreed -> suspended | expired | terminated |
// superseded; active is computed, and so is expired until it is stored. Every function takes an
// agreement and gives the changed one, or says why not; nothing is stored, the time is passed in.
// `changed_at` is set; etag, position and policy revision are the store's. Thread safety: pure
// functions.
//
// Errors of all: FAILED_PRECONDITION (STATE_FORBIDS) with name, state and wanted;
// FAILED_PRECONDITION (NOT_PARTY) for an organisation that is none;
// PERMISSION_DENIED (NOT_CONTROLLER) where only the lead may.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/accountability/domain/agreement_rules.h"
#include "waterline/accountability/v1/agreement.pb.h"

namespace waterline::accountability {

// Who moves the agreement, when, and why. `organisation` is organisations/{org}.
struct Move {
  std::string organisation;
  int64_t now_ms = 0;
  std::string reason;  // Of suspend, resume and terminate: 1 to 500 characters; all parties see it.
};

// INVALID_ARGUMENT with what CheckDraft finds, or `terms.lead` when that is not the caller's
// organisation; an absent lead becomes it.
absl::StatusOr<v1::Agreement> MakeDraft(const std::string& name, v1::AgreementTerms terms,
                                        const Move& move);

// Rule 37: only a draft, by its lead; reference and version stay.
absl::StatusOr<v1::Agreement> Update(const v1::Agreement& agreement, v1::AgreementTerms terms,
                                     const Move& move);

// draft -> in_review, by the lead: CheckParties, CheckTerms, an end that lies ahead; fixes document
// and its hash.
absl::StatusOr<v1::Agreement> Submit(const v1::Agreement& agreement, const FactsOf& facts,
                                     const Platform& platform, const Move& move);

// In review and before the first signature, by the lead; approved_at is the time of the move once
// the assessment is approved.
absl::StatusOr<v1::Agreement> Assess(const v1::Agreement& agreement, v1::Assessment assessment,
                                     const Move& move);

// Checks a detached JWS over `payload` by the key `key_id` of `organisation`.
using VerifySignature =
    std::function<absl::Status(const std::string& organisation, const std::string& key_id,
                               const std::string& jws, const std::string& payload)>;

struct Signing {
  v1::Signature signature;                   // role is the caller's; organisation and time are set.
  std::string handle;                        // Of who signs.
  std::vector<std::string> earlier_handles;  // By place in agreement.signatures.
};

// In review: adds one signature; the last one makes it agreed. CheckParties and CheckSigning again;
// INVALID_ARGUMENT (INVALID_FIELDS) for a signature that does not verify.
absl::StatusOr<v1::Agreement> Sign(const v1::Agreement& agreement, const Signing& signing,
                                   const FactsOf& facts, const VerifySignature& verify,
                                   const Move& move);

// agreed -> suspended, by any party, whether in force yet or not, or its review is overdue.
absl::StatusOr<v1::Agreement> Suspend(const v1::Agreement& agreement, const Move& move);

// suspended -> agreed, by the party that suspended it.
absl::StatusOr<v1::Agreement> Resume(const v1::Agreement& agreement,
                                     const std::string& suspended_by, const Move& move);

// Anything but an end -> terminated, by any party.
absl::StatusOr<v1::Agreement> Terminate(const v1::Agreement& agreement, const Move& move);

// in_review, agreed or suspended -> superseded, when `successor` (agreed, and naming it) is.
absl::StatusOr<v1::Agreement> Supersede(const v1::Agreement& agreement,
                                        const v1::Agreement& successor, int64_t now_ms);

// agreed or suspended -> expired, once its end has come, by nobody: changed_at is the end. The
// same as AsOf shows from that moment on.
absl::StatusOr<v1::Agreement> Expire(const v1::Agreement& agreement, int64_t now_ms);

// What an agreement is now. From its stored state: agreed is active from `start` until `end`, then
// expired; suspended from `review_due` on. An agreed one that lacks a signature or an approved
// assessment is still in review: nothing may rely on it.
struct StateNow {
  v1::AgreementState state = v1::AGREEMENT_STATE_UNSPECIFIED;
  std::string reason;  // Of suspended and the ends.
};
StateNow ComputedState(const v1::Agreement& agreement, int64_t now_ms);
// The agreement as a caller sees it now.
v1::Agreement AsOf(v1::Agreement agreement, int64_t now_ms);
// Two parties or more, all have signed, and the assessment is approved with the officer's advice.
bool IsComplete(const v1::Agreement& agreement);
bool IsEnd(v1::AgreementState state);       // Expired, terminated or superseded.
std::string StateName(v1::AgreementState);  // draft, in_review, ...

// The text that is signed: protobuf JSON of the terms, fields by number, names as in the proto.
// Made once, by Submit; what is stored is signed and shown, never a second rendering.
std::string DocumentOf(const v1::AgreementTerms& terms);
// What a signature covers: the lower-case hexadecimal SHA-256 of the document.
std::string SignaturePayload(const v1::Agreement& agreement);

}  // namespace waterline::accountability
