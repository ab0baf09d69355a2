#include "services/common/privacy/small_numbers.h"

#include <algorithm>
#include <array>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::privacy {
namespace {

struct Rule {
  uint64_t hidden_below;  // 1 up to this, without it.
  uint64_t rounding;
  bool exact_protection;  // What is shown protects as little as if it were not rounded.
};

std::optional<Rule> RuleOf(SmallNumberPolicy policy) {
  switch (policy) {
    case accountability::v1::SMALL_NUMBER_POLICY_UNSPECIFIED:
    case accountability::v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5:
      return Rule{8, 5, false};
    case accountability::v1::SMALL_NUMBER_POLICY_SUPPRESS_LT5_SECONDARY:
      return Rule{5, 1, true};
    case accountability::v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY:
      return Rule{8, 5, true};
    default:
      return std::nullopt;
  }
}

using Place = std::array<size_t, kCountDimensionsMax>;

// Always three dimensions: a missing one has size 0 and only its margin, at place 0.
struct Shape {
  Place sizes{};

  size_t Index(const Place& place) const {
    return (place[0] * (sizes[1] + 1) + place[1]) * (sizes[2] + 1) + place[2];
  }
  Place PlaceOf(size_t index) const {
    const size_t last = index % (sizes[2] + 1);
    const size_t rest = index / (sizes[2] + 1);
    return {rest / (sizes[1] + 1), rest % (sizes[1] + 1), last};
  }
  // How far apart the items of two neighbouring places are.
  size_t Stride(size_t dimension) const {
    size_t stride = 1;
    for (size_t d = dimension + 1; d < kCountDimensionsMax; ++d) stride *= sizes[d] + 1;
    return stride;
  }
  size_t items() const { return (sizes[0] + 1) * (sizes[1] + 1) * (sizes[2] + 1); }
};

constexpr size_t kCorners = size_t{1} << kCountDimensionsMax;

// A move of one person: up to eight items, each one more or one less.
struct Box {
  std::array<size_t, kCorners> items{};
  std::array<int, kCorners> changes{};
  size_t count = 1;
};

// What a box would cost in hidden items; compared in this order.
struct Cost {
  size_t hidden = 0;
  uint64_t people = 0;
  auto operator<=>(const Cost&) const = default;
};

// Adds a dimension to a box: each corner again, at place `to` instead of `from`. The margin changes
// as the cells under it do; another place of the same dimension changes the other way.
void Extend(const Shape& shape, size_t dimension, size_t from, size_t to, Box* box) {
  const size_t margin = shape.sizes[dimension];
  const int alike = from == margin || to == margin ? 1 : -1;
  const size_t stride = shape.Stride(dimension);
  for (size_t corner = 0; corner < box->count; ++corner) {
    box->items[box->count + corner] = box->items[corner] + to * stride - from * stride;
    box->changes[box->count + corner] = alike * box->changes[corner];
  }
  box->count *= 2;
}

class Table {
 public:
  Table(const Rule& rule, const Shape& shape, std::vector<uint64_t> values)
      : rule_(rule),
        shape_(shape),
        values_(std::move(values)),
        hidden_(values_.size()),
        protected_(values_.size()) {
    for (size_t i = 0; i < values_.size(); ++i) hidden_[i] = IsSmall(values_[i]);
  }

  // One pass is enough: what a box hides, it protects, and hiding more never spoils a box.
  void Protect() {
    for (size_t i = 0; i < values_.size(); ++i) {
      if (hidden_[i] && !protected_[i]) ProtectOne(i);
    }
  }

  std::vector<std::optional<uint64_t>> Shown() const {
    std::vector<std::optional<uint64_t>> shown(values_.size());
    for (size_t i = 0; i < values_.size(); ++i) {
      if (!hidden_[i]) shown[i] = Rounded(values_[i]);
    }
    return shown;
  }

 private:
  bool IsSmall(uint64_t value) const { return value > 0 && value < rule_.hidden_below; }
  uint64_t Rounded(uint64_t value) const {
    return (value + rule_.rounding / 2) / rule_.rounding * rule_.rounding;
  }

  // The item is shown, and would look the same after the change.
  bool Absorbs(size_t item, uint64_t changed) const {
    const uint64_t value = values_[item];
    return !hidden_[item] && !rule_.exact_protection && value >= rule_.hidden_below &&
           changed >= rule_.hidden_below && Rounded(changed) == Rounded(value);
  }

  // Adds what it costs to hide the corners from `first` on that would show the move; false when it
  // cannot be made. A 0 is always shown, so nobody comes or goes there. `within`: a small number
  // must stay small, for those who guess which hidden numbers are the small ones.
  bool AddCost(const Box& box, size_t first, bool within, Cost* cost) const {
    for (size_t corner = first; corner < box.count; ++corner) {
      const size_t item = box.items[corner];
      const uint64_t value = values_[item];
      if (value == 0) return false;
      const uint64_t changed = box.changes[corner] > 0 ? value + 1 : value - 1;
      if (Absorbs(item, changed)) continue;
      if (changed == 0 || (within && IsSmall(value) && !IsSmall(changed))) return false;
      if (hidden_[item]) continue;
      ++cost->hidden;
      cost->people += value;
    }
    return true;
  }

  // The cheapest box found so far.
  struct Best {
    std::optional<Box> box;
    Cost cost;
  };

