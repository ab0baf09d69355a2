#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "services/common/data/conceptual_map.h"
#include "services/common/testing/random.h"
#include "services/inference/domain/suppression.h"
#include "services/inference/domain/tally.h"
#include "services/inference/domain/values.h"
#include "services/inference/domain/words.h"

namespace waterline::inference {
namespace {

using events::v1::EventEvidence;
using storage::v1::EvidenceTally;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- values -----------------------------------------------------------------------------------

TEST(Values, AreNumberedByCellThenPracticeWithTheMeanFirst) {
  EXPECT_EQ(kValues, 80);
  EXPECT_EQ(CellValue(0, kAllPerspectives), 0);
  EXPECT_EQ(CellValue(11, 3), 59);
  EXPECT_EQ(PracticeValue(0, kAllPerspectives), 60);
  EXPECT_EQ(PracticeValue(3, 3), 79);
  for (int value = 0; value < kValues; ++value) {
    const ValueId id = ValueOf(value);
    EXPECT_EQ(value, id.is_practice() ? PracticeValue(id.practice, id.perspective)
                                      : CellValue(id.cell(), id.perspective));
  }
}

TEST(Values, HaveNodesOfTheConceptualMap) {
  EXPECT_EQ(NodeOf(ValueOf(CellValue(0, 0))), "trust.materials");
  EXPECT_EQ(NodeOf(ValueOf(CellValue(11, 0))), "partnership.meanings");
  EXPECT_EQ(NodeOf(ValueOf(PracticeValue(2, 0))), "learning");
  for (int value = 0; value < kValues; ++value) {
    EXPECT_NE(data::CurrentMap().Find(NodeOf(ValueOf(value))), nullptr);
  }
}

TEST(Values, AMeanKnowsItsAddends) {
  EXPECT_THAT(AddendsOf(CellValue(1, 2)), IsEmpty());
  EXPECT_THAT(AddendsOf(CellValue(1, kAllPerspectives)), ElementsAre(ElementsAre(6, 7, 8, 9)));
  EXPECT_THAT(AddendsOf(PracticeValue(0, 0)), ElementsAre(ElementsAre(1, 6, 11)));
  EXPECT_THAT(AddendsOf(PracticeValue(0, kAllPerspectives)),
              ElementsAre(ElementsAre(61, 62, 63, 64), ElementsAre(0, 5, 10)));
}

// --- tally ------------------------------------------------------------------------------------

void AddItem(EventEvidence* evidence, const std::string& indicator, int perspective,
             const std::string& informant, std::vector<uint64_t> counts) {
  auto* item = evidence->add_items();
  item->set_indicator(indicator);
  item->set_perspective(perspective);
  item->set_informant(informant);
  item->mutable_counts()->Add(counts.begin(), counts.end());
}

EventEvidence Workshop() {
  EventEvidence evidence;
  evidence.set_event("organisations/ods-qnx/events/e1");
  evidence.set_present(true);
  evidence.set_day(20'000);
  return evidence;
}

uint64_t CountOf(const EvidenceTally& tally, int value) {
  return InformantsOf(tally)[static_cast<size_t>(value)];
}

TEST(Tally, CountsAnInformantOncePerValue) {
  auto evidence = Workshop();
  AddItem(&evidence, "trust.skills.listening", 0, "a", {0, 0, 0, 1, 0});
  AddItem(&evidence, "trust.skills.candour", 0, "a", {0, 0, 0, 1, 0});
  AddItem(&evidence, "trust.materials.paper_load", 0, "a", {0, 0, 0, 1, 0});
  AddItem(&evidence, "trust.skills.listening", 0, "b", {0, 0, 0, 1, 0});
  const auto tally = TallyOf(evidence);
  EXPECT_EQ(CountOf(tally, CellValue(1, 0)), 2);
  EXPECT_EQ(CountOf(tally, CellValue(0, 0)), 1);
  EXPECT_EQ(CountOf(tally, PracticeValue(0, 0)), 2);
  EXPECT_EQ(CountOf(tally, PracticeValue(0, kAllPerspectives)), 2);
  EXPECT_EQ(CountOf(tally, CellValue(1, 1)), 0);
  EXPECT_EQ(CountOf(tally, PracticeValue(1, kAllPerspectives)), 0);
}

TEST(Tally, CountsAnonymousAnswersByTheLargestTotalOfOneIndicator) {
  auto evidence = Workshop();
  AddItem(&evidence, "trust.skills.listening", 0, "", {1, 2, 3, 4, 5});  // 15
  AddItem(&evidence, "trust.skills.candour", 0, "", {10, 0, 0, 0, 10});  // 20
  AddItem(&evidence, "trust.skills.candour", 1, "", {0, 0, 0, 0, 3});    // clinicians
  AddItem(&evidence, "trust.materials.paper_load", 0, "", {0, 0, 22, 0, 0});
  AddItem(&evidence, "trust.skills.candour", 0, "a", {0, 0, 0, 0, 1});
  const auto tally = TallyOf(evidence);
  EXPECT_EQ(CountOf(tally, CellValue(1, 0)), 21);
  EXPECT_EQ(CountOf(tally, CellValue(1, 1)), 3);
  EXPECT_EQ(CountOf(tally, CellValue(1, kAllPerspectives)), 24);
  EXPECT_EQ(CountOf(tally, PracticeValue(0, 0)), 23);
}

TEST(Tally, AnEventWithoutAnswersHasASurfaceOnly) {
  auto evidence = Workshop();
  AddItem(&evidence, "trust.skills.listening", 0, "a", {0, 0, 0, 0, 0});
  evidence.mutable_surface()->set_reach(12);
  const auto tally = TallyOf(evidence);
  EXPECT_EQ(tally.reach(), 12);
  EXPECT_EQ(CountOf(tally, CellValue(1, 0)), 0);
  evidence.set_present(false);
  EXPECT_EQ(TallyOf(evidence).events(), 0);
}

TEST(Tally, TakingAnEventAwayLeavesWhatWasThereBefore) {
  auto first = Workshop();
  AddItem(&first, "trust.skills.listening", 0, "a", {0, 0, 0, 1, 0});
  first.mutable_surface()->set_notice_days(10);
  first.mutable_surface()->mutable_level_promised()->set_scheme("iap2");
  first.mutable_surface()->mutable_level_promised()->set_code("involve");
  auto second = first;
  second.set_day(20'010);
  second.mutable_surface()->set_notice_days(20);
  EvidenceTally sum;
  Add(TallyOf(first), &sum);
  const auto before = sum.SerializeAsString();
  Add(TallyOf(second), &sum);
  EXPECT_EQ(sum.events(), 2);
  EXPECT_EQ(CountOf(sum, CellValue(1, 0)), 2);
  Subtract(TallyOf(second), &sum);
  EXPECT_EQ(sum.SerializeAsString(), before);
}

// --- suppression ------------------------------------------------------------------------------

// n of the means as people who answer everything would make them: the sum over groups, the largest
// over cells.
std::vector<uint64_t> WithMeans(const std::vector<uint64_t>& cells) {  // 12 x 4
  std::vector<uint64_t> n(kValues, 0);
  for (int cell = 0; cell < data::kCells; ++cell) {
    for (int r = 0; r < kPerspectiveCount; ++r) {
      const uint64_t count = cells[static_cast<size_t>(kPerspectiveCount * cell + r)];
      const int practice = cell / kElementCount;
      n[static_cast<size_t>(CellValue(cell, r))] = count;
      n[static_cast<size_t>(CellValue(cell, kAllPerspectives))] += count;
      auto& of_practice = n[static_cast<size_t>(PracticeValue(practice, r))];
      of_practice = std::max(of_practice, count);
    }
  }
  for (int p = 0; p < kPracticeCount; ++p) {
    for (int r = 0; r < kPerspectiveCount; ++r) {
      n[static_cast<size_t>(PracticeValue(p, kAllPerspectives))] +=
          n[static_cast<size_t>(PracticeValue(p, r))];
    }
  }
  return n;
}

std::vector<uint64_t> Everywhere(uint64_t count) {
  return std::vector<uint64_t>(data::kCells * kPerspectiveCount, count);
}

TEST(Suppression, HidesValuesOfFewerThanEightPeople) {
  auto n = std::vector<uint64_t>(kValues, 8);
  EXPECT_THAT(Suppress(n), ::testing::Each(Shown::kPublished));
  EXPECT_THAT(Suppress(std::vector<uint64_t>(kValues, 7)), ::testing::Each(Shown::kTooFew));
  EXPECT_THAT(Suppress(std::vector<uint64_t>(kValues, 0)), ::testing::Each(Shown::kNoEvidence));
}

TEST(Suppression, HidesAMeanOfWhichExactlyOneAddendIsHidden) {
  auto cells = Everywhere(20);
  cells[0] = 3;  // trust.materials, people
  const auto shown = Suppress(WithMeans(cells));
  EXPECT_EQ(shown[static_cast<size_t>(CellValue(0, 0))], Shown::kTooFew);
  EXPECT_EQ(shown[static_cast<size_t>(CellValue(0, kAllPerspectives))], Shown::kProtecting);
  EXPECT_EQ(shown[static_cast<size_t>(PracticeValue(0, 0))], Shown::kProtecting);
  EXPECT_EQ(shown[static_cast<size_t>(PracticeValue(0, kAllPerspectives))], Shown::kProtecting);
  EXPECT_EQ(shown[static_cast<size_t>(CellValue(1, 0))], Shown::kPublished);
  EXPECT_EQ(shown[static_cast<size_t>(PracticeValue(1, kAllPerspectives))], Shown::kPublished);
}

TEST(Suppression, ShowsAMeanOfTwoHiddenAddends) {
  auto cells = Everywhere(20);
  for (const size_t i : {0, 1, 4, 5}) cells[i] = 3;  // A square: rows and columns hold two each.
  const auto shown = Suppress(WithMeans(cells));
  EXPECT_EQ(shown[static_cast<size_t>(CellValue(0, kAllPerspectives))], Shown::kPublished);
  EXPECT_EQ(shown[static_cast<size_t>(PracticeValue(0, 0))], Shown::kPublished);
}

TEST(Suppression, NoEvidenceDoesNotCountAsHidden) {
  auto cells = Everywhere(20);
  cells[0] = 0;
  const auto shown = Suppress(WithMeans(cells));
  EXPECT_EQ(shown[static_cast<size_t>(CellValue(0, 0))], Shown::kNoEvidence);
  EXPECT_EQ(shown[static_cast<size_t>(CellValue(0, kAllPerspectives))], Shown::kPublished);
  cells[1] = 3;  // One hidden beside one without evidence: the mean would tell it.
  EXPECT_EQ(Suppress(WithMeans(cells))[static_cast<size_t>(CellValue(0, kAllPerspectives))],
            Shown::kProtecting);
}

// An oracle of its own: Gaussian elimination in floating point over all 48 numbers at once. True
// when a hidden value is a linear combination of what is published.
bool LeaksByElimination(const std::vector<Shown>& shown) {
  constexpr size_t kNumbers = data::kCells * kPerspectiveCount;
  using Row = std::vector<double>;
  const auto row_of = [&](int value) {
    Row row(kNumbers, 0);
    const ValueId id = ValueOf(value);
    for (int cell = 0; cell < data::kCells; ++cell) {
      for (int r = 0; r < kPerspectiveCount; ++r) {
        const bool in_node =
            id.is_practice() ? cell / kElementCount == id.practice : cell == id.cell();
        const bool in_group = id.perspective == kAllPerspectives || id.perspective == r;
        if (in_node && in_group) row[static_cast<size_t>(kPerspectiveCount * cell + r)] = 1;
      }
    }
    return row;
  };
  std::vector<std::pair<size_t, Row>> basis;
  const auto reduce = [&](Row row) {
    for (const auto& [pivot, other] : basis) {
      const double factor = row[pivot] / other[pivot];
      for (size_t i = 0; i < kNumbers; ++i) row[i] -= factor * other[i];
    }
    return row;
  };
  const auto pivot_of = [](const Row& row) {
    size_t best = 0;
    for (size_t i = 0; i < row.size(); ++i) {
      if (std::abs(row[i]) > std::abs(row[best])) best = i;
    }
    return std::abs(row[best]) > 1e-9 ? std::optional<size_t>(best) : std::nullopt;
  };
  for (int value = 0; value < kValues; ++value) {
    if (IsSuppressed(shown[static_cast<size_t>(value)])) continue;
    const Row rest = reduce(row_of(value));
    if (const auto pivot = pivot_of(rest)) basis.emplace_back(*pivot, rest);
  }
  for (int value = 0; value < kValues; ++value) {
    if (IsSuppressed(shown[static_cast<size_t>(value)]) && !pivot_of(reduce(row_of(value))))
      return true;
  }
  return false;
}

TEST(Suppression, EveryPatternOfHiddenCellsOfAPracticeIsSafe) {
  for (unsigned pattern = 0; pattern < 4096; ++pattern) {
    auto cells = Everywhere(20);
    for (size_t i = 0; i < 12; ++i) cells[i] = (pattern >> i & 1U) == 1 ? 3 : 20;
    const auto shown = Suppress(WithMeans(cells));
    ASSERT_THAT(Recoverable(shown), IsEmpty()) << "pattern " << pattern;
    for (int value = 0; value < kValues; ++value) {
      const bool is_few = WithMeans(cells)[static_cast<size_t>(value)] < kSuppressedBelow;
      if (is_few) {
        ASSERT_EQ(shown[static_cast<size_t>(value)], Shown::kTooFew) << "pattern " << pattern;
      }
    }
  }
}

// The counting rule alone is not enough: this pattern (five cells of one practice) gives its first
// cell away through sums of rows and columns.
TEST(Suppression, HidesAMeanThatRowsAndColumnsWouldSolve) {
  auto cells = Everywhere(20);
  for (const size_t i : {0, 4, 8, 5, 9}) cells[i] = 3;
  auto shown = Suppress(WithMeans(cells));
  EXPECT_FALSE(LeaksByElimination(shown));
  for (const int mean : {CellValue(1, kAllPerspectives), CellValue(2, kAllPerspectives),
                         PracticeValue(0, 0), PracticeValue(0, 1)}) {
    shown[static_cast<size_t>(mean)] =
        Shown::kPublished;  // None of them has exactly one hidden addend.
  }
  EXPECT_TRUE(LeaksByElimination(shown));
  EXPECT_FALSE(Recoverable(shown).empty());
}

TEST(Suppression, RandomCountsAreSafeByAnIndependentOracle) {
  const auto seed = waterline::testing::Seed();
  std::mt19937 random(seed);
  const int rounds = waterline::testing::FromEnvironment("WATERLINE_CASES", 300);
  for (int round = 0; round < rounds; ++round) {
    auto cells = Everywhere(0);
    for (auto& count : cells) {
      const auto kind = random() % 4;
      count = kind == 0 ? 0 : kind == 1 ? 1 + random() % 7 : 8 + random() % 30;
    }
    const auto shown = Suppress(WithMeans(cells));
    ASSERT_FALSE(LeaksByElimination(shown));
    ASSERT_THAT(Recoverable(shown), IsEmpty());
  }
}

TEST(Suppression, TheOracleSeesALeak) {
  auto cells = Everywhere(20);
  cells[0] = 3;
  std::vector<Shown> shown(kValues, Shown::kPublished);
  shown[static_cast<size_t>(CellValue(0, 0))] = Shown::kTooFew;
  EXPECT_TRUE(LeaksByElimination(shown));
  EXPECT_THAT(Recoverable(shown), ElementsAre(CellValue(0, 0)));
}

// --- words ------------------------------------------------------------------------------------

TEST(Words, CountsOfPeopleAreRounded) {
  EXPECT_EQ(PeopleInWords(0), "none");
  EXPECT_EQ(PeopleInWords(1), "under 8");
  EXPECT_EQ(PeopleInWords(7), "under 8");
  EXPECT_EQ(PeopleInWords(8), "about 10");
  EXPECT_EQ(PeopleInWords(12), "about 10");
  EXPECT_EQ(PeopleInWords(13), "about 15");
  EXPECT_EQ(PeopleInWords(22), "about 20");
  EXPECT_EQ(PeopleInWords(23), "about 25");
}

TEST(Words, CountsOfEventsAreExact) {
  EXPECT_EQ(EventsInWords(0), "none");
  EXPECT_EQ(EventsInWords(1), "1 event");
  EXPECT_EQ(EventsInWords(7), "7 events");
}

TEST(Words, EveryStatusHasOneSentenceOfItsOwn) {
  std::set<std::string> sentences;
  for (int status = 1; status <= v1::Estimate::Status_MAX; ++status) {
    const auto words =
        WordsOf(static_cast<v1::Estimate::Status>(status), ValueOf(PracticeValue(0, 1)));
    EXPECT_THAT(words, ::testing::StartsWith("Trust, as clinicians see it: "));
    EXPECT_EQ(words.back(), '.');
    sentences.insert(words);
  }
  EXPECT_EQ(sentences.size(), static_cast<size_t>(v1::Estimate::Status_MAX));
}

TEST(Words, AHiddenValueSaysWhyAndWhatHelps) {
  const auto id = ValueOf(CellValue(0, 1));
  EXPECT_THAT(WhyOf(v1::Estimate::STATUS_SUPPRESSED, Shown::kTooFew, id),
              ::testing::HasSubstr("more clinicians"));
  EXPECT_THAT(WhyOf(v1::Estimate::STATUS_SUPPRESSED, Shown::kProtecting, id),
              ::testing::HasSubstr("work out"));
  EXPECT_NE(WhyOf(v1::Estimate::STATUS_NO_EVIDENCE, Shown::kNoEvidence, id), "");
  EXPECT_EQ(WhyOf(v1::Estimate::STATUS_ESTABLISHED, Shown::kPublished, id), "");
}

TEST(Words, TheSurfaceSpeaksInWords) {
  EvidenceTally tally;
  for (const int64_t day : {20'000, 20'010, 20'030}) {
    auto evidence = Workshop();
    evidence.set_day(day);
    auto* surface = evidence.mutable_surface();
    surface->set_reach(14);
    surface->set_contributions(2);
    surface->set_reactions(0);
    surface->set_notice_days(day - 20'000);
    surface->mutable_level_promised()->set_scheme("iap2");
    surface->mutable_level_promised()->set_code("involve");
    surface->mutable_level_delivered()->set_scheme("iap2");
    surface->mutable_level_delivered()->set_code("consult");
    Add(TallyOf(evidence), &tally);
  }
  const auto surface = SurfaceOf(tally);
  EXPECT_EQ(surface.events(), "3 events");
  EXPECT_EQ(surface.reach(), "about 40");
  EXPECT_EQ(surface.contributions(), "under 8");
  EXPECT_EQ(surface.reactions(), "none");
  EXPECT_EQ(surface.notice_days_median(), 10);
  ASSERT_EQ(surface.levels_size(), 1);
  EXPECT_EQ(surface.levels(0).promised(), "Involve");
  EXPECT_EQ(surface.levels(0).delivered(), "Consult");
  EXPECT_EQ(surface.levels(0).events(), "3 events");
  EXPECT_EQ(surface.first_day(), "2024-10-04");
  EXPECT_EQ(surface.last_day(), "2024-11-03");
}

TEST(Words, TheMedianOfAnEvenNumberIsTheMiddle) {
  EvidenceTally tally;
  for (const int64_t days : {3, 4}) {
    auto evidence = Workshop();
    evidence.mutable_surface()->set_notice_days(days);
    Add(TallyOf(evidence), &tally);
  }
  EXPECT_EQ(SurfaceOf(tally).notice_days_median(), 3.5);
}

}  // namespace
}  // namespace waterline::inference
