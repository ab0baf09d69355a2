#include "services/common/data/agreement_templates.h"

#include <cstdio>
#include <cstdlib>

#include "services/common/data/data_files.h"
#include "services/common/data/sections.h"

namespace waterline::data {
namespace {

const char* JsonOf(const std::string& name) {
  if (name == "charity_to_board") return k_agreement_charity_to_board_file;
  if (name == "place_partnership_map") return k_agreement_place_partnership_map_file;
  if (name == "research") return k_agreement_research_file;
  std::fprintf(stderr, "agreement_templates.txt: %s has no file\n", name.c_str());
  std::abort();
}

std::vector<AgreementTemplate> Load() {
  const auto parsed = ParseSections(k_agreement_templates_file);
  if (!parsed.error.empty()) {
    std::fprintf(stderr, "agreement_templates.txt: %s\n", parsed.error.c_str());
    std::abort();
  }
  std::vector<AgreementTemplate> templates;
  for (const auto& section : parsed.sections) {
    templates.push_back(
        {section.id, section.Get("title"), section.Get("about"), JsonOf(section.id), {}});
    for (const auto& row : section.rows)
      templates.back().comments.emplace_back(row[0], row.size() > 1 ? row[1] : "");
  }
  return templates;
}

const std::vector<AgreementTemplate>& All() {
  static const std::vector<AgreementTemplate> templates = Load();
  return templates;
}

}  // namespace

std::vector<std::string> TemplateNames() {
  std::vector<std::string> names;
  for (const auto& known : All()) names.push_back(known.name);
  return names;
}

const AgreementTemplate* Template(std::string_view name) {
  for (const auto& known : All()) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

}  // namespace waterline::data
