#include "services/registry/domain/participants.h"

#include <algorithm>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/gate/facts.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/registry/api/registry_api.h"

namespace waterline::registry {
namespace {

using storage::v1::ParticipantRecord;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr size_t kSubjectIdBytes = 16;

gate::Ask AskParticipants(gate::Operation operation, const std::string& organisation,
                          const std::string& name, std::vector<std::string> subjects) {
  gate::Ask ask(operation, organisation, kParticipants, name,
                {common::v1::CATEGORY_PARTICIPANT_PROFILE, common::v1::CATEGORY_CONTACT});
  ask.subject_ids = std::move(subjects);
  // One record per person; a list without any, and a person who is not there, is asked as one that
  // stays with the controller, so that others cannot tell it from what is hidden.
  ask.records.resize(ask.subject_ids.size());
  for (size_t i = 0; i < ask.subject_ids.size(); ++i)
    ask.records[i].set_subject(static_cast<uint32_t>(i) + 1);
  if (ask.subject_ids.empty()) {
    ask.records.push_back(gate::KeptByLead());
  } else {
    ask.scopes.push_back("organisations/" + organisation);
  }
  return ask;
}

// What the service itself sets when a participant is registered.
void FillOutputFields(int64_t now_ms, v1::Participant* participant) {
  *participant->mutable_create_time() = text::ToTimestamp(now_ms);
  *participant->mutable_update_time() = text::ToTimestamp(now_ms);
  participant->clear_etag();
  participant->clear_erased();
  if (participant->state() == v1::Participant::STATE_UNSPECIFIED)
    participant->set_state(v1::Participant::STATE_ACTIVE);
}

std::vector<FieldViolation> CheckRegistration(const v1::RegisterParticipantRequest& request,
                                              v1::Participant* participant) {
  auto violations = CheckParticipant(participant);
  if (!text::MatchName(request.parent(), "organisations/*"))
    violations.push_back({"parent", "is not a name organisations/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  return violations;
}

absl::Status Absent() { return Error(reason::kNotFound, "there is no participant of this name"); }

}  // namespace

// Opens the sealed fields of each; a destroyed key leaves them unset and says so.
coro::Task<absl::StatusOr<std::vector<v1::Participant>>> RegistryApi::ToPublic(
    std::vector<Participant> stored, std::string organisation) {
  std::vector<std::string> key_ids;
  for (const auto& one : stored)
    if (one.record.has_sealed()) key_ids.push_back(one.record.sealed().key_id());
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto keys,
                                co_await parts_.vault->Load(Partition(organisation), key_ids));
  std::vector<v1::Participant> participants;
  auto key = keys.begin();
  for (size_t i = 0; i < stored.size(); ++i) {
    v1::Participant participant = std::move(*stored[i].record.mutable_public_());
    participant.set_etag(records::EtagOf(stored[i].revision));
    if (stored[i].record.has_sealed()) {
      if (*key) {
        WATERLINE_CO_RETURN_IF_ERROR(privacy::OpenPersonal(
            stored[i].record.sealed(), participant.name(), **key, &participant));
      } else {
        participant.set_erased(true);
      }
      ++key;
    }
    participants.push_back(std::move(participant));
  }
  co_return participants;
}

RegistryApi::Answer<v1::RegisterParticipantResponse> RegistryApi::RegisterParticipant(
    const rpc::Call& call, const v1::RegisterParticipantRequest& request) {
  v1::Participant participant = request.participant();
  const auto violations = CheckRegistration(request, &participant);
  if (!violations.empty()) co_return BadFields(violations);
  const auto ids = text::MatchName(request.parent(), "organisations/*");
  const Partition partition((*ids)[0]);
  auto mutation = records::MutationOf(call, request);
  std::string id = crypto::RandomId('p');
  std::string subject_id = crypto::RandomBytes(kSubjectIdBytes);
  auto retry =
      co_await records::FindRetry(parts_.store, partition, &mutation, parts_.clock->NowMs());
  if (retry.ok() && *retry) {
    id = text::IdOf((*retry)->resource_name());
    WATERLINE_CO_ASSIGN_OR_RETURN(
        const auto known,
        co_await records::Load<ParticipantRecord>(parts_.store, partition, Key(kParticipants, id)));
    if (known) subject_id = known->record.subject_id();
  }
  participant.set_name(request.parent() + "/participants/" + id);
  const std::vector<std::string> subjects = {subject_id};
  const auto ask =
      AskParticipants(gate::Operation::OPERATION_WRITE, partition.id, participant.name(), subjects);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!retry.ok()) co_return retry.status();
  const Key key(kParticipants, id);
  if (!*retry) {
    const int64_t now = parts_.clock->NowMs();
    FillOutputFields(now, &participant);
    Batch batch;
    ParticipantRecord record;
    record.set_subject_id(subject_id);
    if (!participant.source_id().empty()) {
      WATERLINE_CO_ASSIGN_OR_RETURN(const auto index_key,
                                    co_await parts_.vault->IndexKey(partition));
      record.set_source_key(privacy::SourceKey(index_key, "participant", participant.source_id()));
      const Key source(kParticipantSources, record.source_key());
      const std::vector<Key> sources = {source};
      WATERLINE_CO_ASSIGN_OR_RETURN(const auto taken,
                                    co_await parts_.store->Get(partition, sources));
      if (taken[0])
        co_return Error(reason::kAlreadyExists,
                        "a participant with this source_id is registered already",
                        {{"name", request.parent() + "/participants/" + taken[0]->value}});
      batch.RequireAbsent(source).Put(source, id);
    }
    auto sealed =
        privacy::SealPersonal(&participant, participant.name(), parts_.vault->NewKey(&batch));
    if (sealed) *record.mutable_sealed() = *std::move(sealed);
    *record.mutable_public_() = participant;
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Refresh(std::move(decision)));
    *record.mutable_receipt() = decision.position();
    batch.RequireAbsent(key).Put(key, record.SerializeAsString());
    records::Remember(&batch, mutation, participant.name(), decision.position(), now);
    auto committed = co_await parts_.store->Commit(partition, std::move(batch));
    if (!committed.ok()) co_return committed.status();
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored, co_await records::Load<ParticipantRecord>(parts_.store, partition, key));
  if (!stored) co_return Absent();
  std::vector<Participant> one;
  one.push_back(*std::move(stored));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto participants, co_await ToPublic(std::move(one), partition.id));
  v1::RegisterParticipantResponse response;
  *response.mutable_participant() = std::move(participants[0]);
  co_return gate::Draft<v1::RegisterParticipantResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::GetParticipantResponse> RegistryApi::GetParticipant(
    const rpc::Call& call, const v1::GetParticipantRequest& request) {
  const auto ids = text::MatchName(request.name(), "organisations/*/participants/*");
  if (!ids) co_return BadFields({{"name", "is not a name organisations/{id}/participants/{id}"}});
  const Partition partition((*ids)[0]);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored, co_await records::Load<ParticipantRecord>(parts_.store, partition,
                                                             Key(kParticipants, (*ids)[1])));
  std::vector<std::string> subjects;
  if (stored) subjects.push_back(stored->record.subject_id());
  const auto ask =
      AskParticipants(gate::Operation::OPERATION_READ, partition.id, request.name(), subjects);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!stored) co_return Absent();
  std::vector<Participant> one;
  one.push_back(*std::move(stored));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto participants, co_await ToPublic(std::move(one), partition.id));
  v1::GetParticipantResponse response;
  *response.mutable_participant() = std::move(participants[0]);
  co_return gate::Draft<v1::GetParticipantResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::ListParticipantsResponse> RegistryApi::ListParticipants(
    const rpc::Call& call, const v1::ListParticipantsRequest& request) {
  const auto ids = text::MatchName(request.parent(), "organisations/*");
  if (!ids) co_return BadFields({{"parent", "is not a name organisations/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page,
      records::ReadPage(request.page_size(), request.page_token(), request.parent()));
  const Partition partition((*ids)[0]);
  gate::PageFill fill(page.limit, page.after);
  std::vector<Participant> stored;
  std::vector<std::string> keys;
  gate::Decision decision;
  do {
    const records::Page some{fill.count(), fill.after()};
    const auto range = records::PageRange(kParticipants, "", some);
    WATERLINE_CO_ASSIGN_OR_RETURN(stored, co_await records::Scan<ParticipantRecord>(
                                              parts_.store, partition, range, fill.count()));
    std::vector<std::string> subjects;
    keys.clear();
    for (const auto& one : stored) {
      subjects.push_back(one.record.subject_id());
      keys.push_back(one.id);
    }
    auto ask = AskParticipants(gate::Operation::OPERATION_SEARCH, partition.id,
                               request.parent() + "/participants", subjects);
    ask.rows_field = "participants";
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Ask(call, ask));
  } while (!fill.Enough(keys, decision));
  stored.resize(static_cast<size_t>(fill.rows()));
  // Release takes out the rows that may not leave; they stay closed until then.
  for (size_t i = 0; i < stored.size(); ++i)
    if (!decision.Shows(static_cast<int>(i))) stored[i].record.clear_sealed();
  v1::ListParticipantsResponse response;
  if (!fill.next().empty())
    response.set_next_page_token(records::NextPageToken(fill.next(), request.parent()));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto participants,
                                co_await ToPublic(std::move(stored), partition.id));
  for (auto& participant : participants) *response.add_participants() = std::move(participant);
  co_return gate::Draft<v1::ListParticipantsResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::registry
