#pragma once

// The one format of the data files:
//
//     # a comment, or a blank line
//     [kind id]            starts a section; id may be absent
//     key = value          a property of the section; a key may repeat
//     code | label | note  a row of the section; trailing fields may be absent
//
// UTF-8, trimmed. Errors name the line. Thread safety: pure function.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace waterline::data {

struct Section {
  std::string kind;
  std::string id;
  std::vector<std::pair<std::string, std::string>> properties;
  std::vector<std::vector<std::string>> rows;

  std::string Get(std::string_view key) const;  // The first one; empty when absent.
  std::vector<std::string> All(std::string_view key) const;
};

struct Sections {
  std::vector<Section> sections;
  std::string error;  // Empty when the text is well formed.
};

Sections ParseSections(std::string_view text);

}  // namespace waterline::data
