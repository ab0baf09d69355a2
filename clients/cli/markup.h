#pragma once

// Text inside XML and HTML, and how much room it takes. Thread safety: pure functions.

#include <string>
#include <string_view>
#include <vector>

namespace waterline::cli {

// For content and quoted attributes. Bytes that are not UTF-8, and characters that XML 1.0 cannot
// hold, become U+FFFD.
std::string EscapeMarkup(std::string_view text);

// The width of a line set in a usual sans-serif face, in the unit of `size`. Widths are those of
// DejaVu Sans, which is wider than what other systems have, so it errs on the side of more room.
double TextWidth(std::string_view utf8, double size, bool bold);

// At most `lines_max` lines no wider than `width`; the last ends in an ellipsis when text is left
// over. Words longer than a line are broken.
std::vector<std::string> WrapToWidth(std::string_view utf8, double size, bool bold, double width,
                                     size_t lines_max);

// Lines of at most `columns` characters; words longer than a line are broken.
std::vector<std::string> WrapToColumns(std::string_view utf8, size_t columns);

}  // namespace waterline::cli
