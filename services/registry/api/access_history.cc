#include "services/common/gate/facts.h"
#include "services/common/text/id.h"
#include "services/registry/api/registry_api.h"

namespace waterline::registry {

RegistryApi::Answer<v1::ListAccessHistoryResponse> RegistryApi::ListAccessHistory(
    const rpc::Call& call, const v1::ListAccessHistoryRequest& request) {
  const auto ids = text::MatchName(request.participant(), "organisations/*/participants/*");
  if (!ids)
    co_return BadFields({{"participant", "is not a name organisations/{id}/participants/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page,
      records::ReadPage(request.page_size(), request.page_token(), request.participant()));
  // The controller's own, whatever an agreement says. The question names no subject: a person is
  // not told of every time they were told.
  gate::Ask ask(gate::Operation::OPERATION_READ, (*ids)[0], "access_history",
                request.participant() + "/access_history", {common::v1::CATEGORY_LEDGER});
  ask.records.push_back(gate::KeptByLead());
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto person, co_await FindPerson(request.participant()));
  if (!person.stored)
    co_return Error(reason::kNotFound, "there is no participant of this name",
                    {{"name", request.participant()}});
  accountability::v1::ListSubjectAccessesRequest accesses;
  accesses.set_controller(person.partition.id);
  accesses.set_subject_id(person.stored->record.subject_id());
  accesses.set_page_size(page.limit);
  accesses.set_page_token(page.after);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto found, co_await parts_.accountability->ListSubjectAccesses(std::move(accesses)));
  v1::ListAccessHistoryResponse response;
  *response.mutable_accesses() = std::move(*found.mutable_accesses());
  response.set_complete(found.complete());
  if (!found.next_page_token().empty())
    response.set_next_page_token(
        records::NextPageToken(found.next_page_token(), request.participant()));
  co_return gate::Draft<v1::ListAccessHistoryResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::registry