  // Of all boxes at the item, in both directions, the cheapest.
  std::optional<Box> Cheapest(size_t item, bool within) const {
    Best best;
    for (const int change : {1, -1}) {
      Box box;
      box.items[0] = item;
      box.changes[0] = change;
      Cost cost;
      if (AddCost(box, 0, within, &cost)) TryFrom(box, cost, 0, within, &best);
    }
    return best.box;
  }

  // Extends the box in the dimensions from `dimension` on, by each other place in turn. A box never
  // costs less than what it was extended from.
  void TryFrom(const Box& box, const Cost& cost, size_t dimension, bool within, Best* best) const {
    if (best->box && best->cost <= cost) return;
    if (dimension == kCountDimensionsMax) {
      *best = Best{box, cost};
      return;
    }
    const size_t margin = shape_.sizes[dimension];
    if (margin == 0) return TryFrom(box, cost, dimension + 1, within, best);
    const size_t own = shape_.PlaceOf(box.items[0])[dimension];
    for (size_t other = 0; other <= margin; ++other) {
      if (other == own) continue;
      Box wider = box;
      Extend(shape_, dimension, own, other, &wider);
      Cost of_wider = cost;
      if (!AddCost(wider, box.count, within, &of_wider)) continue;
      TryFrom(wider, of_wider, dimension + 1, within, best);
    }
  }

  void ProtectOne(size_t item) {
    auto box = Cheapest(item, true);
    // Too few people in too many items for one of them to move among small numbers. Then there is
    // still this box: a cell under the item that is not 0, and all its margins, each one more.
    if (!box) box = Cheapest(item, false);
    for (size_t corner = 0; corner < box->count; ++corner) {
      const size_t at = box->items[corner];
      const uint64_t value = values_[at];
      if (Absorbs(at, box->changes[corner] > 0 ? value + 1 : value - 1)) continue;
      hidden_[at] = true;
      protected_[at] = true;
    }
  }

  const Rule rule_;
  const Shape shape_;
  const std::vector<uint64_t> values_;
  std::vector<bool> hidden_;
  std::vector<bool> protected_;
};

absl::Status Check(const Counts& counts) {
  if (counts.sizes.empty() || counts.sizes.size() > kCountDimensionsMax)
    return BadFields({{"sizes", "is not one, two or three dimensions"}});
  size_t cells = 1;
  size_t items = 1;
  for (const size_t size : counts.sizes) {
    if (size == 0 || size > kCountItemsMax)
      return BadFields({{"sizes",
                         "has an empty or too long "
                         "dimension"}});
    cells *= size;
    items *= size + 1;
  }
  if (items > kCountItemsMax) {
    return BadFields({{"sizes", "make more than " + std::to_string(kCountItemsMax) +
                                    " cells and margins; count over fewer places or months"}});
  }
  if (cells != counts.cells.size()) return BadFields({{"cells", "do not fit the sizes"}});
  const bool too_large = std::any_of(counts.cells.begin(), counts.cells.end(),
                                     [](uint64_t cell) { return cell > kCountMax; });
  if (too_large) return BadFields({{"cells", "hold a count that is too large"}});
  return absl::OkStatus();
}

// Each cell is added to itself and to every margin over it.
std::vector<uint64_t> WithMargins(const Shape& shape, const std::vector<uint64_t>& cells) {
  std::vector<uint64_t> values(shape.items());
  size_t next = 0;
  const auto places = [&](size_t dimension) { return std::max<size_t>(shape.sizes[dimension], 1); };
  for (size_t a = 0; a < places(0); ++a) {
    for (size_t b = 0; b < places(1); ++b) {
      for (size_t c = 0; c < places(2); ++c, ++next) {
        const Place place = {a, b, c};
        Box over;
        over.items[0] = shape.Index(place);
        for (size_t d = 0; d < kCountDimensionsMax; ++d) {
          if (shape.sizes[d] > 0) Extend(shape, d, place[d], shape.sizes[d], &over);
        }
        for (size_t i = 0; i < over.count; ++i) values[over.items[i]] += cells[next];
      }
    }
  }
  return values;
}

}  // namespace

const std::optional<uint64_t>& ShownCounts::At(const std::vector<size_t>& place) const {
  size_t index = 0;
  for (size_t d = 0; d < sizes_.size(); ++d) index = index * (sizes_[d] + 1) + place.at(d);
  return items_.at(index);
}

absl::StatusOr<ShownCounts> ReleaseCounts(SmallNumberPolicy policy, const Counts& counts) {
  const auto rule = RuleOf(policy);
  if (!rule) return BadFields({{"small_numbers", "is no policy of this version"}});
  WATERLINE_RETURN_IF_ERROR(Check(counts));
  Shape shape;
  std::copy(counts.sizes.begin(), counts.sizes.end(), shape.sizes.begin());
  Table table(*rule, shape, WithMargins(shape, counts.cells));
  table.Protect();
  return ShownCounts(counts.sizes, table.Shown());
}

bool IsAtLeastAsStrict(SmallNumberPolicy a, SmallNumberPolicy b) {
  const auto left = RuleOf(a);
  const auto right = RuleOf(b);
  return left && right && left->hidden_below >= right->hidden_below &&
         left->rounding >= right->rounding && left->exact_protection >= right->exact_protection;
}

bool IsStricter(SmallNumberPolicy a, SmallNumberPolicy b) {
  return IsAtLeastAsStrict(a, b) && !IsAtLeastAsStrict(b, a);
}

}  // namespace waterline::privacy
