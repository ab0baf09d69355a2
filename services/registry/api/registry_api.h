#pragma once

// The handlers of RegistryService (see its proto for errors). One file per topic:
// registry_api.cc (identity, code lists), organisations.cc, joining.cc, import.cc, places.cc,
// participants.cc, permissions.cc (permissions and standing).
// Thread safety: any thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "services/common/clock/clock.h"
#include "services/common/coro/pool.h"
#include "services/common/gate/page_fill.h"
#include "services/common/privacy/vault.h"
#include "services/common/records/records.h"
#include "services/common/rpc/network.h"
#include "services/common/rpc/service.h"
#include "services/common/rpc/standing.h"
#include "services/registry/api/turns.h"
#include "services/registry/domain/organisation_file.h"
#include "services/registry/store/keys.h"
#include "waterline/registry/storage/v1/records.pb.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::registry {

class RegistryApi {
 public:
  struct Parts {
    waterline::storage::Store* store = nullptr;
    privacy::Vault* vault = nullptr;
    gate::Gate* gate = nullptr;
    rpc::StandingKeeper* accountability = nullptr;  // Its part of what is written here.
    Clock* clock = nullptr;
    coro::Pool* pool = nullptr;  // For files, and for who had to wait.
    rpc::NetworkFacts network;
    std::string ledger_key;  // C2SP vkey.
    std::string version;
  };
  explicit RegistryApi(Parts parts) : parts_(std::move(parts)), people_(parts_.pool) {}

  void Register(rpc::Service* service);

  template <class T>
  using Answer = coro::Task<absl::StatusOr<gate::Draft<T>>>;
  using OrganisationStream =
      rpc::GatedStream<v1::ImportOrganisationsRequest, v1::ImportOrganisationsResponse>;

  coro::Task<absl::StatusOr<v1::WhoAmIResponse>> WhoAmI(const rpc::Call& call,
                                                        const v1::WhoAmIRequest& request);
  coro::Task<absl::StatusOr<v1::ListCodeListsResponse>> ListCodeLists(
      const rpc::Call& call, const v1::ListCodeListsRequest& request);

  coro::Task<absl::StatusOr<v1::RequestJoinResponse>> RequestJoin(
      const rpc::Call& call, const v1::RequestJoinRequest& request);
  Answer<v1::GetJoinRequestResponse> GetJoinRequest(const rpc::Call& call,
                                                    const v1::GetJoinRequestRequest& request);
  Answer<v1::ListJoinRequestsResponse> ListJoinRequests(const rpc::Call& call,
                                                        const v1::ListJoinRequestsRequest& request);

  Answer<v1::CreateOrganisationResponse> CreateOrganisation(
      const rpc::Call& call, const v1::CreateOrganisationRequest& request);
  Answer<v1::GetOrganisationResponse> GetOrganisation(const rpc::Call& call,
                                                      const v1::GetOrganisationRequest& request);
  Answer<v1::ListOrganisationsResponse> ListOrganisations(
      const rpc::Call& call, const v1::ListOrganisationsRequest& request);
  coro::Task<absl::Status> ImportOrganisations(const rpc::Call& call, OrganisationStream* stream);
  Answer<v1::AddMemberResponse> AddMember(const rpc::Call& call,
                                          const v1::AddMemberRequest& request);
  Answer<v1::ListMembersResponse> ListMembers(const rpc::Call& call,
                                              const v1::ListMembersRequest& request);

  Answer<v1::CreatePlaceResponse> CreatePlace(const rpc::Call& call,
                                              const v1::CreatePlaceRequest& request);
  Answer<v1::GetPlaceResponse> GetPlace(const rpc::Call& call, const v1::GetPlaceRequest& request);
  Answer<v1::ListPlacesResponse> ListPlaces(const rpc::Call& call,
                                            const v1::ListPlacesRequest& request);
  Answer<v1::JoinPlaceResponse> JoinPlace(const rpc::Call& call,
                                          const v1::JoinPlaceRequest& request);
  Answer<v1::LeavePlaceResponse> LeavePlace(const rpc::Call& call,
                                            const v1::LeavePlaceRequest& request);

  Answer<v1::RegisterParticipantResponse> RegisterParticipant(
      const rpc::Call& call, const v1::RegisterParticipantRequest& request);
  Answer<v1::GetParticipantResponse> GetParticipant(const rpc::Call& call,
                                                    const v1::GetParticipantRequest& request);
  Answer<v1::ListParticipantsResponse> ListParticipants(const rpc::Call& call,
                                                        const v1::ListParticipantsRequest& request);
  Answer<v1::ListAccessHistoryResponse> ListAccessHistory(
      const rpc::Call& call, const v1::ListAccessHistoryRequest& request);
  Answer<v1::SetPermissionResponse> SetPermission(const rpc::Call& call,
                                                  const v1::SetPermissionRequest& request);
  Answer<v1::ListPermissionsResponse> ListPermissions(const rpc::Call& call,
                                                      const v1::ListPermissionsRequest& request);
  Answer<v1::RecordStandingResponse> RecordStanding(const rpc::Call& call,
                                                    const v1::RecordStandingRequest& request);
  Answer<v1::ListStandingResponse> ListStanding(const rpc::Call& call,
                                                const v1::ListStandingRequest& request);

