#include "services/common/crypto/random.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/events/api/events_api.h"
#include "services/events/domain/rules.h"

namespace waterline::events {
namespace {

using gate::Operation;
using storage::v1::ProgrammeRecord;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

const std::vector<std::string>& FixedFields() {
  static const std::vector<std::string> fixed = {"name", "etag", "create_time", "update_time",
                                                 "demonstration"};
  return fixed;
}

v1::Programme ToProgramme(records::Stored<ProgrammeRecord> stored) {
  v1::Programme programme = std::move(*stored.record.mutable_public_());
  programme.set_etag(records::EtagOf(stored.revision));
  return programme;
}

}  // namespace

coro::Task<absl::StatusOr<v1::Programme>> EventsApi::ReadProgramme(std::string organisation,
                                                                   std::string id) {
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored, co_await records::Load<ProgrammeRecord>(parts_.store, Partition(organisation),
                                                           Key(kProgrammes, id)));
  if (!stored) co_return Error(reason::kNotFound, "there is no programme of this name");
  co_return ToProgramme(*std::move(stored));
}

coro::Task<absl::Status> EventsApi::CheckFunctions(const v1::Programme& programme) {
  std::vector<std::pair<std::string, std::string>> names;
  for (int i = 0; i < programme.functions_size(); ++i) {
    const std::string path = "programme.functions[" + std::to_string(i) + "]";
    names.emplace_back(path + ".organisation", programme.functions(i).organisation());
    names.emplace_back(path + ".accountable_body", programme.functions(i).accountable_body());
  }
  co_return co_await CheckExist(std::move(names));
}

