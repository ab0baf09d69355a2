#include "services/inference/model/functionals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/inference/model/scalar.h"

namespace waterline::model {
namespace {

constexpr double kNormal90 = 1.6448536269514722;  // Upper 5% point of the standard normal.

// kappa of model.md 12: noise of a typical informant, question and event.
double IndexSpread(const Parameters& p) {
  return std::sqrt(1.0 + p.sigma_informant * p.sigma_informant + p.sigma_event * p.sigma_event +
                   p.sigma_event_perspective * p.sigma_event_perspective +
                   p.sigma_event_item * p.sigma_event_item);
}

// The value whose index is `index`.
double ValueOfIndex(const Model& model, double index) {
  const Parameters& p = model.parameters();
  return (IndexSpread(p) * NormalQuantile(index / 100) + p.index_beta) / p.index_alpha;
}

// The states of a target, each with the same weight.
std::vector<int> StatesOf(const Model& model, const Target& target) {
  const bool is_cell = target.kind == Target::Kind::kCell;
  const int first = is_cell ? target.node : kElements * target.node;
  const int last = is_cell ? first : first + kElements - 1;
  std::vector<int> states;
  for (int cell = first; cell <= last; ++cell) {
    for (int r = 0; r < model.perspectives(); ++r) {
      if (target.perspective == kAllPerspectives || target.perspective == r) {
        states.push_back(model.StateIndex(cell, r));
      }
    }
  }
  return states;
}

absl::Status CheckTarget(const Model& model, const Target& target) {
  const int nodes = target.kind == Target::Kind::kCell ? kCells : kPractices;
  if (target.node < 0 || target.node >= nodes)
    return BadFields({{"target.node", "not a node of the model"}});
  if (target.perspective < kAllPerspectives || target.perspective >= model.perspectives()) {
    return BadFields({{"target.perspective", "not a perspective of the model"}});
  }
  return absl::OkStatus();
}

absl::Status CheckPolicy(const StatusPolicy& policy) {
  const bool ordered = policy.low > 0 && policy.low <= policy.middle &&
                       policy.middle <= policy.high && policy.high < 100;
  const bool shares = policy.sure >= 0 && policy.sure <= 1 && policy.information_min >= 0 &&
                      policy.information_min <= 1;
  if (ordered && shares) return absl::OkStatus();
  return BadFields(
      {{"policy", "0 < low <= middle <= high < 100; sure and information_min 0 to 1"}});
}

double MeanOf(const Eigen::VectorXd& vector, const std::vector<int>& states) {
  double sum = 0;
  for (int i : states) sum += vector[i];
  return sum / static_cast<double>(states.size());
}

double MeanOf(const Eigen::MatrixXd& matrix, const std::vector<int>& states) {
  double sum = 0;
  for (int i : states) {
    for (int j : states) sum += matrix(i, j);
  }
  return sum / static_cast<double>(states.size() * states.size());
}

// The policy's limits on the scale of the state.
struct Limits {
  double low = 0;
  double middle = 0;
  double high = 0;
};

Limits LimitsOf(const Model& model, const StatusPolicy& policy) {
  return {ValueOfIndex(model, policy.low), ValueOfIndex(model, policy.middle),
          ValueOfIndex(model, policy.high)};
}

StatusWord WordOf(const Answer& answer, const StatusPolicy& policy, const Limits& limits) {
  const double above_middle = NormalCdf((answer.mean - limits.middle) / answer.sd);
  if (answer.information < policy.information_min) return StatusWord::kNotEnoughEvidence;
  if (answer.above_high >= policy.sure) return StatusWord::kEstablished;
  if (answer.below_low >= policy.sure) return StatusWord::kAtRisk;
  if (above_middle >= policy.sure) return StatusWord::kEmerging;
  if (1.0 - above_middle >= policy.sure) return StatusWord::kFragile;
  return StatusWord::kUnclear;
}

Summary SummaryOf(const State& state, const std::vector<int>& states) {
  return {MeanOf(state.mean, states), MeanOf(state.deficit, states)};
}

absl::StatusOr<Answer> ReadStates(const Model& model, const Target& target, const Summary& summary,
                                  double decay, const StatusPolicy& policy, const Limits& limits) {
  const auto states = StatesOf(model, target);
  const double prior = MeanOf(model.covariance(), states);
  const double deficit = decay * decay * summary.deficit;
  if (!(std::isfinite(summary.mean) && decay >= 0 && decay <= 1 && deficit < prior)) {
    return Error(reason::kDataDamaged, "the stored summary of a state is impossible");
  }
  Answer answer;
  answer.target = target;
  answer.mean = MeanOf(model.mu(), states) + decay * summary.mean;
  answer.sd = std::sqrt(prior - deficit);
  answer.low = answer.mean - kNormal90 * answer.sd;
  answer.high = answer.mean + kNormal90 * answer.sd;
  answer.index = Index(model, answer.mean);
  answer.index_low = Index(model, answer.low);
  answer.index_high = Index(model, answer.high);
  answer.information = std::clamp(deficit / prior, 0.0, 1.0);
  answer.above_high = NormalCdf((answer.mean - limits.high) / answer.sd);
  answer.below_low = NormalCdf((limits.low - answer.mean) / answer.sd);
  answer.status = WordOf(answer, policy, limits);
  return answer;
}

}  // namespace

std::vector<Target> StandardTargets(const Model& model) {
  std::vector<Target> targets;
  for (const auto& [kind, nodes] :
       {std::pair(Target::Kind::kCell, kCells), std::pair(Target::Kind::kPractice, kPractices)}) {
    for (int node = 0; node < nodes; ++node) {
      for (int r = kAllPerspectives; r < model.perspectives(); ++r)
        targets.push_back({kind, node, r});
    }
  }
  return targets;
}

std::string_view Name(StatusWord word) {
  constexpr std::array<std::string_view, 6> kNames = {
      "not enough evidence", "established", "at risk", "emerging", "fragile", "unclear"};
  return kNames.at(static_cast<size_t>(word));
}

double Index(const Model& model, double value) {
  const Parameters& p = model.parameters();
  return 100.0 * NormalCdf((p.index_alpha * value - p.index_beta) / IndexSpread(p));
}

absl::StatusOr<Summary> Summarise(const Model& model, const State& state, const Target& target) {
  WATERLINE_RETURN_IF_ERROR(CheckTarget(model, target));
  WATERLINE_RETURN_IF_ERROR(CheckState(model, state));
  return SummaryOf(state, StatesOf(model, target));
}

absl::StatusOr<Answer> Read(const Model& model, const Target& target, const Summary& summary,
                            double decay, const StatusPolicy& policy) {
  WATERLINE_RETURN_IF_ERROR(CheckTarget(model, target));
  WATERLINE_RETURN_IF_ERROR(CheckPolicy(policy));
  return ReadStates(model, target, summary, decay, policy, LimitsOf(model, policy));
}

absl::StatusOr<std::vector<Answer>> Answers(const Model& model, const State& state,
                                            double as_of_days, const std::vector<Target>& targets,
                                            const StatusPolicy& policy) {
  WATERLINE_RETURN_IF_ERROR(CheckState(model, state));
  WATERLINE_RETURN_IF_ERROR(CheckPolicy(policy));
  WATERLINE_ASSIGN_OR_RETURN(const double decay, DecayTo(model, state, as_of_days));
  const Limits limits = LimitsOf(model, policy);
  std::vector<Answer> answers;
  for (const Target& target : targets) {
    WATERLINE_RETURN_IF_ERROR(CheckTarget(model, target));
    const Summary summary = SummaryOf(state, StatesOf(model, target));
    WATERLINE_ASSIGN_OR_RETURN(Answer answer,
                               ReadStates(model, target, summary, decay, policy, limits));
    answers.push_back(std::move(answer));
  }
  return answers;
}

}  // namespace waterline::model
