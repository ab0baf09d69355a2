#pragma once

// What may be said of a cell or a practice: mean and 90% interval, the index from 0 to 100,
// information and the status word. Source: model.md 7 (cells, practices, perspectives), 11 (reads
// in the deficit form), 12 (index and words). Thread safety: pure functions.

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/inference/model/filter.h"
#include "services/inference/model/parameters.h"

namespace waterline::model {

inline constexpr int kAllPerspectives = -1;

// A cell, or a practice as the mean of its three cells; as one perspective sees it or as the mean
// over all.
struct Target {
  enum class Kind { kCell, kPractice };
  Kind kind = Kind::kCell;
  int node = 0;  // Cell 0..11 or practice 0..3.
  int perspective = kAllPerspectives;

  friend bool operator==(const Target&, const Target&) = default;
};

// The 12 cells, each over all perspectives and then per perspective; then the 4 practices likewise:
// 16 (R + 1) targets, 80 in the product.
std::vector<Target> StandardTargets(const Model& model);

// In order of the rules of model.md 12: the first that holds is the word.
enum class StatusWord { kNotEnoughEvidence, kEstablished, kAtRisk, kEmerging, kFragile, kUnclear };
std::string_view Name(StatusWord word);  // "not enough evidence", "established", ...

// Judgements, changed by policy only. Index limits are on 0..100, exclusive of the ends.
struct StatusPolicy {
  double low = 40;
  double middle = 50;
  double high = 60;
  double sure = 0.8;
  double information_min = 0.35;
};

struct Answer {
  Target target;
  double mean = 0;  // On the scale of the state, with the 90% interval.
  double sd = 0;
  double low = 0;
  double high = 0;
  double index = 0;  // 0..100: of the mean and of the ends of the interval.
  double index_low = 0;
  double index_high = 0;
  double information = 0;  // 1 - variance / prior variance: 0 nothing, 1 everything.
  double above_high = 0;   // P(index > policy.high)
  double below_low = 0;    // P(index < policy.low)
  StatusWord status = StatusWord::kNotEnoughEvidence;
};

// "Of 100 typical informants answering a typical question at a typical event, how many would agree
// or better", for a value on the scale of the state.
double Index(const Model& model, double value);

// The two numbers that a state keeps of a target: q'm (deviation) and q'D q. Between events a read
// at distance `decay` a needs no more: mean mu'q + a q'm, variance q'K q - a^2 q'D q.
struct Summary {
  double mean = 0;
  double deficit = 0;
};
absl::StatusOr<Summary> Summarise(const Model& model, const State& state, const Target& target);
absl::StatusOr<Answer> Read(const Model& model, const Target& target, const Summary& summary,
                            double decay, const StatusPolicy& policy = {});

// All answers at a time not before the state's last bin; errors of DecayTo and CheckState, and
// INVALID_FIELDS for a target that the model does not have or a policy out of range.
absl::StatusOr<std::vector<Answer>> Answers(const Model& model, const State& state,
                                            double as_of_days, const std::vector<Target>& targets,
                                            const StatusPolicy& policy = {});

}  // namespace waterline::model
