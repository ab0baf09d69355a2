#include "clients/cli/svg_drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "clients/cli/markup.h"

namespace waterline::cli {
namespace {

// What the attribute is in light, and what the style sheet makes of it in dark.
struct Look {
  const char* name;
  const char* property;
  const char* light;
  const char* dark;
};
constexpr Look kLooks[] = {{"sky", "fill", "#eef4f9", "#0c1a26"},
                           {"sea-top", "stop-color", "#cfe2ee", "#0f3047"},
                           {"sea-deep", "stop-color", "#a8c9de", "#08182a"},
                           {"tip", "fill", "#ffffff", "#27465a"},
                           {"tip-shade", "fill", "#e4eef5", "#1f3a4c"},
                           {"edge", "stroke", "#b4cad9", "#3d6077"},
                           {"body", "fill", "#e9f2f8", "#14303f"},
                           {"body-shade", "fill", "#dceaf3", "#112a38"},
                           {"wave", "stroke", "#4f88ac", "#6fb1d6"},
                           {"panel", "fill", "#ffffff", "#1b3b4d"},
                           {"hollow", "fill", "#f3f7fa", "#16313f"},
                           {"hatch", "stroke", "#d3dfe8", "#27485a"},
                           {"track", "fill", "#dbe5ec", "#36566a"},
                           {"middle", "stroke", "#7f95a6", "#8aa6b8"},
                           {"ink", "fill", "#10263a", "#f2f7fb"},
                           {"soft", "fill", "#42586a", "#bfd1de"},
                           {"good", "fill", "#0a6660", "#6fd6cb"},
                           {"good-line", "stroke", "#0a6660", "#6fd6cb"},
                           {"rising", "fill", "#1a6488", "#86ccf2"},
                           {"rising-line", "stroke", "#1a6488", "#86ccf2"},
                           {"mixed", "fill", "#566170", "#c3ccd6"},
                           {"mixed-line", "stroke", "#566170", "#c3ccd6"},
                           {"weak", "fill", "#85560a", "#f3bf6d"},
                           {"weak-line", "stroke", "#85560a", "#f3bf6d"},
                           {"poor", "fill", "#9c331b", "#ffa48c"},
                           {"poor-line", "stroke", "#9c331b", "#ffa48c"},
                           {"dot-edge", "stroke", "#ffffff", "#1b3b4d"},
                           {"flag", "fill", "#10263a", "#f2f7fb"},
                           {"flag-ink", "fill", "#ffffff", "#0c1a26"}};

const Look& Find(const std::string& name) {
  return *std::find_if(std::begin(kLooks), std::end(kLooks) - 1,
                       [&](const Look& look) { return name == look.name; });
}

}  // namespace

std::string Attributes(const std::string& name) {
  const Look& look = Find(name);
  return fmt::format(" class=\"wl-{}\" {}=\"{}\"", look.name, look.property, look.light);
}

std::string StyleSheet() {
  std::string rules;
  for (const auto& look : kLooks)
    rules += fmt::format("    .wl-{} {{ {}: {} }}\n", look.name, look.property, look.dark);
  return "<style>\n  @media (prefers-color-scheme: dark) {\n" + rules + "  }\n</style>\n";
}

std::string Both(const std::string& fill, const std::string& stroke, double width) {
  const Look& inside = Find(fill);
  const Look& line = Find(stroke);
  return fmt::format(" class=\"wl-{} wl-{}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"{:.1f}\"",
                     inside.name, line.name, inside.light, line.light, width);
}

void Drawing::Text(double x, double y, const Font& font, const std::string& text) {
  out_ += fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:.1f}\" text-anchor=\"{}\"{}{}>{}</text>\n", x,
      y, font.size, font.anchor, font.bold ? " font-weight=\"700\"" : "", Attributes(font.look),
      EscapeMarkup(text));
}

double Drawing::Lines(double x, double y, double step, const Font& font,
                      const std::vector<std::string>& lines) {
  for (const auto& line : lines) {
    Text(x, y, font, line);
    y += step;
  }
  return y;
}

void Drawing::Rect(const Box& box, double radius, const std::string& attributes) {
  out_ += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"{:.1f}\"{}/>\n",
      box.x, box.y, box.width, box.height, radius, attributes);
}

void Drawing::Polygon(const Points& points, const std::string& attributes) {
  out_ += "<polygon points=\"";
  for (const auto& [x, y] : points) out_ += fmt::format("{:.1f},{:.1f} ", x, y);
  out_.pop_back();
  out_ += "\"" + attributes + "/>\n";
}

void Drawing::Circle(double x, double y, double radius, const std::string& attributes) {
  out_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"{}/>\n", x, y, radius,
                      attributes);
}

double FittingSize(const std::string& text, bool bold, double width, size_t lines, double most,
                   double least) {
  for (double size = most; size > least; size -= 1) {
    if (WrapToWidth(text, size, bold, width, lines + 1).size() <= lines) return size;
  }
  return least;
}

std::string OneLine(const std::string& text, double size, bool bold, double width) {
  const auto lines = WrapToWidth(text, size, bold, width, 1);
  return lines.empty() ? "" : lines[0];
}

}  // namespace waterline::cli
