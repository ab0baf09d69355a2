#pragma once

// A practice map as a picture for a slide (SVG, 16:9): the tip above the water line carries what
// was observed, the body below it one row per practice and one column per element, as many as the
// conceptual map has. Words, marks and patterns carry the meaning, colour only supports it; light
// and dark follow the reader's setting; nothing is loaded from elsewhere.
// Thread safety: pure functions.

#include <string>

#include "clients/cli/map_view.h"
#include "waterline/inference/v1/inference.pb.h"

namespace waterline::cli {

std::string MapSvg(const inference::v1::PracticeMap& map,
                   const inference::v1::ConceptualMap& concepts, const MapTitles& titles);

}  // namespace waterline::cli
