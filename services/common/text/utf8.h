#pragma once

// Text rules of all fields: UTF-8, no control characters but tab and line feed, no bidirectional
// overrides (domain.md rule 17); lengths count code points. Thread safety: pure functions.

#include <string>
#include <string_view>
#include <vector>

namespace waterline::text {

bool IsValidUtf8(std::string_view text);
size_t CodePoints(std::string_view valid_utf8);

// Why `text` may not be stored; empty when it may. `max` is in code points; never echoes the text.
std::string TextProblem(std::string_view text, size_t min, size_t max);

// Without spaces, tabs and line ends at both ends.
std::string_view Trim(std::string_view text);

std::string ToUpper(std::string_view ascii);
std::string ToLower(std::string_view ascii);

// Up to three of `candidates` that are most like `wanted`: those that hold it, then those a few
// edits away. For "did you mean".
std::string Suggestion(std::string_view wanted, const std::vector<std::string>& candidates);

}  // namespace waterline::text
