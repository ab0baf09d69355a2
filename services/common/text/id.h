#pragma once

// Resource names: `collection/id/collection/id`. Ids match ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$
// (contracts.md 1). Thread safety: pure functions.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace waterline::text {

bool IsResourceId(std::string_view id);

// The ids of `name` when it has the form of `pattern`; `organisations/*/events/*` gives two ids.
std::optional<std::vector<std::string>> MatchName(std::string_view name, std::string_view pattern);

// The last id of a name: what stands after its last slash; a name without one is its own.
std::string IdOf(std::string_view name);

// 1 to `max` visible ASCII characters.
inline bool IsVisibleAscii(std::string_view text, size_t max) {
  return !text.empty() && text.size() <= max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 32 && c < 127; });
}

// 1 to 64 visible ASCII characters.
bool IsRequestId(std::string_view id);

// An id made from a title: lower case letters and digits, dashes between, at most 63; empty when
// nothing is left or it would not start with a letter.
std::string Slug(std::string_view title);

}  // namespace waterline::text
