#pragma once

// JSON lines on one stream, fixed keys first: ts, level, event. Values are numbers, codes and
// resource names of organisations; personal values are never logged (test: planted data is searched
// for in every log). Thread safety: all functions from any thread.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace waterline::log {

enum class Level { kInfo, kWarning, kError };

using Value = std::variant<std::string, int64_t, double, bool>;
using Field = std::pair<std::string_view, Value>;

// Where lines go: standard error until this is called. `path` is opened for appending.
// False when the file cannot be opened.
bool OpenFile(const std::string& path);

void Write(Level level, std::string_view event, std::initializer_list<Field> fields);

inline void Info(std::string_view event, std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, event, fields);
}
inline void Warning(std::string_view event, std::initializer_list<Field> fields = {}) {
  Write(Level::kWarning, event, fields);
}
inline void Error(std::string_view event, std::initializer_list<Field> fields = {}) {
  Write(Level::kError, event, fields);
}

// The line without time stamp, for tests.
std::string Format(Level level, std::string_view event, std::initializer_list<Field> fields);

}  // namespace waterline::log
