#include "clients/cli/map_view.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <sstream>

#include "clients/cli/map_grid.h"
#include "clients/cli/map_samples.h"
#include "services/common/text/utf8.h"

namespace waterline::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const MapTitles kTitles{"Lewes", "Sussex demonstration network"};

std::string TableOf(const inference::v1::PracticeMap& map) {
  return MapTable(map, inference::CurrentConceptualMap(), kTitles, false);
}

google::protobuf::Struct Parsed(const std::string& json) {
  google::protobuf::Struct parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &parsed);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << json;
  return parsed;
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(MapTable, SpeaksFirstAndCountsAfterwards) {
  const auto& map = testing::RichMap();
  const std::string table = TableOf(map);
  EXPECT_EQ(table.rfind("Lewes\n", 0), 0);
  const size_t words = table.find(map.practices(0).words());
  ASSERT_NE(words, std::string::npos);
  const std::string numbers =
      WholeNumber(map.practices(0).index()) + " (" + IntervalText(map.practices(0)) + ")";
  EXPECT_GT(table.find(numbers), words);
  EXPECT_THAT(table, HasSubstr("about"));
  EXPECT_THAT(table, HasSubstr("people, 12 events"));
}

TEST(MapTable, PutsTheSurfaceAboveTheWaterLineAndTheRestBelow) {
  const std::string table = TableOf(testing::RichMap());
  const size_t line = table.find("~ water line ~");
  ASSERT_NE(line, std::string::npos);
  for (const char* above :
       {"people reached    about 245", "events            12", "contributions", "reactions",
        "days of notice    13", "Involve promised, Consult delivered: 8 events"}) {
    EXPECT_LT(table.find(above), line) << above;
  }
  const auto concepts = inference::CurrentConceptualMap();
  for (const auto& node : concepts.nodes()) {
    if (node.kind() != inference::v1::MapNode::KIND_CELL) continue;
    const size_t at = table.find(node.title());
    EXPECT_TRUE(at != std::string::npos && at > line) << node.id();
  }
}

TEST(MapTable, IsAtMostAHundredColumnsWideInEveryState) {
  for (const auto& map : {testing::RichMap(), testing::ThinMap(), testing::SuppressedMap(),
                          testing::ProtectingMap(), testing::EmptyMap()}) {
    for (const auto& line : LinesOf(TableOf(map)))
      EXPECT_LE(text::CodePoints(line), kMapColumns) << line;
  }
}

TEST(MapTable, ColourAddsNothingButColour) {
  const auto concepts = inference::CurrentConceptualMap();
  const std::string painted = MapTable(testing::RichMap(), concepts, kTitles, true);
  EXPECT_NE(painted, TableOf(testing::RichMap()));
  EXPECT_EQ(std::regex_replace(painted, std::regex("\x1b\\[[0-9]+m"), ""),
            TableOf(testing::RichMap()));
}

TEST(MapTable, DrawsTheIntervalAsABar) {
  const auto concepts = testing::ConceptsOf(1, 1);
  auto map = testing::MapFor(concepts);
  map.mutable_practices(0)->set_low(0);
  map.mutable_practices(0)->set_index(50);
  map.mutable_practices(0)->set_high(100);
  const std::string bar = "━━━━━━━━━━━━━━●━━━━━━━━━━━━━━";
  EXPECT_THAT(MapTable(map, concepts, kTitles, false), HasSubstr(bar));
  map.mutable_practices(0)->set_low(50);
  map.mutable_practices(0)->set_high(50);
  const std::string dot = "··············●··············";
  EXPECT_THAT(MapTable(map, concepts, kTitles, false), HasSubstr(dot));
}

TEST(MapTable, ListsTheGroupsWhereTheyDifferAndOnlyThere) {
  const std::string rich = TableOf(testing::RichMap());
  const size_t differ = rich.find("Groups see it differently:", rich.find("What trust means here"));
  ASSERT_NE(differ, std::string::npos);
  EXPECT_LT(differ, rich.find("LEADERSHIP"));
  EXPECT_THAT(rich.substr(differ, 600), HasSubstr("patients and public"));
  EXPECT_THAT(rich.substr(differ, 600), HasSubstr("clinicians"));
  EXPECT_THAT(TableOf(testing::ThinMap()), Not(HasSubstr("Groups see it differently")));
}

