#include "services/common/data/conceptual_map.h"

#include <cstdio>
#include <cstdlib>

#include "services/common/data/data_files.h"
#include "services/common/data/sections.h"

namespace waterline::data {
namespace {

MapNode NodeOf(const Section& section) {
  MapNode node{section.id,
               section.kind,
               section.Get("title"),
               section.Get("description"),
               section.All("look_for"),
               {}};
  for (const auto& prompt : section.All("prompt")) {
    const size_t bar = prompt.find('|');
    if (bar == std::string::npos) continue;
    node.prompts.emplace_back(prompt.substr(0, prompt.find_last_not_of(" |", bar) + 1),
                              prompt.substr(prompt.find_first_not_of(" |", bar)));
  }
  return node;
}

ConceptualMap Load() {
  const auto parsed = ParseSections(k_conceptual_map_file);
  if (!parsed.error.empty()) {
    std::fprintf(stderr, "conceptual_map.txt: %s\n", parsed.error.c_str());
    std::abort();
  }
  ConceptualMap map;
  for (const auto& section : parsed.sections) {
    if (section.kind == "map") {
      map.version = section.Get("version");
      map.title = section.Get("title");
      map.state = section.Get("state");
      map.notice = section.Get("notice");
      map.reviewers = section.All("reviewer");
      map.changes = section.All("change");
    } else if (section.kind == "links") {
      for (const auto& row : section.rows) {
        if (row.size() == 3) map.links.push_back({row[0], row[1], row[2]});
      }
    } else {
      map.nodes.push_back(NodeOf(section));
    }
  }
  return map;
}

}  // namespace

const MapNode* ConceptualMap::Find(const std::string& id) const {
  for (const auto& node : nodes) {
    if (node.id == id) return &node;
  }
  return nullptr;
}

const ConceptualMap& CurrentMap() {
  static const ConceptualMap map = Load();
  return map;
}

}  // namespace waterline::data
