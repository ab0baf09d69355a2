#include "services/registry/api/remote_standing.h"

namespace waterline::registry {
namespace {

namespace av1 = accountability::v1;

constexpr char kSetStanding[] = "/waterline.accountability.v1.StandingService/SetStanding";
constexpr char kSetMember[] = "/waterline.accountability.v1.StandingService/SetMember";
constexpr char kListSubjectAccesses[] =
    "/waterline.accountability.v1.StandingService/ListSubjectAccesses";

}  // namespace

coro::Task<absl::StatusOr<av1::SetStandingResponse>> RemoteStanding::SetStanding(
    av1::SetStandingRequest request) {
  return rpc::CallOn<av1::SetStandingResponse>(link_, kSetStanding, std::move(request));
}

coro::Task<absl::StatusOr<av1::SetMemberResponse>> RemoteStanding::SetMember(
    av1::SetMemberRequest request) {
  return rpc::CallOn<av1::SetMemberResponse>(link_, kSetMember, std::move(request));
}

coro::Task<absl::StatusOr<av1::ListSubjectAccessesResponse>> RemoteStanding::ListSubjectAccesses(
    av1::ListSubjectAccessesRequest request) {
  return rpc::CallOn<av1::ListSubjectAccessesResponse>(link_, kListSubjectAccesses,
                                                       std::move(request));
}

}  // namespace waterline::registry
