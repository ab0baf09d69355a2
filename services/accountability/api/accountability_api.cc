#include "services/accountability/api/accountability_api.h"

#include <algorithm>

#include "services/accountability/ledger/export.h"
#include "services/common/records/records.h"
#include "services/common/rpc/limits.h"
#include "services/common/status/macros.h"
#include "services/common/text/position.h"

namespace waterline::accountability {
namespace {

constexpr int kExportBatch = 1000;
constexpr size_t kExportChunkBytes = 1024 * 1024;

bool Concerns(const v1::Entry& entry, const std::string& organisation) {
  const std::string name = "organisations/" + organisation;
  if (entry.has_agreement_change()) {
    const auto& parties = entry.agreement_change().parties();
    return std::find(parties.begin(), parties.end(), name) != parties.end();
  }
  if (entry.has_standing_change()) return entry.standing_change().controller() == name;
  if (entry.has_member_change()) {
    const auto& change = entry.member_change();
    return change.organisation() == name || change.member().organisation() == name;
  }
  if (!entry.has_access()) return true;  // Starts of epochs and networks are everyone's.
  return entry.access().organisation() == name || entry.access().controller() == name;
}

v1::LedgerEntry ToLedgerEntry(const Ledger::Stored& stored) {
  v1::LedgerEntry out;
  *out.mutable_position() = stored.position;
  out.set_leaf_hash(stored.record.leaf_hash());
  out.mutable_entry()->ParseFromString(stored.record.leaf());
  return out;
}

v1::SafeguardingAccess ToSafeguardingAccess(const Ledger::Stored& stored,
                                            const std::optional<v1::EntryPayload>& payload) {
  v1::Entry entry;
  entry.ParseFromString(stored.record.leaf());
  const auto& access = entry.access();
  v1::SafeguardingAccess told;
  *told.mutable_at() = entry.recorded_at();
  told.set_organisation(access.organisation());
  told.set_role(access.role());
  told.set_operation(access.operation());
  *told.mutable_categories() = access.categories();
  told.set_given(access.given());
  if (access.has_agreement()) told.set_agreement(access.agreement());
  *told.mutable_position() = stored.position;
  if (!payload) return told;  // The person it was about was forgotten.
  told.set_justification(payload->justification());
  told.set_resource_name(payload->resource_name());
  return told;
}

}  // namespace

void AccountabilityApi::Register(rpc::Service* service) {
  rpc::Public(service, "GetCheckpoint", this, &AccountabilityApi::GetCheckpoint);
  rpc::Public(service, "GetInclusionProof", this, &AccountabilityApi::GetInclusionProof);
  rpc::Public(service, "GetConsistencyProof", this, &AccountabilityApi::GetConsistencyProof);
  rpc::Gated(service, "ListEntries", this, &AccountabilityApi::ListEntries, parts_.gate);
  rpc::Gated(service, "ListSafeguardingAccesses", this,
             &AccountabilityApi::ListSafeguardingAccesses, parts_.gate);
  rpc::GatedServerStream(service, "ExportLedger", this, &AccountabilityApi::ExportLedger,
                         parts_.gate);
  rpc::Gated(service, "Explain", this, &AccountabilityApi::Explain, parts_.gate);
  rpc::Gated(service, "Simulate", this, &AccountabilityApi::Simulate, parts_.gate);
  rpc::Gated(service, "DraftFromRefusal", this, &AccountabilityApi::DraftFromRefusal, parts_.gate);
  rpc::Gated(service, "WhoCanSee", this, &AccountabilityApi::WhoCanSee, parts_.gate);
  rpc::Gated(service, "WhatCanSee", this, &AccountabilityApi::WhatCanSee, parts_.gate);
}

coro::Task<absl::StatusOr<gate::Decision>> AccountabilityApi::AskLedger(const rpc::Call& call,
                                                                        gate::Operation operation) {
  gate::Ask ask(operation, call.caller.organisation(), "ledger",
                "organisations/" + call.caller.organisation() + "/ledger",
                {common::v1::CATEGORY_LEDGER});
  auto decision = co_await parts_.gate->Ask(call, ask);
  co_return decision;
}

coro::Task<absl::StatusOr<v1::GetCheckpointResponse>> AccountabilityApi::GetCheckpoint(
    const rpc::Call&, const v1::GetCheckpointRequest& request) {
  v1::GetCheckpointResponse response;
  const uint64_t epoch = request.epoch() == 0 ? parts_.ledger->epoch() : request.epoch();
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_checkpoint(),
                                co_await parts_.ledger->GetCheckpoint(epoch));
  response.set_verifier_key(parts_.ledger->verifier().Vkey());
  response.set_epoch(epoch);
  co_return response;
}

coro::Task<absl::StatusOr<v1::GetInclusionProofResponse>> AccountabilityApi::GetInclusionProof(
    const rpc::Call&, const v1::GetInclusionProofRequest& request) {
  const uint64_t epoch =
      request.position().epoch() == 0 ? parts_.ledger->epoch() : request.position().epoch();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto proof, co_await parts_.ledger->ProveInclusion(epoch, request.position().index(),
                                                               request.tree_size()));
  v1::GetInclusionProofResponse response;
  response.set_leaf_hash(proof.leaf_hash);
  response.set_tree_size(proof.size);
  for (const auto& hash : proof.hashes) response.add_proof(hash);
  co_return response;
}

