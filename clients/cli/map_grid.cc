#include "clients/cli/map_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "clients/cli/fields.h"
#include "services/common/text/date.h"

namespace waterline::cli {
namespace {

using inference::v1::ConceptualMap;
using inference::v1::Estimate;
using inference::v1::MapNode;
using inference::v1::PracticeMap;

constexpr char kAll[] = "all";

constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};

struct Group {
  const char* perspective;
  const char* name;
};
constexpr Group kGroupNames[] = {{"people", "patients and public"},
                                 {"clinicians", "clinicians"},
                                 {"commissioners", "commissioners"},
                                 {"community", "community groups"}};

using ByNode = std::map<std::string, std::vector<const Estimate*>>;

ByNode EstimatesByNode(const PracticeMap& map) {
  ByNode by_node;
  for (const auto& estimate : map.practices()) by_node[estimate.node()].push_back(&estimate);
  for (const auto& estimate : map.cells()) by_node[estimate.node()].push_back(&estimate);
  return by_node;
}

GridNode NodeOf(const MapNode& node, const ByNode& by_node) {
  GridNode out;
  out.id = node.id();
  out.title = node.title().empty() ? node.id() : node.title();
  out.description = node.description();
  const auto found = by_node.find(node.id());
  if (found == by_node.end()) return out;
  for (const auto* estimate : found->second) {
    if (estimate->perspective() == kAll)
      out.all = estimate;
    else
      out.groups.push_back(estimate);
  }
  return out;
}

bool Outside(const Estimate& a, const Estimate& b) {
  return a.index() < b.low() || a.index() > b.high();
}

// The one number of "1 event" and "12 events".
std::string WithoutNoun(const std::string& words) { return words.substr(0, words.find(' ')); }

}  // namespace

const char kDemonstration[] = "DEMONSTRATION: invented organisations, invented evidence";
const char kCatchingUp[] = "Newer evidence is still being absorbed; this map will change.";
const char kIndexMeans[] = "Index: of 100 typical people asked, how many would agree or better.";

MapGrid GridOf(const PracticeMap& map, const ConceptualMap& concepts) {
  const auto by_node = EstimatesByNode(map);
  std::map<std::string, const MapNode*> cells;
  MapGrid grid;
  for (const auto& node : concepts.nodes()) {
    if (node.kind() == MapNode::KIND_ELEMENT) grid.elements.push_back(NodeOf(node, by_node));
    if (node.kind() == MapNode::KIND_CELL) cells[node.id()] = &node;
  }
  for (const auto& node : concepts.nodes()) {
    if (node.kind() != MapNode::KIND_PRACTICE) continue;
    GridRow row{NodeOf(node, by_node), {}};
    for (const auto& element : grid.elements) {
      const auto cell = cells.find(node.id() + "." + element.id);
      row.cells.push_back(cell == cells.end() ? GridNode() : NodeOf(*cell->second, by_node));
    }
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

bool HasNumbers(const Estimate& estimate) {
  if (estimate.suppressed() || estimate.status() == Estimate::STATUS_SUPPRESSED) return false;
  if (estimate.status() == Estimate::STATUS_NO_EVIDENCE) return false;
  if (!estimate.has_index() || !estimate.has_low() || !estimate.has_high()) return false;
  return std::isfinite(estimate.index()) && std::isfinite(estimate.low()) &&
         std::isfinite(estimate.high());
}

bool GroupsDiffer(const GridNode& node) {
  for (const auto* a : node.groups) {
    for (const auto* b : node.groups) {
      if (!HasNumbers(*a) || !HasNumbers(*b)) continue;
      if (Outside(*a, *b) && Outside(*b, *a)) return true;
    }
  }
  return false;
}

bool ShowsGroups(const GridNode& node) {
  if (GroupsDiffer(node)) return true;
  return node.all != nullptr && !HasNumbers(*node.all) &&
         std::any_of(node.groups.begin(), node.groups.end(),
                     [](const auto* group) { return HasNumbers(*group); });
}

std::string StatusWord(const Estimate* estimate) {
  if (estimate == nullptr) return "not scored";
  if (estimate->suppressed()) return "suppressed";
  return EnumText(*Estimate::Status_descriptor()->FindValueByNumber(estimate->status()));
}

std::string GroupName(const Estimate& estimate) {
  for (const auto& group : kGroupNames) {
    if (estimate.perspective() == group.perspective) return group.name;
  }
  return estimate.perspective();
}

std::string BehindIt(const Estimate& estimate) {
  const std::string& people = estimate.informants();
  if (people.empty() || people == "none") return "nobody asked yet";
  std::string text = people + " people";
  if (!estimate.events().empty() && estimate.events() != "none") text += ", " + estimate.events();
  return text;
}

std::string WholeNumber(double value) {
  return std::to_string(std::lround(std::clamp(value, 0.0, 100.0)));
}

std::string IntervalText(const Estimate& estimate) {
  return WholeNumber(estimate.low()) + " to " + WholeNumber(estimate.high());
}

std::string DayText(const std::string& iso_date) {
  if (!text::ParseDate(iso_date)) return iso_date;
  const auto month = static_cast<size_t>(std::stoi(iso_date.substr(5, 2)));
  return fmt::format("{} {} {}", std::stoi(iso_date.substr(8, 2)), kMonths[month - 1],
                     iso_date.substr(0, 4));
}

std::string PeriodText(const inference::v1::Surface& surface) {
  if (surface.first_day() == surface.last_day()) return "on " + DayText(surface.first_day());
  return "from " + DayText(surface.first_day()) + " to " + DayText(surface.last_day());
}

std::string AsOfText(const PracticeMap& map) {
  if (!map.has_as_of()) return "";
  const int64_t ms = text::ToMs(map.as_of());
  return DayText(text::FormatDate(text::DayOf(ms)));
}

std::vector<Measure> MeasuresOf(const inference::v1::Surface& surface) {
  const auto or_none = [](const std::string& words) { return words.empty() ? "none" : words; };
  const bool is_one = surface.events() == "1 event";
  std::vector<Measure> measures = {
      {WithoutNoun(or_none(surface.events())), is_one ? "event" : "events"},
      {or_none(surface.reach()), "people reached"},
      {or_none(surface.contributions()), "contributions"},
      {or_none(surface.reactions()), "reactions"}};
  if (surface.has_notice_days_median()) {
    measures.push_back(
        {fmt::format("{}", std::round(surface.notice_days_median() * 10) / 10), "days of notice"});
  } else {
    measures.push_back({"unknown", "days of notice"});
  }
  return measures;
}

std::vector<std::string> LevelLines(const inference::v1::Surface& surface) {
  const auto or_unknown = [](const std::string& level) {
    return level.empty() ? "not recorded" : level;
  };
  std::vector<std::string> lines;
  for (const auto& level : surface.levels()) {
    lines.push_back(fmt::format("{} promised, {} delivered: {}", or_unknown(level.promised()),
                                or_unknown(level.delivered()), level.events()));
  }
  return lines;
}

}  // namespace waterline::cli
