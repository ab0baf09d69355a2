#include "clients/cli/map_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clients/cli/fields.h"
#include "clients/cli/json_text.h"
#include "clients/cli/map_grid.h"
#include "clients/cli/markup.h"
#include "services/common/text/date.h"
#include "services/common/text/utf8.h"

namespace waterline::cli {
namespace {

using inference::v1::ConceptualMap;
using inference::v1::Estimate;
using inference::v1::PracticeMap;
using inference::v1::Surface;

constexpr int kBold = 1;
constexpr int kFaint = 2;
constexpr int kBlue = 34;
constexpr size_t kBarCharacters = 29;
constexpr size_t kStatusWidth = 19;  // "not enough evidence"
constexpr size_t kGroupWidth = 19;   // "patients and public"
constexpr size_t kMeasureWidth = 16;

std::string Padded(const std::string& text, size_t width) {
  const size_t size = text::CodePoints(text);
  return text + std::string(width > size ? width - size : 0, ' ');
}

std::string Repeated(const std::string& text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// Collects lines, wrapped and indented.
class Page {
 public:
  explicit Page(bool colour) : colour_(colour) {}

  void Text(const std::string& text, size_t indent, int code = 0) {
    for (const auto& line : WrapToColumns(text, kMapColumns - indent))
      out_ += std::string(indent, ' ') + Paint(line, code, colour_) + "\n";
  }
  // As it is: columns stay where they are.
  void Line(const std::string& text, size_t indent, int code = 0) {
    out_ += std::string(indent, ' ') + Paint(text, code, colour_) + "\n";
  }
  void Gap() { out_ += "\n"; }
  std::string Take() { return std::move(out_); }

 private:
  const bool colour_;
  std::string out_;
};

std::string BasisWord(const PracticeMap& map) {
  return EnumText(*PracticeMap::Basis_descriptor()->FindValueByNumber(map.basis()));
}

size_t BarPlace(double value) {
  return static_cast<size_t>(
      std::lround(std::clamp(value, 0.0, 100.0) / 100 * (kBarCharacters - 1)));
}

// ·····━━━━●━━━━······: from 0 to 100.
std::string Bar(const Estimate& estimate) {
  std::string bar;
  for (size_t i = 0; i < kBarCharacters; ++i) {
    if (i == BarPlace(estimate.index()))
      bar += "●";
    else if (i >= BarPlace(estimate.low()) && i <= BarPlace(estimate.high()))
      bar += "━";
    else
      bar += "·";
  }
  return bar;
}

// emerging             58 (49 to 67)   ·····━━━●━━····
std::string NumbersOf(const Estimate& estimate) {
  const std::string status = StatusWord(&estimate);
  if (!HasNumbers(estimate)) return status;
  const std::string numbers =
      fmt::format("{:>3} ({})", WholeNumber(estimate.index()), IntervalText(estimate));
  return Padded(status, kStatusWidth) + "  " + Padded(numbers, 16) + "  " + Bar(estimate);
}

void AddGroups(const GridNode& node, size_t indent, Page* page) {
  if (!ShowsGroups(node)) return;
  page->Text(GroupsDiffer(node) ? "Groups see it differently:" : "By group:", indent);
  for (const auto* group : node.groups)
    page->Line(Padded(GroupName(*group), kGroupWidth) + " " + NumbersOf(*group), indent + 2);
}

// The sentence, then the numbers, then what they rest on.
void AddEstimate(const GridNode& node, size_t indent, Page* page) {
  if (node.all == nullptr) return page->Text("Not scored by this model version.", indent);
  page->Text(node.all->words(), indent);
  page->Line(NumbersOf(*node.all), indent);
  page->Text(BehindIt(*node.all), indent, kFaint);
  if (!node.all->why().empty()) page->Text(node.all->why(), indent, kFaint);
  AddGroups(node, indent, page);
}

void AddHead(const PracticeMap& map, const MapTitles& titles, Page* page) {
  page->Text(titles.scope_title.empty() ? map.scope() : titles.scope_title, 0, kBold);
  std::string line = "What engagement looks like, and what it rests on";
  if (map.has_as_of()) line += ", as of " + AsOfText(map);
  page->Text(line, 0);
  page->Text(titles.network, 0);
  if (map.demonstration()) page->Text(kDemonstration, 0, kBold);
  if (map.catching_up()) page->Text(kCatchingUp, 0, kBold);
}

void AddSurface(const Surface& surface, Page* page) {
  page->Gap();
  page->Text("ABOVE THE WATER: what was observed", 0, kBold);
  for (const auto& measure : MeasuresOf(surface))
    page->Line(Padded(measure.of, kMeasureWidth) + "  " + measure.value, 2);
  if (surface.has_first_day())
    page->Line(Padded("when", kMeasureWidth) + "  " + PeriodText(surface), 2);
  for (const auto& line : LevelLines(surface)) page->Text(line, 2);
}

void AddWaterLine(Page* page) {
  const std::string label = " water line ";
  const size_t waves = (kMapColumns - label.size()) / 2;
  page->Gap();
  page->Line(Repeated("~", waves) + label + Repeated("~", waves), 0, kBlue);
  page->Gap();
  page->Text("BELOW THE WATER: what it rests on, estimated from what people answered", 0, kBold);
  page->Text(
      std::string(kIndexMeans) + " In brackets, and as a bar from 0 to 100: its 90% interval.", 0,
      kFaint);
}

void AddRow(const GridRow& row, const std::vector<GridNode>& elements, Page* page) {
  page->Gap();
  page->Text(text::ToUpper(row.practice.title), 0, kBold);
  page->Text(row.practice.description, 0, kFaint);
  AddEstimate(row.practice, 2, page);
  for (size_t i = 0; i < row.cells.size(); ++i) {
    if (row.cells[i].id.empty()) continue;
    page->Gap();
    page->Text(elements[i].title, 4, kBold);
    AddEstimate(row.cells[i], 6, page);
  }
}

void AddNotice(const PracticeMap& map, Page* page) {
  page->Gap();
  page->Text(
      fmt::format("Model version {}, map version {}, evidence version {}, basis {}.",
                  map.model_version(), map.map_version(), map.evidence_version(), BasisWord(map)),
      0, kFaint);
  page->Text(map.notice(), 0, kBold);
}

// {"name": value, ...}, in the order given. Values are JSON already.
class JsonObject {
 public:
  void Raw(const char* name, const std::string& json) {
    body_ += (body_.empty() ? "" : ", ") + JsonString(name) + ": " + json;
  }
  void Text(const char* name, const std::string& value) {
    Raw(name, value.empty() ? "null" : JsonString(value));
  }
  void Number(const char* name, bool is_shown, double value) {
    Raw(name, is_shown && std::isfinite(value) ? fmt::format("{}", value) : "null");
  }
  void Flag(const char* name, bool value) { Raw(name, value ? "true" : "false"); }
  std::string Take() const { return "{" + body_ + "}"; }

 private:
  std::string body_;
};

std::string EstimateJson(const Estimate& estimate) {
  const bool shown = HasNumbers(estimate);
  JsonObject json;
  json.Text("node", estimate.node());
  json.Text("practice", estimate.practice());
  json.Text("element", estimate.element());
  json.Text("perspective", estimate.perspective());
  json.Text("words", estimate.words());
  json.Number("index", shown, estimate.index());
  json.Number("low", shown, estimate.low());
  json.Number("high", shown, estimate.high());
  json.Text("status", StatusWord(&estimate));
  json.Number("information", shown && estimate.has_information(), estimate.information());
  json.Flag("suppressed", estimate.suppressed());
  json.Text("informants", estimate.informants());
  json.Text("events", estimate.events());
  json.Text("why", estimate.why());
  return json.Take();
}

std::string ListJson(const std::vector<std::string>& items, const std::string& indent) {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "\n" : ",\n") + indent + items[i];
  return out + (items.empty() ? "]" : "\n" + indent.substr(2) + "]");
}

std::string EstimatesJson(const google::protobuf::RepeatedPtrField<Estimate>& estimates) {
  std::vector<std::string> items;
  for (const auto& estimate : estimates) items.push_back(EstimateJson(estimate));
  return ListJson(items, "    ");
}

std::string SurfaceJson(const Surface& surface) {
  std::vector<std::string> levels;
  for (const auto& level : surface.levels()) {
    JsonObject json;
    json.Text("scheme", level.scheme());
    json.Text("promised", level.promised());
    json.Text("delivered", level.delivered());
    json.Text("events", level.events());
    levels.push_back(json.Take());
  }
  JsonObject json;
  json.Text("events", surface.events());
  json.Text("reach", surface.reach());
  json.Text("contributions", surface.contributions());
  json.Text("reactions", surface.reactions());
  json.Number("notice_days_median", surface.has_notice_days_median(), surface.notice_days_median());
  json.Raw("levels", ListJson(levels, "    "));
  json.Text("first_day", surface.first_day());
  json.Text("last_day", surface.last_day());
  return json.Take();
}

std::string CellNumber(bool is_shown, double value) {
  return is_shown && std::isfinite(value) ? fmt::format("{}", value) : "";
}

std::vector<std::string> RowOf(const Estimate& estimate) {
  const bool shown = HasNumbers(estimate);
  return {estimate.node(),
          estimate.practice(),
          estimate.element(),
          estimate.perspective(),
          estimate.words(),
          CellNumber(shown, estimate.index()),
          CellNumber(shown, estimate.low()),
          CellNumber(shown, estimate.high()),
          StatusWord(&estimate),
          CellNumber(shown && estimate.has_information(), estimate.information()),
          estimate.suppressed() ? "true" : "false",
          estimate.informants(),
          estimate.events(),
          estimate.why()};
}

}  // namespace

std::string MapTable(const PracticeMap& map, const ConceptualMap& concepts, const MapTitles& titles,
                     bool colour) {
  Page page(colour);
  const MapGrid grid = GridOf(map, concepts);
  AddHead(map, titles, &page);
  AddSurface(map.surface(), &page);
  AddWaterLine(&page);
  for (const auto& row : grid.rows) AddRow(row, grid.elements, &page);
  AddNotice(map, &page);
  return page.Take();
}

std::string MapJson(const PracticeMap& map) {
  std::vector<std::string> members;
  const auto add = [&](const char* name, const std::string& json) {
    members.push_back("  " + JsonString(name) + ": " + json);
  };
  const auto text = [](const std::string& value) {
    return value.empty() ? std::string("null") : JsonString(value);
  };
  add("scope", text(map.scope()));
  add("as_of", map.has_as_of() ? JsonString(text::FormatInstant(text::ToMs(map.as_of()))) : "null");
  add("model_version", text(map.model_version()));
  add("map_version", text(map.map_version()));
  add("evidence_version", std::to_string(map.evidence_version()));
  add("basis", text(BasisWord(map)));
  add("demonstration", map.demonstration() ? "true" : "false");
  add("catching_up", map.catching_up() ? "true" : "false");
  add("surface", SurfaceJson(map.surface()));
  add("practices", EstimatesJson(map.practices()));
  add("cells", EstimatesJson(map.cells()));
  add("notice", text(map.notice()));
  return fmt::format("{{\n{}\n}}\n", fmt::join(members, ",\n"));
}

Table MapRows(const PracticeMap& map) {
  Table table;
  table.headers = {"node", "practice", "element",     "perspective", "words",      "index",  "low",
                   "high", "status",   "information", "suppressed",  "informants", "events", "why"};
  for (const auto& estimate : map.practices()) table.rows.push_back(RowOf(estimate));
  for (const auto& estimate : map.cells()) table.rows.push_back(RowOf(estimate));
  return table;
}

}  // namespace waterline::cli
