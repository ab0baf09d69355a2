#include "services/registry/domain/organisations.h"

#include "services/common/data/code_lists.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/registry/api/registry_api.h"
#include "services/registry/store/organisation_writer.h"

namespace waterline::registry {
namespace {

using storage::v1::MemberRecord;
using storage::v1::OrganisationRecord;
using text::IdOf;
using waterline::storage::Batch;
using waterline::storage::Key;

absl::Status Absent(const std::string& what) {
  return Error(reason::kNotFound, "there is no " + what + " of this name in the network");
}

// What agreements must know of a member, for accountability. Told before the member is kept, so
// that no member is unknown there, and again whenever the call is repeated: that renews it.
accountability::v1::SetMemberRequest MemberFactsOf(const rpc::Call& call, const std::string& name,
                                                   const v1::Organisation& organisation) {
  accountability::v1::SetMemberRequest request;
  *request.mutable_caller() = call.caller;
  auto* member = request.mutable_member();
  member->set_organisation(name);
  member->set_legal_entity(data::IsLegalEntityType(organisation.type()));
  member->set_public_authority(data::IsPublicAuthorityType(organisation.type()));
  member->set_closed(!organisation.closed_on().empty());
  member->set_test(organisation.test());
  return request;
}

}  // namespace

coro::Task<absl::StatusOr<v1::Organisation>> RegistryApi::ToPublic(Organisation stored) {
  v1::Organisation organisation = std::move(*stored.record.mutable_public_());
  organisation.set_etag(records::EtagOf(stored.revision));
  if (stored.record.has_sealed()) {
    const std::vector<std::string> ids = {stored.record.sealed().key_id()};
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto keys,
                                  co_await parts_.vault->Load(NetworkPartition(), ids));
    if (keys[0]) {
      WATERLINE_CO_RETURN_IF_ERROR(privacy::OpenPersonal(
          stored.record.sealed(), organisation.name(), *keys[0], &organisation));
    } else {
      organisation.set_erased(true);
    }
  }
  co_return organisation;
}

// Every organisation it names must be there.
coro::Task<absl::Status> RegistryApi::CheckReferences(const v1::Organisation& organisation) {
  std::vector<std::pair<std::string, std::string>> names;
  if (!organisation.accountable_body().empty())
    names.emplace_back("organisation.accountable_body", organisation.accountable_body());
  for (int i = 0; i < organisation.relations_size(); ++i) {
    names.emplace_back("organisation.relations[" + std::to_string(i) + "].organisation",
                       organisation.relations(i).organisation());
  }
  std::vector<FieldViolation> violations;
  for (const auto& [field, name] : names) {
    WATERLINE_CO_ASSIGN_OR_RETURN(const bool exists, co_await Exists(kOrganisations, IdOf(name)));
    if (!exists)
      violations.push_back(
          {field, "names no organisation of this network; create or import it first"});
  }
  co_return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

RegistryApi::Answer<v1::CreateOrganisationResponse> RegistryApi::CreateOrganisation(
    const rpc::Call& call, const v1::CreateOrganisationRequest& request) {
  v1::Organisation organisation = request.organisation();
  auto violations = CheckOrganisation(&organisation);
  records::CheckRequestId(request.request_id(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await AskNetwork(call, gate::Operation::OPERATION_WRITE, kOrganisations,
                                         organisation.name()));
  auto mutation = records::MutationOf(call, request);
  const Key key(kOrganisations, IdOf(organisation.name()));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry, co_await records::FindRetry(parts_.store, NetworkPartition(), &mutation,
                                                    parts_.clock->NowMs()));
  if (!retry) {
    WATERLINE_CO_RETURN_IF_ERROR(co_await CheckReferences(organisation));
    for (const auto& identifier : organisation.identifiers()) {
      WATERLINE_CO_ASSIGN_OR_RETURN(
          const bool taken,
          co_await Exists(kIdentifiers, identifier.scheme() + "/" + identifier.value()));
      if (taken)
        co_return Error(reason::kAlreadyExists, "another organisation has the identifier " +
                                                    identifier.scheme() + " " + identifier.value());
    }
    const int64_t now = parts_.clock->NowMs();
    *organisation.mutable_create_time() = text::ToTimestamp(now);
    *organisation.mutable_update_time() = text::ToTimestamp(now);
    organisation.set_demonstration(parts_.network.demonstration);
    organisation.clear_etag();
    Batch batch;
    OrganisationRecord record;
    if (!organisation.contacts().empty()) {
      auto sealed =
          privacy::SealPersonal(&organisation, organisation.name(), parts_.vault->NewKey(&batch));
      if (sealed) *record.mutable_sealed() = *std::move(sealed);
    }
    *record.mutable_public_() = organisation;
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Refresh(std::move(decision)));
    *record.mutable_receipt() = decision.position();
    for (const auto& identifier : organisation.identifiers())
      batch.RequireAbsent(Key(kIdentifiers, identifier.scheme() + "/" + identifier.value()));
    PutOrganisation(record, nullptr, &batch);
    records::Remember(&batch, mutation, organisation.name(), decision.position(), now);
    auto committed = co_await parts_.store->Commit(NetworkPartition(), std::move(batch));
    if (!committed.ok()) co_return committed.status();
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await records::Load<OrganisationRecord>(
                                                 parts_.store, NetworkPartition(), key));
  if (!stored) co_return Absent("organisation");
  v1::CreateOrganisationResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_organisation(),
                                co_await ToPublic(*std::move(stored)));
  co_return gate::Draft<v1::CreateOrganisationResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::GetOrganisationResponse> RegistryApi::GetOrganisation(
    const rpc::Call& call, const v1::GetOrganisationRequest& request) {
  if (!text::MatchName(request.name(), "organisations/*"))
    co_return BadFields({{"name", "is not a name organisations/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_READ, kOrganisations, request.name()));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await records::Load<OrganisationRecord>(
                                                 parts_.store, NetworkPartition(),
                                                 Key(kOrganisations, IdOf(request.name()))));
  if (!stored) co_return Absent("organisation");
  v1::GetOrganisationResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_organisation(),
                                co_await ToPublic(*std::move(stored)));
  co_return gate::Draft<v1::GetOrganisationResponse>(std::move(response), std::move(decision));
}

