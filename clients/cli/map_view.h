#pragma once

// A practice map as people read it on a terminal, and as programs read it. Words come first, the
// index after; the notice is always there; a value that is not shown says why and what helps, and
// no number of it appears anywhere. What is drawn is laid out from the nodes of the conceptual map.
// Thread safety: pure functions.

#include <string>

#include "clients/cli/output.h"
#include "waterline/inference/v1/inference.pb.h"

namespace waterline::cli {

// What a map is called: it carries resource names only.
struct MapTitles {
  std::string scope_title;  // Lewes; empty: the resource name is shown.
  std::string network;      // The network the map was made in; may be empty.
};

// For a terminal: at most kMapColumns columns (unless a single word is longer), readable without
// colour.
inline constexpr size_t kMapColumns = 100;
std::string MapTable(const inference::v1::PracticeMap& map,
                     const inference::v1::ConceptualMap& concepts, const MapTitles& titles,
                     bool colour);

// One JSON object. Every field is always there; a number that is not shown is null; `basis` and
// `status` are lower-case words.
std::string MapJson(const inference::v1::PracticeMap& map);

// One row per value, for csv and ndjson; a number that is not shown is empty.
Table MapRows(const inference::v1::PracticeMap& map);

}  // namespace waterline::cli
