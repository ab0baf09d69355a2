#pragma once

// The handlers of AccountabilityService (see its proto for errors). Thread safety: any thread.

#include "services/accountability/ledger/ledger.h"
#include "services/accountability/policy/facts.h"
#include "services/accountability/policy/recorder.h"
#include "services/accountability/policy/rulebook.h"
#include "services/common/rpc/service.h"
#include "waterline/accountability/v1/accountability_service.pb.h"

namespace waterline::accountability {

class AccountabilityApi {
 public:
  // All outlive the handlers.
  struct Parts {
    Ledger* ledger = nullptr;
    Rulebook* rulebook = nullptr;
    Recorder* recorder = nullptr;
    gate::Gate* gate = nullptr;
    Clock* clock = nullptr;
  };
  explicit AccountabilityApi(Parts parts) : parts_(parts) {}

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
  Answer<v1::ListSafeguardingAccessesResponse> ListSafeguardingAccesses(
      const rpc::Call& call, const v1::ListSafeguardingAccessesRequest& request);
  coro::Task<absl::Status> ExportLedger(
      const rpc::Call& call, const v1::ExportLedgerRequest& request,
      rpc::GatedStream<v1::ExportLedgerRequest, v1::ExportLedgerResponse>* stream);
  Answer<v1::ExplainResponse> Explain(const rpc::Call& call, const v1::ExplainRequest& request);
  Answer<v1::SimulateResponse> Simulate(const rpc::Call& call, const v1::SimulateRequest& request);
  Answer<v1::DraftFromRefusalResponse> DraftFromRefusal(const rpc::Call& call,
                                                        const v1::DraftFromRefusalRequest& request);
  Answer<v1::WhoCanSeeResponse> WhoCanSee(const rpc::Call& call,
                                          const v1::WhoCanSeeRequest& request);
  Answer<v1::WhatCanSeeResponse> WhatCanSee(const rpc::Call& call,
                                            const v1::WhatCanSeeRequest& request);

 private:
  // A decision of the past, with what it rested on.
  struct Decided {
    Ledger::Stored stored;
    v1::Entry entry;
    v1::DecisionFacts facts;     // To who asked: without what is known of the records.
    bool to_controller = false;  // The caller controls the records it was about.
  };
  // PERMISSION_DENIED (NOT_COVERED) unless it was made for the caller or about its records.
  coro::Task<absl::StatusOr<Decided>> LoadDecided(const rpc::Call& call,
                                                  common::v1::LedgerPosition position);
  struct AgreementPage {
    std::vector<v1::Agreement> agreements;
    std::string next_page_token;
  };
  // Those in force of which the organisation is a party, by name.
  coro::Task<absl::StatusOr<AgreementPage>> ActiveAgreements(std::string organisation,
                                                             int32_t page_size, std::string token,
                                                             std::string arguments);
  coro::Task<absl::StatusOr<gate::Decision>> AskLedger(const rpc::Call& call,
                                                       gate::Operation operation);

  const Parts parts_;
};

}  // namespace waterline::accountability
