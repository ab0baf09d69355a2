#pragma once

// The way of a person's standing into force: registry is the front door, accountability keeps what
// decisions must know (architecture: Standing). Thread safety: as the implementation says; from any
// thread.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/common/coro/task.h"
#include "services/common/gate/draft.h"
#include "services/common/rpc/call.h"
#include "services/common/rpc/standing.h"

namespace waterline::registry {

// One thing that changes. `what` is a code of permission_kind, or objection, restriction or hold.
struct StandingChange {
  enum class To { kGiven, kRefused, kWithdrawn, kSet, kLifted };
  StandingChange(std::string change_what, To change_to, int64_t change_expires_ms = 0)
      : what(std::move(change_what)), to(change_to), expires_ms(change_expires_ms) {}

  std::string what;
  To to;
  int64_t expires_ms;  // Of what is given; 0: no end.
};

class StandingKeeper {
 public:
  virtual ~StandingKeeper() = default;

  // OK once every later decision goes by it, with its ledger entry durable. May be called again
  // with the same changes. An error: it is not in force, and the caller keeps nothing of it.
  // `decision` permits the write; `call` outlives the task.
  virtual coro::Task<absl::Status> SetStanding(std::string controller, std::string subject_id,
                                               std::vector<StandingChange> changes,
                                               const rpc::Call& call, gate::Decision decision) = 0;
};

// Tells accountability. Kinds of permission that no decision goes by are kept here alone.
class AccountabilityStanding : public StandingKeeper {
 public:
  explicit AccountabilityStanding(rpc::StandingKeeper* accountability)
      : accountability_(accountability) {}
  coro::Task<absl::Status> SetStanding(std::string controller, std::string subject_id,
                                       std::vector<StandingChange> changes, const rpc::Call& call,
                                       gate::Decision decision) override;

 private:
  rpc::StandingKeeper* const accountability_;
};

}  // namespace waterline::registry
