#pragma once

// What other services may ask registry inside the host: does this name exist, which subject is it,
// is it for trying out. INTERNAL: no entry is made for it; the receipt is made where a result
// leaves. Thread safety: as the implementation says; all are safe from any thread.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/coro/task.h"

namespace waterline::rpc {

class Directory {
 public:
  virtual ~Directory() = default;

  // One answer per name (organisations/*, places/*, organisations/*/participants/*): nothing when
  // it does not exist; the subject id of a participant, empty for everything else.
  virtual coro::Task<absl::StatusOr<std::vector<std::optional<std::string>>>> Look(
      std::vector<std::string> names) = 0;

  // Whether the organisation of this id is one for trying out; false when it does not exist.
  virtual coro::Task<absl::StatusOr<bool>> IsTest(std::string organisation) = 0;
};

}  // namespace waterline::rpc
