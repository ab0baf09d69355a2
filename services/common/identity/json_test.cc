#include "services/common/identity/json.h"

#include <gtest/gtest.h>

namespace waterline::identity {
namespace {

TEST(Json, ReadsWhatTokensHold) {
  const auto json = Json::ParseObject(
      R"({"sub":"ann","exp":1700000000,"aud":["a","b"],"cnf":{"x":"y"},"ok":true,"f":1.5})");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->StringOf("sub"), "ann");
  EXPECT_EQ(json->Find("exp")->Integer(), 1700000000);
  EXPECT_EQ(json->Find("aud")->items().at(1).String(), "b");
  EXPECT_EQ(json->Find("cnf")->StringOf("x"), "y");
  EXPECT_EQ(json->Find("f")->Integer(), std::nullopt);
  EXPECT_EQ(json->StringOf("exp"), std::nullopt);
  EXPECT_EQ(json->Find("none"), nullptr);
}

TEST(Json, AMemberThatComesTwiceIsRefusedAtEveryDepthAndInEverySpelling) {
  for (const char* text : {R"({"a":1,"a":1})", R"({"a":1,"b":2,"\u0061":3})",
                           R"({"c":{"a":1,"a":2}})", R"({"c":[{"a":1,"a":2}]})"})
    EXPECT_EQ(Json::ParseObject(text).status().message(), "a member of the JSON text comes twice")
        << text;
  EXPECT_TRUE(Json::ParseObject(R"({"a":{"a":1}})").ok()) << "the same name at two levels is fine";
}

TEST(Json, EverythingElseIsRefused) {
  for (const char* text :
       {"", "[]", "1", "\"a\"", "null", "{", "{}x", "{}{}", "{'a':1}", "{\"a\":}", "{\"a\":1,}",
        "{\"a\":01}", "{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\n\"}", "{a:1}",
        "{\"a\":NaN}", "// comment\n{}"})
    EXPECT_FALSE(Json::ParseObject(text).ok()) << text;
}

TEST(Json, DepthAndLengthAreLimited) {
  const auto nested = [](size_t levels) {
    return "{\"a\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  EXPECT_TRUE(Json::ParseObject(nested(kJsonLevelsMax)).ok());
  EXPECT_FALSE(Json::ParseObject(nested(kJsonLevelsMax + 1)).ok());
  const auto padded = [](size_t bytes) { return "{" + std::string(bytes - 2, ' ') + "}"; };
  EXPECT_TRUE(Json::ParseObject(padded(kJsonBytesMax)).ok());
  EXPECT_FALSE(Json::ParseObject(padded(kJsonBytesMax + 1)).ok());
}

TEST(Json, QuotedTextReadsBack) {
  const std::string text = "a \"b\" \\ \n \x01 \u00e9";
  const auto json = Json::ParseObject("{\"a\":" + JsonQuote(text) + "}");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->StringOf("a"), text);
}

}  // namespace
}  // namespace waterline::identity
