#include "clients/cli/markup.h"

#include <array>
#include <cstdint>
#include <functional>
#include <limits>

namespace waterline::cli {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD
constexpr char kEllipsis[] = "…";
constexpr uint32_t kNoCharacter = 0xFFFFFFFF;

// Advances of DejaVu Sans in thousandths of the size, from the space to the tilde.
constexpr std::array<uint16_t, 95> kAdvances = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};
constexpr double kLatinAdvance = 0.8;  // Letters with accents; U+00B7 is narrower.
constexpr double kOtherAdvance = 1.1;
constexpr double kBoldFactor = 1.15;

// The character at `at`, its length in bytes in `size`; kNoCharacter and 1 for a stray byte.
uint32_t CharacterAt(std::string_view text, size_t at, size_t* size) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t first = byte(at);
  *size = 1;
  if (first < 0x80) return first;
  const size_t length = first >= 0xF0 && first < 0xF5   ? 4
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xC2 && first < 0xE0 ? 2
                                                        : 0;
  if (length == 0 || at + length > text.size()) return kNoCharacter;
  uint32_t character = first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return kNoCharacter;
    character = character << 6 | (byte(at + i) & 0x3F);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (character < kSmallest[length] || character > 0x10FFFF) return kNoCharacter;
  *size = length;
  return character;
}

bool IsXmlCharacter(uint32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c <= 0xD7FF || (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

double Advance(uint32_t c) {
  if (c >= 0x20 && c < 0x7F) return kAdvances[c - 0x20] / 1000.0;
  if (c == 0xB7) return kAdvances[0] / 1000.0;
  return c < 0x250 ? kLatinAdvance : kOtherAdvance;
}

// Words, broken at spaces of any kind.
std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

using Fits = std::function<bool(const std::string& line)>;

// As much of `word` as fits, but at least one character; the rest stays in `word`.
std::string TakeWhatFits(std::string* word, const Fits& fits) {
  size_t end = 0;
  while (end < word->size()) {
    size_t size = 1;
    CharacterAt(*word, end, &size);
    if (end > 0 && !fits(word->substr(0, end + size))) break;
    end += size;
  }
  std::string head = word->substr(0, end);
  word->erase(0, end);
  return head;
}

// `line` with an ellipsis, shortened until it fits.
std::string Shortened(std::string line, const Fits& fits) {
  while (!line.empty() && !fits(line + kEllipsis)) {
    do {
      line.pop_back();
    } while (!line.empty() && (static_cast<uint8_t>(line.back()) & 0xC0) == 0x80);
    if (!line.empty() && static_cast<uint8_t>(line.back()) >= 0xC0) line.pop_back();
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line + kEllipsis;
}

std::vector<std::string> Wrap(std::string_view text, size_t lines_max, const Fits& fits) {
  std::vector<std::string> lines;
  std::string line;
  for (std::string word : WordsOf(text)) {
    if (!line.empty() && fits(line + " " + word)) {
      line += " " + word;
      continue;
    }
    if (!line.empty()) lines.push_back(std::move(line));
    while (!fits(word) && lines.size() <= lines_max) {
      std::string head = TakeWhatFits(&word, fits);
      if (word.empty())
        word = std::move(head);
      else
        lines.push_back(std::move(head));
      if (word.size() == 1) break;
    }
    line = std::move(word);
    if (lines.size() > lines_max) break;
  }
  if (!line.empty()) lines.push_back(std::move(line));
  if (lines.size() <= lines_max) return lines;
  lines.resize(lines_max);
  if (!lines.empty()) lines.back() = Shortened(lines.back(), fits);
  return lines;
}

size_t Characters(const std::string& text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  return count;
}

}  // namespace

std::string EscapeMarkup(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t size = 1;
    const uint32_t c = CharacterAt(text, at, &size);
    if (c == kNoCharacter || !IsXmlCharacter(c))
      out += kReplacement;
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += text.substr(at, size);
    at += size;
  }
  return out;
}

double TextWidth(std::string_view utf8, double size, bool bold) {
  double width = 0;
  for (size_t at = 0; at < utf8.size();) {
    size_t bytes = 1;
    width += Advance(CharacterAt(utf8, at, &bytes));
    at += bytes;
  }
  return width * size * (bold ? kBoldFactor : 1);
}

std::vector<std::string> WrapToWidth(std::string_view utf8, double size, bool bold, double width,
                                     size_t lines_max) {
  return Wrap(utf8, lines_max,
              [&](const std::string& line) { return TextWidth(line, size, bold) <= width; });
}

std::vector<std::string> WrapToColumns(std::string_view utf8, size_t columns) {
  return Wrap(utf8, std::numeric_limits<size_t>::max(),
              [&](const std::string& line) { return Characters(line) <= columns; });
}

}  // namespace waterline::cli
