#include "clients/cli/map_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "clients/cli/map_grid.h"
#include "clients/cli/markup.h"
#include "clients/cli/svg_drawing.h"

namespace waterline::cli {
namespace {

using inference::v1::ConceptualMap;
using inference::v1::Estimate;
using inference::v1::PracticeMap;

constexpr double kWidthLeast = 1600;
constexpr double kHeightLeast = 900;
constexpr double kWater = 238;       // Where the water line is.
constexpr double kGridTop = 296;     // Of the first row.
constexpr double kSide = 72;         // Beside the grid.
constexpr double kMargin = 60;       // Beside other text.
constexpr double kGap = 10;          // Between boxes.
constexpr double kRowLeast = 121.5;  // Heights of a row.
constexpr double kRowMost = 150;
constexpr double kColumnLeast = 264;
constexpr double kPracticeWidth = 330;
constexpr double kKeelLeast = 24;  // Ice below the grid.
constexpr double kPad = 16;
constexpr double kStep = 18.5;  // Between lines of small text.
constexpr double kSmallPrint = 12.5;
constexpr double kSmallStep = 16.5;
constexpr double kUnderBar = 24;  // From the bar to the text below it.
constexpr double kFooterLine = 21;
constexpr double kFooterSize = 15.5;
constexpr size_t kLevelsMost = 2;

// How a status looks: a shape of its own, whatever the colour.
enum class Mark { kCircle, kUp, kDiamond, kDownHollow, kDown, kDotted, kHatched };
struct StatusLook {
  Estimate::Status status;
  const char* look;
  Mark mark;
};
constexpr StatusLook kStatusLooks[] = {
    {Estimate::STATUS_ESTABLISHED, "good", Mark::kCircle},
    {Estimate::STATUS_EMERGING, "rising", Mark::kUp},
    {Estimate::STATUS_UNCLEAR, "mixed", Mark::kDiamond},
    {Estimate::STATUS_FRAGILE, "weak", Mark::kDownHollow},
    {Estimate::STATUS_AT_RISK, "poor", Mark::kDown},
    {Estimate::STATUS_NOT_ENOUGH_EVIDENCE, "mixed", Mark::kDotted},
    {Estimate::STATUS_SUPPRESSED, "mixed", Mark::kHatched},
};
constexpr StatusLook kNoStatus = {Estimate::STATUS_NO_EVIDENCE, "mixed", Mark::kDotted};

StatusLook LookOf(const Estimate* estimate) {
  if (estimate == nullptr) return kNoStatus;
  const auto status = estimate->suppressed() ? Estimate::STATUS_SUPPRESSED : estimate->status();
  for (const auto& look : kStatusLooks) {
    if (look.status == status) return look;
  }
  return kNoStatus;
}

void DrawMark(double x, double y, const StatusLook& look, Drawing* drawing) {
  const std::string name = look.look;
  const std::string filled = Both(name, name + "-line", 2);
  const std::string hollow = Both("panel", name + "-line", 2.2);
  switch (look.mark) {
    case Mark::kCircle:
      return drawing->Circle(x, y, 7.5, filled);
    case Mark::kUp:
      return drawing->Polygon({{x - 7.5, y + 6}, {x + 7.5, y + 6}, {x, y - 7}}, filled);
    case Mark::kDiamond:
      return drawing->Polygon({{x - 8, y}, {x, y - 8}, {x + 8, y}, {x, y + 8}}, filled);
    case Mark::kDownHollow:
      return drawing->Polygon({{x - 7.5, y - 6}, {x + 7.5, y - 6}, {x, y + 7}}, hollow);
    case Mark::kDown:
      return drawing->Polygon({{x - 7.5, y - 6}, {x + 7.5, y - 6}, {x, y + 7}}, filled);
    case Mark::kDotted:
      return drawing->Circle(x, y, 7, hollow + " stroke-dasharray=\"3 2.5\"");
    case Mark::kHatched:
      drawing->Rect({x - 7, y - 7, 14, 14}, 2, hollow);
      return drawing->Polygon({{x - 7, y + 7}, {x + 7, y - 7}}, hollow);
  }
}

// From 0 to 100 with the middle marked; the 90% interval and the index. Thin evidence is drawn
// open.
void DrawInterval(const Estimate& estimate, const Box& track, Drawing* drawing) {
  const auto look = LookOf(&estimate);
  const std::string name = look.look;
  const double middle_y = track.y + track.height / 2;
  const auto place = [&](double value) {
    return track.x + std::clamp(value, 0.0, 100.0) / 100 * track.width;
  };
  const bool thin = look.mark == Mark::kDotted;
  drawing->Rect({track.x, middle_y - 2, track.width, 4}, 2, Attributes("track"));
  drawing->Raw(
      fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" "
                  "stroke-width=\"1.5\"{3}/>\n",
                  place(50), middle_y - 8, middle_y + 8, Attributes("middle")));
  const Box band = {place(estimate.low()), middle_y - 5,
                    std::max(place(estimate.high()) - place(estimate.low()), 1.0), 10};
  drawing->Rect(band, 5,
                thin ? Both("panel", name + "-line", 1.5) + " stroke-dasharray=\"4 3\""
                     : Attributes(name) + " fill-opacity=\"0.38\"");
  drawing->Circle(place(estimate.index()), middle_y, 7.5,
                  thin ? Both("panel", name + "-line", 2.5) : Both(name, "dot-edge", 2));
}

// "about 40 people, 8 events", or as much of it as there is room for.
std::string BehindItWithin(const Estimate& estimate, double width) {
  const std::string text = BehindIt(estimate);
  if (TextWidth(text, kSmall, false) <= width) return text;
  return OneLine(text.substr(0, text.find(',')), kSmall, false, width);
}

// In the picture there is room for the reason only; what helps is in the words behind it.
std::string WhyNot(const GridNode& node) {
  if (node.all == nullptr) return "This version of the model does not score it.";
  if (node.all->status() == Estimate::STATUS_NO_EVIDENCE)
    return "Nobody has been asked about this yet.";
  if (node.all->informants() == "under 8") return "Fewer than 8 people stand behind this.";
  return "Held back to protect a smaller group.";
}

// What groups say, one to a line: all that may be shown or, where there is no room, the two that
// are furthest apart.
std::vector<std::string> GroupLines(const GridNode& node, size_t lines_max) {
  std::vector<const Estimate*> shown;
  for (const auto* group : node.groups) {
    if (HasNumbers(*group)) shown.push_back(group);
  }
  std::stable_sort(shown.begin(), shown.end(),
                   [](const auto* a, const auto* b) { return a->index() > b->index(); });
  if (lines_max == 0 || shown.empty()) return {};
  const bool differ = GroupsDiffer(node);
  if (lines_max == 1 && shown.size() > 1)
    return {differ ? "Views differ between groups." : "Some groups can be shown."};
  if (shown.size() > lines_max) shown = {shown.front(), shown.back()};
  std::vector<std::string> lines;
  for (const auto* group : shown)
    lines.push_back(fmt::format("{} {} ({})", GroupName(*group), WholeNumber(group->index()),
                                IntervalText(*group)));
  lines[0] = (differ ? "Views differ: " : "Shown: ") + lines[0];
  return lines;
}

// Everything in words, for those who do not see the picture and for a pointer that rests on it.
std::string SpokenText(const GridNode& node) {
  if (node.all == nullptr) return node.title + ": not scored.";
  std::string text = node.all->words();
  if (HasNumbers(*node.all)) {
    text += fmt::format(" Index {}, 90% interval {}; {}.", WholeNumber(node.all->index()),
                        IntervalText(*node.all), BehindIt(*node.all));
  }
  if (!node.all->why().empty()) text += " " + node.all->why();
  return text;
}

class MapPicture {
 public:
  MapPicture(const PracticeMap& map, const ConceptualMap& concepts, const MapTitles& titles)
      : map_(map), titles_(titles), grid_(GridOf(map, concepts)) {
    Measure();
  }

