#pragma once

// Templates of agreements for the commonest cases: files/agreement_<name>.json, AgreementTerms in
// proto JSON with <placeholders>, and files/agreement_templates.txt, what each part means, since
// JSON has no comments. Thread safety: read-only after first use.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace waterline::data {

struct AgreementTemplate {
  std::string name;   // charity_to_board
  std::string title;  // In plain words.
  std::string about;
  std::string json;
  std::vector<std::pair<std::string, std::string>> comments;  // Path in AgreementTerms, words.
};

std::vector<std::string> TemplateNames();
const AgreementTemplate* Template(std::string_view name);  // nullptr when unknown.

}  // namespace waterline::data
