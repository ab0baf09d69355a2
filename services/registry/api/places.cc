#include "services/common/crypto/random.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"
#include "services/registry/api/registry_api.h"
#include "services/registry/domain/organisations.h"

namespace waterline::registry {
namespace {

using storage::v1::PlaceRecord;
using text::IdOf;
using waterline::storage::Batch;
using waterline::storage::Key;

// What JoinPlace and LeavePlace have in common.
std::vector<FieldViolation> CheckMembership(const std::string& name,
                                            const std::string& organisation,
                                            const std::string& date_field, const std::string& date,
                                            const std::string& request_id) {
  std::vector<FieldViolation> violations;
  if (!text::MatchName(name, "places/*"))
    violations.push_back({"name", "is not a name places/{id}"});
  if (!text::MatchName(organisation, "organisations/*"))
    violations.push_back({"organisation", "is not a name organisations/{id}"});
  if (!date.empty() && !text::ParseDate(date))
    violations.push_back({date_field, "is not a date of the calendar, written YYYY-MM-DD"});
  records::CheckRequestId(request_id, &violations);
  return violations;
}

v1::Place ToPlace(records::Stored<PlaceRecord> stored) {
  v1::Place place = std::move(*stored.record.mutable_public_());
  place.set_etag(records::EtagOf(stored.revision));
  return place;
}

absl::Status Join(v1::Place* place, const std::string& organisation, const std::string& date) {
  if (IsPlaceMember(*place, organisation))
    return Error(reason::kStateForbids, "the organisation is a member of the place already");
  auto* membership = place->add_memberships();
  membership->set_organisation(organisation);
  membership->set_joined_on(date);
  return absl::OkStatus();
}

absl::Status Leave(v1::Place* place, const std::string& organisation, const std::string& date) {
  for (auto& membership : *place->mutable_memberships()) {
    if (membership.organisation() != organisation || !membership.left_on().empty()) continue;
    if (date < membership.joined_on())
      return BadFields({{"left_on", "is before the organisation joined"}});
    membership.set_left_on(date);
    return absl::OkStatus();
  }
  return Error(reason::kStateForbids, "the organisation is no member of the place");
}

}  // namespace

coro::Task<absl::StatusOr<v1::Place>> RegistryApi::ReadPlace(std::string id) {
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored,
      co_await records::Load<PlaceRecord>(parts_.store, NetworkPartition(), Key(kPlaces, id)));
  if (!stored) co_return Error(reason::kNotFound, "there is no place of this name in the network");
  co_return ToPlace(*std::move(stored));
}

RegistryApi::Answer<v1::CreatePlaceResponse> RegistryApi::CreatePlace(
    const rpc::Call& call, const v1::CreatePlaceRequest& request) {
  v1::Place place = request.place();
  auto violations = CheckPlace(&place);
  records::CheckRequestId(request.request_id(), &violations);
  std::string id = request.place_id().empty() ? text::Slug(place.title()) : request.place_id();
  if (id.empty()) id = crypto::RandomId('p');
  if (!text::IsResourceId(id))
    violations.push_back(
        {"place_id",
         "is not an id: lower case letters, digits and dashes, starting with a letter"});
  if (!violations.empty()) co_return BadFields(violations);
  place.set_name(PlaceName(id));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_WRITE, kPlaces, place.name()));
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry, co_await records::FindRetry(parts_.store, NetworkPartition(), &mutation,
                                                    parts_.clock->NowMs()));
  if (retry) {
    id = IdOf(retry->resource_name());
  } else {
    WATERLINE_CO_ASSIGN_OR_RETURN(const bool body_exists,
                                  co_await Exists(kOrganisations, IdOf(place.accountable_body())));
    if (!body_exists)
      co_return BadFields({{"place.accountable_body",
                            "names no organisation of this network; create or import it first"}});
    const Key key(kPlaces, id);
    const Key title_key(kPlaceTitles, text::ToLower(place.title()));
    WATERLINE_CO_ASSIGN_OR_RETURN(const bool id_taken, co_await Exists(kPlaces, id));
    WATERLINE_CO_ASSIGN_OR_RETURN(const bool title_taken,
                                  co_await Exists(kPlaceTitles, title_key.id));
    if (id_taken || title_taken)
      co_return Error(
          reason::kAlreadyExists,
          "there is a place of this " + std::string(id_taken ? "id" : "title") + " already");
    const int64_t now = parts_.clock->NowMs();
    place.clear_memberships();
    place.clear_etag();
    *place.mutable_create_time() = text::ToTimestamp(now);
    *place.mutable_update_time() = text::ToTimestamp(now);
    place.set_demonstration(parts_.network.demonstration);
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Refresh(std::move(decision)));
    PlaceRecord record;
    *record.mutable_public_() = place;
    *record.mutable_receipt() = decision.position();
    Batch batch;
    batch.RequireAbsent(key)
        .RequireAbsent(title_key)
        .Put(key, record.SerializeAsString())
        .Put(title_key, id);
    records::Remember(&batch, mutation, place.name(), decision.position(), now);
    auto committed = co_await parts_.store->Commit(NetworkPartition(), std::move(batch));
    if (!committed.ok()) co_return committed.status();
  }
  v1::CreatePlaceResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_place(), co_await ReadPlace(id));
  co_return gate::Draft<v1::CreatePlaceResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::GetPlaceResponse> RegistryApi::GetPlace(
    const rpc::Call& call, const v1::GetPlaceRequest& request) {
  if (!text::MatchName(request.name(), "places/*"))
    co_return BadFields({{"name", "is not a name places/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_READ, kPlaces, request.name()));
  v1::GetPlaceResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_place(),
                                co_await ReadPlace(IdOf(request.name())));
  co_return gate::Draft<v1::GetPlaceResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::ListPlacesResponse> RegistryApi::ListPlaces(
    const rpc::Call& call, const v1::ListPlacesRequest& request) {
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), kPlaces));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_SEARCH, kPlaces, kPlaces));
  const auto range = records::PageRange(kPlaces, "", page);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto places,
      co_await records::Scan<PlaceRecord>(parts_.store, NetworkPartition(), range, page.limit));
  v1::ListPlacesResponse response;
  if (static_cast<int>(places.size()) == page.limit)
    response.set_next_page_token(records::NextPageToken(places.back().id, kPlaces));
  for (auto& place : places) *response.add_places() = ToPlace(std::move(place));
  co_return gate::Draft<v1::ListPlacesResponse>(std::move(response), std::move(decision));
}

