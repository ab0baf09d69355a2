#pragma once

// The filter: what is known of a scope's 48 states (12 cells as 4 perspectives see them) after each
// day with evidence. Source: model.md 5, in the deficit form of section 11.
//
//   auto model = Model::Create(VersionZero());
//   State state = Prior(*model);
//   WATERLINE_ASSIGN_OR_RETURN(state, Advance(*model, std::move(state), bin));  // Days in order.
//
// A day's bin holds all evidence of that day. Late evidence: restart from a state strictly before
// its day (or the prior) and Replay the bins since; the result is the same bit for bit as if all
// had come in order. `Track` (track.h) does this in memory. Thread safety: pure functions on a
// shared Model.

#include <Eigen/Dense>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "services/inference/model/evidence.h"
#include "services/inference/model/expectation.h"
#include "services/inference/model/parameters.h"

namespace waterline::model {

// N(mu + mean, K - deficit) at `day`. Copyable; d + d^2 doubles (19 KB at d = 48).
struct State {
  int64_t day = 0;  // Of the last bin; without meaning before the first.
  uint64_t bins = 0;
  Eigen::VectorXd mean;     // Deviation from mu.
  Eigen::MatrixXd deficit;  // K - P, symmetric positive semidefinite.

  friend bool operator==(const State& a, const State& b);  // Bit for bit.
};

struct BinResult {
  double log_score = 0;
  int sites = 0;
  int sweeps = 0;
  bool has_converged = true;  // False after sweeps_max sweeps: usable, to be flagged.
};

State Prior(const Model& model);

// Absorbs the next day. On error the state is unchanged. INVALID_FIELDS: an observation does not
// fit the model; STATE_FORBIDS: the bin is not after the state's day; DATA_DAMAGED: the state has
// not the model's size or holds a number that is not finite; UNEXPECTED: the result would not be
// finite.
absl::StatusOr<BinResult> Absorb(const Model& model, const Bin& bin, State& state,
                                 const Precision& precision = kProductionPrecision);

// The same by value.
absl::StatusOr<State> Advance(const Model& model, State state, const Bin& bin,
                              const Precision& precision = kProductionPrecision);
absl::StatusOr<State> Replay(const Model& model, State state, std::span<const Bin> bins,
                             const Precision& precision = kProductionPrecision);

// DATA_DAMAGED unless the state fits the model and is finite: for states read from a store.
absl::Status CheckState(const Model& model, const State& state);

// exp(-days / tau) from the state's last bin to `as_of_days`; 1 before any bin. STATE_FORBIDS when
// `as_of_days` is before the last bin, INVALID_FIELDS when it is not finite.
absl::StatusOr<double> DecayTo(const Model& model, const State& state, double as_of_days);

// Mean (absolute) and covariance of all states at a time not before the last bin.
struct Prediction {
  Eigen::VectorXd mean;
  Eigen::MatrixXd covariance;
};
absl::StatusOr<Prediction> Predict(const Model& model, const State& state, double as_of_days);

}  // namespace waterline::model
