#include "services/accountability/domain/life_cycle.h"

#include <algorithm>

#include "google/protobuf/util/json_util.h"
#include "services/accountability/domain/checks.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

constexpr size_t kReasonMax = 500;
constexpr size_t kJwsMax = 8192;
constexpr char kReviewOverdue[] = "its review is overdue: agree a new version that supersedes it";

// The move cannot be made from the state the agreement is in at `now_ms`.
absl::Status Forbid(const v1::Agreement& agreement, int64_t now_ms, const std::string& wanted,
                    const std::string& why) {
  const std::string state = StateName(ComputedState(agreement, now_ms).state);
  return Error(reason::kStateForbids, "the agreement is " + state + ": " + why,
               {{"name", agreement.name()}, {"state", state}, {"wanted", wanted}});
}

absl::Status NeedParty(const v1::Agreement& agreement, const Move& move) {
  if (FindParty(agreement.terms(), move.organisation) != nullptr) return absl::OkStatus();
  return Error(reason::kNotParty, "only a party may do this",
               {{"organisation", move.organisation}});
}

absl::Status NeedLead(const v1::Agreement& agreement, const Move& move) {
  WATERLINE_RETURN_IF_ERROR(NeedParty(agreement, move));
  if (agreement.terms().lead() == move.organisation) return absl::OkStatus();
  return Error(reason::kNotController, "only the lead of the agreement may do this",
               {{"controller", agreement.terms().lead()}});
}

absl::Status NeedReason(const Move& move) {
  const std::string problem = text::TextProblem(text::Trim(move.reason), 1, kReasonMax);
  return problem.empty() ? absl::OkStatus() : BadFields({{"reason", problem}});
}

absl::Status Bad(const std::vector<FieldViolation>& violations) {
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

v1::Agreement Moved(v1::Agreement agreement, v1::AgreementState state, const std::string& reason,
                    int64_t now_ms) {
  agreement.set_state(state);
  agreement.set_state_reason(std::string(text::Trim(reason)));
  *agreement.mutable_changed_at() = text::ToTimestamp(now_ms);
  return agreement;
}

absl::Status CheckSignatureForm(const v1::Signature& signature) {
  Checks checks;
  checks.Text("signature.signatory", signature.signatory(), 1, 200);
  checks.If(!signature.signatory().empty() && ComparedName(signature.signatory()).empty(),
            "signature.signatory", "is not a name");
  checks.Text("signature.key_id", signature.key_id(), 1, 200);
  checks.Text("signature.jws", signature.jws(), 1, kJwsMax);
  return Bad(checks.Take());
}

bool IsPast(const v1::AgreementTerms& terms, int64_t now_ms) {
  return text::ToMs(terms.end()) <= now_ms;
}

}  // namespace

std::string StateName(v1::AgreementState state) {
  const std::string name = v1::AgreementState_Name(state);
  constexpr size_t kPrefix = sizeof("AGREEMENT_STATE_") - 1;
  return name.size() > kPrefix ? text::ToLower(name.substr(kPrefix)) : "unknown";
}

bool IsEnd(v1::AgreementState state) {
  return state == v1::AGREEMENT_STATE_EXPIRED || state == v1::AGREEMENT_STATE_TERMINATED ||
         state == v1::AGREEMENT_STATE_SUPERSEDED;
}

bool IsComplete(const v1::Agreement& agreement) {
  const auto& signatures = agreement.signatures();
  const bool all_signed = std::all_of(
      agreement.terms().parties().begin(), agreement.terms().parties().end(), [&](const auto& p) {
        return std::any_of(signatures.begin(), signatures.end(), [&](const auto& signature) {
          return signature.organisation() == p.organisation();
        });
      });
  return all_signed && agreement.terms().parties_size() >= 2 &&
         agreement.assessment().dpia_approved() && agreement.assessment().dpo_advice_recorded();
}

StateNow ComputedState(const v1::Agreement& agreement, int64_t now_ms) {
  const auto state = agreement.state();
  const bool is_agreed = state == v1::AGREEMENT_STATE_AGREED;
  if (!is_agreed && state != v1::AGREEMENT_STATE_SUSPENDED)
    return {state, agreement.state_reason()};
  if (IsPast(agreement.terms(), now_ms)) return {v1::AGREEMENT_STATE_EXPIRED, "its end has come"};
  if (!is_agreed) return {state, agreement.state_reason()};
  if (!IsComplete(agreement)) return {v1::AGREEMENT_STATE_IN_REVIEW, ""};
  if (now_ms < text::ToMs(agreement.terms().start())) return {state, ""};
  if (now_ms >= text::ToMs(agreement.terms().review_due()))
    return {v1::AGREEMENT_STATE_SUSPENDED, kReviewOverdue};
  return {v1::AGREEMENT_STATE_ACTIVE, ""};
}

