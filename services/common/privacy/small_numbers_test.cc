// What the policies show, and that nothing hidden follows from it. Two attackers who know the
// policy's text try to work a hidden number out: one solves for the bounds of every hidden number
// with exact linear programming, one looks for another whole table by trying them all.

#include "services/common/privacy/small_numbers.h"

#include <gmock/gmock.h>

#include <functional>
#include <numeric>
#include <random>
#include <set>

#include "services/common/status/error.h"
#include "services/common/testing/random.h"

namespace waterline::privacy {
namespace {

using accountability::v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5;
using accountability::v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY;
using accountability::v1::SMALL_NUMBER_POLICY_SUPPRESS_LT5_SECONDARY;
using accountability::v1::SMALL_NUMBER_POLICY_UNSPECIFIED;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Optional;

__extension__ typedef __int128 Wide;

constexpr auto kNhs = SMALL_NUMBER_POLICY_NHS_1_7_ROUND5;
constexpr auto kLt5 = SMALL_NUMBER_POLICY_SUPPRESS_LT5_SECONDARY;
constexpr auto kBoth = SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY;
constexpr SmallNumberPolicy kPolicies[] = {kNhs, kLt5, kBoth};

using Items = std::vector<std::optional<uint64_t>>;
constexpr auto kHidden = std::nullopt;

Items Show(SmallNumberPolicy policy, const std::vector<size_t>& sizes,
           const std::vector<uint64_t>& cells) {
  const auto shown = ReleaseCounts(policy, {sizes, cells});
  EXPECT_TRUE(shown.ok()) << shown.status();
  return shown.ok() ? shown->items() : Items();
}

// ---- What the reader sees: which cells each item sums, written anew for the attackers -----------

using Sum = std::vector<size_t>;  // Indices of cells.

std::vector<Sum> SumsOf(const std::vector<size_t>& sizes) {
  std::vector<std::vector<size_t>> places = {{}};
  for (const size_t size : sizes) {
    std::vector<std::vector<size_t>> longer;
    for (const auto& place : places) {
      for (size_t i = 0; i <= size; ++i) {
        longer.push_back(place);
        longer.back().push_back(i);
      }
    }
    places = longer;
  }
  std::vector<Sum> sums;
  for (const auto& place : places) {
    Sum indices = {0};
    for (size_t d = 0; d < sizes.size(); ++d) {
      Sum next;
      for (const size_t index : indices) {
        for (size_t i = 0; i < sizes[d]; ++i) {
          if (place[d] == i || place[d] == sizes[d]) next.push_back(index * sizes[d] + i);
        }
      }
      indices = next;
    }
    sums.push_back(indices);
  }
  return sums;
}

uint64_t Add(const Sum& sum, const std::vector<uint64_t>& cells) {
  return std::accumulate(sum.begin(), sum.end(), uint64_t{0},
                         [&](uint64_t total, size_t cell) { return total + cells[cell]; });
}

struct Bounds {
  int64_t low;
  std::optional<int64_t> high;  // Nothing: no bound.
};

// What one shown item says: exactly, or within its rounding; hidden: at least 1.
Bounds Says(SmallNumberPolicy policy, const std::optional<uint64_t>& item) {
  if (!item) return {1, std::nullopt};
  const auto value = static_cast<int64_t>(*item);
  if (policy == kLt5 || value == 0) return {value, value};
  return {std::max<int64_t>(8, value - 2), value + 2};
}

// ---- The attacker who solves -----------------------------------------------------------------

// Bounds of sums over whole numbers of people, from linear constraints: the simplex method with
// Bland's rule in whole numbers (every entry is over one common denominator), so it is exact.
class Solver {
 public:
  explicit Solver(size_t unknowns) : unknowns_(unknowns) {}

  void Require(const Sum& sum, Bounds bounds) {
    if (bounds.high == bounds.low) return Keep(sum, bounds.low, 0);
    if (bounds.low > 0) Keep(sum, bounds.low, -1);
    if (bounds.high) Keep(sum, *bounds.high, 1);
  }

  // Call once, after all Require. False: nothing fits (never, for what was released).
  bool FindStart() {
    const size_t slacks = slack_signs_.size();
    columns_ = unknowns_ + slacks + rows_.size();
    for (size_t i = 0; i < rows_.size(); ++i) {
      auto& row = rows_[i];
      row.numbers.resize(columns_ + 1);
      row.numbers[unknowns_ + i] = slack_signs_[i];
      row.numbers[unknowns_ + slacks + i] = 1;
      row.numbers[columns_] = row.right;
      basis_.push_back(unknowns_ + slacks + i);
    }
    std::vector<int64_t> objective(columns_ + 1);
    for (size_t i = unknowns_ + slacks; i < columns_; ++i) objective[i] = -1;
    usable_ = columns_;
    const auto lacking = Maximise(objective);
    usable_ = unknowns_ + slacks;
    DropHelpers();
    return lacking == Ratio{0, 1};
  }

