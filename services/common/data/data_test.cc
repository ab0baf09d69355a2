#include <algorithm>
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "services/common/data/code_lists.h"
#include "services/common/data/conceptual_map.h"
#include "services/common/data/indicators.h"
#include "services/common/data/sections.h"

namespace waterline::data {
namespace {

TEST(Indicators, FourPerCellTwelveInTheShortForm) {
  ASSERT_EQ(AllIndicators().size(), 48u);
  std::map<int, int> per_cell, short_per_cell;
  std::set<std::string> ids;
  for (const auto& indicator : AllIndicators()) {
    ++per_cell[indicator.cell()];
    short_per_cell[indicator.cell()] += indicator.short_form;
    EXPECT_TRUE(ids.insert(indicator.id).second) << indicator.id;
    EXPECT_FALSE(indicator.groups.empty()) << indicator.id;
    EXPECT_GT(indicator.wording.size(), 20u) << indicator.id;
  }
  ASSERT_EQ(per_cell.size(), 12u);
  for (const auto& [cell, count] : per_cell) EXPECT_EQ(count, 4) << cell;
  for (const auto& [cell, count] : short_per_cell) EXPECT_EQ(count, 1) << cell;
}

// The one order of architecture.md 7: id -> cell, for all 48, from the id's own words.
TEST(Indicators, TheIdSaysTheCell) {
  for (const auto& indicator : AllIndicators()) {
    const std::string cell =
        std::string(kPractices[static_cast<size_t>(indicator.cell() / 3)]) + "." +
        std::string(kElements[static_cast<size_t>(indicator.cell() % 3)]) + ".";
    EXPECT_EQ(indicator.id.rfind(cell, 0), 0u) << indicator.id;
  }
  EXPECT_EQ(FindIndicator("trust.materials.paper_load")->cell(), 0);
  EXPECT_EQ(FindIndicator("trust.skills.listening")->cell(), 1);
  EXPECT_EQ(FindIndicator("trust.meanings.valued_as_peer")->cell(), 2);
  EXPECT_EQ(FindIndicator("leadership.skills.power_aware")->cell(), 4);
  EXPECT_EQ(FindIndicator("nothing"), nullptr);
}

TEST(ConceptualMap, HasEveryNodeOfTheModelAndLinksThatExist) {
  const auto& map = CurrentMap();
  EXPECT_EQ(map.version, "1");
  EXPECT_EQ(std::count_if(map.nodes.begin(), map.nodes.end(),
                          [](const auto& n) { return n.kind == "cell"; }),
            12);
  for (auto practice : kPractices) {
    EXPECT_NE(map.Find(std::string(practice)), nullptr);
    for (auto element : kElements)
      EXPECT_NE(map.Find(std::string(practice) + "." + std::string(element)), nullptr);
  }
  ASSERT_FALSE(map.links.empty());
  for (const auto& link : map.links) {
    EXPECT_NE(map.Find(link.from), nullptr) << link.from;
    EXPECT_NE(map.Find(link.to), nullptr) << link.to;
  }
  EXPECT_EQ(map.Find("trust")->prompts[0].first, "people");
}

TEST(CodeLists, HaveUniqueCodesAndTheRolesThePolicyNames) {
  std::set<std::string> lists;
  for (const auto& list : AllCodeLists()) {
    EXPECT_TRUE(lists.insert(list.id).second) << list.id;
    std::set<std::string> codes;
    for (const auto& code : list.codes)
      EXPECT_TRUE(codes.insert(code.code).second) << list.id << " " << code.code;
    EXPECT_FALSE(list.version.empty()) << list.id;
  }
  EXPECT_TRUE(IsKnownCode("actor_role", "network_steward"));
  EXPECT_TRUE(IsKnownCode("purpose", "service_planning"));
  EXPECT_FALSE(IsLegalEntityType("pcn"));
  EXPECT_TRUE(IsLegalEntityType("icb"));
}

TEST(Sections, NameTheLineOfAnError) {
  EXPECT_NE(ParseSections("\nx | y\n").error.find("line 2"), std::string::npos);
  EXPECT_NE(ParseSections("[open\n").error.find("line 1"), std::string::npos);
}

}  // namespace
}  // namespace waterline::data
