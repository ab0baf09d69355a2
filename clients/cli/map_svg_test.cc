#include "clients/cli/map_svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "clients/cli/map_samples.h"

namespace waterline::cli {
namespace {

const MapTitles kTitles{"Lewes and the Havens", "Sussex demonstration network"};

// For people to look at: with WATERLINE_PICTURES=FOLDER the samples are written there.
TEST(MapSvg, WritesItsSamples) {
  const char* folder = std::getenv("WATERLINE_PICTURES");
  if (folder == nullptr) folder = "/tmp";
  const auto write = [&](const std::string& name, const inference::v1::PracticeMap& map) {
    std::ofstream(std::string(folder) + "/" + name)
        << MapSvg(map, inference::CurrentConceptualMap(), kTitles);
    std::ofstream(std::string(folder) + "/" + name + ".txt")
        << MapTable(map, inference::CurrentConceptualMap(), kTitles, false);
  };
  auto rich = testing::RichMap();
  rich.set_demonstration(true);
  write("rich.svg", rich);
  write("thin.svg", testing::ThinMap());
  write("suppressed.svg", testing::SuppressedMap());
  write("protecting.svg", testing::ProtectingMap());
  write("empty.svg", testing::EmptyMap());
  for (const auto& [p, e] : {std::pair(3, 2), std::pair(5, 4), std::pair(8, 6)}) {
    const auto concepts = testing::ConceptsOf(p, e);
    std::ofstream(std::string(folder) + "/grid" + std::to_string(p) + ".svg")
        << MapSvg(testing::MapFor(concepts), concepts, kTitles);
  }
}

}  // namespace
}  // namespace waterline::cli
