#pragma once

// What registry may ask accountability inside the host: the standing of persons, facts of members,
// and who asked for a person's records. By call in waterlined, by wire between processes.
// Thread safety: as the implementation says; all are safe from any thread.

#include "absl/status/statusor.h"
#include "services/common/coro/task.h"
#include "waterline/accountability/v1/standing_service.pb.h"

namespace waterline::rpc {

class StandingKeeper {
 public:
  virtual ~StandingKeeper() = default;

  // Durable, and in force for every entry with a higher index, before it answers. INVALID_ARGUMENT
  // (INVALID_FIELDS) for an edit that makes no sense.
  virtual coro::Task<absl::StatusOr<accountability::v1::SetStandingResponse>> SetStanding(
      accountability::v1::SetStandingRequest request) = 0;
  virtual coro::Task<absl::StatusOr<accountability::v1::SetMemberResponse>> SetMember(
      accountability::v1::SetMemberRequest request) = 0;
  virtual coro::Task<absl::StatusOr<accountability::v1::ListSubjectAccessesResponse>>
  ListSubjectAccesses(accountability::v1::ListSubjectAccessesRequest request) = 0;
};

}  // namespace waterline::rpc
