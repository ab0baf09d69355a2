#include "services/inference/model/evidence.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "services/common/status/error.h"

namespace waterline::model {
namespace {

constexpr double kDayMax = 365.25e6;

constexpr double kCountMax = 1e9;

bool IsCount(double count) { return count >= 0 && count <= kCountMax; }

void Check(const Model& model, const Observation& observation, const std::string& field,
           std::vector<FieldViolation>& violations) {
  if (observation.perspective < kPerspectiveUnknown ||
      observation.perspective >= model.perspectives()) {
    violations.push_back({field + ".perspective", "not a perspective of the model"});
  }
  if (observation.indicator < 0 || observation.indicator >= model.items()) {
    violations.push_back({field + ".indicator", "not an indicator of the model"});
    return;
  }
  const auto categories = static_cast<size_t>(model.item(observation.indicator).categories());
  const auto& counts = observation.counts;
  if (counts.size() != categories || !std::all_of(counts.begin(), counts.end(), IsCount)) {
    violations.push_back({field + ".counts", "one number per category, 0 to 1e9"});
  }
}

auto Key(const Model& model, const Observation& o) {
  return std::tuple<const std::string&, int, int, const std::string&>(
      o.event, model.Rank(o.indicator), o.perspective, o.informant);
}

// Equal keys stand together, and their counts in a fixed order, so that sums are the same bit for
// bit.
std::vector<const Observation*> Sorted(const Model& model,
                                       const std::vector<Observation>& observations) {
  std::vector<const Observation*> sorted;
  sorted.reserve(observations.size());
  for (const Observation& observation : observations) sorted.push_back(&observation);
  std::sort(sorted.begin(), sorted.end(), [&](const Observation* a, const Observation* b) {
    const auto order = Key(model, *a) <=> Key(model, *b);
    return order != 0 ? order < 0 : a->counts < b->counts;
  });
  return sorted;
}

// The category if the counts are a single 1, else -1.
int SingleCategory(const double* counts, int categories) {
  int found = -1;
  for (int k = 0; k < categories; ++k) {
    if (counts[k] == 0) continue;
    if (found >= 0 || counts[k] != 1) return -1;
    found = k;
  }
  return found;
}

}  // namespace

std::vector<double> SingleAnswer(int category, int categories, double weight) {
  std::vector<double> counts(static_cast<size_t>(categories), 0.0);
  counts.at(static_cast<size_t>(category)) = weight;
  return counts;
}

absl::StatusOr<int64_t> DayOf(double time_days) {
  if (!(std::abs(time_days) <= kDayMax))
    return BadFields({{"time", "finite, within a million years"}});
  return static_cast<int64_t>(std::floor(time_days));
}

absl::Status Validate(const Model& model, const std::vector<Observation>& observations) {
  std::vector<FieldViolation> violations;
  for (size_t i = 0; i < observations.size(); ++i) {
    Check(model, observations[i], "observations[" + std::to_string(i) + "]", violations);
  }
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

Sites::Sites(const Model& model, const std::vector<Observation>& observations) {
  const auto sorted = Sorted(model, observations);
  sites_.reserve(sorted.size());
  const Observation* previous = nullptr;  // Of the last site.
  for (size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
    std::vector<double> counts = sorted[begin]->counts;
    for (end = begin + 1;
         end < sorted.size() && Key(model, *sorted[end]) == Key(model, *sorted[begin]); ++end) {
      for (size_t k = 0; k < counts.size(); ++k) counts[k] += sorted[end]->counts[k];
    }
    if (std::all_of(counts.begin(), counts.end(), [](double n) { return n == 0; })) continue;
    Add(model, *sorted[begin], previous, std::move(counts));
    previous = sorted[begin];
  }
}

void Sites::Add(const Model& model, const Observation& key, const Observation* previous,
                std::vector<double> counts) {
  const Item& item = model.item(key.indicator);
  if (item.reverse) std::reverse(counts.begin(), counts.end());
  Site site{};
  site.item = key.indicator;
  site.perspective = key.perspective;
  site.event =
      previous == nullptr ? 0 : sites_.back().event + (key.event != previous->event ? 1 : 0);
  site.informant = InformantNumber(site.event, key.informant);
  site.category = SingleCategory(counts.data(), item.categories());
  site.counts = counts_.size();
  site.noise = model.AnswerNoise(!key.informant.empty());
  counts_.insert(counts_.end(), counts.begin(), counts.end());
  AddWeights(model, site);
  sites_.push_back(site);
}

int Sites::InformantNumber(int event, const std::string& label) {
  if (label.empty()) return -1;
  return informants_.try_emplace({event, label}, static_cast<int>(informants_.size()))
      .first->second;
}

void Sites::AddWeights(const Model& model, Site& site) {
  const Item& item = model.item(site.item);
  const int groups = model.perspectives();
  site.weights = weights_.size();
  for (const Loading& loading : item.loadings) {
    if (site.perspective != kPerspectiveUnknown) {
      weights_.emplace_back(model.StateIndex(loading.cell, site.perspective),
                            item.alpha * loading.weight);
      continue;
    }
    for (int r = 0; r < groups; ++r) {
      weights_.emplace_back(model.StateIndex(loading.cell, r),
                            item.alpha * loading.weight / groups);
    }
  }
  site.weights_end = weights_.size();
  for (size_t i = site.weights; i < site.weights_end; ++i) {
    site.offset += weights_[i].second * model.mu()[weights_[i].first];
  }
}

}  // namespace waterline::model
