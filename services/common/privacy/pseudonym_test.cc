// Promises of pseudonym.h: stable within a scope, unlinkable across scopes, valid ids and names.

#include "services/common/privacy/pseudonym.h"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>

#include "services/common/crypto/encoding.h"
#include "services/common/testing/random.h"
#include "services/common/text/id.h"

namespace waterline::privacy {
namespace {

const std::string kRoot(32, 'r');
const std::string kKey(32, 'k');

std::string RandomText(std::mt19937* random, size_t length) {
  std::string text;
  for (size_t i = 0; i < length; ++i) text.push_back(static_cast<char>('a' + (*random)() % 26));
  return text;
}

// Fixed once and for all: recipients keep pseudonyms, so the bytes may never change. Worked out
// with Python's hmac and hashlib from the layout in pseudonym.h.
TEST(Pseudonym, IsTheWrittenFormat) {
  const std::string key = PseudonymKey(kRoot, {"ods-qnx", "ISA-0042", 1});
  EXPECT_EQ(crypto::HexEncode(key),
            "f78547964f34a712221503fce577ee49c00229e22b095b8985ac35530688da82");
  EXPECT_EQ(Pseudonym(key, "participants/p1"), "pqal3xx57tswxykay2vqtc6dzua");
}

TEST(Pseudonym, IsAnIdOfTheSameShapeAlways) {
  std::mt19937 random(testing::Seed());
  for (int round = 0; round < 1000; ++round) {
    const std::string pseudonym = Pseudonym(kKey, RandomText(&random, random() % 80));
    ASSERT_EQ(pseudonym.size(), kPseudonymLength);
    ASSERT_TRUE(text::IsResourceId(pseudonym)) << pseudonym;
  }
}

TEST(Pseudonym, IsTheSameForTheSameScope) {
  for (const uint32_t epoch : {1U, 2U, 70'000U}) {
    const PseudonymScope scope{"ods-qnx", "ISA-0042", epoch};
    EXPECT_EQ(PseudonymKey(kRoot, scope), PseudonymKey(kRoot, scope));
    EXPECT_EQ(Pseudonym(PseudonymKey(kRoot, scope), "x"),
              Pseudonym(PseudonymKey(kRoot, scope), "x"));
  }
}

// Scopes that differ in one part only, also where the parts would read the same put together.
std::vector<PseudonymScope> Neighbours(const PseudonymScope& scope) {
  std::vector<PseudonymScope> all(6, scope);
  all[0].recipient += "x";
  all[1].agreement_reference += "x";
  all[2].epoch += 1;
  all[3].epoch += 256;
  std::swap(all[4].recipient, all[4].agreement_reference);
  all[5].recipient += all[5].agreement_reference.substr(0, 1);
  all[5].agreement_reference.erase(0, 1);
  return all;
}

TEST(Pseudonym, OfOtherScopesNeverMeet) {
  std::mt19937 random(testing::Seed());
  for (int round = 0; round < 100; ++round) {
    const PseudonymScope scope{RandomText(&random, 1 + random() % 12),
                               RandomText(&random, 1 + random() % 12),
                               static_cast<uint32_t>(random())};
    auto scopes = Neighbours(scope);
    scopes.push_back(scope);
    std::set<std::string> seen;
    size_t made = 0;
    for (const auto& one : scopes) {
      const std::string key = PseudonymKey(kRoot, one);
      for (int value = 0; value < 20; ++value, ++made)
        seen.insert(Pseudonym(key, "person " + std::to_string(value)));
    }
    ASSERT_EQ(seen.size(), made) << scope.recipient << " " << scope.agreement_reference;
  }
}

TEST(Pseudonym, OfAnotherControllersRootNeverMeet) {
  const PseudonymScope scope{"ods-qnx", "ISA-0042", 1};
  EXPECT_NE(PseudonymKey(kRoot, scope), PseudonymKey(std::string(32, 's'), scope));
}

// No bit of a pseudonym tells anything of the one another recipient has: over many values each
// position holds equal characters about as often as chance would have it.
TEST(Pseudonym, OfTwoRecipientsAgreeOnlyByChance) {
  const std::string one = PseudonymKey(kRoot, {"ods-qnx", "ISA-0042", 1});
  const std::string other = PseudonymKey(kRoot, {"ods-rx1", "ISA-0042", 1});
  constexpr int kValues = 2000;
  for (size_t at = 1; at + 1 < kPseudonymLength; ++at) {
    int equal = 0;
    for (int value = 0; value < kValues; ++value) {
      const std::string text = std::to_string(value);
      equal += Pseudonym(one, text)[at] == Pseudonym(other, text)[at] ? 1 : 0;
    }
    EXPECT_LT(equal, 2 * kValues / 32) << "position " << at;  // Expected: 62.5; fixed keys.
  }
}

TEST(Pseudonym, OfANameKeepsItsReadableParents) {
  const std::string name = "organisations/ods-x/events/e1/contributions/c1";
  EXPECT_EQ(PseudonymOfName(kKey, name),
            "organisations/ods-x/events/e1/contributions/" + Pseudonym(kKey, name));
}

TEST(Pseudonym, OfANameHidesAPersonAboveIt) {
  const std::string person = "organisations/ods-x/participants/p1";
  const std::string shown = PseudonymOfName(kKey, person + "/permissions/a1");
  EXPECT_EQ(shown, PseudonymOfName(kKey, person) + "/permissions/" +
                       Pseudonym(kKey, person + "/permissions/a1"));
  EXPECT_THAT(shown, ::testing::Not(::testing::HasSubstr("p1/")));
}

TEST(Pseudonym, OfEqualIdsUnderTwoParentsDiffer) {
  EXPECT_NE(Pseudonym(kKey, "organisations/ods-x/events/e1/contributions/c1"),
            Pseudonym(kKey, "organisations/ods-x/events/e2/contributions/c1"));
}

TEST(Pseudonym, OfWhatIsNoNameShowsNothingOfIt) {
  for (const std::string value :
       {"", "seat-7", "Jane Doe/Smith", "events/", "/events/e1", "events", "events/e1/",
        "Events/e1/x/y", "events/E1/x/y", "events//x/y", "organisations/ods-x/participants"}) {
    EXPECT_EQ(PseudonymOfName(kKey, value), Pseudonym(kKey, value)) << value;
  }
}

TEST(PseudonymDeathTest, NeedsAWholeKey) {
  EXPECT_DEATH(Pseudonym("", "x"), "pseudonym key");
  EXPECT_DEATH(PseudonymKey(std::string(31, 'r'), {}), "pseudonym key");
}

}  // namespace
}  // namespace waterline::privacy
