#include "services/registry/domain/permissions.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "services/common/gate/facts.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/registry/api/registry_api.h"

namespace waterline::registry {
namespace {

using accountability::v1::StandingEdit;
using accountability::v1::StandingItem;
using accountability::v1::StandingValue;
using storage::v1::ParticipantRecord;
using storage::v1::PermissionRecord;
using storage::v1::StandingRecord;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr int kConflictsMax = 20;
constexpr size_t kHistoryMax = 1000;  // Of one participant, in each of the two collections.

absl::Status Absent() { return Error(reason::kNotFound, "there is no participant of this name"); }

absl::Status Full() {
  return Error(reason::kStateForbids, "1,000 are kept of this participant already",
               {{"state", "full"}});
}

// Ids in order of recording: <participant>/<20 digits>.
std::string HistoryId(const std::string& participant, size_t number) {
  char digits[24];
  std::snprintf(digits, sizeof(digits), "%020zu", number);
  return participant + "/" + digits;
}

// Permissions and standing are the controller's own, whatever an agreement says.
gate::Ask AskAbout(gate::Operation operation, const RegistryApi::Person& person,
                   const std::string& collection) {
  gate::Ask ask(operation, person.partition.id, collection, person.name + "/" + collection,
                {common::v1::CATEGORY_PERMISSIONS});
  ask.records.push_back(gate::KeptByLead());
  if (person.stored) {
    ask.subject_ids.push_back(person.stored->record.subject_id());
    ask.records[0].set_subject(1);
  }
  return ask;
}

void CheckParticipantName(const std::string& field, const std::string& name,
                          std::vector<FieldViolation>* violations) {
  if (!text::MatchName(name, "organisations/*/participants/*"))
    violations->push_back({field, "is not a name organisations/{id}/participants/{id}"});
}

// What decisions go by, by its code; unspecified: kept here alone.
StandingItem ItemOf(const std::string& code) {
  struct Row {
    const char* code;
    StandingItem item;
  };
  static constexpr Row kRows[] = {
      {"share_with_named_partners", accountability::v1::STANDING_ITEM_SHARE_WITH_NAMED_PARTNERS},
      {"share_with_any_ics_partner", accountability::v1::STANDING_ITEM_SHARE_WITH_ANY_ICS_PARTNER},
      {"quote_anonymously", accountability::v1::STANDING_ITEM_QUOTE_ANONYMOUSLY},
      {"quote_with_name", accountability::v1::STANDING_ITEM_QUOTE_WITH_NAME},
      {"reuse_for_research_contact", accountability::v1::STANDING_ITEM_REUSE_FOR_RESEARCH_CONTACT},
      {"objection", accountability::v1::STANDING_ITEM_OBJECTION},
      {"restriction", accountability::v1::STANDING_ITEM_RESTRICTION},
      {"hold", accountability::v1::STANDING_ITEM_HOLD},
  };
  const auto* found = std::find_if(std::begin(kRows), std::end(kRows),
                                   [&](const Row& row) { return code == row.code; });
  return found == std::end(kRows) ? accountability::v1::STANDING_ITEM_UNSPECIFIED : found->item;
}

StandingValue ValueOf(v1::Permission::Decision decision) {
  if (decision == v1::Permission::DECISION_GIVEN) return accountability::v1::STANDING_VALUE_GIVEN;
  return decision == v1::Permission::DECISION_WITHDRAWN
             ? accountability::v1::STANDING_VALUE_WITHDRAWN
             : accountability::v1::STANDING_VALUE_REFUSED;
}

// What is in force of the kind that was added last.
std::optional<StandingEdit> PermissionInForce(const std::vector<v1::Permission>& history) {
  const auto item = ItemOf(history.back().kind());
  if (item == accountability::v1::STANDING_ITEM_UNSPECIFIED) return std::nullopt;
  const auto* current = CurrentOf(history.back().kind(), history);
  StandingEdit edit;
  edit.set_item(item);
  edit.set_value(ValueOf(current->decision()));
  if (current->has_expires_at()) edit.set_expires_ms(text::ToMs(current->expires_at()));
  return edit;
}

// Of standing the last recorded of a kind counts.
std::optional<StandingEdit> StandingInForce(const std::vector<v1::Standing>& history) {
  StandingEdit edit;
  edit.set_item(ItemOf(StandingName(history.back().kind())));
  edit.set_value(history.back().lifted() ? accountability::v1::STANDING_VALUE_LIFTED
                                         : accountability::v1::STANDING_VALUE_SET);
  return edit;
}

// Those to show, after `page.after`, as many as the page holds.
template <class Public>
std::string FillPage(const std::vector<Public>& history, const std::string& participant,
                     const records::Page& page, bool show_superseded,
                     google::protobuf::RepeatedPtrField<Public>* rows) {
  int shown = 0;
  for (size_t i = 0; i < history.size(); ++i) {
    const std::string id = HistoryId(participant, i);
    if (id <= page.after || (history[i].superseded() && !show_superseded)) continue;
    *rows->Add() = history[i];
    if (++shown == page.limit) return id;
  }
  return "";
}

}  // namespace

coro::Task<absl::StatusOr<RegistryApi::Person>> RegistryApi::FindPerson(std::string name) {
  const auto ids = text::MatchName(name, "organisations/*/participants/*");
  Person person(name, (*ids)[0], (*ids)[1]);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      person.stored, co_await records::Load<ParticipantRecord>(parts_.store, person.partition,
                                                               Key(kParticipants, person.id)));
  co_return person;
}

