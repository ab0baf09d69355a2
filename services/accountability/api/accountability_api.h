#pragma once

// The handlers of AccountabilityService (see its proto for errors). Thread safety: any thread.

#include "services/accountability/ledger/ledger.h"
#include "services/common/rpc/service.h"
#include "waterline/accountability/v1/accountability_service.pb.h"

namespace waterline::accountability {

class AccountabilityApi {
 public:
  AccountabilityApi(Ledger* ledger, gate::Gate* gate) : ledger_(ledger), gate_(gate) {}

  // Registers all methods; the handler outlives the service.
  void Register(rpc::Service* service);

  template <class T>
  using Answer = coro::Task<absl::StatusOr<gate::Draft<T>>>;

  coro::Task<absl::StatusOr<v1::GetCheckpointResponse>> GetCheckpoint(
      const rpc::Call& call, const v1::GetCheckpointRequest& request);
  coro::Task<absl::StatusOr<v1::GetInclusionProofResponse>> GetInclusionProof(
      const rpc::Call& call, const v1::GetInclusionProofRequest& request);
  coro::Task<absl::StatusOr<v1::GetConsistencyProofResponse>> GetConsistencyProof(
      const rpc::Call& call, const v1::GetConsistencyProofRequest& request);
  Answer<v1::ListEntriesResponse> ListEntries(const rpc::Call& call,
                                              const v1::ListEntriesRequest& request);
  coro::Task<absl::Status> ExportLedger(
      const rpc::Call& call, const v1::ExportLedgerRequest& request,
      rpc::GatedStream<v1::ExportLedgerRequest, v1::ExportLedgerResponse>* stream);

 private:
  coro::Task<absl::StatusOr<gate::Decision>> AskLedger(const rpc::Call& call,
                                                       gate::Operation operation);

  Ledger* const ledger_;
  gate::Gate* const gate_;
};

}  // namespace waterline::accountability
