#include "services/events/api/count_table.h"

#include <algorithm>
#include <map>
#include <set>

#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::events {
namespace {

using privacy::Counts;
using privacy::ShownCounts;
using privacy::SmallNumberPolicy;

constexpr char kNone[] = "none";
constexpr char kSeveral[] = "several";
constexpr size_t kMonthChars = 7;  // YYYY-MM
constexpr size_t kYearChars = 4;

bool IsMonth(const std::string& text) {
  return text.size() == kMonthChars && text::ParseDate(text + "-01").has_value();
}

// The values of one dimension that occur, in order.
class Places {
 public:
  void Add(const std::string& value) { values_.insert(value); }
  size_t size() const { return values_.size(); }
  size_t IndexOf(const std::string& value) const {
    return static_cast<size_t>(std::distance(values_.begin(), values_.find(value)));
  }
  // What to read: each value, or the margin alone.
  std::vector<std::pair<size_t, std::string>> ToRead(bool each) const {
    std::vector<std::pair<size_t, std::string>> read;
    size_t at = 0;
    if (!each) return {{values_.size(), ""}};
    for (const auto& value : values_) read.emplace_back(at++, value);
    return read;
  }

 private:
  std::set<std::string> values_;
};

// The table of one year.
struct YearTable {
  Places places, methods, months;
  Counts counts;
};

YearTable TableOf(const std::vector<const CountedThings*>& things) {
  YearTable table;
  for (const auto* one : things) {
    table.places.Add(one->place);
    table.methods.Add(one->method);
    table.months.Add(one->month);
  }
  table.counts.sizes = {table.places.size(), table.methods.size(), table.months.size()};
  table.counts.cells.resize(table.places.size() * table.methods.size() * table.months.size());
  for (const auto* one : things) {
    const size_t at = (table.places.IndexOf(one->place) * table.methods.size() +
                       table.methods.IndexOf(one->method)) *
                          table.months.size() +
                      table.months.IndexOf(one->month);
    table.counts.cells[at] += one->count;
  }
  return table;
}

// Cells and margins as they are, in the shape in which they are released.
ShownCounts Exact(const Counts& counts) {
  const size_t methods = counts.sizes[1], months = counts.sizes[2];
  std::vector<std::optional<uint64_t>> items((counts.sizes[0] + 1) * (methods + 1) * (months + 1),
                                             0);
  for (size_t cell = 0; cell < counts.cells.size(); ++cell) {
    const size_t place = cell / (methods * months), method = cell / months % methods;
    for (int margins = 0; margins < 8; ++margins) {
      const size_t p = (margins & 1) != 0 ? counts.sizes[0] : place;
      const size_t m = (margins & 2) != 0 ? methods : method;
      const size_t t = (margins & 4) != 0 ? months : cell % months;
      *items[(p * (methods + 1) + m) * (months + 1) + t] += counts.cells[cell];
    }
  }
  return {counts.sizes, std::move(items)};
}

std::string WhyOf(SmallNumberPolicy policy) {
  const bool four = policy == accountability::v1::SMALL_NUMBER_POLICY_SUPPRESS_LT5_SECONDARY;
  return std::string("1 to ") + (four ? "4" : "7") +
         ", or hidden so that such a number cannot be worked out";
}

void AddRows(const YearTable& table, const ShownCounts& shown, const std::string& year,
             const CountQuery& query, const std::string& why, std::vector<v1::CountRow>* rows) {
  for (const auto& [t, month] : table.months.ToRead(query.by_month)) {
    if (query.by_month && ((!query.from_month.empty() && month < query.from_month) ||
                           (!query.to_month.empty() && month > query.to_month)))
      continue;
    for (const auto& [p, place] : table.places.ToRead(query.by_place)) {
      if (!query.place.empty() && place != query.place) continue;
      for (const auto& [m, method] : table.methods.ToRead(query.by_method)) {
        const auto& count = shown.At({p, m, t});
        if (count && *count == 0) continue;
        auto& row = rows->emplace_back();
        row.set_period(query.by_month ? month : year);
        if (query.by_place) row.set_place(place);
        if (query.by_method) row.set_method(method);
        row.set_suppressed(!count);
        if (count) {
          row.set_count(*count);
        } else {
          row.set_why(why);
        }
      }
    }
  }
}

}  // namespace