template <class Record, class Public>
coro::Task<absl::StatusOr<std::vector<Public>>> RegistryApi::History(std::string collection,
                                                                     Person person) {
  const auto range = waterline::storage::PrefixRange(collection, person.id + "/");
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored, co_await records::Scan<Record>(parts_.store, person.partition, range,
                                                  static_cast<int>(kHistoryMax)));
  std::vector<std::string> key_ids;
  for (const auto& one : stored) key_ids.push_back(one.record.sealed().key_id());
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto keys,
                                co_await parts_.vault->Load(person.partition, key_ids));
  std::vector<Public> history;
  for (size_t i = 0; i < stored.size(); ++i) {
    auto& one = history.emplace_back(std::move(*stored[i].record.mutable_public_()));
    if (!stored[i].record.has_sealed() || !keys[i]) continue;
    WATERLINE_CO_RETURN_IF_ERROR(privacy::OpenPersonal(
        stored[i].record.sealed(), person.name + "/" + collection, *keys[i], &one));
  }
  MarkSuperseded(&history);
  co_return history;
}

// Sealed under the participant's own key, so that it goes with the person.
template <class Record, class Public>
coro::Task<absl::Status> RegistryApi::Append(std::string collection, Person person, Public added,
                                             size_t number, const records::Mutation& mutation,
                                             gate::Decision* decision) {
  Batch batch;
  const std::vector<std::string> ids = {person.stored->record.sealed().key_id()};
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto keys,
                                co_await parts_.vault->Load(person.partition, ids));
  Record record;
  const bool has_words = person.stored->record.has_sealed() && keys[0];
  auto sealed = privacy::SealPersonal(&added, person.name + "/" + collection,
                                      has_words ? *keys[0] : parts_.vault->NewKey(&batch));
  if (sealed) *record.mutable_sealed() = *std::move(sealed);
  *record.mutable_public_() = std::move(added);
  WATERLINE_CO_ASSIGN_OR_RETURN(*decision, co_await parts_.gate->Refresh(std::move(*decision)));
  *record.mutable_receipt() = decision->position();
  const Key key(collection, HistoryId(person.id, number));
  batch.RequireAbsent(key).Put(key, record.SerializeAsString());
  records::Remember(&batch, mutation, std::to_string(number), decision->position(),
                    parts_.clock->NowMs());
  const auto committed = co_await parts_.store->Commit(person.partition, std::move(batch));
  co_return committed.status();
}

coro::Task<absl::Status> RegistryApi::Tell(const rpc::Call& call, Person person,
                                           std::optional<StandingEdit> edit) {
  if (!edit) co_return absl::OkStatus();
  accountability::v1::SetStandingRequest request;
  *request.mutable_caller() = call.caller;
  request.set_controller(person.partition.id);
  request.set_subject_id(person.stored->record.subject_id());
  *request.add_edits() = *std::move(edit);
  const auto told = co_await parts_.accountability->SetStanding(std::move(request));
  co_return told.status();
}

// In force first, kept then: what is kept was never out of force.
template <class Record, class Public, class Request>
coro::Task<absl::StatusOr<Public>> RegistryApi::Add(
    const rpc::Call& call, const Request& request, std::string collection, Person person,
    gate::Decision* decision, std::function<absl::Status(std::vector<Public>*)> add,
    std::function<std::optional<StandingEdit>(const std::vector<Public>&)> in_force) {
  Turns::Turn turn(&people_, person.name);
  co_await turn;
  for (int conflicts = 0;; ++conflicts) {
    auto mutation = records::MutationOf(call, request);
    auto retry = co_await records::FindRetry(parts_.store, person.partition, &mutation,
                                             parts_.clock->NowMs());
    if (!retry.ok()) co_return retry.status();
    auto history = co_await History<Record, Public>(collection, person);
    if (!history.ok()) co_return history.status();
    if (*retry) co_return (*history)[std::stoul((*retry)->resource_name())];
    const size_t number = history->size();
    auto status = add(&*history);
    if (status.ok() && number >= kHistoryMax) status = Full();
    if (!status.ok()) co_return status;
    Public added = history->back();
    status = co_await Tell(call, person, in_force(*history));
    if (!status.ok()) co_return status;
    status =
        co_await Append<Record>(collection, person, std::move(added), number, mutation, decision);
    MarkSuperseded(&*history);
    if (status.ok()) co_return std::move(history->back());
    if (ReasonOf(status) != reason::kConflict.name || conflicts == kConflictsMax) co_return status;
  }
}

