#include "services/registry/api/remote_standing.h"

#include <chrono>

namespace waterline::registry {
namespace {

namespace av1 = accountability::v1;

constexpr char kSetStanding[] = "/waterline.accountability.v1.StandingService/SetStanding";
constexpr char kSetMember[] = "/waterline.accountability.v1.StandingService/SetMember";
constexpr char kListSubjectAccesses[] =
    "/waterline.accountability.v1.StandingService/ListSubjectAccesses";
constexpr std::chrono::seconds kPatience{10};

template <class Response, class Request>
coro::Task<absl::StatusOr<Response>> Ask(const rpc::Link& link, const char* path, Request request) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  auto response = co_await rpc::CallUnary<Response>(link.channel, path, std::move(request),
                                                    link.metadata, deadline);
  if (!response.ok()) co_return rpc::LinkError(link, response.status());
  co_return response;
}

}  // namespace

coro::Task<absl::StatusOr<av1::SetStandingResponse>> RemoteStanding::SetStanding(
    av1::SetStandingRequest request) {
  return Ask<av1::SetStandingResponse>(link_, kSetStanding, std::move(request));
}

coro::Task<absl::StatusOr<av1::SetMemberResponse>> RemoteStanding::SetMember(
    av1::SetMemberRequest request) {
  return Ask<av1::SetMemberResponse>(link_, kSetMember, std::move(request));
}

coro::Task<absl::StatusOr<av1::ListSubjectAccessesResponse>> RemoteStanding::ListSubjectAccesses(
    av1::ListSubjectAccessesRequest request) {
  return Ask<av1::ListSubjectAccessesResponse>(link_, kListSubjectAccesses, std::move(request));
}

}  // namespace waterline::registry