// By type and part_of through their indexes, so that the cost does not grow with the network.
RegistryApi::Answer<v1::ListOrganisationsResponse> RegistryApi::ListOrganisations(
    const rpc::Call& call, const v1::ListOrganisationsRequest& request) {
  const std::string arguments = request.type() + "|" + request.part_of();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), arguments));
  if (!request.part_of().empty() && !text::MatchName(request.part_of(), "organisations/*"))
    co_return BadFields({{"part_of", "is not a name organisations/{id}"}});
  std::string filter;
  if (!request.type().empty()) filter = "type = " + request.type();
  if (!request.part_of().empty())
    filter += (filter.empty() ? "part_of = " : " and part_of = ") + request.part_of();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await AskNetwork(call, gate::Operation::OPERATION_SEARCH, kOrganisations,
                                         kOrganisations, filter));
  std::string collection = kOrganisations;
  std::string prefix;
  if (!request.part_of().empty()) {
    collection = kOrganisationParts;
    prefix = IdOf(request.part_of()) + "/";
  } else if (!request.type().empty()) {
    collection = kOrganisationTypes;
    prefix = request.type() + "/";
  }
  const auto range = records::PageRange(collection, prefix, page);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto items, co_await parts_.store->Scan(NetworkPartition(), range, page.limit,
                                                    waterline::storage::Direction::kForward));
  std::vector<Key> keys;
  for (const auto& item : items) keys.emplace_back(kOrganisations, item.id.substr(prefix.size()));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto values,
                                co_await parts_.store->Get(NetworkPartition(), keys));
  v1::ListOrganisationsResponse response;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    Organisation stored{keys[i].id, {}, values[i]->revision};
    WATERLINE_CO_RETURN_IF_ERROR(records::ParseInto(values[i]->value, keys[i], &stored.record));
    if (!request.type().empty() && stored.record.public_().type() != request.type()) continue;
    WATERLINE_CO_ASSIGN_OR_RETURN(*response.add_organisations(),
                                  co_await ToPublic(std::move(stored)));
  }
  if (static_cast<int>(items.size()) == page.limit)
    response.set_next_page_token(records::NextPageToken(items.back().id, arguments));
  co_return gate::Draft<v1::ListOrganisationsResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::AddMemberResponse> RegistryApi::AddMember(
    const rpc::Call& call, const v1::AddMemberRequest& request) {
  std::vector<FieldViolation> violations;
  records::CheckRequestId(request.request_id(), &violations);
  if (!text::MatchName(request.organisation(), "organisations/*"))
    violations.push_back({"organisation", "is not a name organisations/{id}"});
  if (!violations.empty()) co_return BadFields(violations);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await AskNetwork(call, gate::Operation::OPERATION_WRITE, kMembers,
                                         request.organisation()));
  const std::string id = IdOf(request.organisation());
  const Key key(kMembers, id);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored, co_await records::Load<MemberRecord>(parts_.store, NetworkPartition(), key));
  const Key organisation_key(kOrganisations, id);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto organisation,
                                co_await records::Load<storage::v1::OrganisationRecord>(
                                    parts_.store, NetworkPartition(), organisation_key));
  if (!organisation)
    co_return BadFields(
        {{"organisation", "names no organisation of this network; create or import it first"}});
  auto told = co_await parts_.accountability->SetMember(
      MemberFactsOf(call, request.organisation(), organisation->record.public_()));
  if (!told.ok()) co_return told.status();
  if (!stored) {
    stored.emplace();
    stored->record.mutable_public_()->set_organisation(request.organisation());
    stored->record.mutable_public_()->set_host(id == parts_.network.host);
    *stored->record.mutable_public_()->mutable_joined_at() =
        text::ToTimestamp(parts_.clock->NowMs());
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Refresh(std::move(decision)));
    *stored->record.mutable_receipt() = decision.position();
    Batch batch;
    batch.RequireAbsent(key).Put(key, stored->record.SerializeAsString());
    auto committed = co_await parts_.store->Commit(NetworkPartition(), std::move(batch));
    if (!committed.ok()) co_return committed.status();
  }
  v1::AddMemberResponse response;
  *response.mutable_member() = stored->record.public_();
  co_return gate::Draft<v1::AddMemberResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::ListMembersResponse> RegistryApi::ListMembers(
    const rpc::Call& call, const v1::ListMembersRequest& request) {
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), kMembers));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_SEARCH, kMembers, kMembers));
  const auto range = records::PageRange(kMembers, "", page);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto members,
      co_await records::Scan<MemberRecord>(parts_.store, NetworkPartition(), range, page.limit));
  v1::ListMembersResponse response;
  for (const auto& member : members) *response.add_members() = member.record.public_();
  if (static_cast<int>(members.size()) == page.limit)
    response.set_next_page_token(records::NextPageToken(members.back().id, kMembers));
  co_return gate::Draft<v1::ListMembersResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::registry