TEST(MapTable, AGroupThatCanBeShownIsShownBesideAMeanThatCannot) {
  const std::string table = TableOf(testing::ProtectingMap());
  EXPECT_THAT(table, HasSubstr("By group:"));
  EXPECT_TRUE(std::regex_search(table, std::regex("patients and public +[a-z ]+ [0-9]+ \\([0-9]")));
  EXPECT_TRUE(std::regex_search(table, std::regex("clinicians +suppressed\n")));
}

TEST(MapTable, ASuppressedValueSaysWhyAndWhatHelpsAndShowsNoNumber) {
  const std::string table = TableOf(testing::SuppressedEverywhere(testing::RichMap()));
  EXPECT_THAT(table, HasSubstr("suppressed"));
  EXPECT_THAT(table, HasSubstr("Fewer than 8 people stand behind this. Asking more people helps."));
  for (const char* number : {"73", "61.6", "62", "87.7", "88", "97", "●"})
    EXPECT_THAT(table, Not(HasSubstr(number)));
}

TEST(MapTable, TheNoticeComesLastAndADemonstrationSaysSo) {
  auto map = testing::ThinMap();
  EXPECT_THAT(TableOf(map), Not(HasSubstr("DEMONSTRATION")));
  map.set_demonstration(true);
  map.set_catching_up(true);
  EXPECT_THAT(TableOf(map), HasSubstr("DEMONSTRATION"));
  EXPECT_THAT(TableOf(map), HasSubstr("still being absorbed"));
  const std::string table = TableOf(map);
  const size_t notice = table.find("A map to think with.");
  ASSERT_NE(notice, std::string::npos);
  EXPECT_GT(notice, table.find("Model version 0, map version 1, evidence version 1"));
  const std::string flat = std::regex_replace(table.substr(notice), std::regex("\n"), " ");
  EXPECT_EQ(flat, map.notice() + " ");
}

TEST(MapTable, IsLaidOutFromTheNodesAndSaysWhatIsNotScored) {
  auto concepts = testing::ConceptsOf(3, 2);
  const auto map = testing::MapFor(concepts);
  auto* node = concepts.add_nodes();
  node->set_id("new");
  node->set_kind(inference::v1::MapNode::KIND_PRACTICE);
  node->set_title("New practice");
  const std::string table = MapTable(map, concepts, kTitles, false);
  EXPECT_THAT(table, HasSubstr("Title of p2.e1: it is established."));
  EXPECT_THAT(table, HasSubstr("NEW PRACTICE\n  Not scored"));
}

TEST(MapJson, HasEveryFieldAlways) {
  for (const auto& map : {testing::RichMap(), testing::SuppressedMap(), testing::EmptyMap(),
                          inference::v1::PracticeMap()}) {
    const auto json = Parsed(MapJson(map));
    for (const char* field :
         {"scope", "as_of", "model_version", "map_version", "evidence_version", "basis", "cells",
          "practices", "surface", "notice", "demonstration", "catching_up"}) {
      EXPECT_TRUE(json.fields().contains(field)) << field;
    }
    const auto& surface = json.fields().at("surface").struct_value().fields();
    for (const char* field : {"events", "reach", "contributions", "reactions", "notice_days_median",
                              "levels", "first_day", "last_day"}) {
      EXPECT_TRUE(surface.contains(field)) << field;
    }
    EXPECT_EQ(json.fields().at("cells").list_value().values_size(), map.cells_size());
    EXPECT_EQ(json.fields().at("practices").list_value().values_size(), map.practices_size());
    for (const char* list : {"cells", "practices"}) {
      for (const auto& value : json.fields().at(list).list_value().values()) {
        for (const char* field :
             {"node", "practice", "element", "perspective", "words", "index", "low", "high",
              "status", "information", "suppressed", "informants", "events", "why"}) {
          EXPECT_TRUE(value.struct_value().fields().contains(field)) << field;
        }
      }
    }
  }
}