  std::string Draw() {
    Open();
    DrawWaterAndIce();
    DrawSky();
    DrawSurface();
    DrawWaterLine();
    DrawElements();
    for (size_t row = 0; row < grid_.rows.size(); ++row) DrawRow(row);
    DrawFooter();
    drawing_.Raw("</svg>\n");
    return drawing_.Take();
  }

 private:
  // As wide and high as the grid needs, 16:9.
  void Measure() {
    const auto columns = static_cast<double>(std::max<size_t>(grid_.elements.size(), 1));
    const auto rows = static_cast<double>(std::max<size_t>(grid_.rows.size(), 1));
    width_ = std::max(kWidthLeast, 2 * kSide + kPracticeWidth + columns * (kColumnLeast + kGap));
    for (int pass = 0; pass < 2; ++pass) {  // The footer is shorter on a wider picture.
      MakeFooter();
      const double needed =
          kGridTop + rows * kRowLeast + (rows - 1) * kGap + kKeelLeast + footer_height_;
      height_ = std::max({kHeightLeast, needed, width_ * 9 / 16});
      width_ = std::max(width_, height_ * 16 / 9);
    }
    const double room = height_ - kGridTop - kKeelLeast - footer_height_;
    row_height_ = std::min((room - (rows - 1) * kGap) / rows, kRowMost);
    grid_bottom_ = kGridTop + rows * (row_height_ + kGap) - kGap;
    scale_ = width_ / kWidthLeast;
    side_ = kSide * scale_;
    cell_width_ = (width_ - 2 * side_ - kPracticeWidth - columns * kGap) / columns;
  }

