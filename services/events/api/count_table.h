#pragma once

// The numbers of CountEvents and CountContributions. All things of a calendar year stand in one
// table of place, method and month; every answer is rows of those tables, whatever was asked for,
// so that several answers tell no more than the tables do. Thread safety: pure functions.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/privacy/small_numbers.h"
#include "services/common/status/error.h"
#include "waterline/events/v1/events.pb.h"

namespace waterline::events {

// Things that stand in one cell.
struct CountedThings {
  std::string place;   // places/{place}, none or several.
  std::string method;  // Code.
  std::string month;   // YYYY-MM
  uint64_t count = 0;
};

// Where an event counts.
CountedThings CellOf(const v1::Event& event);

struct CountQuery {
  bool by_place = false;
  bool by_method = false;
  bool by_month = false;
  std::string from_month;  // Empty: no end.
  std::string to_month;
  std::string place;
};

// `group_by`: CountDimension values as sent. Adds what is wrong to `violations`.
CountQuery ReadCountQuery(const std::vector<int>& group_by, const std::string& from_month,
                          const std::string& to_month, const std::string& place,
                          std::vector<FieldViolation>* violations);

// Rows in the order of period, place, method; a number that is 0 has none. Without a policy numbers
// are exact. TOO_LARGE when the table of a year is (small_numbers.h).
absl::StatusOr<std::vector<v1::CountRow>> CountRows(
    const std::vector<CountedThings>& things, const CountQuery& query,
    std::optional<privacy::SmallNumberPolicy> policy);

// What was done to the numbers, in words.
std::string NoticeOf(privacy::SmallNumberPolicy policy);

}  // namespace waterline::events
