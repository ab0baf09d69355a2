#include "services/common/text/date.h"

#include <chrono>

#include "fmt/format.h"

namespace waterline::text {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;
constexpr int kYearMin = 2000;
constexpr int kYearMax = 2199;

// The number in text[at, at + length), or nothing for anything but digits.
std::optional<int> Number(std::string_view text, size_t at, size_t length) {
  if (text.size() < at + length) return std::nullopt;
  int value = 0;
  for (char c : text.substr(at, length)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Milliseconds of `hh:mm[:ss[.fff]]`; `length` becomes what was read.
std::optional<int64_t> ParseTimeOfDay(std::string_view text, size_t* length) {
  const auto hour = Number(text, 0, 2);
  const auto minute = Number(text, 3, 2);
  if (!hour || !minute || text[2] != ':' || *hour > 23 || *minute > 59) return std::nullopt;
  *length = 5;
  int64_t ms = (*hour * 60 + *minute) * int64_t{60'000};
  if (text.size() <= 5 || text[5] != ':') return ms;
  const auto second = Number(text, 6, 2);
  if (!second || *second > 59) return std::nullopt;
  *length = 8;
  ms += *second * 1000;
  if (text.size() <= 8 || text[8] != '.') return ms;
  int64_t unit = 100;
  size_t at = 9;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
    ms += (text[at] - '0') * unit;
  if (at == 9) return std::nullopt;
  *length = at;
  return ms;
}

// Offset of `Z` or `+hh:mm` in milliseconds.
std::optional<int64_t> ParseZone(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const auto hour = Number(text, 1, 2);
  const auto minute = Number(text, 4, 2);
  if (!hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  const int64_t offset = (*hour * 60 + *minute) * int64_t{60'000};
  return text[0] == '+' ? offset : -offset;
}

}  // namespace

std::optional<int64_t> ParseDate(std::string_view text) {
  const auto year = Number(text, 0, 4);
  const auto month = Number(text, 5, 2);
  const auto day = Number(text, 8, 2);
  if (text.size() != 10 || !year || !month || !day || text[4] != '-' || text[7] != '-')
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < kYearMin || *year > kYearMax) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::string FormatDate(int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::optional<int64_t> ParseInstant(std::string_view text) {
  const auto day = ParseDate(text.substr(0, 10));
  if (!day || text.size() < 17 || (text[10] != 'T' && text[10] != 't')) return std::nullopt;
  size_t length = 0;
  const auto time = ParseTimeOfDay(text.substr(11), &length);
  if (!time) return std::nullopt;
  const auto zone = ParseZone(text.substr(11 + length));
  if (!zone) return std::nullopt;
  return *day * kMsPerDay + *time - *zone;
}

std::string FormatInstant(int64_t ms) {
  const int64_t day = DayOf(ms);
  const int64_t rest = ms - day * kMsPerDay;
  std::string out = fmt::format("{}T{:02}:{:02}:{:02}", FormatDate(day), rest / 3'600'000,
                                rest / 60'000 % 60, rest / 1000 % 60);
  if (rest % 1000 != 0) out += fmt::format(".{:03}", rest % 1000);
  return out + "Z";
}

google::protobuf::Timestamp ToTimestamp(int64_t ms) {
  google::protobuf::Timestamp timestamp;
  int64_t seconds = ms / 1000;
  if (ms % 1000 < 0) --seconds;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>(ms - seconds * 1000) * 1'000'000);
  return timestamp;
}

int64_t ToMs(const google::protobuf::Timestamp& timestamp) {
  return timestamp.seconds() * 1000 + timestamp.nanos() / 1'000'000;
}

int64_t DayOf(int64_t ms) {
  return ms >= 0 ? ms / kMsPerDay : -((-ms + kMsPerDay - 1) / kMsPerDay);
}

}  // namespace waterline::text