  void MakeFooter() {
    const double room = width_ - 2 * kMargin;
    notice_ = WrapToWidth(map_.notice(), kFooterSize, true, room, 4);
    std::string basis;
    if (const auto day = AsOfText(map_); !day.empty()) basis = "As of " + day + ". ";
    basis +=
        fmt::format("Model version {}, map version {}, evidence version {}. {}",
                    map_.model_version(), map_.map_version(), map_.evidence_version(), kIndexMeans);
    basis += " Bars: 0 to 100, tick at 50, band: 90% interval.";
    if (map_.catching_up()) basis += std::string(" ") + kCatchingUp;
    basis_ = WrapToWidth(basis, kSmall, false, room, 3);
    footer_height_ =
        kFooterLine * static_cast<double>(notice_.size() + basis_.size()) + kFooterLine;
  }

  std::string Title() const {
    return titles_.scope_title.empty() ? map_.scope() : titles_.scope_title;
  }

  void Open() {
    drawing_.Raw(fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
        "width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" role=\"img\" aria-labelledby=\"wl-title wl-desc\" xml:lang=\"en-GB\" "
        "font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, "
        "sans-serif\">\n",
        width_, height_));
    std::string spoken = map_.demonstration() ? std::string(kDemonstration) + ". " : "";
    for (const auto& row : grid_.rows) spoken += SpokenText(row.practice) + " ";
    drawing_.Raw(fmt::format("<title id=\"wl-title\">{}</title>\n<desc id=\"wl-desc\">{}</desc>\n",
                             EscapeMarkup("Practice map of " + Title()),
                             EscapeMarkup(spoken + map_.notice())));
    drawing_.Raw(StyleSheet());
    drawing_.Raw(fmt::format(
        "<defs>\n<linearGradient id=\"wl-sea\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"1\">\n"
        "<stop offset=\"0\"{}/>\n<stop offset=\"1\"{}/>\n</linearGradient>\n"
        "<pattern id=\"wl-hatching\" width=\"9\" height=\"9\" patternUnits=\"userSpaceOnUse\" "
        "patternTransform=\"rotate(45)\">\n"
        "<line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"9\" stroke-width=\"3\"{}/>\n</pattern>\n</defs>\n",
        Attributes("sea-top"), Attributes("sea-deep"), Attributes("hatch")));
  }

