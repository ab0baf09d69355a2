#pragma once

// JSON where its shape is ours and not a message's. Thread safety: pure functions.

#include <string>
#include <string_view>

namespace waterline::cli {

// Quoted and escaped (RFC 8259).
std::string JsonString(std::string_view utf8);
// At most one decimal; never "-0".
std::string JsonNumber(double value);

}  // namespace waterline::cli
