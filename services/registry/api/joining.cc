// What invited organisations hand in to be known by, until a person of the host confirms it.

#include "services/common/identity/joining.h"

#include "services/common/crypto/encoding.h"
#include "services/common/identity/spiffe.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/registry/api/registry_api.h"

namespace waterline::registry {
namespace {

using waterline::registry::storage::v1::JoinRequestRecord;
using waterline::storage::Batch;
using waterline::storage::Key;

std::string JoinRequestName(const std::string& id) { return std::string(kJoinRequests) + "/" + id; }

identity::JoinPapers PapersOf(const rpc::Call& call, const std::string& network,
                              const v1::RequestJoinRequest& request) {
  identity::JoinPapers papers;
  papers.network = network;
  papers.organisation = call.caller.organisation();
  papers.issuer_pem = request.issuer_pem();
  papers.jwks = request.jwks();
  papers.invitation = call.caller.actor();
  papers.signed_at = request.signed_at().seconds();
  return papers;
}

identity::JoinProofs ProofsOf(const v1::RequestJoinRequest& request) {
  identity::JoinProofs proofs;
  proofs.key_proofs = {request.key_proofs().begin(), request.key_proofs().end()};
  proofs.certificate_pem = request.certificate_pem();
  proofs.certificate_proof = request.certificate_proof();
  return proofs;
}

// Only mutual TLS proves an invitation: without it there is no certificate identity.
bool IsInvited(const accountability::v1::Caller& caller, const std::string& network) {
  const identity::SpiffeId invited{network, caller.organisation(),
                                   std::string(identity::kJoinService)};
  return !caller.organisation().empty() && caller.certificate_identity() == invited.ToString();
}

}  // namespace

coro::Task<absl::StatusOr<v1::RequestJoinResponse>> RegistryApi::RequestJoin(
    const rpc::Call& call, const v1::RequestJoinRequest& request) {
  if (!IsInvited(call.caller, parts_.network.network))
    co_return Error(reason::kCertificateRefused,
                    "joining takes the certificate and a token of an invitation that is pending: "
                    "ask the host for one, and send it with `waterline partner join`");
  co_await parts_.pool->Hop();  // Up to 32 proofs and chains are verified.
  const int64_t now = parts_.clock->NowMs();
  const auto papers = PapersOf(call, parts_.network.network, request);
  const auto violations = identity::CheckJoin(papers, ProofsOf(request), now);
  if (!violations.empty()) co_return BadFields(violations);
  const std::string fingerprint = crypto::HexEncode(identity::JoinFingerprint(papers));
  JoinRequestRecord record;
  auto* stored = record.mutable_public_();
  stored->set_name(JoinRequestName(papers.organisation));
  stored->set_organisation("organisations/" + papers.organisation);
  stored->set_invitation(papers.invitation);
  stored->set_issuer_pem(papers.issuer_pem);
  stored->set_jwks(papers.jwks);
  stored->set_fingerprint(fingerprint);
  *stored->mutable_request_time() = text::ToTimestamp(now);
  Batch batch;
  batch.Put(Key(kJoinRequests, papers.organisation), record.SerializeAsString());
  auto committed = co_await parts_.store->Commit(NetworkPartition(), std::move(batch));
  if (!committed.ok()) co_return committed.status();
  v1::RequestJoinResponse response;
  response.set_fingerprint(fingerprint);
  co_return response;
}

coro::Task<absl::StatusOr<std::vector<v1::JoinRequest>>> RegistryApi::ToPublic(
    std::vector<JoinRequest> stored) {
  std::vector<Key> keys;
  for (const auto& one : stored) {
    keys.emplace_back(kOrganisations, one.id);
    keys.emplace_back(kMembers, one.id);
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto values,
                                co_await parts_.store->Get(NetworkPartition(), keys));
  std::vector<v1::JoinRequest> out;
  for (size_t i = 0; i < stored.size(); ++i) {
    auto& one = out.emplace_back(std::move(*stored[i].record.mutable_public_()));
    one.set_known(values[2 * i].has_value());
    one.set_member(values[2 * i + 1].has_value());
  }
  co_return out;
}

RegistryApi::Answer<v1::GetJoinRequestResponse> RegistryApi::GetJoinRequest(
    const rpc::Call& call, const v1::GetJoinRequestRequest& request) {
  const auto ids = text::MatchName(request.name(), "join_requests/*");
  if (!ids) co_return BadFields({{"name", "is not a name join_requests/{org}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_WRITE, kJoinRequests, request.name()));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored, co_await records::Load<JoinRequestRecord>(parts_.store, NetworkPartition(),
                                                             Key(kJoinRequests, ids->front())));
  if (!stored) co_return Error(reason::kNotFound, "this organisation has not asked to join");
  std::vector<JoinRequest> found;
  found.push_back(*std::move(stored));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto shown, co_await ToPublic(std::move(found)));
  v1::GetJoinRequestResponse response;
  *response.mutable_join_request() = std::move(shown.front());
  co_return gate::Draft<v1::GetJoinRequestResponse>(std::move(response), std::move(decision));
}

RegistryApi::Answer<v1::ListJoinRequestsResponse> RegistryApi::ListJoinRequests(
    const rpc::Call& call, const v1::ListJoinRequestsRequest& request) {
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), kJoinRequests));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_WRITE, kJoinRequests, kJoinRequests));
  const auto range = records::PageRange(kJoinRequests, "", page);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto found, co_await records::Scan<JoinRequestRecord>(parts_.store, NetworkPartition(), range,
                                                            page.limit));
  v1::ListJoinRequestsResponse response;
  if (static_cast<int>(found.size()) == page.limit)
    response.set_next_page_token(records::NextPageToken(found.back().id, kJoinRequests));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto shown, co_await ToPublic(std::move(found)));
  for (auto& one : shown) {
    one.clear_issuer_pem();  // A page of files would be larger than a message may be.
    one.clear_jwks();
    *response.add_join_requests() = std::move(one);
  }
  co_return gate::Draft<v1::ListJoinRequestsResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::registry
