#include "services/accountability/api/standing_api.h"

namespace waterline::accountability {

void StandingApi::Register(rpc::Service* service) {
  rpc::Internal(service, "SetStanding", this, &StandingApi::SetStanding, {"registry"});
  rpc::Internal(service, "SetMember", this, &StandingApi::SetMember, {"registry"});
  rpc::Internal(service, "ListSubjectAccesses", this, &StandingApi::ListSubjectAccesses,
                {"registry"});
}

coro::Task<absl::StatusOr<v1::SetStandingResponse>> StandingApi::SetStanding(
    const rpc::Call& /*call*/, const v1::SetStandingRequest& request) {
  return keeper_->SetStanding(request);
}

coro::Task<absl::StatusOr<v1::SetMemberResponse>> StandingApi::SetMember(
    const rpc::Call& /*call*/, const v1::SetMemberRequest& request) {
  return keeper_->SetMember(request);
}

coro::Task<absl::StatusOr<v1::ListSubjectAccessesResponse>> StandingApi::ListSubjectAccesses(
    const rpc::Call& /*call*/, const v1::ListSubjectAccessesRequest& request) {
  return keeper_->ListSubjectAccesses(request);
}

}  // namespace waterline::accountability
