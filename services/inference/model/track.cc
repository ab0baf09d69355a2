#include "services/inference/model/track.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::model {

// Validates, and puts the observations in a fixed order, so that equal content compares equal.
absl::Status Track::Prepare(EventEvidence& event) const {
  if (event.id.empty()) return BadFields({{"id", "not empty"}});
  for (Observation& observation : event.observations) observation.event = event.id;
  WATERLINE_RETURN_IF_ERROR(Validate(model_, event.observations));
  std::sort(event.observations.begin(), event.observations.end(),
            [](const Observation& a, const Observation& b) { return (a <=> b) < 0; });
  return absl::OkStatus();
}

absl::Status Track::Insert(EventEvidence event) {
  WATERLINE_RETURN_IF_ERROR(Prepare(event));
  const auto known = days_.find(event.id);
  if (known == days_.end()) {
    Store(std::move(event));
    return absl::OkStatus();
  }
  if (known->second == event.day && evidence_.at(event.day).at(event.id) == event.observations) {
    return absl::OkStatus();
  }
  return Error(reason::kAlreadyExists,
               "the event is known with other evidence; correct it instead");
}

absl::Status Track::Correct(EventEvidence event) {
  WATERLINE_RETURN_IF_ERROR(Prepare(event));
  Remove(event.id);
  Store(std::move(event));
  return absl::OkStatus();
}

void Track::Store(EventEvidence event) {
  Forget(event.day);
  days_[event.id] = event.day;
  evidence_[event.day][event.id] = std::move(event.observations);
}

bool Track::Remove(const std::string& id) {
  const auto known = days_.find(id);
  if (known == days_.end()) return false;
  const int64_t day = known->second;
  Forget(day);
  evidence_[day].erase(id);
  if (evidence_[day].empty()) evidence_.erase(day);
  days_.erase(known);
  return true;
}

void Track::Forget(int64_t day) {
  checkpoints_.erase(checkpoints_.lower_bound(day), checkpoints_.end());
  results_.erase(results_.lower_bound(day), results_.end());
}

Bin Track::BinOf(int64_t day) const {
  Bin bin{day, {}};
  for (const auto& [id, observations] : evidence_.at(day)) {
    bin.observations.insert(bin.observations.end(), observations.begin(), observations.end());
  }
  return bin;
}

// Beside the regular checkpoints only the newest state is kept.
void Track::KeepNewest(const State& state) {
  if (state.bins == 0 || checkpoints_.contains(state.day)) return;
  if (!checkpoints_.empty() && checkpoints_.rbegin()->second.bins % kCheckpointBins != 0) {
    checkpoints_.erase(std::prev(checkpoints_.end()));
  }
  checkpoints_[state.day] = state;
}

absl::StatusOr<State> Track::Current() {
  State state = checkpoints_.empty() ? Prior(model_) : checkpoints_.rbegin()->second;
  auto next = state.bins == 0 ? evidence_.begin() : evidence_.upper_bound(state.day);
  for (; next != evidence_.end(); ++next) {
    WATERLINE_ASSIGN_OR_RETURN(const BinResult result,
                               Absorb(model_, BinOf(next->first), state, precision_));
    results_[state.day] = result;
    if (state.bins % kCheckpointBins == 0) checkpoints_[state.day] = state;
  }
  KeepNewest(state);
  return state;
}

}  // namespace waterline::model
