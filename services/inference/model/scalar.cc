#include "services/inference/model/scalar.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace waterline::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSqrtHalf = 0.70710678118654752440;      // 1/sqrt(2)
constexpr double kSqrtHalfPi = 1.2533141373155002512;     // sqrt(pi/2)
constexpr double kHalfLogTwoPi = 0.91893853320467274178;  // log(2 pi)/2
constexpr double kInverseSqrtTwoPi = 0.39894228040143267794;

double Density(double x) { return kInverseSqrtTwoPi * std::exp(-0.5 * x * x); }

// The positive nodes of the 20-point Gauss-Legendre rule on [-1, 1] and their weights.
struct Node {
  double at;
  double weight;
};
constexpr std::array<Node, 10> kLegendre = {{
    {0.99312859918509488466, 0.01761400713915211788},
    {0.96397192727791380928, 0.04060142980038693866},
    {0.91223442825132594614, 0.06267204833410906784},
    {0.83911697182221878233, 0.08327674157670475474},
    {0.74633190646015079572, 0.10193011981724044157},
    {0.63605368072651502498, 0.11819453196151841201},
    {0.51086700195082712650, 0.13168863844917663708},
    {0.37370608871541954876, 0.14209610931838204118},
    {0.22778585114164506820, 0.14917298647260374134},
    {0.07652652113349733831, 0.15275338713072583730},
}};

// model.md 3.2 case 3: upper limit infinite.
Truncated UpperTail(double a) {
  const Mills mills = MillsRatio(a);
  const double mean = std::isinf(mills.ratio) ? 0.0 : 1.0 / mills.ratio;
  const double variance = 1.0 - mean * mills.excess;
  double log_probability;
  if (a < 0) {
    log_probability = std::log1p(-0.5 * std::erfc(-a * kSqrtHalf));
  } else if (a < 5) {
    log_probability = std::log(0.5 * std::erfc(a * kSqrtHalf));
  } else {
    log_probability = -0.5 * a * a - kHalfLogTwoPi + std::log(mills.ratio);
  }
  return {log_probability, mean, variance};
}

// Case 4: a short interval, by quadrature; the variance as a central sum.
Truncated ShortInterval(double a, double b) {
  const double half = 0.5 * (b - a);
  const double middle = a + half;
  const double origin = std::max(a, 0.0);
  const auto weigh = [&](double x, double weight) {
    return weight * std::exp(-0.5 * (x - origin) * (x + origin));
  };
  std::array<double, 10> left, right;
  double sum = 0;
  double first = 0;
  for (size_t i = 0; i < kLegendre.size(); ++i) {
    const double step = half * kLegendre[i].at;
    left[i] = weigh(middle - step, kLegendre[i].weight);
    right[i] = weigh(middle + step, kLegendre[i].weight);
    sum += left[i] + right[i];
    first += step * (right[i] - left[i]);
  }
  const double shift = first / sum;
  double second = 0;
  for (size_t i = 0; i < kLegendre.size(); ++i) {
    const double step = half * kLegendre[i].at;
    second +=
        left[i] * (step + shift) * (step + shift) + right[i] * (step - shift) * (step - shift);
  }
  return {std::log(sum * half) - 0.5 * origin * origin - kHalfLogTwoPi, middle + shift,
          second / sum};
}

// Case 5: a wide interval that holds zero.
Truncated WideAcrossZero(double a, double b) {
  const double z = 1.0 - 0.5 * std::erfc(b * kSqrtHalf) - 0.5 * std::erfc(-a * kSqrtHalf);
  const double at_a = Density(a);
  const double at_b = Density(b);
  const double mean = (at_a - at_b) / z;
  return {std::log(z), mean, 1.0 + (a * at_a - b * at_b) / z - mean * mean};
}

// Case 6: a wide interval right of zero.
Truncated WideInTail(double a, double b) {
  const double r = std::exp(-0.5 * (b - a) * (b + a));
  const Mills at_a = MillsRatio(a);
  const Mills at_b = MillsRatio(b);
  const double d = at_a.ratio - r * at_b.ratio;
  const double delta = (at_a.excess * at_a.ratio - r * (1.0 - a * at_b.ratio)) / d;
  const double mean = a + delta;
  return {-0.5 * a * a - kHalfLogTwoPi + std::log(d), mean, 1.0 - delta * mean - (b - a) * r / d};
}

