#include "services/inference/domain/suppression.h"

#include <algorithm>
#include <array>
#include <optional>

namespace waterline::inference {
namespace {

// A value of one practice as a combination of the 12 numbers (element, perspective) below it, times
// 12, so that all coefficients are whole.
constexpr int kBase = kElementCount * kPerspectiveCount;
constexpr int kScale = kBase;
using Row = std::array<int64_t, kBase>;

// Arithmetic modulo a prime: exact, and without growing numbers. A combination over the rationals
// is one modulo p for all but finitely many p; the coefficients here are far too small for p to be
// one of them. (An error could only hide more.)
constexpr int64_t kPrime = 1'000'000'007;

int64_t Power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (; exponent > 0; exponent /= 2, base = base * base % kPrime) {
    if (exponent % 2 == 1) result = result * base % kPrime;
  }
  return result;
}

Row RowOf(int value) {
  const ValueId id = ValueOf(value);
  Row row{};
  const int cells = id.is_practice() ? kElementCount : 1;
  const int groups = id.perspective == kAllPerspectives ? kPerspectiveCount : 1;
  for (int e = 0; e < kElementCount; ++e) {
    for (int r = 0; r < kPerspectiveCount; ++r) {
      if (!id.is_practice() && e != id.element) continue;
      if (id.perspective != kAllPerspectives && r != id.perspective) continue;
      row[static_cast<size_t>(kPerspectiveCount * e + r)] = kScale / (cells * groups);
    }
  }
  return row;
}

// The span of rows, in echelon form.
class Span {
 public:
  // What is left of `row` after taking away what the span already holds.
  Row Reduce(Row row) const {
    for (size_t column = 0; column < kBase; ++column) {
      if (row[column] == 0 || !pivots_[column]) continue;
      const int64_t factor = row[column];
      for (size_t i = 0; i < kBase; ++i) {
        row[i] = ((row[i] - factor * (*pivots_[column])[i]) % kPrime + kPrime) % kPrime;
      }
    }
    return row;
  }

  void Add(const Row& row) {
    Row rest = Reduce(row);
    for (size_t column = 0; column < kBase; ++column) {
      if (rest[column] == 0) continue;
      const int64_t inverse = Power(rest[column], kPrime - 2);
      for (auto& number : rest) number = number * inverse % kPrime;
      pivots_[column] = rest;
      return;
    }
  }

  bool Holds(const Row& row) const {
    const Row rest = Reduce(row);
    return std::all_of(rest.begin(), rest.end(), [](int64_t number) { return number == 0; });
  }

 private:
  std::array<std::optional<Row>, kBase> pivots_;
};

std::vector<int> ValuesOfPractice(int practice) {
  std::vector<int> values;
  for (int value = 0; value < kValues; ++value) {
    if (ValueOf(value).practice == practice) values.push_back(value);
  }
  return values;
}

std::vector<int> RecoverableIn(const std::vector<int>& values, const std::vector<Shown>& shown) {
  Span known;
  for (const int value : values) {
    if (!IsSuppressed(shown[static_cast<size_t>(value)])) known.Add(RowOf(value));
  }
  std::vector<int> found;
  for (const int value : values) {
    if (IsSuppressed(shown[static_cast<size_t>(value)]) && known.Holds(RowOf(value)))
      found.push_back(value);
  }
  return found;
}

bool HasOneSuppressed(const std::vector<int>& addends, const std::vector<Shown>& shown) {
  return std::count_if(addends.begin(), addends.end(), [&](int addend) {
           return IsSuppressed(shown[static_cast<size_t>(addend)]);
         }) == 1;
}

void SuppressMeansOfOne(const std::vector<int>& values, std::vector<Shown>* shown) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (const int value : values) {
      auto& state = (*shown)[static_cast<size_t>(value)];
      if (state != Shown::kPublished) continue;
      for (const auto& addends : AddendsOf(value)) {
        if (state == Shown::kPublished && HasOneSuppressed(addends, *shown)) {
          state = Shown::kProtecting;
          changed = true;
        }
      }
    }
  }
}

// The published mean to give up: the first whose loss alone hides everything, else the one with the
// fewest people behind it.
int MeanToGiveUp(const std::vector<int>& values, const std::vector<uint64_t>& informants,
                 const std::vector<Shown>& shown) {
  int fewest = -1;
  for (const int value : values) {
    const auto index = static_cast<size_t>(value);
    if (shown[index] != Shown::kPublished || AddendsOf(value).empty()) continue;
    auto without = shown;
    without[index] = Shown::kProtecting;
    SuppressMeansOfOne(values, &without);
    if (RecoverableIn(values, without).empty()) return value;
    if (fewest < 0 || informants[index] < informants[static_cast<size_t>(fewest)]) fewest = value;
  }
  return fewest;
}

Shown FirstLook(uint64_t informants) {
  if (informants == 0) return Shown::kNoEvidence;
  return informants < kSuppressedBelow ? Shown::kTooFew : Shown::kPublished;
}

}  // namespace

std::vector<Shown> Suppress(const std::vector<uint64_t>& informants) {
  std::vector<Shown> shown;
  for (const uint64_t n : informants) shown.push_back(FirstLook(n));
  for (int practice = 0; practice < kPracticeCount; ++practice) {
    const auto values = ValuesOfPractice(practice);
    SuppressMeansOfOne(values, &shown);
    while (!RecoverableIn(values, shown).empty()) {
      const int mean = MeanToGiveUp(values, informants, shown);
      if (mean < 0) break;  // Only cells are left, and none is a sum of others.
      shown[static_cast<size_t>(mean)] = Shown::kProtecting;
      SuppressMeansOfOne(values, &shown);
    }
  }
  return shown;
}

std::vector<int> Recoverable(const std::vector<Shown>& shown) {
  std::vector<int> found;
  for (int practice = 0; practice < kPracticeCount; ++practice) {
    const auto some = RecoverableIn(ValuesOfPractice(practice), shown);
    found.insert(found.end(), some.begin(), some.end());
  }
  return found;
}

}  // namespace waterline::inference
