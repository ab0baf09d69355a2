#pragma once

// Expectation propagation over the sites of one bin: each likelihood is replaced by
// exp(-tau g^2/2 + nu g), so that the moments of every site agree with the exact ones. Source:
// model.md 3.5 and 4. Two forms with one fixed point: dense over the sites, for a usual bin, and in
// state space, block by block, for a bin of many informants. Thread safety: pure functions.

#include <Eigen/Dense>

#include "services/inference/model/evidence.h"
#include "services/inference/model/parameters.h"

namespace waterline::model {

// When iterations stop.
struct Precision {
  double sites = 1e-6;       // Largest change of a sweep, in standard deviations of a site.
  double quadrature = 1e-9;  // Relative.
  int sweeps_max = 200;
};
inline constexpr Precision kProductionPrecision{};
inline constexpr Precision kVectorPrecision{1e-12, 1e-13, 200};

// What a bin does to the state's N(m, K - D): m += mean_step, D += root root'.
struct Posterior {
  Eigen::VectorXd mean_step;
  Eigen::MatrixXd root;  // d x rank
  double log_score = 0;  // One-step-ahead log predictive of the bin.
  int sweeps = 0;
  bool has_converged = true;
};

// Precondition: at least one site. `mean` and `deficit` are the prediction for the bin's day.
Posterior FitDense(const Model& model, const Sites& sites, const Eigen::VectorXd& mean,
                   const Eigen::MatrixXd& deficit, const Precision& precision);
Posterior FitBlocks(const Model& model, const Sites& sites, const Eigen::VectorXd& mean,
                    const Eigen::MatrixXd& deficit, const Precision& precision);

// The cheaper of the two: dense up to 2 (d + 10) sites.
Posterior Fit(const Model& model, const Sites& sites, const Eigen::VectorXd& mean,
              const Eigen::MatrixXd& deficit, const Precision& precision);

}  // namespace waterline::model
