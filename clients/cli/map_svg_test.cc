#include "clients/cli/map_svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>

#include "clients/cli/map_samples.h"
#include "clients/cli/markup.h"

namespace waterline::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const MapTitles kTitles{"Lewes and the Havens", "Sussex demonstration network"};

// One element and its attributes, or the end of one.
struct Tag {
  std::string name;
  std::map<std::string, std::string> attributes;
  bool closes = false;
  bool is_empty = false;
};

// Strict enough for what this project writes: no comments, no CDATA, quoted attributes.
class XmlReader {
 public:
  // What is wrong with `xml`; empty when it is well formed. Fills tags() and texts().
  std::string Read(const std::string& xml) {
    std::vector<std::string> open;
    bool had_root = false;
    for (size_t at = 0; at < xml.size();) {
      const size_t end = xml[at] == '<' ? xml.find('>', at) : xml.find('<', at);
      if (end == std::string::npos) return xml.substr(at) == "\n" ? "" : "text after the end";
      if (xml[at] != '<') {
        const std::string text = xml.substr(at, end - at);
        if (const auto problem = TextProblem(text); !problem.empty()) return problem;
        if (!open.empty() && open.back() == "text") texts_.push_back(text);
        at = end;
        continue;
      }
      Tag tag;
      if (const auto problem = ParseTag(xml.substr(at + 1, end - at - 1), &tag); !problem.empty())
        return problem;
      if (tag.closes) {
        if (open.empty() || open.back() != tag.name) return "</" + tag.name + "> closes nothing";
        open.pop_back();
      } else {
        if (open.empty() && had_root) return "two roots";
        had_root = true;
        if (!tag.is_empty) open.push_back(tag.name);
        tags_.push_back(tag);
      }
      at = end + 1;
    }
    return open.empty() && had_root ? "" : "not closed";
  }

  const std::vector<Tag>& tags() const { return tags_; }
  const std::vector<std::string>& texts() const { return texts_; }  // Of <text>, in order.

 private:
  static std::string TextProblem(const std::string& text) {
    for (size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c < 0x20 && c != '\n' && c != '\t' && c != '\r') return "a control character";
      if (c != '&') continue;
      static const std::regex kReference("&(amp|lt|gt|quot|apos|#[0-9]+);.*", std::regex::extended);
      if (!std::regex_match(text.substr(i, 12) + ";", kReference)) return "a bare ampersand";
    }
    return "";
  }

  static std::string ParseTag(std::string body, Tag* tag) {
    tag->closes = !body.empty() && body[0] == '/';
    if (tag->closes) body.erase(0, 1);
    tag->is_empty = !body.empty() && body.back() == '/';
    if (tag->is_empty) body.pop_back();
    static const std::regex kName("^[A-Za-z][A-Za-z0-9]*");
    static const std::regex kAttribute("^\\s+([A-Za-z][A-Za-z0-9:-]*)=\"([^\"<]*)\"");
    std::smatch match;
    if (!std::regex_search(body, match, kName)) return "no name in <" + body + ">";
    tag->name = match.str(0);
    for (body = match.suffix(); std::regex_search(body, match, kAttribute); body = match.suffix()) {
      if (!tag->attributes.emplace(match.str(1), match.str(2)).second) return "twice " + body;
      if (const auto problem = TextProblem(match.str(2)); !problem.empty()) return problem;
    }
    return body.empty() ? "" : "in <" + tag->name + ">: " + body;
  }

  std::vector<Tag> tags_;
  std::vector<std::string> texts_;
};

double Number(const Tag& tag, const std::string& attribute) {
  const auto found = tag.attributes.find(attribute);
  if (found == tag.attributes.end()) ADD_FAILURE() << tag.name << " has no " << attribute;
  return found == tag.attributes.end() ? 0 : std::stod(found->second);
}

struct CellBox {
  std::string node;
  double left, top, right, bottom;
};