  // The whole numbers between the least and the greatest value of a sum.
  Bounds BoundsOf(const Sum& sum) {
    std::vector<int64_t> objective(columns_ + 1);
    for (const size_t cell : sum) objective[cell] = 1;
    const auto highest = Maximise(objective);
    for (auto& number : objective) number = -number;
    const auto lowest = Maximise(objective);
    Bounds bounds{-Floor(*lowest), std::nullopt};
    if (highest) bounds.high = Floor(*highest);
    return bounds;
  }

 private:
  using Ratio = std::pair<int64_t, int64_t>;  // Denominator above 0.
  struct Row {
    std::vector<int64_t> numbers;
    int64_t right;
  };

  static int64_t Floor(const Ratio& ratio) {
    return ratio.first >= 0 ? ratio.first / ratio.second
                            : -((-ratio.first + ratio.second - 1) / ratio.second);
  }

  void Keep(const Sum& sum, int64_t right, int slack) {
    Row row{std::vector<int64_t>(unknowns_), right};
    for (const size_t cell : sum) row.numbers[cell] = 1;
    rows_.push_back(std::move(row));
    slack_signs_.push_back(slack);
  }

  static int64_t Narrow(Wide wide) {
    const auto narrow = static_cast<int64_t>(wide);
    EXPECT_TRUE(narrow == wide) << "the attacker's numbers grew too large";
    return narrow;
  }

  void Pivot(size_t row, size_t column) {
    if (rows_[row].numbers[column] < 0) {
      for (auto& number : rows_[row].numbers) number = -number;
    }
    const int64_t pivot = rows_[row].numbers[column];
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (i == row) continue;
      const int64_t factor = rows_[i].numbers[column];
      for (size_t j = 0; j <= columns_; ++j) {
        const Wide wide = static_cast<Wide>(rows_[i].numbers[j]) * pivot -
                          static_cast<Wide>(factor) * rows_[row].numbers[j];
        rows_[i].numbers[j] = Narrow(wide / denominator_);
      }
    }
    denominator_ = pivot;
    basis_[row] = column;
  }

  // The reduced cost of a column, over the denominator.
  Wide GainOf(const std::vector<int64_t>& objective, size_t column) const {
    Wide gain = static_cast<Wide>(objective[column]) * denominator_;
    for (size_t i = 0; i < rows_.size(); ++i)
      gain -= static_cast<Wide>(objective[basis_[i]]) * rows_[i].numbers[column];
    return gain;
  }

  std::optional<size_t> Leaving(size_t column) const {
    std::optional<size_t> best;
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].numbers[column] <= 0) continue;
      if (!best) {
        best = i;
        continue;
      }
      const Wide mine =
          static_cast<Wide>(rows_[i].numbers[columns_]) * rows_[*best].numbers[column];
      const Wide its = static_cast<Wide>(rows_[*best].numbers[columns_]) * rows_[i].numbers[column];
      if (mine < its || (mine == its && basis_[i] < basis_[*best])) best = i;
    }
    return best;
  }

  // Nothing: without bound.
  std::optional<Ratio> Maximise(const std::vector<int64_t>& objective) {
    for (size_t column = 0; column < usable_;) {
      if (GainOf(objective, column) <= 0) {
        ++column;
        continue;
      }
      const auto row = Leaving(column);
      if (!row) return std::nullopt;
      Pivot(*row, column);
      column = 0;
    }
    return Ratio{-Narrow(GainOf(objective, columns_)), denominator_};
  }

  // Helper columns of the start leave the basis; a row that cannot be without one says nothing.
  void DropHelpers() {
    for (size_t i = 0; i < rows_.size();) {
      if (basis_[i] < usable_) {
        ++i;
        continue;
      }
      size_t column = 0;
      while (column < usable_ && rows_[i].numbers[column] == 0) ++column;
      if (column < usable_) {
        Pivot(i, column);
        ++i;
      } else {
        rows_.erase(rows_.begin() + static_cast<ptrdiff_t>(i));
        basis_.erase(basis_.begin() + static_cast<ptrdiff_t>(i));
      }
    }
  }

  const size_t unknowns_;
  std::vector<Row> rows_;
  std::vector<int> slack_signs_;
  size_t columns_ = 0;
  size_t usable_ = 0;
  int64_t denominator_ = 1;
  std::vector<size_t> basis_;
};

