#include "services/accountability/api/agreements_api.h"

#include "services/common/crypto/hash.h"
#include "services/common/crypto/random.h"
#include "services/common/records/records.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::accountability {
namespace {

using text::IdOf;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr char kOwnPartition[] = "agreements";          // The controller of a question about one.
constexpr char kReferences[] = "agreement_references";  // <lead id>/<reference>/<version>

Partition LedgerPartition() { return Partition(kLedgerPartition); }

std::string CallerName(const rpc::Call& call) {
  return "organisations/" + call.caller.organisation();
}

Key ReferenceKey(const v1::AgreementTerms& terms) {
  return Key(kReferences,
             IdOf(terms.lead()) + "/" + terms.reference() + "/" + std::to_string(terms.version()));
}

// The same for one person whichever organisation they sign for.
std::string HandleOf(const rpc::Call& call) {
  return crypto::Sha256(call.caller.issuer() + "|" + call.caller.actor());
}

absl::Status CheckRequest(const std::string& name, const std::string& request_id) {
  std::vector<FieldViolation> violations;
  if (!text::MatchName(name, "agreements/*"))
    violations.push_back({"name", "is not a name agreements/{id}"});
  records::CheckRequestId(request_id, &violations);
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

struct Move MoveOf(const rpc::Call& call, int64_t now_ms, std::string reason) {
  struct Move move;
  move.organisation = CallerName(call);
  move.now_ms = now_ms;
  move.reason = std::move(reason);
  return move;
}

// An edit that puts the outcome of a rule of the life cycle into the record.
absl::Status Take(absl::StatusOr<v1::Agreement> next, storage::v1::AgreementRecord* record) {
  if (!next.ok()) return next.status();
  *record->mutable_public_() = *std::move(next);
  return absl::OkStatus();
}

// What the rules ask of the parties.
FactsOf FactsFrom(const Members* members) {
  return [members](const std::string& organisation) -> std::optional<OrganisationFacts> {
    const auto member = members->Find(organisation);
    if (!member) return std::nullopt;
    OrganisationFacts facts;
    facts.legal_entity = member->legal_entity();
    facts.public_authority = member->public_authority();
    facts.closed = member->closed();
    return facts;
  };
}

std::vector<std::string> HandlesOf(const storage::v1::AgreementRecord& record) {
  std::vector<std::string> handles;
  for (const auto& signatory : record.signatories()) handles.push_back(signatory.handle());
  return handles;
}

}  // namespace

void AgreementsApi::Register(rpc::Service* service) {
  auto* gate = parts_.gate;
  rpc::Gated(service, "CreateAgreement", this, &AgreementsApi::CreateAgreement, gate);
  rpc::Gated(service, "UpdateAgreement", this, &AgreementsApi::UpdateAgreement, gate);
  rpc::Gated(service, "GetAgreement", this, &AgreementsApi::GetAgreement, gate);
  rpc::Gated(service, "ListAgreements", this, &AgreementsApi::ListAgreements, gate);
  rpc::Gated(service, "SubmitAgreement", this, &AgreementsApi::SubmitAgreement, gate);
  rpc::Gated(service, "RecordAssessment", this, &AgreementsApi::RecordAssessment, gate);
  rpc::Gated(service, "SignAgreement", this, &AgreementsApi::SignAgreement, gate);
  rpc::Gated(service, "SuspendAgreement", this, &AgreementsApi::SuspendAgreement, gate);
  rpc::Gated(service, "ResumeAgreement", this, &AgreementsApi::ResumeAgreement, gate);
  rpc::Gated(service, "TerminateAgreement", this, &AgreementsApi::TerminateAgreement, gate);
}

coro::Task<absl::StatusOr<gate::Decision>> AgreementsApi::AskAbout(
    const rpc::Call& call, gate::Operation operation, std::string name,
    const std::optional<StoredAgreement>& stored) {
  gate::Ask ask(operation, kOwnPartition, "agreements", std::move(name),
                {common::v1::CATEGORY_LEDGER});
  ask.caller_is_party =
      stored && FindParty(stored->record.public_().terms(), CallerName(call)) != nullptr;
  co_return co_await parts_.gate->Ask(call, std::move(ask));
}

v1::Agreement AgreementsApi::ToPublic(StoredAgreement stored) const {
  v1::Agreement agreement =
      AsOf(std::move(*stored.record.mutable_public_()), parts_.clock->NowMs());
  agreement.set_etag(records::EtagOf(stored.revision));
  return agreement;
}

coro::Task<absl::StatusOr<v1::Agreement>> AgreementsApi::Read(std::string id) {
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await parts_.rulebook->LoadAgreement(id));
  if (!stored) co_return Error(reason::kUnexpected, "an agreement that was stored is not there");
  co_return ToPublic(*std::move(stored));
}

