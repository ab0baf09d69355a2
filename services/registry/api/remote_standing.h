#pragma once

// The standing of persons at accountability in another process. UNAVAILABLE with RetryInfo while it
// cannot be reached, or when its answer was lost: then the change may be in force already, and the
// same call sent again ends as one that was answered. Thread safety: any thread.

#include "services/common/rpc/link.h"
#include "services/common/rpc/standing.h"

namespace waterline::registry {

class RemoteStanding : public rpc::StandingKeeper {
 public:
  explicit RemoteStanding(rpc::Link link) : link_(std::move(link)) {}

  coro::Task<absl::StatusOr<accountability::v1::SetStandingResponse>> SetStanding(
      accountability::v1::SetStandingRequest request) override;
  coro::Task<absl::StatusOr<accountability::v1::SetMemberResponse>> SetMember(
      accountability::v1::SetMemberRequest request) override;
  coro::Task<absl::StatusOr<accountability::v1::ListSubjectAccessesResponse>> ListSubjectAccesses(
      accountability::v1::ListSubjectAccessesRequest request) override;

 private:
  const rpc::Link link_;
};

}  // namespace waterline::registry
