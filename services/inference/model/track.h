#pragma once

// The evidence of one scope in memory and the filter's state that follows from it, whatever the
// order of arrival: late events, corrections and removals replay from the newest kept state
// strictly before their day. Source: model.md 5. A Track never asks a clock: the service refuses
// events in the future. Thread safety: none; one owner at a time. The model must outlive the track.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/inference/model/filter.h"

namespace waterline::model {

struct EventEvidence {
  std::string id;
  int64_t day = 0;
  std::vector<Observation> observations;  // `event` is set from `id`.
};

class Track {
 public:
  explicit Track(const Model& model, const Precision& precision = kProductionPrecision)
      : model_(model), precision_(precision) {}

  // The whole event or nothing. INVALID_FIELDS: it does not fit the model. ALREADY_EXISTS: the id
  // is known with other content; the same content again (in any order) changes nothing.
  absl::Status Insert(EventEvidence event);

  // Removes whatever is known of the event and inserts this; nothing changes if this is invalid.
  absl::Status Correct(EventEvidence event);

  bool Remove(const std::string& id);  // False if it is not known.

  // The state after all evidence; the prior if there is none. Errors of Absorb, UNEXPECTED only.
  absl::StatusOr<State> Current();

  // Per bin in order of days, as of the last Current().
  const std::map<int64_t, BinResult>& results() const { return results_; }
  size_t events() const { return days_.size(); }

 private:
  static constexpr size_t kCheckpointBins = 64;

  absl::Status Prepare(EventEvidence& event) const;
  void Store(EventEvidence event);
  void Forget(int64_t day);
  Bin BinOf(int64_t day) const;
  void KeepNewest(const State& state);

  const Model& model_;
  Precision precision_;
  std::map<std::string, int64_t> days_;  // By event id.
  std::map<int64_t, std::map<std::string, std::vector<Observation>>> evidence_;
  std::map<int64_t, State> checkpoints_;  // Every 64th state, and the newest.
  std::map<int64_t, BinResult> results_;
};

}  // namespace waterline::model