  // Points for a picture 1600 wide, on this one.
  Points Scaled(Points points) const {
    for (auto& point : points) point.first *= scale_;
    return points;
  }

  void DrawWaterAndIce() {
    drawing_.Rect({0, 0, width_, height_}, 0, Attributes("sky"));
    drawing_.Rect({0, kWater, width_, height_ - kWater}, 0, " fill=\"url(#wl-sea)\"");
    const double middle = (kGridTop + grid_bottom_) / 2;
    const double keel = height_ - footer_height_ - grid_bottom_;
    drawing_.Polygon(Scaled({{560, kWater},
                             {330, kWater + 5},
                             {96, kWater + 16},
                             {46, kWater + 58},
                             {36, kWater + 130},
                             {52, middle},
                             {34, grid_bottom_ - 70},
                             {60, grid_bottom_ + 14},
                             {410, grid_bottom_ + keel * 0.55},
                             {840, grid_bottom_ + keel * 0.85},
                             {1210, grid_bottom_ + keel * 0.5},
                             {1540, grid_bottom_ + 14},
                             {1568, grid_bottom_ - 90},
                             {1550, middle},
                             {1568, kWater + 110},
                             {1584, kWater}}),
                     Both("body", "edge", 1.2));
    drawing_.Polygon(Scaled({{1584, kWater},
                             {1568, kWater + 110},
                             {1550, middle},
                             {1568, grid_bottom_ - 90},
                             {1540, grid_bottom_ + 14},
                             {1210, grid_bottom_ + keel * 0.5},
                             {1330, middle + 60},
                             {1270, kWater + 90},
                             {1380, kWater}}),
                     Attributes("body-shade"));
    DrawTip();
  }

  void DrawTip() {
    drawing_.Polygon(Scaled({{560, kWater},
                             {604, 196},
                             {640, 150},
                             {668, 112},
                             {764, 92},
                             {846, 58},
                             {902, 52},
                             {982, 20},
                             {1056, 40},
                             {1124, 80},
                             {1248, 90},
                             {1330, 98},
                             {1476, 112},
                             {1510, 158},
                             {1552, 200},
                             {1584, kWater}}),
                     Both("tip", "edge", 1.5));
    drawing_.Polygon(Scaled({{982, 20},
                             {1056, 40},
                             {1124, 80},
                             {1248, 90},
                             {1330, 98},
                             {1476, 112},
                             {1300, 110},
                             {1150, 104},
                             {1040, 96},
                             {1004, 70}}),
                     Attributes("tip-shade"));
    drawing_.Polygon(Scaled({{846, 58}, {902, 52}, {870, 84}, {764, 92}}), Attributes("tip-shade"));
  }

  void DrawSky() {
    const double room = 600 * scale_ - kMargin;  // To where the ice stands.
    double y = 44;
    if (map_.demonstration()) {
      const Font font{13, "flag-ink", true};
      const std::string text = OneLine(kDemonstration, font.size, true, room - 24);
      drawing_.Rect({kMargin, 20, TextWidth(text, font.size, true) + 24, 27}, 13.5,
                    Attributes("flag"));
      drawing_.Text(kMargin + 12, 38.5, font, text);
      y = 60;
    }
    const double one_line = FittingSize(Title(), true, room, 1, 42, 30);
    const bool fits = WrapToWidth(Title(), one_line, true, room, 2).size() < 2;
    const double size = fits ? one_line : FittingSize(Title(), true, room, 2, 34, 22);
    y = drawing_.Lines(kMargin, y + size * 0.85, size * 1.12, {size, "ink", true},
                       WrapToWidth(Title(), size, true, room, 2));
    y += 34 - size * 1.12;
    for (const auto& line : Subtitle()) {
      drawing_.Text(kMargin, y, {16, "soft"}, OneLine(line, 16, false, room - 50));
      y += 22;
    }
  }

  std::vector<std::string> Subtitle() const {
    std::vector<std::string> lines = {"Engagement: what shows, and what it rests on"};
    const auto& surface = map_.surface();
    if (surface.has_first_day()) lines.push_back("Events " + PeriodText(surface));
    if (!titles_.network.empty()) lines.push_back(titles_.network);
    return lines;
  }

