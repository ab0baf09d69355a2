#include "services/registry/api/registry_api.h"

#include "services/common/data/code_lists.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::registry {

void RegistryApi::Register(rpc::Service* service) {
  auto* gate = parts_.gate;
  rpc::Public(service, "WhoAmI", this, &RegistryApi::WhoAmI);
  rpc::Public(service, "ListCodeLists", this, &RegistryApi::ListCodeLists);
  rpc::Public(service, "RequestJoin", this, &RegistryApi::RequestJoin);
  rpc::Gated(service, "GetJoinRequest", this, &RegistryApi::GetJoinRequest, gate);
  rpc::Gated(service, "ListJoinRequests", this, &RegistryApi::ListJoinRequests, gate);
  rpc::Gated(service, "CreateOrganisation", this, &RegistryApi::CreateOrganisation, gate);
  rpc::Gated(service, "GetOrganisation", this, &RegistryApi::GetOrganisation, gate);
  rpc::Gated(service, "ListOrganisations", this, &RegistryApi::ListOrganisations, gate);
  rpc::GatedBidi(service, "ImportOrganisations", this, &RegistryApi::ImportOrganisations, gate);
  rpc::Gated(service, "AddMember", this, &RegistryApi::AddMember, gate);
  rpc::Gated(service, "ListMembers", this, &RegistryApi::ListMembers, gate);
  rpc::Gated(service, "CreatePlace", this, &RegistryApi::CreatePlace, gate);
  rpc::Gated(service, "GetPlace", this, &RegistryApi::GetPlace, gate);
  rpc::Gated(service, "ListPlaces", this, &RegistryApi::ListPlaces, gate);
  rpc::Gated(service, "JoinPlace", this, &RegistryApi::JoinPlace, gate);
  rpc::Gated(service, "LeavePlace", this, &RegistryApi::LeavePlace, gate);
  rpc::Gated(service, "RegisterParticipant", this, &RegistryApi::RegisterParticipant, gate);
  rpc::Gated(service, "GetParticipant", this, &RegistryApi::GetParticipant, gate);
  rpc::Gated(service, "ListParticipants", this, &RegistryApi::ListParticipants, gate);
  rpc::Gated(service, "ListAccessHistory", this, &RegistryApi::ListAccessHistory, gate);
  rpc::Gated(service, "SetPermission", this, &RegistryApi::SetPermission, gate);
  rpc::Gated(service, "ListPermissions", this, &RegistryApi::ListPermissions, gate);
  rpc::Gated(service, "RecordStanding", this, &RegistryApi::RecordStanding, gate);
  rpc::Gated(service, "ListStanding", this, &RegistryApi::ListStanding, gate);
}

coro::Task<absl::StatusOr<bool>> RegistryApi::Exists(std::string collection, std::string id) {
  const std::vector<waterline::storage::Key> keys = {
      waterline::storage::Key(std::move(collection), std::move(id))};
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto values,
                                co_await parts_.store->Get(NetworkPartition(), keys));
  co_return values[0].has_value();
}

coro::Task<absl::StatusOr<gate::Decision>> RegistryApi::AskNetwork(const rpc::Call& call,
                                                                   gate::Operation operation,
                                                                   std::string collection,
                                                                   std::string name,
                                                                   std::string filter) {
  gate::Ask ask(operation, kNetworkPartition, std::move(collection), std::move(name),
                {common::v1::CATEGORY_ORGANISATION});
  ask.filter = std::move(filter);
  WATERLINE_CO_ASSIGN_OR_RETURN(ask.caller_is_member,
                                co_await Exists(kMembers, call.caller.organisation()));
  auto decision = co_await parts_.gate->Ask(call, ask);
  co_return decision;
}

coro::Task<absl::StatusOr<v1::WhoAmIResponse>> RegistryApi::WhoAmI(const rpc::Call& call,
                                                                   const v1::WhoAmIRequest&) {
  v1::WhoAmIResponse response;
  response.set_organisation(call.caller.organisation());
  response.set_actor(call.caller.actor());
  response.set_role(call.caller.role());
  response.set_purpose(call.purpose);
  response.set_authentication(call.caller.authentication());
  response.set_network(parts_.network.network);
  response.set_host(parts_.network.host);
  response.set_development(parts_.network.development);
  response.set_demonstration(parts_.network.demonstration);
  response.set_server_version(parts_.version);
  response.set_ledger_key(parts_.ledger_key);
  *response.mutable_server_time() = text::ToTimestamp(parts_.clock->NowMs());
  if (call.caller.organisation().empty()) co_return response;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto stored, co_await records::Load<storage::v1::OrganisationRecord>(
                             parts_.store, NetworkPartition(),
                             waterline::storage::Key(kOrganisations, call.caller.organisation())));
  response.set_test(stored && stored->record.public_().test());
  WATERLINE_CO_ASSIGN_OR_RETURN(const bool member,
                                co_await Exists(kMembers, call.caller.organisation()));
  response.set_member(member);
  co_return response;
}

coro::Task<absl::StatusOr<v1::ListCodeListsResponse>> RegistryApi::ListCodeLists(
    const rpc::Call&, const v1::ListCodeListsRequest& request) {
  v1::ListCodeListsResponse response;
  for (const auto& list : data::AllCodeLists()) {
    if (!request.id().empty() && request.id() != list.id) continue;
    auto* out = response.add_code_lists();
    out->set_id(list.id);
    out->set_version(list.version);
    out->set_title(list.title);
    for (const auto& code : list.codes) {
      auto* row = out->add_codes();
      row->set_code(code.code);
      row->set_label(code.label);
      row->set_note(code.note);
      row->set_from(code.from);
      row->set_to(code.to);
    }
  }
  if (response.code_lists().empty())
    co_return Error(reason::kNotFound, "there is no code list of this id; ask without one for all");
  co_return response;
}

}  // namespace waterline::registry