std::vector<CellBox> BoxesOf(const XmlReader& xml) {
  std::vector<CellBox> boxes;
  for (const auto& tag : xml.tags()) {
    const auto node = tag.attributes.find("data-node");
    if (node == tag.attributes.end()) continue;
    const double x = Number(tag, "x");
    const double y = Number(tag, "y");
    boxes.push_back({node->second, x, y, x + Number(tag, "width"), y + Number(tag, "height")});
  }
  return boxes;
}

// How far a <text> reaches, by the same conservative widths as the drawing, without its wrapping.
struct Line {
  double left, right, base;
  std::string text;
};

std::string Unescaped(std::string text) {
  for (const auto& [from, to] :
       {std::pair("&lt;", "<"), std::pair("&gt;", ">"), std::pair("&quot;", "\""),
        std::pair("&#39;", "'"), std::pair("&amp;", "&")}) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1))
      text.replace(at, std::string(from).size(), to);
  }
  return text;
}

std::vector<Line> LinesOf(const XmlReader& xml) {
  std::vector<Line> lines;
  size_t next = 0;
  for (const auto& tag : xml.tags()) {
    if (tag.name != "text") continue;
    const std::string text = Unescaped(xml.texts().at(next++));
    const double width =
        TextWidth(text, Number(tag, "font-size"), tag.attributes.contains("font-weight"));
    const std::string anchor = tag.attributes.at("text-anchor");
    const double x = Number(tag, "x");
    const double left = anchor == "end" ? x - width : anchor == "middle" ? x - width / 2 : x;
    lines.push_back({left, left + width, Number(tag, "y"), text});
  }
  return lines;
}

// Well formed, 16:9, no two boxes overlap, everything inside the picture, and text that begins in a
// box ends in it.
void ExpectSoundPicture(const std::string& svg, size_t boxes_expected) {
  XmlReader xml;
  ASSERT_EQ(xml.Read(svg), "");
  const double width = Number(xml.tags()[0], "width");
  const double height = Number(xml.tags()[0], "height");
  EXPECT_NEAR(width / height, 16.0 / 9, 0.01);
  const auto boxes = BoxesOf(xml);
  EXPECT_EQ(boxes.size(), boxes_expected);
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_TRUE(boxes[i].left > 0 && boxes[i].right < width && boxes[i].top > 0 &&
                boxes[i].bottom < height)
        << boxes[i].node;
    for (size_t j = 0; j < i; ++j) {
      EXPECT_TRUE(boxes[i].right <= boxes[j].left || boxes[j].right <= boxes[i].left ||
                  boxes[i].bottom <= boxes[j].top || boxes[j].bottom <= boxes[i].top)
          << boxes[i].node << " lies on " << boxes[j].node;
    }
  }
  for (const auto& line : LinesOf(xml)) {
    EXPECT_TRUE(line.left >= 0 && line.right <= width && line.base <= height - 4) << line.text;
    for (const auto& box : boxes) {
      if (line.left < box.left || line.left > box.right) continue;
      if (line.base < box.top || line.base > box.bottom) continue;
      EXPECT_LE(line.right, box.right - 8) << line.text;
      EXPECT_LE(line.base, box.bottom - 5) << line.text;
    }
  }
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// With WATERLINE_PICTURES=FOLDER the pictures are kept there, to look at.
void Keep(const std::string& name, const std::string& svg) {
  const char* folder = std::getenv("WATERLINE_PICTURES");
  if (folder != nullptr) std::ofstream(std::filesystem::path(folder) / (name + ".svg")) << svg;
}

