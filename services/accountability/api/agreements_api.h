#pragma once

// The handlers of AgreementService (see its proto for errors). What may be done with an agreement
// is decided in domain/, when it takes effect in the rulebook. Thread safety: any thread.

#include <functional>
#include <string>

#include "services/accountability/domain/life_cycle.h"
#include "services/accountability/policy/members.h"
#include "services/accountability/policy/recorder.h"
#include "services/accountability/policy/rulebook.h"
#include "services/common/rpc/service.h"
#include "waterline/accountability/v1/agreement_service.pb.h"

namespace waterline::accountability {

class AgreementsApi {
 public:
  // All outlive the handlers. `store` holds the ledger.
  struct Parts {
    Rulebook* rulebook = nullptr;
    Recorder* recorder = nullptr;
    Members* members = nullptr;
    waterline::storage::Store* store = nullptr;
    gate::Gate* gate = nullptr;
    Clock* clock = nullptr;
    VerifySignature verify;  // By the keys the parties published.
    Platform platform;
  };
  explicit AgreementsApi(Parts parts) : parts_(std::move(parts)) {}

  void Register(rpc::Service* service);

  template <class T>
  using Answer = coro::Task<absl::StatusOr<gate::Draft<T>>>;

  Answer<v1::CreateAgreementResponse> CreateAgreement(const rpc::Call& call,
                                                      const v1::CreateAgreementRequest& request);
  Answer<v1::UpdateAgreementResponse> UpdateAgreement(const rpc::Call& call,
                                                      const v1::UpdateAgreementRequest& request);
  Answer<v1::GetAgreementResponse> GetAgreement(const rpc::Call& call,
                                                const v1::GetAgreementRequest& request);
  Answer<v1::ListAgreementsResponse> ListAgreements(const rpc::Call& call,
                                                    const v1::ListAgreementsRequest& request);
  Answer<v1::SubmitAgreementResponse> SubmitAgreement(const rpc::Call& call,
                                                      const v1::SubmitAgreementRequest& request);
  Answer<v1::RecordAssessmentResponse> RecordAssessment(const rpc::Call& call,
                                                        const v1::RecordAssessmentRequest& request);
  Answer<v1::SignAgreementResponse> SignAgreement(const rpc::Call& call,
                                                  const v1::SignAgreementRequest& request);
  Answer<v1::SuspendAgreementResponse> SuspendAgreement(const rpc::Call& call,
                                                        const v1::SuspendAgreementRequest& request);
  Answer<v1::ResumeAgreementResponse> ResumeAgreement(const rpc::Call& call,
                                                      const v1::ResumeAgreementRequest& request);
  Answer<v1::TerminateAgreementResponse> TerminateAgreement(
      const rpc::Call& call, const v1::TerminateAgreementRequest& request);

 private:
  using StoredAgreement = Rulebook::StoredAgreement;
  using AgreementRecord = Rulebook::AgreementRecord;
  // Makes the next state of a record, or says why not.
  using Edit = std::function<absl::Status(AgreementRecord*, const struct Move&)>;
  // A mutation of one agreement as the entry will tell it.
  struct Verb {
    std::string change;  // SIGNED
    std::string reason;  // Of suspend, resume and terminate.
    std::string etag;    // Of update.
    Edit edit;
  };

  // Validates, asks, edits, stores, answers: what all verbs share.
  template <class Response, class Request>
  Answer<Response> Change(const rpc::Call& call, const Request& request, Verb verb);
  coro::Task<absl::StatusOr<gate::Decision>> AskAbout(const rpc::Call& call,
                                                      gate::Operation operation, std::string name,
                                                      const std::optional<StoredAgreement>& stored);
  // The version that these terms supersede, when they name one.
  coro::Task<absl::StatusOr<std::optional<StoredAgreement>>> Predecessor(v1::AgreementTerms terms);
  static absl::Status EndPredecessor(StoredAgreement predecessor, int64_t now_ms,
                                     Rulebook::AgreementChange* change);
  coro::Task<absl::Status> Store(const rpc::Call& call, const google::protobuf::Message& request,
                                 StoredAgreement before, Verb verb, gate::Decision* decision);
  // The entry and the rest of a change: who made it, and what it ends.
  coro::Task<absl::StatusOr<Rulebook::AgreementChange>> MakeChange(const rpc::Call& call,
                                                                   std::string change_name,
                                                                   std::string id,
                                                                   AgreementRecord record);
  coro::Task<absl::StatusOr<v1::Agreement>> Read(std::string id);
  v1::Agreement ToPublic(StoredAgreement stored) const;

  const Parts parts_;
};

}  // namespace waterline::accountability
