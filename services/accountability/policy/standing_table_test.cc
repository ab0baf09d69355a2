#include "services/accountability/policy/standing_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "services/common/testing/random.h"

namespace waterline::accountability {
namespace {

std::string IdOf(uint64_t high, uint64_t low) {
  std::string id(kSubjectIdBytes, '\0');
  for (size_t i = 0; i < 8; ++i) {
    id[i] = static_cast<char>(high >> (8 * i));
    id[8 + i] = static_cast<char>(low >> (8 * i));
  }
  return id;
}

// Ids that differ in few bits, among them the one of zeros: set, set again, and asked for.
TEST(StandingTable, KeepsWhatWasLastSaidOfEachPerson) {
  std::mt19937_64 random(waterline::testing::Seed());
  StandingTable table;
  std::map<std::string, Standing> model;
  for (int i = 0; i < 20'000; ++i) {
    const std::string id = IdOf(random() % 64, random() % 64);
    const SubjectKey key = *SubjectKey::Of(id);
    table.Prefetch(key.Hash());
    const auto said = model.find(id);
    ASSERT_EQ(table.Find(key, key.Hash()), said == model.end() ? Standing() : said->second);
    if (random() % 2 == 0) continue;
    Standing standing;
    standing.bits = static_cast<uint32_t>(random());
    for (auto& expires_ms : standing.expires_ms) expires_ms = static_cast<int64_t>(random());
    table.Set(key, standing);
    model[id] = standing;
    ASSERT_EQ(table.size(), model.size());
  }
  EXPECT_GT(model.size(), 1000u);
}

TEST(StandingTable, ACopyIsChangedAlone) {
  const SubjectKey ann = *SubjectKey::Of(std::string(16, 'a'));
  StandingTable first;
  first.Set(ann, {kHeld, {}});
  StandingTable second = first;
  second.Set(ann, {kRestricted, {}});
  EXPECT_EQ(first.Find(ann, ann.Hash()).bits, kHeld);
  EXPECT_EQ(second.Find(ann, ann.Hash()).bits, kRestricted);
}

TEST(SubjectKey, IsOf16BytesOnly) {
  EXPECT_FALSE(SubjectKey::Of("").has_value());
  EXPECT_FALSE(SubjectKey::Of(std::string(15, 'a')).has_value());
  EXPECT_FALSE(SubjectKey::Of(std::string(17, 'a')).has_value());
  EXPECT_NE(SubjectKey::Of("aaaaaaaabbbbbbbb"), SubjectKey::Of("bbbbbbbbaaaaaaaa"));
}

}  // namespace
}  // namespace waterline::accountability
