#include "services/inference/model/filter.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::model {
namespace {

bool SameBits(const double* a, const double* b, Eigen::Index size) {
  return std::memcmp(a, b, static_cast<size_t>(size) * sizeof(double)) == 0;
}

// A NaN or infinity anywhere makes the sum of squares or the sum itself not finite.
bool IsFinite(const State& state) {
  return std::isfinite(state.mean.sum()) && std::isfinite(state.deficit.sum());
}

bool IsFinite(const Posterior& posterior) {
  return std::isfinite(posterior.mean_step.sum()) && std::isfinite(posterior.root.sum()) &&
         std::isfinite(posterior.log_score);
}

// D += Y Y', one triangle computed, the other copied, so that D stays exactly symmetric.
void AddSquare(const Eigen::MatrixXd& y, Eigen::MatrixXd& deficit) {
  const Eigen::Index d = deficit.rows();
  for (Eigen::Index j = 0; j < d; ++j) {
    deficit.col(j).tail(d - j).noalias() += y.bottomRows(d - j) * y.row(j).transpose();
  }
  deficit.triangularView<Eigen::StrictlyUpper>() = deficit.transpose();
}

absl::Status CheckOrder(const Bin& bin, const State& state) {
  if (state.bins == 0 || bin.day > state.day) return absl::OkStatus();
  return Error(reason::kStateForbids,
               "a bin must be later than the last one; replay from before its day",
               {{"day", std::to_string(bin.day)}, {"state_day", std::to_string(state.day)}});
}

}  // namespace

bool operator==(const State& a, const State& b) {
  return a.day == b.day && a.bins == b.bins && a.mean.size() == b.mean.size() &&
         a.deficit.rows() == b.deficit.rows() && a.deficit.cols() == b.deficit.cols() &&
         SameBits(a.mean.data(), b.mean.data(), a.mean.size()) &&
         SameBits(a.deficit.data(), b.deficit.data(), a.deficit.size());
}

State Prior(const Model& model) {
  State state;
  state.mean = Eigen::VectorXd::Zero(model.dimension());
  state.deficit = Eigen::MatrixXd::Zero(model.dimension(), model.dimension());
  return state;
}

absl::StatusOr<BinResult> Absorb(const Model& model, const Bin& bin, State& state,
                                 const Precision& precision) {
  WATERLINE_RETURN_IF_ERROR(CheckState(model, state));
  WATERLINE_RETURN_IF_ERROR(CheckOrder(bin, state));
  WATERLINE_RETURN_IF_ERROR(Validate(model, bin.observations));
  const double a = state.bins == 0
                       ? 1.0
                       : model.Decay(static_cast<double>(bin.day) - static_cast<double>(state.day));
  State next{bin.day, state.bins + 1, a * state.mean, (a * a) * state.deficit};
  const Sites sites(model, bin.observations);
  BinResult result{0, sites.size(), 0, true};
  if (sites.size() > 0) {
    const Posterior posterior = Fit(model, sites, next.mean, next.deficit, precision);
    next.mean += posterior.mean_step;
    AddSquare(posterior.root, next.deficit);
    result = {posterior.log_score, sites.size(), posterior.sweeps, posterior.has_converged};
    if (!IsFinite(posterior) || !IsFinite(next)) {
      return Error(reason::kUnexpected, "the bin's result is not finite; it was not absorbed");
    }
  }
  state = std::move(next);
  return result;
}

absl::StatusOr<State> Advance(const Model& model, State state, const Bin& bin,
                              const Precision& precision) {
  WATERLINE_RETURN_IF_ERROR(Absorb(model, bin, state, precision).status());
  return state;
}

absl::StatusOr<State> Replay(const Model& model, State state, std::span<const Bin> bins,
                             const Precision& precision) {
  for (const Bin& bin : bins)
    WATERLINE_RETURN_IF_ERROR(Absorb(model, bin, state, precision).status());
  return state;
}

absl::Status CheckState(const Model& model, const State& state) {
  const Eigen::Index d = model.dimension();
  if (state.mean.size() != d || state.deficit.rows() != d || state.deficit.cols() != d) {
    return Error(reason::kDataDamaged, "the state has not the size of the model");
  }
  if (!IsFinite(state))
    return Error(reason::kDataDamaged, "the state holds a number that is not finite");
  return absl::OkStatus();
}

absl::StatusOr<double> DecayTo(const Model& model, const State& state, double as_of_days) {
  if (!std::isfinite(as_of_days)) return BadFields({{"as_of", "finite"}});
  if (state.bins == 0) return 1.0;
  const double days = as_of_days - static_cast<double>(state.day);
  if (days < 0)
    return Error(reason::kStateForbids, "as_of is before the last evidence of the state");
  return model.Decay(days);
}

absl::StatusOr<Prediction> Predict(const Model& model, const State& state, double as_of_days) {
  WATERLINE_RETURN_IF_ERROR(CheckState(model, state));
  WATERLINE_ASSIGN_OR_RETURN(const double a, DecayTo(model, state, as_of_days));
  return Prediction{model.mu() + a * state.mean, model.covariance() - (a * a) * state.deficit};
}

}  // namespace waterline::model
