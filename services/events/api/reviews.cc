#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/events/api/events_api.h"
#include "services/events/domain/rules.h"

namespace waterline::events {
namespace {

using gate::Operation;
using storage::v1::ContributionRecord;
using waterline::storage::Batch;
using waterline::storage::Key;

constexpr auto kCategory = common::v1::CATEGORY_CONTRIBUTION_TEXT;

std::vector<FieldViolation> CheckRequest(const v1::ReviewContributionRequest& request) {
  auto violations = CheckReview(request.redaction_state(), request.redacted_text());
  if (!text::MatchName(request.name(), "organisations/*/events/*/contributions/*"))
    violations.push_back(
        {"name", "is not a name organisations/{id}/events/{id}/contributions/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  return violations;
}

// As it is stored, and the reviewer's own words. The decision is one to write, whatever standing or
// flag say of reading: the original stays closed.
v1::Contribution AsReviewed(const records::Stored<ContributionRecord>& stored,
                            const v1::ReviewContributionRequest& request,
                            const common::v1::LedgerPosition& reviewed_under) {
  v1::Contribution contribution = stored.record.public_();
  contribution.set_etag(records::EtagOf(stored.revision));
  const bool is_this_review =
      records::Serialise(stored.record.receipt()) == records::Serialise(reviewed_under);
  if (is_this_review && !request.redacted_text().empty())
    contribution.set_redacted_text(request.redacted_text());
  return contribution;
}

absl::Status Absent() { return Error(reason::kNotFound, "there is no contribution of this name"); }

}  // namespace

// The original stays in the record; it is sealed again together with the redacted text.
coro::Task<absl::Status> EventsApi::StoreReview(const rpc::Call& call,
                                                const v1::ReviewContributionRequest& request,
                                                EventRef event, Contribution stored,
                                                const records::Mutation& mutation,
                                                gate::Decision* decision) {
  const std::vector<std::string> ids = {stored.record.sealed().key_id()};
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto keys,
                                co_await parts_.vault->Load(event.partition(), ids));
  v1::Contribution contribution = stored.record.public_();
  if (keys[0]) {
    WATERLINE_CO_RETURN_IF_ERROR(privacy::OpenPersonal(stored.record.sealed(), contribution.name(),
                                                       *keys[0], &contribution));
  }
  WATERLINE_CO_RETURN_IF_ERROR(
      ApplyReview(request.redaction_state(), request.redacted_text(), &contribution));
  contribution.set_reviewer_role(call.caller.role());
  *contribution.mutable_review_time() = text::ToTimestamp(parts_.clock->NowMs());
  auto sealed = privacy::SealPersonal(&contribution, contribution.name(), *keys[0]);
  *stored.record.mutable_sealed() = *std::move(sealed);
  *stored.record.mutable_public_() = std::move(contribution);
  WATERLINE_CO_ASSIGN_OR_RETURN(*decision, co_await parts_.gate->Refresh(std::move(*decision)));
  *stored.record.mutable_receipt() = decision->position();
  Batch batch;
  const Key key(kContributions, event.id + "/" + IdOf(request.name()));
  batch.RequireRevision(key, stored.revision).Put(key, stored.record.SerializeAsString());
  records::Remember(&batch, mutation, request.name(), decision->position(), parts_.clock->NowMs());
  co_return (co_await parts_.store->Commit(event.partition(), std::move(batch))).status();
}

EventsApi::Answer<v1::ReviewContributionResponse> EventsApi::ReviewContribution(
    const rpc::Call& call, const v1::ReviewContributionRequest& request) {
  const auto violations = CheckRequest(request);
  if (!violations.empty()) co_return BadFields(violations);
  const auto ids = text::MatchName(request.name(), "organisations/*/events/*/contributions/*");
  const EventRef event{(*ids)[0], (*ids)[1]};
  const Key key(kContributions, event.id + "/" + (*ids)[2]);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await records::Load<ContributionRecord>(
                                                 parts_.store, event.partition(), key));
  gate::Ask ask(Operation::OPERATION_WRITE, event.organisation, kContributions, request.name(),
                {kCategory});
  Subjects subjects;
  // The review is the controller's alone, whatever others may write.
  ask.records.push_back(KeptByLead());
  if (stored) ask.records[0].set_subject(subjects.Place(stored->record.subject_id()));
  ask.subject_ids = subjects.ids();
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!stored) co_return Absent();
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry, co_await records::FindRetry(parts_.store, event.partition(), &mutation,
                                                    parts_.clock->NowMs()));
  if (!retry) {
    WATERLINE_CO_RETURN_IF_ERROR(records::CheckEtag(request.etag(), stored->revision));
    WATERLINE_CO_RETURN_IF_ERROR(
        co_await StoreReview(call, request, event, *std::move(stored), mutation, &decision));
    WATERLINE_CO_ASSIGN_OR_RETURN(
        stored, co_await records::Load<ContributionRecord>(parts_.store, event.partition(), key));
    if (!stored) co_return Absent();
  }
  v1::ReviewContributionResponse response;
  *response.mutable_contribution() =
      AsReviewed(*stored, request, retry ? retry->receipt() : decision.position());
  co_return gate::Draft<v1::ReviewContributionResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::events