coro::Task<absl::StatusOr<Rulebook::AgreementChange>> AgreementsApi::MakeChange(
    const rpc::Call& call, std::string change_name, std::string id, AgreementRecord record) {
  Rulebook::AgreementChange change;
  auto& entry = change.entry;
  const auto& agreement = record.public_();
  entry.set_agreement(agreement.name());
  entry.set_reference(agreement.terms().reference());
  entry.set_version(agreement.terms().version());
  entry.set_change(std::move(change_name));
  entry.set_to_state(StateName(agreement.state()));
  if (agreement.has_document_hash()) entry.set_document_hash(agreement.document_hash());
  entry.set_organisation(CallerName(call));
  entry.set_role(call.caller.role());
  entry.set_authentication(call.caller.authentication());
  for (const auto& party : agreement.terms().parties()) entry.add_parties(party.organisation());
  auto handle = co_await parts_.recorder->ActorHandle(call.caller.organisation(),
                                                      call.caller.issuer(), call.caller.actor());
  if (!handle.ok()) co_return handle.status();
  entry.set_actor_handle(*std::move(handle));
  change.id = std::move(id);
  change.record = std::move(record);
  co_return change;
}

AgreementsApi::Answer<v1::CreateAgreementResponse> AgreementsApi::CreateAgreement(
    const rpc::Call& call, const v1::CreateAgreementRequest& request) {
  std::vector<FieldViolation> violations;
  records::CheckRequestId(request.request_id(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  gate::Ask ask(gate::Operation::OPERATION_WRITE, kOwnPartition, "agreements", "agreements",
                {common::v1::CATEGORY_LEDGER});
  ask.caller_is_party = FindParty(request.terms(), CallerName(call)) != nullptr;
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  const int64_t now = parts_.clock->NowMs();
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry,
      co_await records::FindRetry(parts_.store, LedgerPartition(), &mutation, now));
  std::string id = retry ? IdOf(retry->resource_name()) : crypto::RandomId('a');
  if (!retry) {
    AgreementRecord record;
    const auto move = MoveOf(call, now, "");
    WATERLINE_CO_RETURN_IF_ERROR(
        Take(MakeDraft("agreements/" + id, request.terms(), move), &record));
    const std::vector<Key> reference = {ReferenceKey(record.public_().terms())};
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto taken,
                                  co_await parts_.store->Get(LedgerPartition(), reference));
    if (taken[0])
      co_return Error(reason::kAlreadyExists,
                      "there is an agreement of this reference and version already; draft the "
                      "next version");
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Refresh(std::move(decision)));
    WATERLINE_CO_ASSIGN_OR_RETURN(auto change, co_await MakeChange(call, "CREATED", id, record));
    records::Remember(&change.remembered, mutation, "agreements/" + id, decision.position(), now);
    change.remembered.RequireAbsent(reference[0]).Put(reference[0], id);
    auto changed = co_await parts_.rulebook->ChangeAgreement(std::move(change), now);
    if (!changed.ok()) co_return changed.status();
  }
  v1::CreateAgreementResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_agreement(), co_await Read(id));
  co_return gate::Draft<v1::CreateAgreementResponse>(std::move(response), std::move(decision));
}

AgreementsApi::Answer<v1::GetAgreementResponse> AgreementsApi::GetAgreement(
    const rpc::Call& call, const v1::GetAgreementRequest& request) {
  if (!text::MatchName(request.name(), "agreements/*"))
    co_return BadFields({{"name", "is not a name agreements/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored,
                                co_await parts_.rulebook->LoadAgreement(IdOf(request.name())));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskAbout(call, gate::Operation::OPERATION_READ, request.name(), stored));
  v1::GetAgreementResponse response;
  *response.mutable_agreement() = ToPublic(*std::move(stored));
  co_return gate::Draft<v1::GetAgreementResponse>(std::move(response), std::move(decision));
}

AgreementsApi::Answer<v1::ListAgreementsResponse> AgreementsApi::ListAgreements(
    const rpc::Call& call, const v1::ListAgreementsRequest& request) {
  const std::string organisation = call.caller.organisation();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), organisation));
  gate::Ask ask(gate::Operation::OPERATION_SEARCH, organisation, "agreements", "agreements",
                {common::v1::CATEGORY_LEDGER});
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  const auto range = records::PageRange(kAgreementParties, organisation + "/", page);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto items, co_await parts_.store->Scan(LedgerPartition(), range, page.limit,
                                                    waterline::storage::Direction::kForward));
  v1::ListAgreementsResponse response;
  for (const auto& item : items) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto stored,
                                  co_await parts_.rulebook->LoadAgreement(IdOf(item.id)));
    if (stored) *response.add_agreements() = ToPublic(*std::move(stored));
  }
  if (static_cast<int>(items.size()) == page.limit)
    response.set_next_page_token(records::NextPageToken(items.back().id, organisation));
  co_return gate::Draft<v1::ListAgreementsResponse>(std::move(response), std::move(decision));
}