// Items of which the bounds leave one whole number only.
std::set<size_t> Solved(SmallNumberPolicy policy, const std::vector<size_t>& sizes,
                        const Items& items) {
  const auto sums = SumsOf(sizes);
  Solver solver(sums.back().size());
  for (size_t i = 0; i < items.size(); ++i) solver.Require(sums[i], Says(policy, items[i]));
  EXPECT_TRUE(solver.FindStart());
  std::set<size_t> solved;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i]) continue;
    const Bounds bounds = solver.BoundsOf(sums[i]);
    if (bounds.high && *bounds.high <= bounds.low) solved.insert(i);
  }
  return solved;
}

// ---- The attacker who tries --------------------------------------------------------------------

// Hidden items that are the same in every table of whole numbers that looks like this one and
// differs from the true one by at most 1 in each cell. Small tables only.
std::set<size_t> Unmoved(SmallNumberPolicy policy, const std::vector<size_t>& sizes,
                         const std::vector<uint64_t>& cells, const Items& items) {
  const auto sums = SumsOf(sizes);
  std::set<size_t> unmoved;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i]) unmoved.insert(i);
  }
  std::vector<int> change(cells.size(), -1);
  while (true) {
    std::vector<int64_t> moved(items.size());
    bool fits = true;
    for (size_t i = 0; i < items.size() && fits; ++i) {
      for (const size_t cell : sums[i])
        moved[i] += static_cast<int64_t>(cells[cell]) + change[cell];
      const Bounds bounds = Says(policy, items[i]);
      fits = moved[i] >= bounds.low && (!bounds.high || moved[i] <= *bounds.high);
    }
    for (auto item = unmoved.begin(); fits && item != unmoved.end();) {
      const bool differs = moved[*item] != static_cast<int64_t>(Add(sums[*item], cells));
      item = differs ? unmoved.erase(item) : std::next(item);
    }
    size_t next = 0;
    while (next < change.size() && ++change[next] > 1) change[next++] = -1;
    if (next == change.size()) return unmoved;
  }
}

// ---- Tables -------------------------------------------------------------------------------------

struct Case {
  std::vector<size_t> sizes;
  std::vector<uint64_t> cells;
};

std::string Describe(const Case& one) {
  std::string text;
  for (const auto size : one.sizes) text += std::to_string(size) + " x ";
  for (const auto cell : one.cells) text += std::to_string(cell) + " ";
  return text;
}

// Hides what is small and nothing else: what the attackers must be able to break.
Items OnlySmallHidden(SmallNumberPolicy policy, const Case& one) {
  Items items;
  for (const auto& sum : SumsOf(one.sizes)) {
    const uint64_t value = Add(sum, one.cells);
    const bool small = value > 0 && value < (policy == kLt5 ? 5 : 8);
    const uint64_t rounded = policy == kLt5 ? value : (value + 2) / 5 * 5;
    items.push_back(small ? std::nullopt : std::optional<uint64_t>(rounded));
  }
  return items;
}

// All that must hold of any table under any policy.
void Check(SmallNumberPolicy policy, const Case& one, bool try_all) {
  SCOPED_TRACE(accountability::v1::SmallNumberPolicy_Name(policy) + ": " + Describe(one));
  const Items items = Show(policy, one.sizes, one.cells);
  const Items least = OnlySmallHidden(policy, one);
  ASSERT_EQ(items.size(), least.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const bool is_zero = least[i] == std::optional<uint64_t>(0);
    if (is_zero) {
      ASSERT_EQ(items[i], least[i]) << "0 is shown";
    }
    if (items[i]) {
      ASSERT_EQ(items[i], least[i]) << "item " << i;
    }
  }
  ASSERT_THAT(Solved(policy, one.sizes, items), ::testing::IsEmpty());
  if (try_all) {
    ASSERT_THAT(Unmoved(policy, one.sizes, one.cells, items), ::testing::IsEmpty());
  }
}

