#pragma once

// Errors in plain words: what is wrong, every wrong field on a line of its own, the reason code and
// what to do next. Nothing of the record is repeated. Thread safety: pure functions.

#include <string>

#include "absl/status/status.h"
#include "clients/cli/exit_codes.h"

namespace waterline::cli {

// Lines with a line feed at the end of each. Precondition: `status` is not OK. `server` is the
// address to name when nothing answers there.
std::string Explain(const absl::Status& status, const std::string& server);

// What to do about a reason of waterline.common.v1.ErrorReason; empty for an unknown one.
std::string NextStep(const std::string& reason);

}  // namespace waterline::cli
