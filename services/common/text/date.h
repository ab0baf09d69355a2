#pragma once

// ISO 8601 dates and RFC 3339 instants, strict: a date that is not in the calendar (29 February
// 2023), a year before 2000 or after 2199, or an instant without zone is nothing (domain.md rule
// 47). Thread safety: pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "google/protobuf/timestamp.pb.h"

namespace waterline::text {

// Days since 1970-01-01 of `YYYY-MM-DD`.
std::optional<int64_t> ParseDate(std::string_view text);
std::string FormatDate(int64_t day);

// Milliseconds since 1970-01-01T00:00:00Z of `YYYY-MM-DDThh:mm[:ss[.fff]](Z|+hh:mm|-hh:mm)`.
std::optional<int64_t> ParseInstant(std::string_view text);
std::string FormatInstant(int64_t ms);  // YYYY-MM-DDThh:mm:ssZ, milliseconds when there are any.

google::protobuf::Timestamp ToTimestamp(int64_t ms);
int64_t ToMs(const google::protobuf::Timestamp& timestamp);

// Rounded towards the past.
int64_t DayOf(int64_t ms);

}  // namespace waterline::text
