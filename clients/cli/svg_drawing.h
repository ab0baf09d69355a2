#pragma once

// Shapes and text of an SVG in looks of its own: each look has a colour for light and, by the style
// sheet, one for dark. Renderers that know no media queries show the light one.
// Thread safety: one thread per drawing.

#include <string>
#include <utility>
#include <vector>

namespace waterline::cli {

inline constexpr double kSmall = 14.5;  // Of ordinary text.

struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

using Points = std::vector<std::pair<double, double>>;

struct Font {
  double size = kSmall;
  const char* look = "ink";
  bool bold = false;
  const char* anchor = "start";
};

// class="ink" fill="#10263a"
std::string Attributes(const std::string& look);
// One element can have one class: what is filled and outlined is drawn with both.
std::string Both(const std::string& fill, const std::string& stroke, double width);
std::string StyleSheet();

class Drawing {
 public:
  void Raw(const std::string& markup) { out_ += markup; }
  void Text(double x, double y, const Font& font, const std::string& text);
  // Lines below one another from the base line `y`; where the next one would stand.
  double Lines(double x, double y, double step, const Font& font,
               const std::vector<std::string>& lines);
  void Rect(const Box& box, double radius, const std::string& attributes);
  void Polygon(const Points& points, const std::string& attributes);
  void Circle(double x, double y, double radius, const std::string& attributes);
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// The largest size, not above `most` and not below `least`, at which `text` fits on `lines`.
double FittingSize(const std::string& text, bool bold, double width, size_t lines, double most,
                   double least);
std::string OneLine(const std::string& text, double size, bool bold, double width);

}  // namespace waterline::cli