// Requires |upper| >= |lower|, upper > 0.
Truncated TruncateNearerTail(double a, double b) {
  if (std::isinf(b)) return UpperTail(a);
  if ((b - a) * std::max(1.0, b) <= 4.0) return ShortInterval(a, b);
  return a <= 0 ? WideAcrossZero(a, b) : WideInTail(a, b);
}

// log L(g) with noise sd c, and its slope and curvature.
class CountLikelihood {
 public:
  CountLikelihood(std::span<const double> thresholds, std::span<const double> counts, double noise)
      : thresholds_(thresholds),
        counts_(counts),
        noise_(noise),
        inverse_sd_(1.0 / std::sqrt(noise)) {}

  double Log(double g) const {
    double sum = 0;
    double lower = thresholds_[0];
    for (size_t k = 0; k < counts_.size(); ++k) {
      const double upper = (thresholds_[k + 1] - g) * inverse_sd_;
      if (counts_[k] > 0) sum += counts_[k] * LogInterval(lower, upper);
      lower = upper;
    }
    return sum;
  }

  struct Derivatives {
    double slope;
    double curvature;  // Negative second derivative, >= 0.
  };
  Derivatives At(double g) const {
    Derivatives sum{0, 0};
    for (size_t k = 0; k < counts_.size(); ++k) {
      if (counts_[k] <= 0) continue;
      const Truncated cut =
          Truncate((thresholds_[k] - g) * inverse_sd_, (thresholds_[k + 1] - g) * inverse_sd_);
      sum.slope += counts_[k] * cut.mean * inverse_sd_;
      sum.curvature += counts_[k] * (1.0 - cut.variance) / noise_;
    }
    return sum;
  }

 private:
  std::span<const double> thresholds_;
  std::span<const double> counts_;
  double noise_;
  double inverse_sd_;
};

struct Mode {
  double at;
  double scale;  // (-f'')^-1/2
};

// The maximum of f(g) = log L(g) - (g-m)^2/(2v). f'' <= -1/v, so it lies between m and m + v f'(m).
Mode FindMode(const CountLikelihood& likelihood, const Cavity& cavity) {
  double g = cavity.mean;
  double low = -kInfinity;
  double high = kInfinity;
  for (int step = 0; step < 200; ++step) {
    const auto derivatives = likelihood.At(g);
    const double slope = derivatives.slope - (g - cavity.mean) / cavity.variance;
    const double curvature = std::max(derivatives.curvature, 0.0) + 1.0 / cavity.variance;
    const double scale = 1.0 / std::sqrt(curvature);
    if (std::abs(slope) * scale < 1e-6) return {g, scale};
    (slope > 0 ? low : high) = g;
    if (step == 0) (slope > 0 ? high : low) = g + cavity.variance * slope;
    double next = g + slope / curvature;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (next == g) return {g, scale};
    g = next;
  }
  return {g, 1.0 / std::sqrt(likelihood.At(g).curvature + 1.0 / cavity.variance)};
}

// exp(f(g) - f(mode)) on a grid, by the trapezoid rule, which converges geometrically here.
class Quadrature {
 public:
  Quadrature(const CountLikelihood& likelihood, const Cavity& cavity, const Mode& mode)
      : likelihood_(likelihood), cavity_(cavity), mode_(mode), top_(F(mode.at)) {
    left_ = Extent(-1.0);
    right_ = Extent(1.0);
  }

  SiteMoments Integrate(double tolerance) {
    int intervals = 32;
    for (int i = 0; i <= intervals; ++i) Add(i, intervals);
    Sums sums = Read(intervals);
    while (intervals < 4096) {
      intervals *= 2;
      for (int i = 1; i < intervals; i += 2) Add(i, intervals);
      const Sums finer = Read(intervals);
      const bool done =
          std::abs(finer.log_mass - sums.log_mass) < tolerance &&
          std::abs(finer.mean - sums.mean) < tolerance * mode_.scale &&
          std::abs(finer.variance - sums.variance) < tolerance * mode_.scale * mode_.scale;
      sums = finer;
      if (done) break;
    }
    const double v = cavity_.variance;
    return {top_ + sums.log_mass - kHalfLogTwoPi - 0.5 * std::log(v),
            (mode_.at + sums.mean - cavity_.mean) / v, (v - sums.variance) / (v * v)};
  }

