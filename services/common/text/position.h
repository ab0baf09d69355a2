#pragma once

// A place in the ledger as text: `<epoch>/<index>`, in page tokens and on the command line. Thread
// safety: pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "waterline/common/v1/types.pb.h"

namespace waterline::text {

std::string FormatPosition(const common::v1::LedgerPosition& position);
// Nothing for anything but two decimal numbers and one slash.
std::optional<common::v1::LedgerPosition> ParsePosition(std::string_view text);

}  // namespace waterline::text
