#include "services/registry/domain/permissions.h"

#include <cstdio>

#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/registry/api/registry_api.h"

namespace waterline::registry {
namespace {

using storage::v1::ParticipantRecord;
using storage::v1::PermissionRecord;
using storage::v1::StandingRecord;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

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
  accountability::v1::RecordFacts facts;
  facts.set_lead_only(true);
  if (person.stored) {
    ask.subject_ids.push_back(person.stored->record.subject_id());
    facts.set_subject(1);
  }
  ask.records.push_back(facts);
  return ask;
}

std::vector<FieldViolation> CheckNames(const std::string& field, const std::string& participant,
                                       const std::string& request_id) {
  std::vector<FieldViolation> violations;
  if (!text::MatchName(participant, "organisations/*/participants/*"))
    violations.push_back({field, "is not a name organisations/{id}/participants/{id}"});
  records::CheckRequestId(request_id, &violations);
  return violations;
}

StandingChange ToChange(const v1::Permission& permission) {
  const bool given = permission.decision() == v1::Permission::DECISION_GIVEN;
  const bool withdrawn = permission.decision() == v1::Permission::DECISION_WITHDRAWN;
  const int64_t expires = permission.has_expires_at() ? text::ToMs(permission.expires_at()) : 0;
  return {permission.kind(),
          given       ? StandingChange::To::kGiven
          : withdrawn ? StandingChange::To::kWithdrawn
                      : StandingChange::To::kRefused,
          expires};
}

// Those to show, after `page.after`, as many as the page holds.
template <class Public, class Add>
std::string FillPage(const std::vector<Public>& history, const std::string& participant,
                     const records::Page& page, bool show_superseded, Add add) {
  int shown = 0;
  for (size_t i = 0; i < history.size(); ++i) {
    const std::string id = HistoryId(participant, i);
    if (id <= page.after || (history[i].superseded() && !show_superseded)) continue;
    add(history[i]);
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

// In force first, kept then: what is kept was never out of force.
RegistryApi::Answer<v1::SetPermissionResponse> RegistryApi::SetPermission(
    const rpc::Call& call, const v1::SetPermissionRequest& request) {
  const auto names = CheckNames("participant", request.participant(), request.request_id());
  if (!names.empty()) co_return BadFields(names);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto person, co_await FindPerson(request.participant()));
  const auto ask = AskAbout(gate::Operation::OPERATION_WRITE, person, kPermissions);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!person.stored || call.caller.organisation() != person.partition.id) co_return Absent();
  auto mutation = records::MutationOf(call, request);
  const int64_t now = parts_.clock->NowMs();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry,
      co_await records::FindRetry(parts_.store, person.partition, &mutation, now));
  auto loaded = co_await History<PermissionRecord, v1::Permission>(kPermissions, person);
  if (!loaded.ok()) co_return loaded.status();
  auto& history = *loaded;
  size_t number = history.size();
  if (retry) {
    number = std::stoul(retry->resource_name());
  } else {
    const auto violations = CheckPermission(request.permission(), history, now);
    if (!violations.empty()) co_return BadFields(violations);
    if (number >= kHistoryMax) co_return Full();
    v1::Permission added = request.permission();
    added.clear_superseded();
    added.set_recorder_role(call.caller.role());
    *added.mutable_create_time() = text::ToTimestamp(now);
    history.push_back(added);
    MarkSuperseded(&history);
    if (!history.back().superseded()) {
      std::vector<StandingChange> changes;
      changes.push_back(ToChange(added));
      WATERLINE_CO_RETURN_IF_ERROR(co_await parts_.standing->SetStanding(
          person.partition.id, person.stored->record.subject_id(), std::move(changes), call,
          decision));
    }
    auto kept = co_await Append<PermissionRecord>(kPermissions, person, std::move(added), number,
                                                  mutation, &decision);
    if (!kept.ok()) co_return kept;
  }
  v1::SetPermissionResponse response;
  *response.mutable_permission() = history[number];
  co_return gate::Draft<v1::SetPermissionResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::RecordStandingResponse> RegistryApi::RecordStanding(
    const rpc::Call& call, const v1::RecordStandingRequest& request) {
  auto violations = CheckNames("participant", request.participant(), request.request_id());
  const auto others = CheckStanding(request.kind(), request.reason());
  violations.insert(violations.end(), others.begin(), others.end());
  if (!violations.empty()) co_return BadFields(violations);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto person, co_await FindPerson(request.participant()));
  const auto ask = AskAbout(gate::Operation::OPERATION_WRITE, person, kStanding);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!person.stored || call.caller.organisation() != person.partition.id) co_return Absent();
  auto mutation = records::MutationOf(call, request);
  const int64_t now = parts_.clock->NowMs();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry,
      co_await records::FindRetry(parts_.store, person.partition, &mutation, now));
  auto loaded = co_await History<StandingRecord, v1::Standing>(kStanding, person);
  if (!loaded.ok()) co_return loaded.status();
  auto& history = *loaded;
  size_t number = history.size();
  if (retry) {
    number = std::stoul(retry->resource_name());
  } else {
    WATERLINE_CO_RETURN_IF_ERROR(CheckStandingMove(request.kind(), request.lift(), history));
    if (number >= kHistoryMax) co_return Full();
    v1::Standing added;
    added.set_kind(request.kind());
    added.set_lifted(request.lift());
    added.set_reason(request.reason());
    added.set_recorder_role(call.caller.role());
    *added.mutable_create_time() = text::ToTimestamp(now);
    history.push_back(added);
    MarkSuperseded(&history);
    std::vector<StandingChange> changes;
    changes.emplace_back(StandingName(request.kind()),
                         request.lift() ? StandingChange::To::kLifted : StandingChange::To::kSet);
    WATERLINE_CO_RETURN_IF_ERROR(co_await parts_.standing->SetStanding(
        person.partition.id, person.stored->record.subject_id(), std::move(changes), call,
        decision));
    auto kept = co_await Append<StandingRecord>(kStanding, person, std::move(added), number,
                                                mutation, &decision);
    if (!kept.ok()) co_return kept;
  }
  v1::RecordStandingResponse response;
  *response.mutable_standing() = history[number];
  co_return gate::Draft<v1::RecordStandingResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::ListPermissionsResponse> RegistryApi::ListPermissions(
    const rpc::Call& call, const v1::ListPermissionsRequest& request) {
  const auto violations = CheckNames("parent", request.parent(), "-");
  if (!violations.empty()) co_return BadFields(violations);
  const std::string arguments =
      request.parent() + (request.show_superseded() ? "|all" : "|current");
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), arguments));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto person, co_await FindPerson(request.parent()));
  const auto ask = AskAbout(gate::Operation::OPERATION_READ, person, kPermissions);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!person.stored || call.caller.organisation() != person.partition.id) co_return Absent();
  auto history = co_await History<PermissionRecord, v1::Permission>(kPermissions, person);
  if (!history.ok()) co_return history.status();
  v1::ListPermissionsResponse response;
  const std::string next =
      FillPage(*history, person.id, page, request.show_superseded(),
               [&](const v1::Permission& one) { *response.add_permissions() = one; });
  if (!next.empty()) response.set_next_page_token(records::NextPageToken(next, arguments));
  co_return gate::Draft<v1::ListPermissionsResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::ListStandingResponse> RegistryApi::ListStanding(
    const rpc::Call& call, const v1::ListStandingRequest& request) {
  const auto violations = CheckNames("parent", request.parent(), "-");
  if (!violations.empty()) co_return BadFields(violations);
  const std::string arguments =
      request.parent() + (request.show_superseded() ? "|all" : "|current");
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), arguments));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto person, co_await FindPerson(request.parent()));
  const auto ask = AskAbout(gate::Operation::OPERATION_READ, person, kStanding);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!person.stored || call.caller.organisation() != person.partition.id) co_return Absent();
  auto history = co_await History<StandingRecord, v1::Standing>(kStanding, person);
  if (!history.ok()) co_return history.status();
  v1::ListStandingResponse response;
  const std::string next =
      FillPage(*history, person.id, page, request.show_superseded(),
               [&](const v1::Standing& one) { *response.add_standing() = one; });
  if (!next.empty()) response.set_next_page_token(records::NextPageToken(next, arguments));
  co_return gate::Draft<v1::ListStandingResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::registry