template <class Response, class Request>
AgreementsApi::Answer<Response> AgreementsApi::Change(const rpc::Call& call, const Request& request,
                                                      Verb verb) {
  WATERLINE_CO_RETURN_IF_ERROR(CheckRequest(request.name(), request.request_id()));
  const std::string id = IdOf(request.name());
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await parts_.rulebook->LoadAgreement(id));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskAbout(call, gate::Operation::OPERATION_WRITE, request.name(), stored));
  WATERLINE_CO_RETURN_IF_ERROR(
      co_await Store(call, request, *std::move(stored), std::move(verb), &decision));
  Response response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_agreement(), co_await Read(id));
  co_return gate::Draft<Response>(std::move(response), std::move(decision));
}

// One that is absent and one that is no business of the drafter's are the same to them.
coro::Task<absl::StatusOr<std::optional<Rulebook::StoredAgreement>>> AgreementsApi::Predecessor(
    v1::AgreementTerms terms) {
  std::optional<StoredAgreement> found;
  if (terms.supersedes().empty()) co_return found;
  WATERLINE_CO_ASSIGN_OR_RETURN(found,
                                co_await parts_.rulebook->LoadAgreement(IdOf(terms.supersedes())));
  if (!found || !CheckSuccessor(terms, found->record.public_().terms()).empty()) {
    co_return BadFields({{"terms.supersedes",
                          "names no agreement of which this is the next version: of the same "
                          "reference, one number on, led by one of its parties"}});
  }
  co_return found;
}

// What has ended by itself stays as it ended; a version that another one has superseded cannot be
// superseded again.
absl::Status AgreementsApi::EndPredecessor(StoredAgreement predecessor, int64_t now_ms,
                                           Rulebook::AgreementChange* change) {
  const auto& agreement = predecessor.record.public_();
  const auto state = ComputedState(agreement, now_ms).state;
  if (state == v1::AGREEMENT_STATE_EXPIRED || state == v1::AGREEMENT_STATE_TERMINATED)
    return absl::OkStatus();
  WATERLINE_RETURN_IF_ERROR(
      Take(Supersede(agreement, change->record.public_(), now_ms), &predecessor.record));
  change->entry.set_superseded(agreement.name());
  change->superseded = std::move(predecessor);
  return absl::OkStatus();
}

coro::Task<absl::Status> AgreementsApi::Store(const rpc::Call& call,
                                              const google::protobuf::Message& request,
                                              StoredAgreement before, Verb verb,
                                              gate::Decision* decision) {
  const int64_t now = parts_.clock->NowMs();
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry,
      co_await records::FindRetry(parts_.store, LedgerPartition(), &mutation, now));
  if (retry) co_return absl::OkStatus();
  WATERLINE_CO_RETURN_IF_ERROR(records::CheckEtag(verb.etag, before.revision));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto predecessor,
                                co_await Predecessor(before.record.public_().terms()));
  AgreementRecord record = before.record;
  const auto move = MoveOf(call, now, verb.reason);
  WATERLINE_CO_RETURN_IF_ERROR(verb.edit(&record, move));
  WATERLINE_CO_ASSIGN_OR_RETURN(*decision, co_await parts_.gate->Refresh(std::move(*decision)));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto change,
                                co_await MakeChange(call, verb.change, before.id, record));
  change.entry.set_from_state(StateName(before.record.public_().state()));
  const auto& agreement = change.record.public_();
  const bool becomes_agreed = agreement.state() == v1::AGREEMENT_STATE_AGREED &&
                              before.record.public_().state() == v1::AGREEMENT_STATE_IN_REVIEW;
  if (becomes_agreed && predecessor)
    WATERLINE_CO_RETURN_IF_ERROR(EndPredecessor(*std::move(predecessor), now, &change));
  change.before = std::move(before);
  records::Remember(&change.remembered, mutation, agreement.name(), decision->position(), now);
  auto changed = co_await parts_.rulebook->ChangeAgreement(std::move(change), now);
  co_return changed.status();
}