TEST(MapSvg, IsASoundPictureInEveryState) {
  auto rich = testing::RichMap();
  rich.set_demonstration(true);
  const std::pair<std::string, inference::v1::PracticeMap> samples[] = {
      {"rich", rich},
      {"thin", testing::ThinMap()},
      {"suppressed", testing::SuppressedMap()},
      {"protecting", testing::ProtectingMap()},
      {"empty", testing::EmptyMap()}};
  for (const auto& [name, map] : samples) {
    const std::string svg = MapSvg(map, inference::CurrentConceptualMap(), kTitles);
    ExpectSoundPicture(svg, 4 + 12);
    Keep(name, svg);
  }
}

TEST(MapSvg, IsLaidOutFromTheNodesOfTheConceptualMap) {
  for (const auto& [practices, elements] :
       {std::pair(3, 2), std::pair(5, 4), std::pair(1, 1), std::pair(8, 6), std::pair(2, 9)}) {
    const auto concepts = testing::ConceptsOf(practices, elements);
    const std::string svg = MapSvg(testing::MapFor(concepts), concepts, kTitles);
    ExpectSoundPicture(svg, static_cast<size_t>(practices * (elements + 1)));
    Keep("grid-" + std::to_string(practices) + "x" + std::to_string(elements), svg);
  }
}

TEST(MapSvg, LeavesAGapWhereTheConceptualMapHasNoCellAndSaysWhatIsNotScored) {
  auto concepts = testing::ConceptsOf(2, 2);
  const auto map = testing::MapFor(concepts);
  concepts.mutable_nodes()->RemoveLast();
  auto* extra = concepts.add_nodes();
  extra->set_id("p9");
  extra->set_kind(inference::v1::MapNode::KIND_PRACTICE);
  extra->set_title("New practice");
  const std::string svg = MapSvg(map, concepts, kTitles);
  ExpectSoundPicture(svg, 2 + 3 + 1);
  EXPECT_THAT(svg, HasSubstr("not scored"));
}

TEST(MapSvg, HostileAndLongTextsStayTextAndStayInside) {
  const std::string hostile = "<script>alert(1)</script> & \"quotes\" 'n' ]]> \x01 \xFF ";
  const std::string endless(400, 'W');
  auto concepts = testing::ConceptsOf(4, 3);
  auto map = testing::MapFor(concepts);
  for (auto& node : *concepts.mutable_nodes()) node.set_title(hostile + endless);
  for (auto* list : {map.mutable_cells(), map.mutable_practices()}) {
    for (auto& estimate : *list) {
      estimate.set_words(hostile + endless);
      estimate.set_informants(hostile + endless);
      estimate.set_events(hostile + endless);
      estimate.set_why(hostile + endless);
    }
  }
  map.set_notice(hostile + endless);
  auto* surface = map.mutable_surface();
  surface->set_events(endless);
  surface->set_reach(hostile + endless);
  surface->set_first_day(hostile);
  for (int i = 0; i < 9; ++i) surface->add_levels()->set_promised(hostile + endless);
  const std::string svg = MapSvg(map, concepts, {hostile + endless, hostile + endless});
  ExpectSoundPicture(svg, 16);
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;"));
}

TEST(MapSvg, ShowsNoNumberOfASuppressedValue) {
  const auto map = testing::SuppressedEverywhere(testing::RichMap());
  const std::string svg = MapSvg(map, inference::CurrentConceptualMap(), kTitles);
  XmlReader xml;
  ASSERT_EQ(xml.Read(svg), "");
  for (const auto& text : xml.texts()) {
    for (const char* number : {"73", "61.6", "62", "87.7", "88", "97"})
      EXPECT_THAT(text, Not(HasSubstr(number)));
  }
  for (const auto& tag : xml.tags())
    EXPECT_FALSE(tag.attributes.contains("fill-opacity")) << "an interval is drawn";
  EXPECT_EQ(Count(svg, ">suppressed<"), 16);
  EXPECT_EQ(Count(svg, ">Fewer than 8 people stand behind this.<"), 16);
  EXPECT_EQ(Count(svg, "url(#wl-hatching)"), 16);
}

