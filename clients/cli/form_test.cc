#include "clients/cli/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "services/common/data/code_lists.h"
#include "services/common/data/indicators.h"
#include "services/common/text/csv.h"
#include "services/common/text/date.h"
#include "services/events/domain/response_file.h"

namespace waterline::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<events::v1::Indicator> Catalogue() {
  std::vector<events::v1::Indicator> indicators;
  for (const auto& entry : data::AllIndicators()) {
    auto& indicator = indicators.emplace_back();
    indicator.set_id(entry.id);
    indicator.set_practice(std::string(data::kPractices[static_cast<size_t>(entry.practice)]));
    indicator.set_element(std::string(data::kElements[static_cast<size_t>(entry.element)]));
    indicator.set_wording(entry.wording);
    indicator.set_short_form(entry.short_form);
    for (const auto& group : entry.groups) indicator.add_respondent_groups(group);
    for (const auto& label : data::CategoryLabels(entry.scale)) indicator.add_categories(label);
  }
  return indicators;
}

events::v1::Event Workshop() {
  events::v1::Event event;
  event.set_name("organisations/ods-qnx/events/lewes-1");
  event.set_title("Musculoskeletal pathway workshop");
  event.set_purpose("To find out what makes it hard to be seen in time.");
  event.set_question("What would have helped you?");
  event.add_what_is_open("Where clinics are held");
  event.add_what_is_decided("The budget");
  event.set_notice_version("2026-01");
  event.set_time_zone("Europe/London");
  *event.mutable_starts_at() = text::ToTimestamp(*text::ParseInstant("2026-06-14T23:30:00Z"));
  return event;
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Questions are the fieldsets but for the one that asks for the group.
size_t QuestionsIn(const std::string& html) { return Count(html, "<fieldset>") - 1; }

TEST(FormHtml, HasTwelveQuestionsOrFortyEight) {
  const std::string brief = FormHtml(Workshop(), Catalogue(), {});
  const std::string full = FormHtml(Workshop(), Catalogue(), {true, ""});
  EXPECT_EQ(QuestionsIn(brief), 12);
  EXPECT_EQ(QuestionsIn(full), 48);
  for (const auto& indicator : data::AllIndicators()) {
    const std::string asks = ". " + indicator.wording + "</legend>";
    EXPECT_EQ(Count(full, asks), 1) << indicator.id;
    EXPECT_EQ(Count(brief, asks), indicator.short_form ? 1 : 0) << indicator.id;
  }
}

TEST(FormHtml, SaysWhatTheEventIsAndWhoHoldsWhatIsSaid) {
  const std::string html = FormHtml(Workshop(), Catalogue(), {});
  for (const char* part :
       {"<html lang=\"en-GB\">", "<h1>Musculoskeletal pathway workshop</h1>",
        "15 June 2026",  // In London.
        "To find out what makes it hard", "What would have helped you?", "Where clinics are held",
        "The budget", "Who holds what you say", "version 2026-01", "at least 8 people"}) {
    EXPECT_THAT(html, HasSubstr(part));
  }
  EXPECT_THAT(html, Not(HasSubstr("DEMONSTRATION")));
  auto demonstration = Workshop();
  demonstration.set_demonstration(true);
  EXPECT_THAT(FormHtml(demonstration, Catalogue(), {}), HasSubstr("DEMONSTRATION"));
}

TEST(FormHtml, GroupsQuestionsByPractice) {
  const std::string html = FormHtml(Workshop(), Catalogue(), {true, ""});
  EXPECT_EQ(Count(html, "<h2>"), 4);
  EXPECT_LT(html.find("<h2>Trust</h2>"), html.find("<h2>Leadership</h2>"));
  EXPECT_LT(html.find("<h2>Learning</h2>"), html.find("<h2>Partnership</h2>"));
}

TEST(FormHtml, EveryQuestionHasItsCategoriesInOrderAndThreeWaysNotToAnswer) {
  const auto indicators = Catalogue();
  const std::string html = FormHtml(Workshop(), indicators, {true, ""});
  for (const auto& indicator : indicators) {
    const std::string input = "name=\"" + indicator.id() + "\" value=\"";
    size_t last = 0;
    for (int i = 0; i < indicator.categories_size(); ++i) {
      const size_t at = html.find(input + std::to_string(i) + "\"> ");
      ASSERT_NE(at, std::string::npos) << indicator.id() << " " << i;
      EXPECT_GT(at, last);
      last = at;
    }
    EXPECT_EQ(Count(html, input), static_cast<size_t>(indicator.categories_size()) + 3);
    for (const char* code : {"dont_know", "prefer_not_to_say", "not_applicable"}) {
      EXPECT_TRUE(data::IsKnownCode("missing", code));
      EXPECT_THAT(html, HasSubstr(input + code));
    }
  }
}

TEST(FormHtml, AsksOneGroupOnlyWhatThatGroupIsAsked) {
  const std::string html = FormHtml(Workshop(), Catalogue(), {true, "CL"});
  size_t asked = 0;
  for (const auto& indicator : data::AllIndicators()) {
    const bool is_asked = indicator.Allows("CL");
    asked += is_asked;
    EXPECT_EQ(Count(html, ">" + indicator.id + "<"), is_asked ? 1 : 0) << indicator.id;
  }
  EXPECT_EQ(QuestionsIn(html), asked);
  EXPECT_THAT(html, HasSubstr("value=\"CL\" checked"));
  EXPECT_THAT(html, Not(HasSubstr("value=\"SU\"")));
  const std::string all = FormHtml(Workshop(), Catalogue(), {true, ""});
  for (const char* group : {"SU", "LR", "CL", "CM", "VC"})
    EXPECT_THAT(all, HasSubstr("name=\"respondent_group\" value=\"" + std::string(group) + "\">"));
}

TEST(FormHtml, AsksForNothingPersonalAndLoadsNothing) {
  const std::string html = FormHtml(Workshop(), Catalogue(), {true, ""});
  EXPECT_EQ(Count(html, "<input"), Count(html, "<input type=\"radio\""));
  for (const char* part : {"<textarea", "<script", "http:", "https:", "<img", "<link", "@import"})
    EXPECT_THAT(html, Not(HasSubstr(part)));
}

TEST(FormHtml, HostileTextStaysText) {
  auto event = Workshop();
  event.set_title("<script>alert(1)</script> & \"x\"");
  event.set_purpose("</p><img src=x onerror=y>");
  auto indicators = Catalogue();
  indicators[1].set_wording("<b>bold</b>");
  indicators[1].set_id("a\" onclick=\"b");
  const std::string html = FormHtml(event, indicators, {true, ""});
  for (const char* part : {"<script", "<img", "<b>", "\" onclick=\""})
    EXPECT_THAT(html, Not(HasSubstr(part)));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
}

using Rows = std::vector<std::vector<std::string>>;

Rows ReadRows(const std::string& csv) {
  Rows rows;
  text::CsvReader reader("form.csv", [&](uint64_t, const std::vector<std::string_view>& fields) {
    rows.emplace_back(fields.begin(), fields.end());
    return absl::OkStatus();
  });
  EXPECT_TRUE(reader.Feed(csv).ok());
  EXPECT_TRUE(reader.Finish().ok());
  return rows;
}

std::string WriteRows(const Rows& rows) {
  std::string csv;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) csv += (i == 0 ? "" : ",") + text::CsvField(row[i]);
    csv += "\n";
  }
  return csv;
}