 private:
  struct Sums {
    double log_mass;
    double mean;  // From the mode.
    double variance;
  };

  double F(double g) const {
    const double distance = g - cavity_.mean;
    return likelihood_.Log(g) - 0.5 * distance * distance / cavity_.variance;
  }

  // How far from the mode f has fallen by 40.
  double Extent(double direction) const {
    double extent = 6.0 * mode_.scale;
    while (F(mode_.at + direction * extent) > top_ - 40.0) extent *= 1.25;
    return extent;
  }

  void Add(int i, int intervals) {
    const double x = -left_ + (left_ + right_) * i / intervals;
    const double weight = (i == 0 || i == intervals ? 0.5 : 1.0) * std::exp(F(mode_.at + x) - top_);
    mass_ += weight;
    first_ += weight * x;
    second_ += weight * x * x;
  }

  Sums Read(int intervals) const {
    const double mean = first_ / mass_;
    return {std::log(mass_ * (left_ + right_) / intervals), mean, second_ / mass_ - mean * mean};
  }

  const CountLikelihood& likelihood_;
  const Cavity cavity_;
  const Mode mode_;
  const double top_;
  double left_ = 0;
  double right_ = 0;
  double mass_ = 0;
  double first_ = 0;
  double second_ = 0;
};

}  // namespace

Mills MillsRatio(double x) {
  if (x < -37) return {kInfinity, -x};
  if (x < 5) {
    const double ratio = kSqrtHalfPi * std::exp(0.5 * x * x) * std::erfc(x * kSqrtHalf);
    return {ratio, 1.0 / ratio - x};
  }
  double t = 0;
  for (int k = 40; k >= 1; --k) t = k / (x + t);
  return {1.0 / (x + t), t};
}

double NormalCdf(double x) { return 0.5 * std::erfc(-x * kSqrtHalf); }

double NormalQuantile(double probability) {
  double low = -40;
  double high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (NormalCdf(middle) < probability ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

Truncated Truncate(double lower, double upper) {
  if (std::isinf(lower) && std::isinf(upper)) return {0, 0, 1};
  if (lower + upper >= 0) return TruncateNearerTail(lower, upper);
  Truncated mirrored = TruncateNearerTail(-upper, -lower);
  mirrored.mean = -mirrored.mean;
  return mirrored;
}

double LogInterval(double lower, double upper) {
  if (lower + upper < 0) {
    const double swapped = -lower;
    lower = -upper;
    upper = swapped;
  }
  // The difference of two tails is exact enough while the nearer one keeps a good part of its mass.
  if (lower <= 0) {
    const double z = 1.0 - 0.5 * std::erfc(upper * kSqrtHalf) - 0.5 * std::erfc(-lower * kSqrtHalf);
    if (z > 0.25 && z < 0.75) return std::log(z);
  } else if (lower < 5) {
    const double near = std::erfc(lower * kSqrtHalf);
    const double difference = near - std::erfc(upper * kSqrtHalf);
    if (difference > 0.25 * near) return std::log(0.5 * difference);
  }
  return Truncate(lower, upper).log_probability;
}

SiteMoments MomentsOfAnswer(double lower, double upper, double noise, const Cavity& cavity) {
  const double variance = noise + cavity.variance;
  const double inverse_sd = 1.0 / std::sqrt(variance);
  const Truncated cut =
      Truncate((lower - cavity.mean) * inverse_sd, (upper - cavity.mean) * inverse_sd);
  return {cut.log_probability, cut.mean * inverse_sd, (1.0 - cut.variance) / variance};
}

SiteMoments MomentsOfCounts(std::span<const double> thresholds, std::span<const double> counts,
                            double noise, const Cavity& cavity, double tolerance) {
  const CountLikelihood likelihood(thresholds, counts, noise);
  const Mode mode = FindMode(likelihood, cavity);
  return Quadrature(likelihood, cavity, mode).Integrate(tolerance);
}

}  // namespace waterline::model
