#include "services/inference/projector/model_adapter.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <tuple>
#include <utility>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/inference/model/filter.h"
#include "services/inference/model/functionals.h"

namespace waterline::inference {
namespace {

using events::v1::EventEvidence;
using storage::v1::FilterState;
using Events = std::vector<std::shared_ptr<const EventEvidence>>;

v1::Estimate::Status StatusOf(model::StatusWord word) {
  switch (word) {
    case model::StatusWord::kNotEnoughEvidence:
      return v1::Estimate::STATUS_NOT_ENOUGH_EVIDENCE;
    case model::StatusWord::kEstablished:
      return v1::Estimate::STATUS_ESTABLISHED;
    case model::StatusWord::kAtRisk:
      return v1::Estimate::STATUS_AT_RISK;
    case model::StatusWord::kEmerging:
      return v1::Estimate::STATUS_EMERGING;
    case model::StatusWord::kFragile:
      return v1::Estimate::STATUS_FRAGILE;
    case model::StatusWord::kUnclear:
      return v1::Estimate::STATUS_UNCLEAR;
  }
  return v1::Estimate::STATUS_UNSPECIFIED;
}

bool IsNamedBeyondLimit(const Events& events) {
  std::set<std::tuple<std::string_view, std::string_view, int, std::string_view>> sites;
  for (const auto& event : events) {
    for (const auto& item : event->items()) {
      sites.emplace(event->event(), item.indicator(), item.perspective(), item.informant());
    }
  }
  return sites.size() > static_cast<size_t>(kNamedSitesMax);
}

class Adapter : public ScopeModel {
 public:
  explicit Adapter(model::Model model)
      : model_(std::move(model)), targets_(model::StandardTargets(model_)) {}

  std::string version() const override { return model_.parameters().version; }

  absl::Status Check(const EventEvidence& evidence) const override {
    WATERLINE_ASSIGN_OR_RETURN(const auto observations, ObservationsOf(evidence, true));
    return model::Validate(model_, observations);
  }

  absl::StatusOr<FilterState> Absorb(const FilterState& before, int64_t day,
                                     const Events& events) const override {
    const bool named = !IsNamedBeyondLimit(events);
    model::Bin bin;
    bin.day = day;
    for (const auto& event : events) {
      WATERLINE_ASSIGN_OR_RETURN(auto observations, ObservationsOf(*event, named));
      bin.observations.insert(bin.observations.end(), std::make_move_iterator(observations.begin()),
                              std::make_move_iterator(observations.end()));
    }
    WATERLINE_ASSIGN_OR_RETURN(const auto state, model::Advance(model_, FromStored(before), bin));
    return ToStored(state);
  }

  absl::StatusOr<std::vector<Reading>> Read(const FilterState& state,
                                            int64_t as_of) const override {
    WATERLINE_ASSIGN_OR_RETURN(
        const auto answers,
        model::Answers(model_, FromStored(state), static_cast<double>(as_of), targets_));
    std::vector<Reading> readings;
    for (const auto& answer : answers) {
      readings.push_back({answer.index, answer.index_low, answer.index_high, answer.information,
                          StatusOf(answer.status)});
    }
    return readings;
  }

 private:
  absl::StatusOr<std::vector<model::Observation>> ObservationsOf(const EventEvidence& evidence,
                                                                 bool named) const {
    std::vector<model::Observation> observations;
    for (const auto& item : evidence.items()) {
      const auto indicator = model_.FindItem(item.indicator());
      if (!indicator) return BadFields({{"items.indicator", "is not an indicator of the model"}});
      auto& observation = observations.emplace_back();
      observation.event = evidence.event();
      observation.indicator = *indicator;
      observation.perspective = item.perspective();
      if (named) observation.informant = item.informant();
      observation.counts.assign(item.counts().begin(), item.counts().end());
    }
    return observations;
  }

  model::State FromStored(const FilterState& stored) const {
    model::State state = model::Prior(model_);
    state.day = stored.day();
    state.bins = stored.bins();
    if (stored.mean().empty() && stored.deficit().empty()) return state;
    state.mean = Eigen::Map<const Eigen::VectorXd>(stored.mean().data(), stored.mean_size());
    if (stored.deficit_size() != state.deficit.size()) {
      state.deficit.resize(0, 0);  // CheckState of the model refuses it as damaged.
      return state;
    }
    // Row-major as stored, column-major here: the same, for it is symmetric bit for bit.
    state.deficit = Eigen::Map<const Eigen::MatrixXd>(stored.deficit().data(), state.deficit.rows(),
                                                      state.deficit.cols());
    return state;
  }

  static FilterState ToStored(const model::State& state) {
    FilterState stored;
    stored.set_day(state.day);
    stored.set_bins(state.bins);
    stored.mutable_mean()->Add(state.mean.data(), state.mean.data() + state.mean.size());
    stored.mutable_deficit()->Add(state.deficit.data(),
                                  state.deficit.data() + state.deficit.size());
    return stored;
  }

  const model::Model model_;
  const std::vector<model::Target> targets_;
};

}  // namespace

std::unique_ptr<ScopeModel> VersionZeroModel() {
  auto model = model::Model::Create(model::VersionZero());
  if (!model.ok()) {  // Its numbers are compiled in.
    std::fprintf(stderr, "model version 0: %s\n", std::string(model.status().message()).c_str());
    std::abort();
  }
  return std::make_unique<Adapter>(*std::move(model));
}

}  // namespace waterline::inference
