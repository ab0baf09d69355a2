#pragma once

// Short invented statements, by practice and by whether they praise or find fault. They name no
// body and no person. Thread safety: pure functions.

#include <array>
#include <string_view>

namespace waterline::demonstration {

inline constexpr int kStatementsEach = 5;
using Statements = std::array<std::string_view, kStatementsEach>;

// `practice` is an index into data::kPractices.
const Statements& Praise(int practice);
const Statements& Fault(int practice);

}  // namespace waterline::demonstration
