#pragma once

// The handlers of StandingService: the standing of persons, facts of members, and who asked for a
// person's records, for registry in another process. Thread safety: any thread.

#include "services/common/rpc/service.h"
#include "services/common/rpc/standing.h"

namespace waterline::accountability {

class StandingApi {
 public:
  // `keeper` outlives this.
  explicit StandingApi(rpc::StandingKeeper* keeper) : keeper_(keeper) {}

  // Registers all methods; the handler outlives the service.
  void Register(rpc::Service* service);

  coro::Task<absl::StatusOr<v1::SetStandingResponse>> SetStanding(
      const rpc::Call& call, const v1::SetStandingRequest& request);
  coro::Task<absl::StatusOr<v1::SetMemberResponse>> SetMember(const rpc::Call& call,
                                                              const v1::SetMemberRequest& request);
  coro::Task<absl::StatusOr<v1::ListSubjectAccessesResponse>> ListSubjectAccesses(
      const rpc::Call& call, const v1::ListSubjectAccessesRequest& request);

 private:
  rpc::StandingKeeper* const keeper_;
};

}  // namespace waterline::accountability