const std::vector<Case>& WorstCases() {
  static const std::vector<Case> cases = {
      {{1}, {3}},                    // A cell that is its own total.
      {{3}, {2, 50, 60}},            // One small cell: the total tells it.
      {{3}, {1, 1, 60}},             // Two: their sum 2 tells both, being above 0.
      {{4}, {1, 1, 1, 1}},           // Everybody small, and the total too.
      {{7}, {1, 1, 1, 1, 1, 1, 1}},  // As many as a small total can hold.
      {{4}, {7, 7, 7, 7}},           // Rounded total 30: at least 28, and 28 is the most.
      {{12}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},  // Rounded total 10: at most 12.
      {{2}, {7, 12}},
      {{5}, {0, 0, 0, 0, 0}},
      {{5}, {0, 4, 0, 0, 0}},  // One small cell among zeros.
      {{2, 2}, {3, 20, 20, 20}},
      {{2, 2}, {3, 0, 0, 20}},  // Zeros block every swap of cells.
      {{3, 3}, {3, 0, 0, 0, 3, 0, 0, 0, 3}},
      {{3, 3}, {30, 0, 0, 0, 3, 0, 0, 0, 40}},
      {{3, 4}, {3, 20, 20, 20, 3, 3, 20, 20, 3, 3, 20, 20}},  // Solved by rows and columns.
      {{3, 3}, {1, 1, 20, 1, 1, 20, 20, 20, 20}},  // A square of ones between exact sums.
      {{1, 4}, {2, 9, 9, 9}},                      // One row: every cell is also a margin.
      {{2, 2, 2}, {3, 20, 20, 20, 20, 20, 20, 20}},
      {{2, 2, 2}, {1, 0, 0, 1, 0, 1, 1, 0}},  // Only opposite corners.
      {{2, 2, 2}, {1, 1, 1, 1, 1, 1, 1, 1}},
      {{2, 2, 2}, {4, 8, 8, 8, 8, 8, 8, 4}},
      {{2, 1, 3}, {5, 5, 1, 8, 12, 13}},
  };
  return cases;
}

uint64_t RandomCount(std::mt19937* random) {
  switch ((*random)() % 4) {
    case 0:
      return 0;
    case 1:
      return 1 + (*random)() % 7;
    case 2:
      return 8 + (*random)() % 6;
    default:
      return 8 + (*random)() % 200;
  }
}

Case RandomCase(const std::vector<size_t>& sizes, std::mt19937* random) {
  Case one{sizes, {}};
  const size_t cells = std::accumulate(sizes.begin(), sizes.end(), size_t{1}, std::multiplies<>());
  const bool sparse = (*random)() % 3 == 0;
  for (size_t i = 0; i < cells; ++i)
    one.cells.push_back(sparse && (*random)() % 2 == 0 ? 0 : RandomCount(random));
  return one;
}

// ---- The tests ----------------------------------------------------------------------------------

// The table of domain.md 5.5.
TEST(SmallNumbers, NhsRuleShowsWhatItsTableSays) {
  const std::vector<std::pair<uint64_t, std::optional<uint64_t>>> rows = {
      {0, 0},   {1, kHidden}, {7, kHidden}, {8, 10},  {9, 10}, {12, 10},
      {13, 15}, {17, 15},     {18, 20},     {22, 20}, {23, 25}};
  for (const auto& [truth, shown] : rows) {
    const auto table = ReleaseCounts(kNhs, {{2}, {truth, 1000}});
    ASSERT_TRUE(table.ok());
    EXPECT_EQ(table->At({0}), shown) << truth;
  }
}

TEST(SmallNumbers, NhsTotalsAreRoundedFromTrueCounts) {
  EXPECT_THAT(Show(kNhs, {3}, {12, 12, 12}),
              ElementsAre(Optional(10), Optional(10), Optional(10), Optional(35)));
}

TEST(SmallNumbers, TheUnspecifiedPolicyIsTheNhsRule) {
  for (const auto& one : WorstCases()) {
    EXPECT_EQ(Show(SMALL_NUMBER_POLICY_UNSPECIFIED, one.sizes, one.cells),
              Show(kNhs, one.sizes, one.cells));
  }
}

TEST(SmallNumbers, NhsRuleHidesNoMoreWhereNothingFollows) {
  const Case one{{2, 2}, {3, 20, 20, 20}};
  EXPECT_EQ(Show(kNhs, one.sizes, one.cells), OnlySmallHidden(kNhs, one));
}

TEST(SmallNumbers, SecondaryHidesTheCheapestNeighbour) {
  EXPECT_THAT(Show(kLt5, {4}, {2, 50, 9, 60}),
              ElementsAre(Eq(kHidden), Optional(50), Eq(kHidden), Optional(60), Optional(121)));
}

TEST(SmallNumbers, SecondaryClosesARectangle) {
  EXPECT_THAT(Show(kLt5, {2, 2}, {3, 20, 21, 22}),
              ElementsAre(Eq(kHidden), Eq(kHidden), Optional(23),  //
                          Eq(kHidden), Eq(kHidden), Optional(43),  //
                          Optional(24), Optional(42), Optional(66)));
}

TEST(SmallNumbers, NothingIsHiddenWhereNothingIsSmall) {
  EXPECT_THAT(Show(kLt5, {3}, {0, 5, 6}),
              ElementsAre(Optional(0), Optional(5), Optional(6), Optional(11)));
}