coro::Task<absl::StatusOr<v1::Place>> RegistryApi::ChangePlace(
    const rpc::Call& call, const google::protobuf::Message& request, std::string id,
    gate::Decision* decision, std::function<absl::Status(v1::Place*)> change) {
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry, co_await records::FindRetry(parts_.store, NetworkPartition(), &mutation,
                                                    parts_.clock->NowMs()));
  if (!retry) {
    const Key key(kPlaces, id);
    WATERLINE_CO_ASSIGN_OR_RETURN(
        auto stored, co_await records::Load<PlaceRecord>(parts_.store, NetworkPartition(), key));
    if (!stored)
      co_return Error(reason::kNotFound, "there is no place of this name in the network");
    WATERLINE_CO_RETURN_IF_ERROR(change(stored->record.mutable_public_()));
    const int64_t now = parts_.clock->NowMs();
    *stored->record.mutable_public_()->mutable_update_time() = text::ToTimestamp(now);
    WATERLINE_CO_ASSIGN_OR_RETURN(*decision, co_await parts_.gate->Refresh(std::move(*decision)));
    *stored->record.mutable_receipt() = decision->position();
    Batch batch;
    batch.RequireRevision(key, stored->revision).Put(key, stored->record.SerializeAsString());
    records::Remember(&batch, mutation, PlaceName(id), decision->position(), now);
    auto committed = co_await parts_.store->Commit(NetworkPartition(), std::move(batch));
    if (!committed.ok()) co_return committed.status();
  }
  auto place = co_await ReadPlace(id);
  co_return place;
}

RegistryApi::Answer<v1::JoinPlaceResponse> RegistryApi::JoinPlace(
    const rpc::Call& call, const v1::JoinPlaceRequest& request) {
  const auto violations = CheckMembership(request.name(), request.organisation(), "joined_on",
                                          request.joined_on(), request.request_id());
  if (!violations.empty()) co_return BadFields(violations);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_WRITE, kPlaces, request.name()));
  WATERLINE_CO_ASSIGN_OR_RETURN(const bool exists,
                                co_await Exists(kOrganisations, IdOf(request.organisation())));
  if (!exists)
    co_return BadFields(
        {{"organisation", "names no organisation of this network; create or import it first"}});
  const std::string date = request.joined_on().empty()
                               ? text::FormatDate(text::DayOf(parts_.clock->NowMs()))
                               : request.joined_on();
  std::function<absl::Status(v1::Place*)> change = [&request, date](v1::Place* place) {
    return Join(place, request.organisation(), date);
  };
  v1::JoinPlaceResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      *response.mutable_place(),
      co_await ChangePlace(call, request, IdOf(request.name()), &decision, change));
  co_return gate::Draft<v1::JoinPlaceResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::LeavePlaceResponse> RegistryApi::LeavePlace(
    const rpc::Call& call, const v1::LeavePlaceRequest& request) {
  const auto violations = CheckMembership(request.name(), request.organisation(), "left_on",
                                          request.left_on(), request.request_id());
  if (!violations.empty()) co_return BadFields(violations);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_WRITE, kPlaces, request.name()));
  const std::string date = request.left_on().empty()
                               ? text::FormatDate(text::DayOf(parts_.clock->NowMs()))
                               : request.left_on();
  std::function<absl::Status(v1::Place*)> change = [&request, date](v1::Place* place) {
    return Leave(place, request.organisation(), date);
  };
  v1::LeavePlaceResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      *response.mutable_place(),
      co_await ChangePlace(call, request, IdOf(request.name()), &decision, change));
  co_return gate::Draft<v1::LeavePlaceResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::registry
