#pragma once

// What registry asks of accountability about one person, and about members: the functions behind
// StandingService, by call or by wire. Thread safety: any thread.

#include "services/accountability/policy/members.h"
#include "services/accountability/policy/recorder.h"
#include "services/accountability/policy/rulebook.h"
#include "services/common/rpc/standing.h"

namespace waterline::accountability {

class StandingBook : public rpc::StandingKeeper {
 public:
  // All outlive this.
  StandingBook(Ledger* ledger, Rulebook* rulebook, Recorder* recorder, Members* members)
      : ledger_(ledger), rulebook_(rulebook), recorder_(recorder), members_(members) {}

  coro::Task<absl::StatusOr<v1::SetStandingResponse>> SetStanding(
      v1::SetStandingRequest request) override;
  coro::Task<absl::StatusOr<v1::SetMemberResponse>> SetMember(
      v1::SetMemberRequest request) override;
  coro::Task<absl::StatusOr<v1::ListSubjectAccessesResponse>> ListSubjectAccesses(
      v1::ListSubjectAccessesRequest request) override;

 private:
  Ledger* const ledger_;
  Rulebook* const rulebook_;
  Recorder* const recorder_;
  Members* const members_;
};

}  // namespace waterline::accountability
