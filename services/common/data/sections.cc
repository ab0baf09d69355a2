#include "services/common/data/sections.h"

namespace waterline::data {
namespace {

std::string Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

std::vector<std::string> SplitRow(std::string_view line) {
  std::vector<std::string> fields;
  while (true) {
    const size_t bar = line.find('|');
    fields.push_back(Trim(line.substr(0, bar)));
    if (bar == std::string_view::npos) return fields;
    line.remove_prefix(bar + 1);
  }
}

// True when the line is `key = value` with a plain key, so that rows may hold equals signs.
bool IsProperty(const std::string& line, size_t equals) {
  if (equals == std::string::npos || line.find('|') < equals) return false;
  return Trim(line.substr(0, equals)).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") ==
         std::string::npos;
}

}  // namespace

std::string Section::Get(std::string_view key) const {
  for (const auto& [name, value] : properties) {
    if (name == key) return value;
  }
  return "";
}

std::vector<std::string> Section::All(std::string_view key) const {
  std::vector<std::string> values;
  for (const auto& [name, value] : properties) {
    if (name == key) values.push_back(value);
  }
  return values;
}

Sections ParseSections(std::string_view text) {
  Sections result;
  int number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string line = Trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      const size_t space = line.find(' ');
      if (line.back() != ']') {
        result.error = "line " + std::to_string(number) + ": a section ends with ]";
        return result;
      }
      const std::string inside = line.substr(1, line.size() - 2);
      result.sections.push_back({inside.substr(0, space == std::string::npos ? space : space - 1),
                                 space == std::string::npos ? "" : Trim(inside.substr(space)),
                                 {},
                                 {}});
      continue;
    }
    if (result.sections.empty()) {
      result.error = "line " + std::to_string(number) + ": stands before the first section";
      return result;
    }
    const size_t equals = line.find('=');
    if (IsProperty(line, equals)) {
      result.sections.back().properties.emplace_back(Trim(line.substr(0, equals)),
                                                     Trim(line.substr(equals + 1)));
    } else {
      result.sections.back().rows.push_back(SplitRow(line));
    }
  }
  return result;
}

}  // namespace waterline::data
