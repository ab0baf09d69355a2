#include "services/inference/store/keys.h"

#include <fmt/format.h>

#include <charconv>

namespace waterline::inference {
namespace {

using waterline::storage::Key;
using waterline::storage::Range;

constexpr int64_t kDayOffset = 1'000'000'000;
constexpr size_t kDayDigits = 10;
constexpr char kBar = '|';
constexpr char kAfterBar = '}';  // The next byte after '|'.

std::string DayId(const std::string& scope, int64_t day) {
  return fmt::format("{}|{:010}", scope, day + kDayOffset);
}

}  // namespace

Key CursorKey() { return Key(kCursors, "feed"); }
Key LeaseKey() { return Key(kLeases, "projector"); }
Key EvidenceKey(const std::string& event_id) { return Key(kEvidence, event_id); }

Key EvidencePartKey(const std::string& event_id, uint64_t revision, uint64_t part) {
  return Key(kEvidenceParts, fmt::format("{}/{:020}/{:020}", event_id, revision, part));
}

Key ScopeKey(const std::string& scope) { return Key(kScopes, scope); }

Key ScopeEventKey(const std::string& scope, int64_t day, const std::string& event_id) {
  return Key(kScopeEvents, DayId(scope, day) + kBar + event_id);
}

Key CheckpointKey(const std::string& scope, int64_t day) {
  return Key(kCheckpoints, DayId(scope, day));
}

Range FromDay(std::string collection, const std::string& scope, int64_t day) {
  return Range(std::move(collection), DayId(scope, day), scope + kAfterBar);
}

Range BeforeDay(std::string collection, const std::string& scope, int64_t day) {
  return Range(std::move(collection), scope + kBar, DayId(scope, day));
}

int64_t DayOfId(const std::string& id) {
  int64_t day = 0;
  const char* digits = id.data() + id.find(kBar) + 1;
  std::from_chars(digits, digits + kDayDigits, day);
  return day - kDayOffset;
}

std::string EventOfId(const std::string& id) { return id.substr(id.rfind(kBar) + 1); }

}  // namespace waterline::inference
