#include "services/accountability/policy/words.h"

#include <gtest/gtest.h>

#include <set>

namespace waterline::accountability {
namespace {

TEST(WordSet, HoldsJustTheWordsItWasMadeOf) {
  for (const int words : {0, 1, 6, 7, 300, 3000}) {  // Inline, beyond that, and a full filter.
    std::vector<std::string> all;
    for (int i = 0; i < words; ++i) all.push_back("places/ward-" + std::to_string(2 * i));
    const WordSet set(all);
    EXPECT_EQ(set.size(), all.size());
    for (int i = 0; i < words; ++i) {
      EXPECT_TRUE(set.contains(Word("places/ward-" + std::to_string(2 * i)))) << i;
      EXPECT_FALSE(set.contains(Word("places/ward-" + std::to_string(2 * i + 1)))) << i;
    }
  }
}

TEST(WordSet, AWordOfTheSameHashIsAnotherWord) {
  const WordSet set({"places/hove"});
  Word other("places/lewes");
  other.hash = Word("places/hove").hash;
  EXPECT_FALSE(set.contains(other));
}

TEST(WordSet, APartOfAWordIsNoWordAndTheEmptyOneIsOne) {
  const WordSet set({"places/hove", "places/lewes", ""});
  EXPECT_FALSE(set.contains(Word("places/hov")));
  EXPECT_FALSE(set.contains(Word("places/hoveplaces/lewes")));
  EXPECT_TRUE(set.contains(Word("")));
  EXPECT_FALSE(WordSet({"places/hove"}).contains(Word("")));
}

TEST(WordSet, APlaceIsThatOfTheTextAndWhatIsNamedTwiceCountsOnce) {
  const WordSet set({"b", "a", "b", "c"});
  const auto texts = set.texts();
  EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()),
            (std::set<std::string>{"a", "b", "c"}));
  ASSERT_EQ(texts.size(), 3u);
  for (const auto& text : texts) EXPECT_EQ(texts[set.Find(Word(text)).value()], text);
}

}  // namespace
}  // namespace waterline::accountability