  void DrawSurface() {
    const auto measures = MeasuresOf(map_.surface());
    const double left = 656 * scale_;
    const double step = (1492 * scale_ - left) / static_cast<double>(measures.size());
    const double room = step - 12;
    double size = 24;
    for (const auto& measure : measures)
      size = std::min(size, FittingSize(measure.value, true, room, 1, 24, 12));
    for (size_t i = 0; i < measures.size(); ++i) {
      const double x = left + step * (static_cast<double>(i) + 0.5);
      drawing_.Text(x, 145, {size, "ink", true, "middle"},
                    OneLine(measures[i].value, size, true, room));
      drawing_.Text(x, 166, {kSmall, "soft", false, "middle"},
                    OneLine(measures[i].of, kSmall, false, room));
    }
    DrawLevels();
  }

  void DrawLevels() {
    auto lines = LevelLines(map_.surface());
    if (lines.size() > kLevelsMost) {
      const size_t more = lines.size() - kLevelsMost + 1;
      lines.resize(kLevelsMost - 1);
      lines.push_back(fmt::format("and {} other pairs of levels", more));
    }
    double y = lines.size() == 1 ? 206 : 198;
    for (const auto& line : lines) {
      drawing_.Text(1074 * scale_, y, {15, "ink", false, "middle"},
                    OneLine(line, 15, false, 850 * scale_));
      y += 22;
    }
  }

  void DrawWaterLine() {
    std::string path = fmt::format("<path d=\"M0 {:.1f}", kWater);
    for (double x = 0; x < width_; x += 80) path += fmt::format(" q20 -5 40 0 t40 0");
    drawing_.Raw(path + "\" fill=\"none\" stroke-width=\"3\"" + Attributes("wave") + "/>\n");
    const double room = kPracticeWidth + 150;
    drawing_.Text(kMargin, kWater - 12, {kSmall, "soft", true},
                  OneLine("Above the water line: what was observed", kSmall, true, room));
    drawing_.Text(side_, kWater + 40, {kSmall, "soft", true},
                  OneLine("Below it: what it rests on, estimated", kSmall, true, kPracticeWidth));
  }

  double ColumnLeft(size_t column) const {
    return side_ + kPracticeWidth + kGap + static_cast<double>(column) * (cell_width_ + kGap);
  }

  void DrawElements() {
    for (size_t i = 0; i < grid_.elements.size(); ++i) {
      const auto lines = WrapToWidth(grid_.elements[i].title, 17, true, cell_width_ - kPad, 2);
      drawing_.Lines(ColumnLeft(i) + kPad, lines.size() > 1 ? kWater + 30 : kWater + 46, 20,
                     {17, "ink", true}, lines);
    }
  }

  void DrawRow(size_t row) {
    const double y = kGridTop + static_cast<double>(row) * (row_height_ + kGap);
    DrawBox(grid_.rows[row].practice, {side_, y, kPracticeWidth, row_height_}, true);
    for (size_t i = 0; i < grid_.rows[row].cells.size(); ++i) {
      const auto& cell = grid_.rows[row].cells[i];
      if (!cell.id.empty()) DrawBox(cell, {ColumnLeft(i), y, cell_width_, row_height_}, false);
    }
  }

  void DrawBox(const GridNode& node, const Box& box, bool is_practice) {
    const bool shown = node.all != nullptr && HasNumbers(*node.all);
    drawing_.Raw(fmt::format("<g>\n<title>{}</title>\n", EscapeMarkup(SpokenText(node))));
    drawing_.Rect(box, 10,
                  Both(shown ? "panel" : "hollow", "edge", 1.2) +
                      fmt::format(" data-node=\"{}\"", EscapeMarkup(node.id)));
    if (!shown) drawing_.Rect(box, 10, " fill=\"url(#wl-hatching)\"");
    double y = box.y + 33;
    if (is_practice) y = DrawPracticeTitle(node, box);
    DrawStatus(node, box, y, is_practice);
    if (shown)
      DrawNumbers(node, box, y + (is_practice ? 21 : 24));
    else
      DrawWhyNot(node, box, y + 22);
    drawing_.Raw("</g>\n");
  }