RegistryApi::Answer<v1::SetPermissionResponse> RegistryApi::SetPermission(
    const rpc::Call& call, const v1::SetPermissionRequest& request) {
  std::vector<FieldViolation> names;
  CheckParticipantName("participant", request.participant(), &names);
  records::CheckRequestId(request.request_id(), &names);
  if (!names.empty()) co_return BadFields(names);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto person, co_await FindPerson(request.participant()));
  const auto ask = AskAbout(gate::Operation::OPERATION_WRITE, person, kPermissions);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!person.stored) co_return Absent();
  std::function<absl::Status(std::vector<v1::Permission>*)> add =
      [&](std::vector<v1::Permission>* history) {
        const int64_t now = parts_.clock->NowMs();
        const auto violations = CheckPermission(request.permission(), *history, now);
        if (!violations.empty()) return BadFields(violations);
        auto& added = history->emplace_back(request.permission());
        added.clear_superseded();
        added.set_recorder_role(call.caller.role());
        *added.mutable_create_time() = text::ToTimestamp(now);
        return absl::OkStatus();
      };
  auto kept = co_await Add<PermissionRecord, v1::Permission>(
      call, request, kPermissions, person, &decision, std::move(add), PermissionInForce);
  if (!kept.ok()) co_return kept.status();
  v1::SetPermissionResponse response;
  *response.mutable_permission() = *std::move(kept);
  co_return gate::Draft<v1::SetPermissionResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::RecordStandingResponse> RegistryApi::RecordStanding(
    const rpc::Call& call, const v1::RecordStandingRequest& request) {
  auto violations = CheckStanding(request.kind(), request.reason());
  CheckParticipantName("participant", request.participant(), &violations);
  records::CheckRequestId(request.request_id(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto person, co_await FindPerson(request.participant()));
  const auto ask = AskAbout(gate::Operation::OPERATION_WRITE, person, kStanding);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!person.stored) co_return Absent();
  std::function<absl::Status(std::vector<v1::Standing>*)> add =
      [&](std::vector<v1::Standing>* history) {
        WATERLINE_RETURN_IF_ERROR(CheckStandingMove(request.kind(), request.lift(), *history));
        auto& added = history->emplace_back();
        added.set_kind(request.kind());
        added.set_lifted(request.lift());
        added.set_reason(request.reason());
        added.set_recorder_role(call.caller.role());
        *added.mutable_create_time() = text::ToTimestamp(parts_.clock->NowMs());
        return absl::OkStatus();
      };
  auto kept = co_await Add<StandingRecord, v1::Standing>(
      call, request, kStanding, person, &decision, std::move(add), StandingInForce);
  if (!kept.ok()) co_return kept.status();
  v1::RecordStandingResponse response;
  *response.mutable_standing() = *std::move(kept);
  co_return gate::Draft<v1::RecordStandingResponse>(std::move(response), std::move(decision));
}

template <class Record, class Public, class Response, class Request>
RegistryApi::Answer<Response> RegistryApi::ListHistory(
    const rpc::Call& call, const Request& request, std::string collection,
    google::protobuf::RepeatedPtrField<Public>* (Response::*field)()) {
  std::vector<FieldViolation> violations;
  CheckParticipantName("parent", request.parent(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  const std::string arguments =
      request.parent() + (request.show_superseded() ? "|all" : "|current");
  const auto page = records::ReadPage(request.page_size(), request.page_token(), arguments);
  if (!page.ok()) co_return page.status();
  const auto person = co_await FindPerson(request.parent());
  if (!person.ok()) co_return person.status();
  const auto ask = AskAbout(gate::Operation::OPERATION_READ, *person, collection);
  auto decision = co_await parts_.gate->Ask(call, ask);
  if (!decision.ok()) co_return decision.status();
  if (!person->stored) co_return Absent();
  const auto history = co_await History<Record, Public>(collection, *person);
  if (!history.ok()) co_return history.status();
  Response response;
  const std::string next =
      FillPage(*history, person->id, *page, request.show_superseded(), (response.*field)());
  if (!next.empty()) response.set_next_page_token(records::NextPageToken(next, arguments));
  co_return gate::Draft<Response>(std::move(response), *std::move(decision));
}

RegistryApi::Answer<v1::ListPermissionsResponse> RegistryApi::ListPermissions(
    const rpc::Call& call, const v1::ListPermissionsRequest& request) {
  return ListHistory<PermissionRecord>(call, request, kPermissions,
                                       &v1::ListPermissionsResponse::mutable_permissions);
}

RegistryApi::Answer<v1::ListStandingResponse> RegistryApi::ListStanding(
    const rpc::Call& call, const v1::ListStandingRequest& request) {
  return ListHistory<StandingRecord>(call, request, kStanding,
                                     &v1::ListStandingResponse::mutable_standing);
}

}  // namespace waterline::registry