TEST(MapJson, CarriesWhatTheMapSays) {
  const auto& map = testing::RichMap();
  const auto json = Parsed(MapJson(map));
  EXPECT_EQ(json.fields().at("scope").string_value(), "places/lewes");
  EXPECT_EQ(json.fields().at("as_of").string_value(), "2026-02-16T00:00:00Z");
  EXPECT_EQ(json.fields().at("basis").string_value(), "filtered");
  EXPECT_EQ(json.fields().at("evidence_version").number_value(), 12);
  EXPECT_EQ(json.fields().at("notice").string_value(), map.notice());
  EXPECT_FALSE(json.fields().at("demonstration").bool_value());
  const auto& cell = json.fields().at("cells").list_value().values(0).struct_value().fields();
  EXPECT_EQ(cell.at("node").string_value(), "trust.materials");
  EXPECT_EQ(cell.at("perspective").string_value(), "all");
  EXPECT_EQ(cell.at("status").string_value(), "established");
  EXPECT_EQ(cell.at("index").number_value(), map.cells(0).index());
  EXPECT_EQ(cell.at("information").number_value(), map.cells(0).information());
  const auto& levels = json.fields().at("surface").struct_value().fields().at("levels");
  EXPECT_EQ(levels.list_value().values_size(), map.surface().levels_size());
}

TEST(MapJson, NumbersOfSuppressedValuesAreNull) {
  const auto json = Parsed(MapJson(testing::SuppressedEverywhere(testing::RichMap())));
  for (const auto& value : json.fields().at("cells").list_value().values()) {
    const auto& cell = value.struct_value().fields();
    for (const char* field : {"index", "low", "high", "information"})
      EXPECT_TRUE(cell.at(field).has_null_value()) << field;
    EXPECT_TRUE(cell.at("suppressed").bool_value());
    EXPECT_EQ(cell.at("status").string_value(), "suppressed");
    EXPECT_NE(cell.at("why").string_value(), "");
  }
}

TEST(MapJson, HostileTextIsEscapedAndNumbersThatAreNoneAreNull) {
  auto map = testing::MapFor(testing::ConceptsOf(1, 1));
  map.set_notice("\"}] \\ \n\x01 é");
  map.mutable_practices(0)->set_index(std::nan(""));
  map.mutable_surface()->set_notice_days_median(INFINITY);
  const auto json = Parsed(MapJson(map));
  EXPECT_EQ(json.fields().at("notice").string_value(), map.notice());
  const auto& practice =
      json.fields().at("practices").list_value().values(0).struct_value().fields();
  EXPECT_TRUE(practice.at("index").has_null_value());
}

TEST(MapRows, HasARowPerValueAndNoNumberOfASuppressedOne) {
  const auto rich = MapRows(testing::RichMap());
  EXPECT_EQ(rich.rows.size(), 80);
  for (const auto& row : rich.rows) EXPECT_EQ(row.size(), rich.headers.size());
  for (const auto& row : MapRows(testing::SuppressedEverywhere(testing::RichMap())).rows) {
    for (const size_t number : {5, 6, 7, 9}) EXPECT_EQ(row[number], "");
    EXPECT_EQ(row[8], "suppressed");
  }
}

TEST(MapGrid, GroupsDifferWhenEachLiesOutsideTheOthersInterval) {
  inference::v1::Estimate a = testing::MapFor(testing::ConceptsOf(1, 1)).practices(0);
  auto b = a;
  GridNode node;
  node.groups = {&a, &b};
  EXPECT_FALSE(GroupsDiffer(node));
  b.set_index(30);
  b.set_low(10);
  b.set_high(75);  // Wide: it still holds a's index.
  EXPECT_FALSE(GroupsDiffer(node));
  b.set_high(60);
  EXPECT_TRUE(GroupsDiffer(node));
  b.set_suppressed(true);
  EXPECT_FALSE(GroupsDiffer(node));
}

TEST(MapGrid, KeepsTheOrderOfTheConceptualMap) {
  const auto concepts = inference::CurrentConceptualMap();
  const auto grid = GridOf(testing::RichMap(), concepts);
  std::vector<std::string> ids;
  for (const auto& element : grid.elements) ids.push_back(element.id);
  EXPECT_THAT(ids, ElementsAre("materials", "skills", "meanings"));
  ASSERT_EQ(grid.rows.size(), 4);
  EXPECT_EQ(grid.rows[3].cells[2].id, "partnership.meanings");
  EXPECT_EQ(grid.rows[3].cells[2].groups.size(), 4);
}

}  // namespace
}  // namespace waterline::cli