  // The base line of what comes below it.
  double DrawPracticeTitle(const GridNode& node, const Box& box) {
    const double room = box.width - 2 * kPad - 60;
    const double size = FittingSize(node.title, true, room, 1, 23, 15);
    drawing_.Text(box.x + kPad, box.y + 31, {size, "ink", true},
                  OneLine(node.title, size, true, room));
    return box.y + 56;
  }

  void DrawStatus(const GridNode& node, const Box& box, double y, bool is_practice) {
    const auto look = LookOf(node.all);
    const bool shown = node.all != nullptr && HasNumbers(*node.all);
    if (shown) {
      drawing_.Text(box.right() - kPad, box.y + 34, {26, "ink", true, "end"},
                    WholeNumber(node.all->index()));
    }
    DrawMark(box.x + kPad + 8, y - 6, look, &drawing_);
    const double room = box.width - 2 * kPad - 26 - (shown && !is_practice ? 60 : 0);
    drawing_.Text(box.x + kPad + 26, y, {17, look.look, true},
                  OneLine(StatusWord(node.all), 17, true, room));
  }

  // How many lines of small print fit from the base line `y`.
  static size_t SmallLines(const Box& box, double y) {
    return static_cast<size_t>(std::max((box.bottom() - 7 - y) / kSmallStep + 1, 0.0));
  }

  void DrawGroups(const GridNode& node, const Box& box, double y) {
    if (!ShowsGroups(node)) return;
    for (const auto& line : GroupLines(node, std::min<size_t>(SmallLines(box, y), 4))) {
      drawing_.Text(box.x + kPad, y, {kSmallPrint, "ink", true},
                    OneLine(line, kSmallPrint, true, box.width - 2 * kPad));
      y += kSmallStep;
    }
  }

  void DrawNumbers(const GridNode& node, const Box& box, double y) {
    const double room = box.width - 2 * kPad;
    DrawInterval(*node.all, {box.x + kPad, y - 8, room, 16}, &drawing_);
    const std::string interval = IntervalText(*node.all);
    const double line = y + kUnderBar;
    drawing_.Text(box.right() - kPad, line, {kSmall, "ink", false, "end"}, interval);
    drawing_.Text(box.x + kPad, line, {kSmall, "soft"},
                  BehindItWithin(*node.all, room - TextWidth(interval, kSmall, false) - 12));
    DrawGroups(node, box, line + kSmallStep);
  }

  void DrawWhyNot(const GridNode& node, const Box& box, double y) {
    const auto lines = WrapToWidth(WhyNot(node), kSmall, false, box.width - 2 * kPad, 2);
    y = drawing_.Lines(box.x + kPad, y, kStep, {kSmall, "soft"}, lines);
    DrawGroups(node, box, y);
  }

  void DrawFooter() {
    double y = height_ - footer_height_ + kFooterLine;
    y = drawing_.Lines(kMargin, y, kFooterLine, {kFooterSize, "ink", true}, notice_);
    drawing_.Lines(kMargin, y, kFooterLine, {kSmall, "ink"}, basis_);
  }

  const PracticeMap& map_;
  const MapTitles& titles_;
  const MapGrid grid_;
  Drawing drawing_;
  double width_ = kWidthLeast;
  double height_ = kHeightLeast;
  double scale_ = 1;
  double side_ = kSide;
  double row_height_ = kRowLeast;
  double grid_bottom_ = 0;
  double cell_width_ = 0;
  double footer_height_ = 0;
  std::vector<std::string> notice_;
  std::vector<std::string> basis_;
};

}  // namespace

std::string MapSvg(const PracticeMap& map, const ConceptualMap& concepts, const MapTitles& titles) {
  return MapPicture(map, concepts, titles).Draw();
}

}  // namespace waterline::cli
