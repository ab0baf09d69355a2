#pragma once

// Debian's abseil has its own string_view (`absl::string_view` is not `std::string_view`, and
// neither converts to the other). Our signatures use std::string_view; this is the only bridge.
// Thread safety: pure function.

#include <string_view>

#include "absl/strings/string_view.h"

namespace waterline::text {

inline std::string_view Std(absl::string_view view) { return {view.data(), view.size()}; }

}  // namespace waterline::text
