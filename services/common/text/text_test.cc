#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/common/status/error.h"
#include "services/common/text/csv.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/personal.h"
#include "services/common/text/utf8.h"

namespace waterline::text {
namespace {

using Rows = std::vector<std::vector<std::string>>;

absl::Status ReadAll(std::string_view csv, size_t piece, Rows* rows) {
  CsvReader reader("votes.csv", [rows](uint64_t, const std::vector<std::string_view>& fields) {
    rows->emplace_back(fields.begin(), fields.end());
    return absl::OkStatus();
  });
  for (size_t at = 0; at < csv.size(); at += piece) {
    if (auto status = reader.Feed(csv.substr(at, piece)); !status.ok()) return status;
  }
  return reader.Finish();
}

TEST(Csv, IsTheSameInPiecesOfAnySize) {
  const std::string csv =
      "\xEF\xBB\xBF"
      "a,b\r\n1,\"two \"\"2\"\"\nlines\"\r\n\r\n,\nlast,x";
  const Rows expected = {{"a", "b"}, {"1", "two \"2\"\nlines"}, {"", ""}, {"last", "x"}};
  for (size_t piece = 1; piece < 12; ++piece) {
    Rows rows;
    ASSERT_TRUE(ReadAll(csv, piece, &rows).ok()) << piece;
    EXPECT_EQ(rows, expected) << piece;
  }
}

TEST(Csv, NamesFileAndRowOfWhatIsWrongAndNeverTheValue) {
  for (const std::string bad :
       {"a,b\nx\"secret,1\n", "a,b\n\"secret\"x,1\n", "a,b\n\"secret", "a\nsecret\xFF\n"}) {
    Rows rows;
    const auto status = ReadAll(bad, 3, &rows);
    ASSERT_FALSE(status.ok()) << bad;
    ASSERT_EQ(ViolationsOf(status).size(), 1u);
    EXPECT_TRUE(ViolationsOf(status)[0].field.starts_with("votes.csv: row 2")) << bad;
    EXPECT_EQ(status.ToString().find("secret"), std::string::npos);
  }
}

TEST(Csv, ALineWithoutEndIsRefusedBeforeItFillsMemory) {
  CsvReader reader("x.csv", [](uint64_t, const auto&) { return absl::OkStatus(); });
  const std::string piece(64 * 1024, 'x');
  int pieces = 0;
  while (reader.Feed(piece).ok() && pieces < 5000) ++pieces;
  EXPECT_LE(pieces, 16);
}

TEST(Csv, WritesWhatItReads) {
  for (const std::string value : {"plain", "a,b", "a \"b\"", "two\nlines", " edge ", ""}) {
    Rows rows;
    ASSERT_TRUE(ReadAll(CsvField(value) + ",x\n", 4, &rows).ok());
    EXPECT_EQ(rows[0][0], value);
  }
}

TEST(Date, OnlyDaysOfTheCalendar) {
  EXPECT_EQ(ParseDate("2000-01-01"), 10957);
  EXPECT_EQ(FormatDate(*ParseDate("2024-02-29")), "2024-02-29");
  for (const char* bad : {"2023-02-29", "2024-13-01", "2024-00-10", "24-01-01", "2024/01/01",
                          "2024-1-1", "1999-12-31", ""}) {
    EXPECT_EQ(ParseDate(bad), std::nullopt) << bad;
  }
}

TEST(Date, InstantsNeedAZone) {
  EXPECT_EQ(ParseInstant("2024-06-01T10:00+01:00"), ParseInstant("2024-06-01T09:00:00Z"));
  EXPECT_EQ(FormatInstant(*ParseInstant("2024-06-01T10:00:00.250Z")), "2024-06-01T10:00:00.250Z");
  for (const char* bad : {"2024-06-01T10:00", "2024-06-01 10:00Z", "2024-06-01T25:00Z",
                          "2024-06-01", "2024-06-01T10:00:00.Z"}) {
    EXPECT_EQ(ParseInstant(bad), std::nullopt) << bad;
  }
}

TEST(Id, NamesMatchTheirPattern) {
  EXPECT_EQ(MatchName("organisations/ods-qnx/events/e1", "organisations/*/events/*"),
            (std::vector<std::string>{"ods-qnx", "e1"}));
  EXPECT_EQ(MatchName("organisations/ods-qnx", "organisations/*/events/*"), std::nullopt);
  EXPECT_EQ(MatchName("organisations/../events/e1", "organisations/*/events/*"), std::nullopt);
  EXPECT_FALSE(IsResourceId("1a"));
  EXPECT_FALSE(IsResourceId("a-"));
  EXPECT_EQ(Slug("Old Market & Quay"), "old-market-quay");
  EXPECT_EQ(Slug("2024"), "");
}

// domain.md 4.3 and 4.2.
TEST(Identifiers, PostcodesOfTheStandard) {
  for (const char* good : {"BN1 9PH", "M1 1AE", "B33 8TH", "CR2 6XH", "DN55 1PT", "W1A 0AX",
                           "EC1A 1BB", "SW1A 1AA", "GIR 0AA", "ZZ99 3VZ"}) {
    EXPECT_EQ(NormalisePostcode(good), good);
  }
  EXPECT_EQ(NormalisePostcode(" bn19ph "), "BN1 9PH");
  for (const char* bad : {"QA1 1AA", "B1 1AC", "BN1 9P", "BN 19PH", ""})
    EXPECT_EQ(NormalisePostcode(bad), std::nullopt) << bad;
}

TEST(Identifiers, SchemesHaveTheirShape) {
  EXPECT_EQ(NormaliseIdentifier("ods", " qnx "), "QNX");
  EXPECT_EQ(NormaliseIdentifier("ods", "Q N"), std::nullopt);
  EXPECT_EQ(NormaliseIdentifier("chc", "1234567"), "1234567");
  EXPECT_EQ(NormaliseIdentifier("coh", "sc123456"), "SC123456");
  EXPECT_EQ(NormaliseIdentifier("gss", "E06000043"), "E06000043");
  EXPECT_EQ(NormaliseIdentifier("uprn", "1"), std::nullopt);
}

// domain.md 4.1.
TEST(Identifiers, FindsNhsNumbersInText) {
  for (const char* holds :
       {"my number is 943 476 5919.", "9434765919", "943-476-5919", "(9876543210)"})
    EXPECT_TRUE(HoldsNhsNumber(holds)) << holds;
  for (const char* not_one :
       {"9434765918", "1234567890", "07700 900123", "43 476 591", "0000000000"})
    EXPECT_FALSE(HoldsNhsNumber(not_one)) << not_one;
}

TEST(Utf8, RefusesWhatMustNotBeStored) {
  EXPECT_EQ(TextProblem("caf\xC3\xA9", 1, 4), "");
  EXPECT_NE(TextProblem("caf\xC3\xA9", 1, 3), "");
  EXPECT_NE(TextProblem("", 1, 3), "");
  EXPECT_NE(TextProblem(std::string("a\0b", 3), 1, 9), "");
  EXPECT_NE(TextProblem("a\xE2\x80\xAE"
                        "b",
                        1, 9),
            "");
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE4\xB8"})
    EXPECT_FALSE(IsValidUtf8(bad));
}

TEST(Utf8, SuggestsWhatIsNear) {
  EXPECT_EQ(Suggestion("harborside", {"Harbourside", "Chalk Hills"}), "Harbourside");
  EXPECT_EQ(Suggestion("zzz", {"Harbourside", "Chalk Hills"}), "");
}

TEST(Personal, FindsEachKindAndNeverGivesTheValue) {
  using Kinds = std::vector<std::string>;
  const std::vector<std::pair<std::string, Kinds>> cases = {
      {"write to petra.planted@example.org, please", {"email"}},
      {"ring 01273 555 123 after six", {"telephone"}},
      {"ring (01273) 555123", {"telephone"}},
      {"+44 7700 900123 is mine", {"telephone"}},
      {"I live at BN1 1AA", {"postcode"}},
      {"near bn11aa", {"postcode"}},
      {"my number is 943 476 5919", {"nhs_number"}},
      {"Dr Okafor was kind", {"name"}},
      {"I told Mrs. O'Neill", {"name"}},
      {"My name is Xanthe", {"name"}},
      {"Petra Planted said so", {"name"}},
      {"I am called Xanthe", {"name"}},
      {"I'm Sarah and I agree", {"name"}},
      {"Thank you, signed Sarah", {"name"}},
      {"ring 0044 7700 900123", {"telephone"}},
      {"ring +44 (0)7700 900123", {"telephone"}},
      {"the old one was 01273 55512", {"telephone"}},
      {"44-1273-55512", {"telephone"}},
      {"a.b_@example.org", {"email"}},
      {"Mr Bell, bell@example.org, 07700 900123, SW1A 1AA",
       {"name", "email", "telephone", "postcode"}}};
  for (const auto& [text, kinds] : cases) EXPECT_EQ(FindPersonal(text), kinds) << text;
}

TEST(Personal, LeavesOrdinaryWordsAlone) {
  for (const std::string text :
       {"One page, please. The letter came 3 weeks late.", "Open 9 to 5, room 12B, floor 2.",
        "The name is unclear. Doctor was kind. The Doctor.", "In 2026 we spent 1 200 300 pounds.",
        "Meet @ the hall", "@example.org", "me@home", "me@.org", "me@home.x",
        "I'm Delighted. Signed Off.", "Mr\n\nBell", "mr Bell", "John went home", "0127   3555123",
        "44 127355512 3344", "BN1, 1AA", "It costs 12345678901 pence", "Mark my words; may we?",
        ""})
    EXPECT_TRUE(FindPersonal(text).empty()) << text << ' ' << FindPersonal(text)[0];
}

}  // namespace
}  // namespace waterline::text