// Parses as `waterline import responses` does.
void ExpectAllTaken(const std::string& csv, size_t answers) {
  events::ResponseFile file("form.csv");
  ASSERT_TRUE(file.Feed(csv).ok());
  ASSERT_TRUE(file.Finish().ok());
  EXPECT_EQ(file.rows()->rejected(), 0) << file.rows()->ShortDebugString();
  EXPECT_EQ(file.rows()->rows_read(), answers);
  EXPECT_EQ(file.responses().size(), answers);
  std::set<std::string> source_ids;
  for (const auto& row : file.responses()) source_ids.insert(row.source_id());
  EXPECT_EQ(source_ids.size(), answers) << "one answer would replace another";
}

enum Column { kIndicator = 1, kValue = 3, kMissing = 4, kCounts = 7 };

TEST(FormCsv, UnfilledRowsAreReadOver) {
  ExpectAllTaken(FormCsv(Workshop(), Catalogue(), {true, ""}), 0);
}

TEST(FormCsv, HasARowPerQuestionAndGroupAsked) {
  for (const bool full : {false, true}) {
    size_t expected = 1;
    for (const auto& indicator : data::AllIndicators())
      expected += full || indicator.short_form ? indicator.groups.size() : 0;
    EXPECT_EQ(ReadRows(FormCsv(Workshop(), Catalogue(), {full, ""})).size(), expected);
  }
  EXPECT_EQ(ReadRows(FormCsv(Workshop(), Catalogue(), {false, "SU"}))[0][2], "respondent_group");
  for (const auto& row : ReadRows(FormCsv(Workshop(), Catalogue(), {true, "VC"})))
    EXPECT_TRUE(row[2] == "VC" || row[2] == "respondent_group");
}

TEST(FormCsv, IsTakenWithoutARejectedRowWhenFilledIn) {
  const auto unfilled = ReadRows(FormCsv(Workshop(), Catalogue(), {true, ""}));
  auto values = unfilled;
  auto missing = unfilled;
  auto counts = unfilled;
  for (size_t i = 1; i < unfilled.size(); ++i) {
    const int categories = data::FindIndicator(unfilled[i][kIndicator])->categories();
    values[i][kValue] = std::to_string(static_cast<int>(i) % categories);
    missing[i][kMissing] = "dont_know";
    counts[i][kCounts] = categories == 2 ? "3;9" : "0;1;2;3;4";
  }
  ExpectAllTaken(WriteRows(values), unfilled.size() - 1);
  ExpectAllTaken(WriteRows(missing), unfilled.size() - 1);
  ExpectAllTaken(WriteRows(counts), unfilled.size() - 1);
}

TEST(FormCsv, TellsWhatTheValuesMean) {
  const auto rows = ReadRows(FormCsv(Workshop(), Catalogue(), {false, "SU"}));
  ASSERT_GT(rows.size(), 1);
  EXPECT_EQ(rows[1][8], data::FindIndicator(rows[1][kIndicator])->wording);
  EXPECT_THAT(rows[1][9], HasSubstr("0 not at all; 1 a little"));
}

}  // namespace
}  // namespace waterline::cli
