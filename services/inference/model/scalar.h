#pragma once

// Scalar functions of the model: truncated normals and the moments of one site's likelihood against
// a Gaussian cavity. Source: model.md section 3. Relative errors: log probability and mean about
// 1e-14, variance 1e-13 absolute, for limits up to 1000 in size. All arguments must not be NaN;
// limits may be infinite. Thread safety: pure functions, no allocation.

#include <span>

namespace waterline::model {

// R(x) = Q(x) / phi(x), Q the upper normal tail, and t(x) = 1/R(x) - x without cancellation.
struct Mills {
  double ratio;
  double excess;  // t(x)
};
Mills MillsRatio(double x);

double NormalCdf(double x);
double NormalQuantile(double probability);  // 0 < probability < 1.

// A standard normal cut to (lower, upper).
struct Truncated {
  double log_probability;
  double mean;
  double variance;
};
Truncated Truncate(double lower, double upper);  // lower < upper

// log P(lower < z < upper) alone; the same number as Truncate gives, up to rounding.
double LogInterval(double lower, double upper);

// What moment matching needs of a likelihood L(g) under the cavity N(mean, variance): the log of
// its integral, the first derivative of that by the mean, and the negative second derivative.
struct SiteMoments {
  double log_z;
  double d1;
  double d2;
};

struct Cavity {
  double mean;
  double variance;  // > 0
};

// One answer that lies between two thresholds; `noise` is c^2 of model.md 2.2.
SiteMoments MomentsOfAnswer(double lower, double upper, double noise, const Cavity& cavity);

// Counts per category. `thresholds` has one element more than `counts`, from -inf to +inf, strictly
// increasing. Counts are >= 0 and finite, at least one is positive. `tolerance` is the relative
// change at which the quadrature stops (1e-9 in production, 1e-13 against the vectors).
SiteMoments MomentsOfCounts(std::span<const double> thresholds, std::span<const double> counts,
                            double noise, const Cavity& cavity, double tolerance);

}  // namespace waterline::model