EventsApi::Answer<v1::CreateProgrammeResponse> EventsApi::CreateProgramme(
    const rpc::Call& call, const v1::CreateProgrammeRequest& request) {
  v1::Programme programme = request.programme();
  auto violations = CheckProgramme(&programme);
  const auto ids = text::MatchName(request.parent(), "organisations/*");
  if (!ids) violations.push_back({"parent", "is not a name organisations/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  const Partition partition((*ids)[0]);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await Ask(call, Operation::OPERATION_WRITE, partition.id, kProgrammes,
                                  request.parent() + "/programmes", common::v1::CATEGORY_EVENT));
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry,
      co_await records::FindRetry(parts_.store, partition, &mutation, parts_.clock->NowMs()));
  std::string id = retry ? IdOf(retry->resource_name()) : crypto::RandomId('p');
  if (!retry) {
    WATERLINE_CO_RETURN_IF_ERROR(co_await CheckFunctions(programme));
    const int64_t now = parts_.clock->NowMs();
    programme.set_name(ProgrammeName(partition.id, id));
    programme.clear_etag();
    *programme.mutable_create_time() = text::ToTimestamp(now);
    *programme.mutable_update_time() = text::ToTimestamp(now);
    programme.set_demonstration(parts_.network.demonstration);
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Refresh(std::move(decision)));
    ProgrammeRecord record;
    *record.mutable_public_() = programme;
    *record.mutable_receipt() = decision.position();
    Batch batch;
    batch.Put(Key(kProgrammes, id), record.SerializeAsString());
    records::Remember(&batch, mutation, programme.name(), decision.position(), now);
    WATERLINE_CO_RETURN_IF_ERROR(
        (co_await parts_.store->Commit(partition, std::move(batch))).status());
  }
  v1::CreateProgrammeResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_programme(),
                                co_await ReadProgramme(partition.id, id));
  co_return gate::Draft<v1::CreateProgrammeResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::GetProgrammeResponse> EventsApi::GetProgramme(
    const rpc::Call& call, const v1::GetProgrammeRequest& request) {
  const auto ids = text::MatchName(request.name(), "organisations/*/programmes/*");
  if (!ids) co_return BadFields({{"name", "is not a name organisations/{id}/programmes/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored, co_await records::Load<ProgrammeRecord>(parts_.store, Partition((*ids)[0]),
                                                           Key(kProgrammes, (*ids)[1])));
  gate::Ask ask(Operation::OPERATION_READ, (*ids)[0], kProgrammes, request.name(),
                {common::v1::CATEGORY_EVENT});
  if (stored) ask.scopes.push_back(request.name());
  ask.records.push_back(stored ? FactsOf(stored->record.public_()) : KeptByLead());
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!stored) co_return Error(reason::kNotFound, "there is no programme of this name");
  v1::GetProgrammeResponse response;
  *response.mutable_programme() = ToProgramme(*std::move(stored));
  co_return gate::Draft<v1::GetProgrammeResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::ListProgrammesResponse> EventsApi::ListProgrammes(
    const rpc::Call& call, const v1::ListProgrammesRequest& request) {
  const auto ids = text::MatchName(request.parent(), "organisations/*");
  if (!ids) co_return BadFields({{"parent", "is not a name organisations/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page,
      records::ReadPage(request.page_size(), request.page_token(), request.parent()));
  gate::PageFill fill(page.limit, page.after);
  std::vector<records::Stored<ProgrammeRecord>> stored;
  std::vector<std::string> keys;
  gate::Decision decision;
  do {
    const records::Page some{fill.count(), fill.after()};
    const auto range = records::PageRange(kProgrammes, "", some);
    WATERLINE_CO_ASSIGN_OR_RETURN(
        stored, co_await records::Scan<ProgrammeRecord>(parts_.store, Partition((*ids)[0]), range,
                                                        fill.count()));
    gate::Ask ask(Operation::OPERATION_SEARCH, (*ids)[0], kProgrammes,
                  request.parent() + "/programmes", {common::v1::CATEGORY_EVENT});
    ask.rows_field = "programmes";
    ask.whole_collection = true;
    keys.clear();
    for (const auto& one : stored) {
      ask.records.push_back(FactsOf(one.record.public_()));
      keys.push_back(one.id);
    }
    if (ask.records.empty()) ask.records.push_back(KeptByLead());
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Ask(call, ask));
  } while (!fill.Enough(keys, decision));
  v1::ListProgrammesResponse response;
  for (int i = 0; i < fill.rows(); ++i)
    *response.add_programmes() = ToProgramme(std::move(stored[static_cast<size_t>(i)]));
  if (!fill.next().empty())
    response.set_next_page_token(records::NextPageToken(fill.next(), request.parent()));
  co_return gate::Draft<v1::ListProgrammesResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::UpdateProgrammeResponse> EventsApi::UpdateProgramme(
    const rpc::Call& call, const v1::UpdateProgrammeRequest& request) {
  std::vector<FieldViolation> violations;
  const auto ids = text::MatchName(request.programme().name(), "organisations/*/programmes/*");
  if (!ids)
    violations.push_back({"programme.name", "is not a name organisations/{id}/programmes/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  const Partition partition((*ids)[0]);
  const Key key(kProgrammes, (*ids)[1]);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await Ask(call, Operation::OPERATION_WRITE, partition.id, kProgrammes,
                                  request.programme().name(), common::v1::CATEGORY_EVENT));
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry,
      co_await records::FindRetry(parts_.store, partition, &mutation, parts_.clock->NowMs()));
  if (!retry) {
    WATERLINE_CO_ASSIGN_OR_RETURN(
        auto stored, co_await records::Load<ProgrammeRecord>(parts_.store, partition, key));
    if (!stored) co_return Error(reason::kNotFound, "there is no programme of this name");
    WATERLINE_CO_RETURN_IF_ERROR(records::CheckEtag(request.programme().etag(), stored->revision));
    auto* programme = stored->record.mutable_public_();
    violations = ApplyMask(request.update_mask(), request.programme(), FixedFields(), programme);
    if (violations.empty()) violations = CheckProgramme(programme);
    if (!violations.empty()) co_return BadFields(violations);
    WATERLINE_CO_RETURN_IF_ERROR(co_await CheckFunctions(*programme));
    const int64_t now = parts_.clock->NowMs();
    *programme->mutable_update_time() = text::ToTimestamp(now);
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Refresh(std::move(decision)));
    *stored->record.mutable_receipt() = decision.position();
    Batch batch;
    batch.RequireRevision(key, stored->revision).Put(key, stored->record.SerializeAsString());
    records::Remember(&batch, mutation, programme->name(), decision.position(), now);
    WATERLINE_CO_RETURN_IF_ERROR(
        (co_await parts_.store->Commit(partition, std::move(batch))).status());
  }
  v1::UpdateProgrammeResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_programme(),
                                co_await ReadProgramme(partition.id, key.id));
  co_return gate::Draft<v1::UpdateProgrammeResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::events