CountedThings CellOf(const v1::Event& event) {
  CountedThings cell;
  cell.place = event.places().empty()     ? kNone
               : event.places_size() == 1 ? event.places(0)
                                          : kSeveral;
  cell.method = event.method();
  cell.month = text::FormatDate(text::DayOf(text::ToMs(event.starts_at()))).substr(0, kMonthChars);
  return cell;
}

CountQuery ReadCountQuery(const std::vector<int>& group_by, const std::string& from_month,
                          const std::string& to_month, const std::string& place,
                          std::vector<FieldViolation>* violations) {
  CountQuery query;
  query.from_month = from_month;
  query.to_month = to_month;
  query.place = place;
  for (size_t i = 0; i < group_by.size(); ++i) {
    bool* by = group_by[i] == v1::COUNT_DIMENSION_PLACE    ? &query.by_place
               : group_by[i] == v1::COUNT_DIMENSION_METHOD ? &query.by_method
               : group_by[i] == v1::COUNT_DIMENSION_MONTH  ? &query.by_month
                                                           : nullptr;
    if (by == nullptr || *by)
      violations->push_back({"group_by[" + std::to_string(i) + "]",
                             "is not place, method or month, or stands there twice"});
    if (by != nullptr) *by = true;
  }
  for (const auto& [field, month, end] :
       {std::tuple{"from_month", &from_month, "-01"}, std::tuple{"to_month", &to_month, "-12"}}) {
    if (month->empty()) continue;
    if (!IsMonth(*month)) {
      violations->push_back({field, "is not a month, written YYYY-MM"});
    } else if (!query.by_month && month->substr(kYearChars) != end) {
      violations->push_back(
          {field, "cuts a year: group by month, or ask from a January to a December"});
    }
  }
  if (!place.empty() && place != kNone && place != kSeveral && !text::MatchName(place, "places/*"))
    violations->push_back({"place", "is not places/{id}, none or several"});
  if (!place.empty() && !query.by_place)
    violations->push_back({"place", "needs place in group_by"});
  return query;
}

absl::StatusOr<std::vector<v1::CountRow>> CountRows(const std::vector<CountedThings>& things,
                                                    const CountQuery& query,
                                                    std::optional<SmallNumberPolicy> policy) {
  std::map<std::string, std::vector<const CountedThings*>> years;
  for (const auto& one : things) years[one.month.substr(0, kYearChars)].push_back(&one);
  std::vector<v1::CountRow> rows;
  for (const auto& [year, some] : years) {
    if (!query.from_month.empty() && year < query.from_month.substr(0, kYearChars)) continue;
    if (!query.to_month.empty() && year > query.to_month.substr(0, kYearChars)) continue;
    const YearTable table = TableOf(some);
    const auto& sizes = table.counts.sizes;
    if ((sizes[0] + 1) * (sizes[1] + 1) * (sizes[2] + 1) > privacy::kCountItemsMax)
      return Error(reason::kTooLarge,
                   "a year holds more numbers of place, method and month than can be made safe",
                   {{"limit", std::to_string(privacy::kCountItemsMax)}});
    if (!policy) {
      AddRows(table, Exact(table.counts), year, query, "", &rows);
      continue;
    }
    auto shown = privacy::ReleaseCounts(*policy, table.counts);
    if (!shown.ok()) return shown.status();
    AddRows(table, *shown, year, query, WhyOf(*policy), &rows);
  }
  return rows;
}

std::string NoticeOf(SmallNumberPolicy policy) {
  if (policy == accountability::v1::SMALL_NUMBER_POLICY_SUPPRESS_LT5_SECONDARY)
    return "Numbers of 1 to 4 are hidden, and others with them from which they could be worked "
           "out.";
  return "Numbers of 1 to 7 are hidden, and others with them from which they could be worked out; "
         "the rest are rounded to 5, so that they need not add up.";
}

}  // namespace waterline::events