v1::Agreement AsOf(v1::Agreement agreement, int64_t now_ms) {
  const StateNow now = ComputedState(agreement, now_ms);
  if (now.state == v1::AGREEMENT_STATE_EXPIRED)
    *agreement.mutable_changed_at() = agreement.terms().end();
  agreement.set_state(now.state);
  agreement.set_state_reason(now.reason);
  return agreement;
}

std::string DocumentOf(const v1::AgreementTerms& terms) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string document;
  const auto status = google::protobuf::util::MessageToJsonString(terms, &document, options);
  return status.ok() ? document : "";
}

std::string SignaturePayload(const v1::Agreement& agreement) {
  return crypto::HexEncode(crypto::Sha256(agreement.document()));
}

absl::StatusOr<v1::Agreement> MakeDraft(const std::string& name, v1::AgreementTerms terms,
                                        const Move& move) {
  if (terms.lead().empty()) terms.set_lead(move.organisation);
  auto violations = CheckDraft(terms);
  if (terms.lead() != move.organisation)
    violations.push_back({"terms.lead", "is not your organisation; the lead makes the draft"});
  WATERLINE_RETURN_IF_ERROR(Bad(violations));
  v1::Agreement agreement;
  agreement.set_name(name);
  *agreement.mutable_terms() = std::move(terms);
  *agreement.mutable_created_at() = text::ToTimestamp(move.now_ms);
  return Moved(std::move(agreement), v1::AGREEMENT_STATE_DRAFT, "", move.now_ms);
}

absl::StatusOr<v1::Agreement> Update(const v1::Agreement& agreement, v1::AgreementTerms terms,
                                     const Move& move) {
  WATERLINE_RETURN_IF_ERROR(NeedLead(agreement, move));
  if (agreement.state() != v1::AGREEMENT_STATE_DRAFT) {
    return Forbid(agreement, move.now_ms, "draft",
                  "its text is fixed; a new version that supersedes it changes the terms");
  }
  if (terms.lead().empty()) terms.set_lead(move.organisation);
  auto violations = CheckDraft(terms);
  if (terms.lead() != agreement.terms().lead())
    violations.push_back({"terms.lead", "does not change; the new lead makes a draft"});
  if (terms.reference() != agreement.terms().reference())
    violations.push_back({"terms.reference", "does not change; make another draft"});
  if (terms.version() != agreement.terms().version())
    violations.push_back({"terms.version", "does not change; make another draft"});
  WATERLINE_RETURN_IF_ERROR(Bad(violations));
  v1::Agreement changed = agreement;
  *changed.mutable_terms() = std::move(terms);
  return Moved(std::move(changed), v1::AGREEMENT_STATE_DRAFT, "", move.now_ms);
}

absl::StatusOr<v1::Agreement> Submit(const v1::Agreement& agreement, const FactsOf& facts,
                                     const Platform& platform, const Move& move) {
  WATERLINE_RETURN_IF_ERROR(NeedLead(agreement, move));
  if (agreement.state() != v1::AGREEMENT_STATE_DRAFT)
    return Forbid(agreement, move.now_ms, "draft", "only a draft is submitted");
  auto violations = CheckTerms(agreement.terms(), facts, platform);
  if (agreement.terms().has_end() && IsPast(agreement.terms(), move.now_ms))
    violations.push_back({"terms.end", "lies in the past"});
  WATERLINE_RETURN_IF_ERROR(Bad(violations));
  WATERLINE_RETURN_IF_ERROR(CheckParties(agreement.terms(), facts));
  v1::Agreement submitted = agreement;
  submitted.set_document(DocumentOf(agreement.terms()));
  if (submitted.document().empty())
    return Error(reason::kUnexpected, "the terms could not be written as text");
  submitted.set_document_hash(crypto::Sha256(submitted.document()));
  submitted.clear_signatures();
  submitted.clear_assessment();
  return Moved(std::move(submitted), v1::AGREEMENT_STATE_IN_REVIEW, "", move.now_ms);
}

absl::StatusOr<v1::Agreement> Assess(const v1::Agreement& agreement, v1::Assessment assessment,
                                     const Move& move) {
  WATERLINE_RETURN_IF_ERROR(NeedLead(agreement, move));
  if (agreement.state() != v1::AGREEMENT_STATE_IN_REVIEW)
    return Forbid(agreement, move.now_ms, "in_review", "it is assessed while in review");
  if (!agreement.signatures().empty()) {
    return Forbid(agreement, move.now_ms, "in_review, not signed yet",
                  "a party has signed on the assessment; terminate it and begin anew");
  }
  Checks checks;
  checks.Text("assessment.dpia_reference", assessment.dpia_reference(), 1, 500);
  checks.Text("assessment.dpia_approved_by", assessment.dpia_approved_by(),
              assessment.dpia_approved() ? 1 : 0, 500);
  WATERLINE_RETURN_IF_ERROR(Bad(checks.Take()));
  assessment.clear_approved_at();
  if (assessment.dpia_approved())
    *assessment.mutable_approved_at() = text::ToTimestamp(move.now_ms);
  v1::Agreement assessed = agreement;
  *assessed.mutable_assessment() = std::move(assessment);
  return Moved(std::move(assessed), v1::AGREEMENT_STATE_IN_REVIEW, "", move.now_ms);
}