TEST(MapSvg, DrawsEveryIntervalThatMayBeShown) {
  const auto concepts = testing::ConceptsOf(4, 3);
  auto map = testing::MapFor(concepts);
  const std::string svg = MapSvg(map, concepts, kTitles);
  EXPECT_EQ(Count(svg, ">72<"), 16);
  EXPECT_EQ(Count(svg, ">61 to 82<"), 16);
  EXPECT_EQ(Count(svg, "fill-opacity"), 16);
  map.mutable_cells(0)->set_suppressed(true);
  EXPECT_EQ(Count(MapSvg(map, concepts, kTitles), ">61 to 82<"), 15);
}

TEST(MapSvg, SaysWhereGroupsDifferWithTheirIntervals) {
  const std::string svg = MapSvg(testing::RichMap(), inference::CurrentConceptualMap(), kTitles);
  EXPECT_THAT(svg, ::testing::ContainsRegex(">Views differ: clinicians [0-9]+ \\([0-9]+ to"));
  EXPECT_THAT(svg, ::testing::ContainsRegex(">patients and public [0-9]+ \\([0-9]+ to"));
}

TEST(MapSvg, AlwaysCarriesNoticeAndWhatItRestsOn) {
  for (const auto& map : {testing::RichMap(), testing::SuppressedMap(), testing::EmptyMap()}) {
    const std::string svg = MapSvg(map, inference::CurrentConceptualMap(), kTitles);
    EXPECT_EQ(Count(svg, "not a validated instrument"), 2);  // Once to see, once to hear.
    EXPECT_THAT(svg, HasSubstr("As of 16 February 2026. Model version 0, map version 1"));
    EXPECT_THAT(svg, HasSubstr("Above the water line"));
    EXPECT_THAT(svg, HasSubstr(">Lewes and the Havens<"));
  }
}

TEST(MapSvg, SaysWhenItIsADemonstrationOrBehind) {
  auto map = testing::ThinMap();
  const auto concepts = inference::CurrentConceptualMap();
  EXPECT_THAT(MapSvg(map, concepts, kTitles), Not(HasSubstr("DEMONSTRATION")));
  EXPECT_THAT(MapSvg(map, concepts, kTitles), Not(HasSubstr("still being absorbed")));
  map.set_demonstration(true);
  map.set_catching_up(true);
  const std::string svg = MapSvg(map, concepts, kTitles);
  EXPECT_THAT(svg, HasSubstr(">DEMONSTRATION"));
  EXPECT_THAT(svg, HasSubstr("still being absorbed"));
  ExpectSoundPicture(svg, 16);
}

TEST(MapSvg, CanBeReadAloudInLightInDarkAndWithoutANetwork) {
  const std::string svg = MapSvg(testing::ThinMap(), inference::CurrentConceptualMap(), kTitles);
  XmlReader xml;
  ASSERT_EQ(xml.Read(svg), "");
  EXPECT_EQ(xml.tags()[0].attributes.at("role"), "img");
  EXPECT_EQ(xml.tags()[1].name, "title");
  EXPECT_EQ(xml.tags()[2].name, "desc");
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_EQ(Count(svg, "http"), 1) << "only the name space";
  EXPECT_EQ(Count(svg, "href"), 0);
  static const std::regex kClass("wl-[a-z-]+");
  for (const auto& tag : xml.tags()) {  // What the dark style colours has a light attribute too.
    const auto classes = tag.attributes.find("class");
    if (classes == tag.attributes.end()) continue;
    EXPECT_TRUE(tag.attributes.contains("fill") || tag.attributes.contains("stroke") ||
                tag.attributes.contains("stop-color"));
    std::smatch name;
    for (std::string rest = classes->second; std::regex_search(rest, name, kClass);
         rest = name.suffix())
      EXPECT_THAT(svg, HasSubstr("." + name.str() + " {"));
  }
}

}  // namespace
}  // namespace waterline::cli