  // A participant by name, and what is stored of it; absent is a value.
  struct Person {
    Person(std::string person_name, std::string organisation, std::string person_id)
        : name(std::move(person_name)),
          partition(std::move(organisation)),
          id(std::move(person_id)) {}
    std::string name;
    waterline::storage::Partition partition;
    std::string id;
    std::optional<records::Stored<waterline::registry::storage::v1::ParticipantRecord>> stored;
  };

 private:
  using Organisation = records::Stored<waterline::registry::storage::v1::OrganisationRecord>;
  using JoinRequest = records::Stored<waterline::registry::storage::v1::JoinRequestRecord>;
  using Place = records::Stored<waterline::registry::storage::v1::PlaceRecord>;
  using Participant = records::Stored<waterline::registry::storage::v1::ParticipantRecord>;

  // A decision about partition `network`; the caller's membership is looked up for it.
  coro::Task<absl::StatusOr<gate::Decision>> AskNetwork(const rpc::Call& call,
                                                        gate::Operation operation,
                                                        std::string collection, std::string name,
                                                        std::string filter = "");
  coro::Task<absl::StatusOr<bool>> Exists(std::string collection, std::string id);

  coro::Task<absl::StatusOr<v1::Organisation>> ToPublic(Organisation stored);
  coro::Task<absl::StatusOr<std::vector<v1::JoinRequest>>> ToPublic(
      std::vector<JoinRequest> stored);
  coro::Task<absl::Status> CheckReferences(const v1::Organisation& organisation);
  coro::Task<absl::StatusOr<v1::Place>> ReadPlace(std::string id);
  // Changes one place under its revision; `change` edits it or says why not.
  coro::Task<absl::StatusOr<v1::Place>> ChangePlace(const rpc::Call& call,
                                                    const google::protobuf::Message& request,
                                                    std::string id, gate::Decision* decision,
                                                    std::function<absl::Status(v1::Place*)> change);
  coro::Task<absl::StatusOr<std::vector<v1::Participant>>> ToPublic(std::vector<Participant> stored,
                                                                    std::string organisation);

  coro::Task<absl::StatusOr<Person>> FindPerson(std::string name);
  // What was recorded of a person in `permissions` or `standing`, opened, in order, and marked.
  template <class Record, class Public>
  coro::Task<absl::StatusOr<std::vector<Public>>> History(std::string collection, Person person);
  // What decisions go by from now on. OK: they do, with its ledger entry durable.
  coro::Task<absl::Status> Tell(const rpc::Call& call, Person person,
                                std::optional<accountability::v1::StandingEdit> edit);
  // Adds what `add` appends to the history, or says why it may not, and tells first what is in
  // force with it. Calls about one person go one after the other: what one tells late would bring
  // back what another has ended. A repeated request answers what it added. The arguments outlive
  // the call.
  template <class Record, class Public, class Request>
  coro::Task<absl::StatusOr<Public>> Add(
      const rpc::Call& call, const Request& request, std::string collection, Person person,
      gate::Decision* decision, std::function<absl::Status(std::vector<Public>*)> add,
      std::function<std::optional<accountability::v1::StandingEdit>(const std::vector<Public>&)>
          in_force);
  // The page of a person's history that `request` asks for; `field` is that of the response.
  template <class Record, class Public, class Response, class Request>
  Answer<Response> ListHistory(const rpc::Call& call, const Request& request,
                               std::string collection,
                               google::protobuf::RepeatedPtrField<Public>* (Response::*field)());
  // Adds one as number `number`; CONFLICT when another came between. `mutation` and `decision`
  // outlive the call.
  template <class Record, class Public>
  coro::Task<absl::Status> Append(std::string collection, Person person, Public added,
                                  size_t number, const records::Mutation& mutation,
                                  gate::Decision* decision);

  coro::Task<absl::Status> ReadFile(OrganisationStream* stream, OrganisationFile* file);
  coro::Task<absl::Status> WriteProgress(uint64_t rows, gate::Decision decision,
                                         OrganisationStream* stream);
  coro::Task<absl::Status> StoreOrganisations(const OrganisationFile& file,
                                              OrganisationStream* stream, gate::Decision* decision,
                                              v1::OrganisationImportReport* report);
  coro::Task<absl::Status> StoreSome(std::vector<v1::Organisation> organisations,
                                     gate::Decision* decision,
                                     v1::OrganisationImportReport* report);

  const Parts parts_;
  Turns people_;  // By name of the participant.
};

}  // namespace waterline::registry