TEST(SmallNumbers, WorstCasesCannotBeWorkedOut) {
  for (const auto& one : WorstCases()) {
    for (const auto policy : kPolicies) Check(policy, one, one.cells.size() <= 9);
  }
}

TEST(SmallNumbers, RandomTablesCannotBeWorkedOut) {
  std::mt19937 random(testing::Seed());
  const int rounds = testing::FromEnvironment("WATERLINE_CASES", 16);
  const std::vector<std::vector<size_t>> sizes = {{6},    {3, 3},    {4, 5},    {6, 4},
                                                  {1, 7}, {2, 2, 2}, {3, 3, 3}, {2, 4, 3}};
  for (int round = 0; round < rounds; ++round) {
    const Case one = RandomCase(sizes[static_cast<size_t>(round) % sizes.size()], &random);
    for (const auto policy : kPolicies) Check(policy, one, one.cells.size() <= 8);
    if (HasFatalFailure()) return;
  }
}

// Hiding only what is small is broken by both attackers; otherwise they would prove nothing.
TEST(SmallNumbers, TheAttackersBreakWhatIsNotProtected) {
  int solved = 0;
  int unmoved = 0;
  for (const auto& one : WorstCases()) {
    const Items items = OnlySmallHidden(kLt5, one);
    const auto solution = Solved(kLt5, one.sizes, items);
    solved += solution.empty() ? 0 : 1;
    const auto still = Unmoved(kLt5, one.sizes, one.cells, items);
    unmoved += still.empty() ? 0 : 1;
    // What the bounds settle can be no other whole table either.
    for (const size_t item : solution) EXPECT_TRUE(still.contains(item)) << Describe(one);
  }
  EXPECT_GE(solved, 10);
  EXPECT_GE(unmoved, solved);
  const Case ones{{3}, {1, 1, 60}};
  EXPECT_THAT(Solved(kLt5, ones.sizes, OnlySmallHidden(kLt5, ones)), ElementsAre(0, 1));
}

// Whoever takes the hidden numbers of a plain NHS table for 1 to 7 knows all of these four.
TEST(SmallNumbers, NhsRuleHidesATotalThatItsCellsJustReach) {
  EXPECT_THAT(Show(kNhs, {4}, {7, 7, 7, 7}), ::testing::Each(Eq(kHidden)));
}

TEST(SmallNumbers, TheLargestTableIsReleased) {
  std::mt19937 random(testing::Seed());
  const Case one = RandomCase({20, 20, 20}, &random);
  for (const auto policy : kPolicies) EXPECT_EQ(Show(policy, one.sizes, one.cells).size(), 9261U);
}

TEST(SmallNumbers, RefusesWhatIsNoTable) {
  const std::vector<Counts> wrong = {{{}, {}},
                                     {{1, 1, 1, 1}, {1}},
                                     {{2}, {1}},
                                     {{0}, {}},
                                     {{2, 0}, {}},
                                     {{99, 100}, std::vector<uint64_t>(9900)},
                                     {{1}, {kCountMax + 1}},
                                     {{size_t{1} << 63, 2}, {}}};
  for (const auto& counts : wrong) {
    const auto shown = ReleaseCounts(kNhs, counts);
    EXPECT_EQ(ReasonOf(shown.status()), reason::kInvalidFields.name);
  }
  EXPECT_TRUE(ReleaseCounts(kNhs, {{99, 99}, std::vector<uint64_t>(9801)}).ok());
  EXPECT_FALSE(ReleaseCounts(static_cast<SmallNumberPolicy>(99), {{1}, {1}}).ok());
}

TEST(SmallNumbers, OnlyBothTogetherAreStricter) {
  EXPECT_TRUE(IsStricter(kBoth, kNhs));
  EXPECT_TRUE(IsStricter(kBoth, kLt5));
  EXPECT_TRUE(IsStricter(kBoth, SMALL_NUMBER_POLICY_UNSPECIFIED));
  for (const auto policy : kPolicies) {
    EXPECT_FALSE(IsStricter(policy, policy));
    EXPECT_FALSE(IsStricter(policy, kBoth));
    EXPECT_FALSE(IsStricter(static_cast<SmallNumberPolicy>(99), policy));
  }
  EXPECT_FALSE(IsStricter(kNhs, kLt5));
  EXPECT_FALSE(IsStricter(kLt5, kNhs));
  EXPECT_FALSE(IsStricter(kNhs, SMALL_NUMBER_POLICY_UNSPECIFIED));
}

}  // namespace
}  // namespace waterline::privacy