absl::StatusOr<v1::Agreement> Sign(const v1::Agreement& agreement, const Signing& signing,
                                   const FactsOf& facts, const VerifySignature& verify,
                                   const Move& move) {
  WATERLINE_RETURN_IF_ERROR(NeedParty(agreement, move));
  if (agreement.state() != v1::AGREEMENT_STATE_IN_REVIEW)
    return Forbid(agreement, move.now_ms, "in_review", "it is signed while in review");
  if (IsPast(agreement.terms(), move.now_ms))
    return Forbid(agreement, move.now_ms, "an end that lies ahead", "its end has come");
  v1::Signature signature = signing.signature;
  signature.set_organisation(move.organisation);
  *signature.mutable_signed_at() = text::ToTimestamp(move.now_ms);
  WATERLINE_RETURN_IF_ERROR(CheckSignatureForm(signature));
  WATERLINE_RETURN_IF_ERROR(
      CheckSigning(agreement, signature, signing.handle, signing.earlier_handles));
  WATERLINE_RETURN_IF_ERROR(CheckParties(agreement.terms(), facts));
  WATERLINE_RETURN_IF_ERROR(
      verify(move.organisation, signature.key_id(), signature.jws(), SignaturePayload(agreement)));
  v1::Agreement after = agreement;
  *after.add_signatures() = std::move(signature);
  const auto state = IsComplete(after) ? v1::AGREEMENT_STATE_AGREED : v1::AGREEMENT_STATE_IN_REVIEW;
  return Moved(std::move(after), state, "", move.now_ms);
}

absl::StatusOr<v1::Agreement> Suspend(const v1::Agreement& agreement, const Move& move) {
  WATERLINE_RETURN_IF_ERROR(NeedParty(agreement, move));
  WATERLINE_RETURN_IF_ERROR(NeedReason(move));
  if (agreement.state() != v1::AGREEMENT_STATE_AGREED ||
      IsEnd(ComputedState(agreement, move.now_ms).state)) {
    return Forbid(agreement, move.now_ms, "agreed", "only an agreed one is suspended");
  }
  return Moved(agreement, v1::AGREEMENT_STATE_SUSPENDED, move.reason, move.now_ms);
}

absl::StatusOr<v1::Agreement> Resume(const v1::Agreement& agreement,
                                     const std::string& suspended_by, const Move& move) {
  WATERLINE_RETURN_IF_ERROR(NeedParty(agreement, move));
  WATERLINE_RETURN_IF_ERROR(NeedReason(move));
  if (agreement.state() != v1::AGREEMENT_STATE_SUSPENDED ||
      IsEnd(ComputedState(agreement, move.now_ms).state)) {
    return Forbid(agreement, move.now_ms, "suspended", "only a suspended one is resumed");
  }
  if (move.organisation != suspended_by) {
    return Forbid(agreement, move.now_ms, "suspended by you",
                  "only the party that suspended it resumes it");
  }
  return Moved(agreement, v1::AGREEMENT_STATE_AGREED, "", move.now_ms);
}

absl::StatusOr<v1::Agreement> Terminate(const v1::Agreement& agreement, const Move& move) {
  WATERLINE_RETURN_IF_ERROR(NeedParty(agreement, move));
  WATERLINE_RETURN_IF_ERROR(NeedReason(move));
  if (IsEnd(ComputedState(agreement, move.now_ms).state))
    return Forbid(agreement, move.now_ms, "not ended", "it has ended already");
  return Moved(agreement, v1::AGREEMENT_STATE_TERMINATED, move.reason, move.now_ms);
}

absl::StatusOr<v1::Agreement> Supersede(const v1::Agreement& agreement,
                                        const v1::Agreement& successor, int64_t now_ms) {
  if (agreement.state() == v1::AGREEMENT_STATE_DRAFT ||
      IsEnd(ComputedState(agreement, now_ms).state)) {
    return Forbid(agreement, now_ms, "in_review, agreed or suspended",
                  "a draft is changed in place, and what has ended stays as it ended");
  }
  if (successor.terms().supersedes() != agreement.name() ||
      successor.state() != v1::AGREEMENT_STATE_AGREED) {
    return Forbid(agreement, now_ms, "an agreed version that names it",
                  "it ends when the version that names it is agreed");
  }
  return Moved(agreement, v1::AGREEMENT_STATE_SUPERSEDED, "superseded by " + successor.name(),
               now_ms);
}

absl::StatusOr<v1::Agreement> Expire(const v1::Agreement& agreement, int64_t now_ms) {
  if (IsEnd(agreement.state()) ||
      ComputedState(agreement, now_ms).state != v1::AGREEMENT_STATE_EXPIRED)
    return Forbid(agreement, now_ms, "agreed or suspended, at its end", "its end has not come");
  return AsOf(agreement, now_ms);
}

}  // namespace waterline::accountability