AgreementsApi::Answer<v1::UpdateAgreementResponse> AgreementsApi::UpdateAgreement(
    const rpc::Call& call, const v1::UpdateAgreementRequest& request) {
  if (request.etag().empty())
    co_return BadFields({{"etag", "is required: of the draft that was read"}});
  Verb verb;
  verb.change = "UPDATED";
  verb.etag = request.etag();
  verb.edit = [&request](AgreementRecord* record, const struct Move& move) {
    return Take(Update(record->public_(), request.terms(), move), record);
  };
  co_return co_await Change<v1::UpdateAgreementResponse>(call, request, std::move(verb));
}

AgreementsApi::Answer<v1::SubmitAgreementResponse> AgreementsApi::SubmitAgreement(
    const rpc::Call& call, const v1::SubmitAgreementRequest& request) {
  Verb verb;
  verb.change = "SUBMITTED";
  verb.edit = [this](AgreementRecord* record, const struct Move& move) {
    return Take(Submit(record->public_(), FactsFrom(parts_.members), parts_.platform, move),
                record);
  };
  co_return co_await Change<v1::SubmitAgreementResponse>(call, request, std::move(verb));
}

AgreementsApi::Answer<v1::RecordAssessmentResponse> AgreementsApi::RecordAssessment(
    const rpc::Call& call, const v1::RecordAssessmentRequest& request) {
  Verb verb;
  verb.change = "ASSESSED";
  verb.edit = [&request](AgreementRecord* record, const struct Move& move) {
    return Take(Assess(record->public_(), request.assessment(), move), record);
  };
  co_return co_await Change<v1::RecordAssessmentResponse>(call, request, std::move(verb));
}

AgreementsApi::Answer<v1::SignAgreementResponse> AgreementsApi::SignAgreement(
    const rpc::Call& call, const v1::SignAgreementRequest& request) {
  Verb verb;
  verb.change = "SIGNED";
  verb.edit = [this, &call, &request](AgreementRecord* record, const struct Move& move) {
    Signing signing;
    signing.signature = request.signature();
    signing.signature.set_role(call.caller.role());
    signing.handle = HandleOf(call);
    signing.earlier_handles = HandlesOf(*record);
    WATERLINE_RETURN_IF_ERROR(Take(
        Sign(record->public_(), signing, FactsFrom(parts_.members), parts_.verify, move), record));
    auto* signatory = record->add_signatories();
    signatory->set_organisation(move.organisation);
    signatory->set_handle(signing.handle);
    return absl::OkStatus();
  };
  co_return co_await Change<v1::SignAgreementResponse>(call, request, std::move(verb));
}

AgreementsApi::Answer<v1::SuspendAgreementResponse> AgreementsApi::SuspendAgreement(
    const rpc::Call& call, const v1::SuspendAgreementRequest& request) {
  Verb verb;
  verb.change = "SUSPENDED";
  verb.reason = request.reason();
  verb.edit = [](AgreementRecord* record, const struct Move& move) {
    record->set_suspended_by(move.organisation);
    return Take(Suspend(record->public_(), move), record);
  };
  co_return co_await Change<v1::SuspendAgreementResponse>(call, request, std::move(verb));
}

AgreementsApi::Answer<v1::ResumeAgreementResponse> AgreementsApi::ResumeAgreement(
    const rpc::Call& call, const v1::ResumeAgreementRequest& request) {
  Verb verb;
  verb.change = "RESUMED";
  verb.reason = request.reason();
  verb.edit = [](AgreementRecord* record, const struct Move& move) {
    return Take(Resume(record->public_(), record->suspended_by(), move), record);
  };
  co_return co_await Change<v1::ResumeAgreementResponse>(call, request, std::move(verb));
}

AgreementsApi::Answer<v1::TerminateAgreementResponse> AgreementsApi::TerminateAgreement(
    const rpc::Call& call, const v1::TerminateAgreementRequest& request) {
  Verb verb;
  verb.change = "TERMINATED";
  verb.reason = request.reason();
  verb.edit = [](AgreementRecord* record, const struct Move& move) {
    return Take(Terminate(record->public_(), move), record);
  };
  co_return co_await Change<v1::TerminateAgreementResponse>(call, request, std::move(verb));
}

}  // namespace waterline::accountability