coro::Task<absl::StatusOr<v1::GetConsistencyProofResponse>> AccountabilityApi::GetConsistencyProof(
    const rpc::Call&, const v1::GetConsistencyProofRequest& request) {
  const uint64_t epoch = request.epoch() == 0 ? parts_.ledger->epoch() : request.epoch();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto proof,
      co_await parts_.ledger->ProveConsistency(epoch, request.first_size(), request.second_size()));
  v1::GetConsistencyProofResponse response;
  response.set_second_size(proof.size);
  for (const auto& hash : proof.hashes) response.add_proof(hash);
  co_return response;
}

AccountabilityApi::Answer<v1::ListEntriesResponse> AccountabilityApi::ListEntries(
    const rpc::Call& call, const v1::ListEntriesRequest& request) {
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page,
      records::ReadPage(request.page_size(), request.page_token(), call.caller.organisation()));
  std::optional<common::v1::LedgerPosition> before;
  if (!page.after.empty()) before = text::ParsePosition(page.after);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await AskLedger(call, v1::OPERATION_SEARCH));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto entries,
      co_await parts_.ledger->ListByOrganisation(call.caller.organisation(), before, page.limit));
  v1::ListEntriesResponse response;
  for (const auto& stored : entries) *response.add_entries() = ToLedgerEntry(stored);
  if (static_cast<int>(entries.size()) == page.limit) {
    response.set_next_page_token(records::NextPageToken(
        text::FormatPosition(entries.back().position), call.caller.organisation()));
  }
  co_return gate::Draft<v1::ListEntriesResponse>(std::move(response), std::move(decision));
}

AccountabilityApi::Answer<v1::ListSafeguardingAccessesResponse>
AccountabilityApi::ListSafeguardingAccesses(const rpc::Call& call,
                                            const v1::ListSafeguardingAccessesRequest& request) {
  const std::string organisation = call.caller.organisation();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), organisation));
  const auto before = text::ParsePosition(page.after);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await AskLedger(call, v1::OPERATION_SEARCH));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto entries, co_await parts_.ledger->ListSafeguarding(
                                                        organisation, before, page.limit));
  v1::ListSafeguardingAccessesResponse response;
  for (const auto& stored : entries) {
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto payload,
                                  co_await parts_.recorder->OpenPayload(stored));
    *response.add_accesses() = ToSafeguardingAccess(stored, payload);
  }
  if (static_cast<int>(entries.size()) == page.limit) {
    response.set_next_page_token(
        records::NextPageToken(text::FormatPosition(entries.back().position), organisation));
  }
  co_return gate::Draft<v1::ListSafeguardingAccessesResponse>(std::move(response),
                                                              std::move(decision));
}

// The checkpoint is taken first, so the file ends where it was signed; entries that come meanwhile
// (among them those of this export) are not in it.
coro::Task<absl::Status> AccountabilityApi::ExportLedger(
    const rpc::Call& call, const v1::ExportLedgerRequest& request,
    rpc::GatedStream<v1::ExportLedgerRequest, v1::ExportLedgerResponse>* stream) {
  const uint64_t epoch = request.epoch() == 0 ? parts_.ledger->epoch() : request.epoch();
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await AskLedger(call, v1::OPERATION_EXPORT));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto note, co_await parts_.ledger->GetCheckpoint(epoch));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto checkpoint,
                                parts_.ledger->verifier().OpenCheckpoint(note));
  v1::ExportLedgerResponse message;
  message.set_chunk(ExportHeader(note));
  for (uint64_t next = 0; next < checkpoint.size;) {
    const int wanted = static_cast<int>(std::min<uint64_t>(kExportBatch, checkpoint.size - next));
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto entries,
                                  co_await parts_.ledger->Read(epoch, next, wanted));
    if (entries.empty())
      co_return Error(reason::kDataDamaged, "entry " + std::to_string(next) + " is missing");
    for (const auto& stored : entries) {
      v1::Entry entry;
      entry.ParseFromString(stored.record.leaf());
      message.mutable_chunk()->append(Concerns(entry, call.caller.organisation())
                                          ? ExportLeaf(stored.record.leaf())
                                          : ExportHash(stored.record.leaf_hash()));
    }
    next += entries.size();
    if (message.chunk().size() < kExportChunkBytes && next < checkpoint.size) continue;
    gate::Draft<v1::ExportLedgerResponse> draft(std::move(message), decision);
    WATERLINE_CO_RETURN_IF_ERROR(co_await stream->Write(std::move(draft)));
    message.Clear();
    if (next < checkpoint.size) {
      WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await AskLedger(call, v1::OPERATION_EXPORT));
    }
  }
  co_return absl::OkStatus();
}

}  // namespace waterline::accountability
