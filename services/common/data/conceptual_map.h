#pragma once

// The conceptual map of files/conceptual_map.txt: what people learn with (domain.md 1.3).
// Thread safety: read-only after first use.

#include <string>
#include <utility>
#include <vector>

namespace waterline::data {

struct MapNode {
  std::string id;    // trust, materials, trust.materials
  std::string kind;  // practice, element, cell
  std::string title;
  std::string description;
  std::vector<std::string> look_for;
  std::vector<std::pair<std::string, std::string>> prompts;  // audience, text
};

struct MapLink {
  std::string from;
  std::string to;
  std::string note;
};

struct ConceptualMap {
  std::string version;
  std::string title;
  std::string state;
  std::string notice;
  std::vector<std::string> reviewers;
  std::vector<std::string> changes;
  std::vector<MapNode> nodes;
  std::vector<MapLink> links;

  const MapNode* Find(const std::string& id) const;  // nullptr when unknown.
};

const ConceptualMap& CurrentMap();

}  // namespace waterline::data
