#include "services/inference/model/expectation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "services/inference/model/scalar.h"

namespace waterline::model {
namespace {

// Up to this many sites, matrices over sites live on the stack.
constexpr int kSmall = 16;

SiteMoments MomentsOf(const Model& model, const Sites& sites, int i, const Cavity& cavity,
                      const Precision& precision) {
  const Sites::Site& site = sites[i];
  const auto& limits = model.Limits(site.item);
  if (site.category >= 0) {
    const auto k = static_cast<size_t>(site.category);
    return MomentsOfAnswer(limits[k], limits[k + 1], site.noise, cavity);
  }
  const std::span<const double> counts(sites.CountsOf(site), limits.size() - 1);
  return MomentsOfCounts(limits, counts, site.noise, cavity, precision.quadrature);
}

// Gaussian site parameters after moment matching, and the log scale of the site.
struct SiteUpdate {
  double tau;
  double nu;
  double log_scale;
};

// model.md 3.5 and the site's term of the local evidence in 4.3.
SiteUpdate MatchMoments(const SiteMoments& moments, const Cavity& cavity) {
  const double q = 1.0 - cavity.variance * moments.d2;
  const double tau = std::max(moments.d2 / q, 0.0);
  const double nu = (moments.d1 + cavity.mean * moments.d2) / q;
  const double spread = 1.0 + tau * cavity.variance;
  const double exponent =
      (nu * cavity.mean + 0.5 * nu * nu * cavity.variance - 0.5 * tau * cavity.mean * cavity.mean) /
      spread;
  return {tau, nu, moments.log_z + 0.5 * std::log(spread) - exponent};
}

double KernelValue(const Model& model, const Sites::Site& a, const Sites::Site& b) {
  if (a.event != b.event) return 0;
  const Parameters& p = model.parameters();
  double value = p.sigma_event * p.sigma_event;
  if (a.perspective == b.perspective)
    value += p.sigma_event_perspective * p.sigma_event_perspective;
  if (a.item == b.item) value += p.sigma_event_item * p.sigma_event_item;
  if (a.informant >= 0 && a.informant == b.informant)
    value += p.sigma_informant * p.sigma_informant;
  return value;
}

// w'x of a site.
template <typename Column>
double Dot(const Sites& sites, const Sites::Site& site, const Column& column) {
  double sum = 0;
  for (auto* w = sites.WeightsBegin(site); w != sites.WeightsEnd(site); ++w)
    sum += w->second * column[w->first];
  return sum;
}

// P w = K w - D w, gathered from columns.
template <typename Target>
void Gather(const Model& model, const Eigen::MatrixXd& deficit, const Sites& sites,
            const Sites::Site& site, Target&& column) {
  column.setZero();
  for (auto* w = sites.WeightsBegin(site); w != sites.WeightsEnd(site); ++w) {
    column += w->second * (model.covariance().col(w->first) - deficit.col(w->first));
  }
}

// Local EP of model.md 4.3 under the prior N(f, G), for at most kMax sites (or any number).
template <int kMax>
class LocalSites {
 public:
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, kMax, kMax>;
  using Vector = Eigen::Matrix<double, Eigen::Dynamic, 1, Eigen::ColMajor, kMax, 1>;

  LocalSites(const Model& model, const Sites& sites, std::span<const int> members,
             const Precision& precision)
      : model_(model), sites_(sites), members_(members), precision_(precision) {
    tau = Vector::Zero(size());
    nu = Vector::Zero(size());
    log_scale = Vector::Zero(size());
  }

  Eigen::Index size() const { return static_cast<Eigen::Index>(members_.size()); }

  // What the present sites do to the prior (model.md 4.1): half = L^-1 S, so that A = half' half.
  void Solve() {
    const Vector root_tau = tau.cwiseSqrt();
    Matrix b = root_tau.asDiagonal() * G * root_tau.asDiagonal();
    b.diagonal().array() += 1.0;
    lower.compute(b);
    half = root_tau.asDiagonal();
    lower.matrixL().solveInPlace(half);
    residual = nu - tau.cwiseProduct(f);
    const Vector pull = half * (G * residual);
    k = residual - half.transpose() * pull;
  }

  // The posterior of g; after Solve.
  void Update() {
    const Matrix half_g = Product(half, G);
    cov = G;
    cov -= Product(half_g.transpose(), half_g);
    mean = f + G * k;
  }

  // One pass over the sites; returns the largest change.
  double Sweep() {
    double change = 0;
    for (Eigen::Index i = 0; i < size(); ++i) change = std::max(change, Visit(i));
    return change;
  }

  double LogIntegral() const {
    const Matrix l = lower.matrixL();
    return -l.diagonal().array().log().sum() + nu.dot(f) - 0.5 * f.dot(tau.cwiseProduct(f)) +
           0.5 * residual.dot(G * k);
  }

  // Small products without the set-up of a blocked one.
  template <typename A, typename B>
  static auto Product(const A& a, const B& b) {
    if constexpr (kMax == Eigen::Dynamic) {
      return a * b;
    } else {
      return a.lazyProduct(b);
    }
  }

  Vector f, tau, nu, log_scale, mean, k, residual;
  Matrix G, cov, half;
  Eigen::LLT<Matrix> lower;

 private:
  double Visit(Eigen::Index i) {
    const double s = cov(i, i);
    const double rest = 1.0 - tau[i] * s;
    const Cavity cavity{(mean[i] - s * nu[i]) / rest, s / rest};
    const auto moments =
        MomentsOf(model_, sites_, members_[static_cast<size_t>(i)], cavity, precision_);
    const SiteUpdate update = MatchMoments(moments, cavity);
    const double dt = update.tau - tau[i];
    const double du = update.nu - nu[i];
    const double pull = du - dt * mean[i];
    const double spread = 1.0 + dt * s;
    const Vector column = cov.col(i);
    mean += column * (pull / spread);
    cov.noalias() -= (column * (dt / spread)) * column.transpose();
    tau[i] = update.tau;
    nu[i] = update.nu;
    log_scale[i] = update.log_scale;
    return std::max(std::abs(dt) * s, std::abs(pull) * std::sqrt(s));
  }

  const Model& model_;
  const Sites& sites_;
  std::span<const int> members_;
  const Precision& precision_;
};

std::vector<int> AllOf(const Sites& sites) {
  std::vector<int> members(static_cast<size_t>(sites.size()));
  for (int i = 0; i < sites.size(); ++i) members[static_cast<size_t>(i)] = i;
  return members;
}

template <int kMax>
Posterior FitDenseUpTo(const Model& model, const Sites& sites, const Eigen::VectorXd& mean,
                       const Eigen::MatrixXd& deficit, const Precision& precision) {
  const std::vector<int> members = AllOf(sites);
  LocalSites<kMax> local(model, sites, members, precision);
  const Eigen::Index n = local.size();
  Eigen::MatrixXd projected(model.dimension(), n);  // P W
  local.f.resize(n);
  local.G.resize(n, n);
  for (int i = 0; i < sites.size(); ++i) {
    Gather(model, deficit, sites, sites[i], projected.col(i));
    local.f[i] = sites[i].offset + Dot(sites, sites[i], mean);
    for (int j = 0; j <= i; ++j) {
      local.G(i, j) =
          Dot(sites, sites[j], projected.col(i)) + KernelValue(model, sites[i], sites[j]);
      local.G(j, i) = local.G(i, j);
    }
  }
  local.mean = local.f;
  local.cov = local.G;
  Posterior posterior;
  while (true) {
    const double change = local.Sweep();
    local.Solve();
    ++posterior.sweeps;
    posterior.has_converged = change < precision.sites;
    if (posterior.has_converged || posterior.sweeps >= precision.sweeps_max) break;
    local.Update();
  }
  posterior.log_score = local.log_scale.sum() + local.LogIntegral();
  posterior.mean_step = projected * local.k;
  posterior.root = LocalSites<kMax>::Product(projected, local.half.transpose());
  return posterior;
}

// model.md 4.4: z = (state deviations, event effects) with prior N(mean, Sigma). A block is the
// sites of one informant, whose severity b is integrated out, or one anonymous site, which has
// none. Its message to z goes through the predictors p = o + C'z of its sites, as exp(-p'Lambda p/2
// + eta'p).
class StateSpace {
 public:
  StateSpace(const Model& model, const Sites& sites, const Eigen::VectorXd& mean,
             const Eigen::MatrixXd& deficit, const Precision& precision)
      : model_(model),
        sites_(sites),
        precision_(precision),
        prior_mean_(mean),
        d_(model.dimension()) {
    MakeColumns();
    MakeBlocks();
    MakeRoot(deficit);
  }

  Posterior Run() {
    Posterior posterior;
    Gather();
    while (true) {
      double change = 0;
      for (Block& block : blocks_) change = std::max(change, Visit(block));
      ++posterior.sweeps;
      Gather();
      posterior.has_converged = change < precision_.sites;
      if (posterior.has_converged || posterior.sweeps >= precision_.sweeps_max) break;
    }
    posterior.mean_step = mean_.head(d_) - prior_mean_;
    posterior.root = Removed();
    posterior.log_score = LogScore();
    return posterior;
  }

 private:
  using Index = Eigen::Index;
  using Local = LocalSites<Eigen::Dynamic>;
  using Column = std::vector<std::pair<int, double>>;  // Sparse: place in z and weight.

  struct Block {
    std::vector<int> members;
    double severity = 0;  // Variance of b.
    Eigen::VectorXd tau, nu, log_scale;
    Eigen::MatrixXd lambda;  // The message, from tau and nu.
    Eigen::VectorXd eta;
    double log_constant = 0;

    void MakeMessage() {
      const double shrink = severity / (1.0 + severity * tau.sum());
      lambda = -shrink * tau * tau.transpose();
      lambda.diagonal() += tau;
      eta = nu - shrink * nu.sum() * tau;
      log_constant = -0.5 * std::log1p(severity * tau.sum()) + 0.5 * shrink * nu.sum() * nu.sum();
    }
  };

  // One effect per event, per event and perspective, per event and indicator, behind the state.
  void MakeColumns() {
    std::map<std::tuple<int, int, int>, int> effects;  // Event, kind, key -> place in z.
    const auto place = [&](int event, int kind, int key, double sigma) {
      const auto [entry, is_new] =
          effects.try_emplace({event, kind, key}, static_cast<int>(d_ + sigmas_.size()));
      if (is_new) sigmas_.push_back(sigma);
      return entry->second;
    };
    const Parameters& p = model_.parameters();
    for (int i = 0; i < sites_.size(); ++i) {
      const Sites::Site& site = sites_[i];
      Column column(sites_.WeightsBegin(site), sites_.WeightsEnd(site));
      column.emplace_back(place(site.event, 0, 0, p.sigma_event), 1.0);
      column.emplace_back(place(site.event, 1, site.perspective, p.sigma_event_perspective), 1.0);
      column.emplace_back(place(site.event, 2, site.item, p.sigma_event_item), 1.0);
      columns_.push_back(std::move(column));
    }
  }

  void MakeBlocks() {
    std::map<int, size_t> by_informant;
    const double severity =
        model_.parameters().sigma_informant * model_.parameters().sigma_informant;
    for (int i = 0; i < sites_.size(); ++i) {
      const int informant = sites_[i].informant;
      const auto known = by_informant.find(informant);
      if (informant >= 0 && known != by_informant.end()) {
        blocks_[known->second].members.push_back(i);
        continue;
      }
      if (informant >= 0) by_informant[informant] = blocks_.size();
      blocks_.push_back({});
      blocks_.back().members = {i};
      blocks_.back().severity = informant >= 0 ? severity : 0.0;
    }
    for (Block& block : blocks_) {
      const auto n = static_cast<Index>(block.members.size());
      block.tau = block.nu = block.log_scale = Eigen::VectorXd::Zero(n);
      block.MakeMessage();
    }
  }

  // The prior's square root: Cholesky of K - D beside the effects' standard deviations.
  void MakeRoot(const Eigen::MatrixXd& deficit) {
    const Index size = d_ + static_cast<Index>(sigmas_.size());
    root_ = Eigen::MatrixXd::Zero(size, size);
    root_.topLeftCorner(d_, d_) =
        Eigen::LLT<Eigen::MatrixXd>(model_.covariance() - deficit).matrixL();
    for (size_t i = 0; i < sigmas_.size(); ++i) {
      const Index at = d_ + static_cast<Index>(i);
      root_(at, at) = sigmas_[i];
    }
    start_ = Eigen::VectorXd::Zero(size);
    start_.head(d_) = prior_mean_;
  }

  double Offset(int site) const { return sites_[site].offset; }

  // p = o + C'z of a block's sites for a given z.
  Eigen::VectorXd Predictors(const Block& block, const Eigen::VectorXd& z) const {
    Eigen::VectorXd p(static_cast<Index>(block.members.size()));
    for (Index i = 0; i < p.size(); ++i) {
      const int site = block.members[static_cast<size_t>(i)];
      p[i] = Offset(site);
      for (const auto& [at, weight] : columns_[static_cast<size_t>(site)]) p[i] += weight * z[at];
    }
    return p;
  }

  // Sigma and mean afresh from all messages: with Q = L'JL, Sigma = L (I+Q)^-1 L'.
  void Gather() {
    const Index size = root_.rows();
    Eigen::MatrixXd precision = Eigen::MatrixXd::Zero(size, size);  // J
    Eigen::VectorXd pull = Eigen::VectorXd::Zero(size);
    for (const Block& block : blocks_) {
      const Eigen::VectorXd force = block.eta - block.lambda * Predictors(block, start_);
      AddMessage(block, force, precision, pull);
    }
    tilt_ = root_.transpose() * precision * root_;
    Eigen::MatrixXd inner = tilt_;
    inner.diagonal().array() += 1.0;
    solver_.compute(inner);
    const Eigen::MatrixXd half = solver_.matrixL().solve(root_.transpose());
    covariance_ = half.transpose() * half;
    pull_ = pull;
    mean_ = start_ + covariance_ * pull;
  }

  void AddMessage(const Block& block, const Eigen::VectorXd& force, Eigen::MatrixXd& precision,
                  Eigen::VectorXd& pull) const {
    for (size_t i = 0; i < block.members.size(); ++i) {
      for (const auto& [row, weight] : ColumnOf(block, i)) {
        pull[row] += weight * force[static_cast<Index>(i)];
        for (size_t j = 0; j < block.members.size(); ++j) {
          const double value = weight * block.lambda(static_cast<Index>(i), static_cast<Index>(j));
          for (const auto& [column, other] : ColumnOf(block, j))
            precision(row, column) += value * other;
        }
      }
    }
  }

  const Column& ColumnOf(const Block& block, size_t member) const {
    return columns_[static_cast<size_t>(block.members[member])];
  }

  // Sigma C of a block.
  Eigen::MatrixXd Spread(const Block& block) const {
    Eigen::MatrixXd spread =
        Eigen::MatrixXd::Zero(root_.rows(), static_cast<Index>(block.members.size()));
    for (size_t i = 0; i < block.members.size(); ++i) {
      for (const auto& [at, weight] : ColumnOf(block, i)) {
        spread.col(static_cast<Index>(i)) += weight * covariance_.col(at);
      }
    }
    return spread;
  }

  Eigen::MatrixXd Within(const Block& block, const Eigen::MatrixXd& spread) const {
    Eigen::MatrixXd v(spread.cols(), spread.cols());
    for (Index i = 0; i < v.rows(); ++i) {
      v.row(i).setZero();
      for (const auto& [at, weight] : ColumnOf(block, static_cast<size_t>(i)))
        v.row(i) += weight * spread.row(at);
    }
    return 0.5 * (v + v.transpose());
  }

  // Takes the block out, fits its sites, puts the new message in.
  double Visit(Block& block) {
    const Eigen::MatrixXd spread = Spread(block);
    const Eigen::MatrixXd v = Within(block, spread);
    const Eigen::VectorXd p = Predictors(block, mean_);
    const Index n = v.rows();
    const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(n, n);
    const Eigen::PartialPivLU<Eigen::MatrixXd> without(identity - v * block.lambda);
    const Eigen::MatrixXd cavity = without.solve(v);
    Local local(model_, sites_, block.members, precision_);
    local.G = 0.5 * (cavity + cavity.transpose());
    local.G.array() += block.severity;
    local.f = without.solve(p - v * block.eta);
    local.tau = block.tau;
    local.nu = block.nu;
    const double change = FitLocal(local);
    const Eigen::MatrixXd lambda = block.lambda;
    const Eigen::VectorXd eta = block.eta;
    block.tau = local.tau;
    block.nu = local.nu;
    block.log_scale = local.log_scale;
    block.MakeMessage();
    Apply(spread, v, block.lambda - lambda, block.eta - eta, p);
    return change;
  }

  // Two sweeps; the change of the first one.
  static double FitLocal(Local& local) {
    local.Solve();
    local.Update();
    const double change = local.Sweep();
    if (local.size() > 1) {
      local.Solve();
      local.Update();
      local.Sweep();
    }
    return change;
  }

  void Apply(const Eigen::MatrixXd& spread, const Eigen::MatrixXd& v,
             const Eigen::MatrixXd& lambda_step, const Eigen::VectorXd& eta_step,
             const Eigen::VectorXd& p) {
    const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(v.rows(), v.cols());
    const Eigen::PartialPivLU<Eigen::MatrixXd> with(identity + lambda_step * v);
    Eigen::MatrixXd gain = with.solve(lambda_step);
    gain = 0.5 * (gain + gain.transpose()).eval();
    covariance_.noalias() -= (spread * gain) * spread.transpose();
    mean_ += spread * with.solve(eta_step - lambda_step * p);
  }

  // A root of P - P+ of the states: L (I - (I+Q)^-1) L' with I - (I+Q)^-1 = B'QB, B = chol(I+Q)^-1.
  Eigen::MatrixXd Removed() const {
    const Eigen::MatrixXd removed = root_ * solver_.solve(tilt_) * root_.transpose();
    const Eigen::MatrixXd states = 0.5 * (removed + removed.transpose()).topLeftCorner(d_, d_);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> parts(states);
    return parts.eigenvectors() * parts.eigenvalues().cwiseMax(0.0).cwiseSqrt().asDiagonal();
  }

  // Sum of the sites' scales plus the log integral of the Gaussian messages over z and b.
  double LogScore() const {
    double score = 0.5 * pull_.dot(covariance_ * pull_);
    const Eigen::MatrixXd lower = solver_.matrixL();
    score -= lower.diagonal().array().log().sum();
    for (const Block& block : blocks_) {
      const Eigen::VectorXd p = Predictors(block, start_);
      score += block.log_scale.sum() + block.log_constant + block.eta.dot(p) -
               0.5 * p.dot(block.lambda * p);
    }
    return score;
  }

  const Model& model_;
  const Sites& sites_;
  const Precision& precision_;
  const Eigen::VectorXd& prior_mean_;
  const Index d_;
  std::vector<double> sigmas_;   // Of the effects behind the states.
  std::vector<Column> columns_;  // C, per site.
  std::vector<Block> blocks_;
  Eigen::MatrixXd root_;                // L, Sigma of the prior = L L'.
  Eigen::VectorXd start_;               // Prior mean of z.
  Eigen::MatrixXd tilt_;                // Q
  Eigen::LLT<Eigen::MatrixXd> solver_;  // Of I + Q.
  Eigen::VectorXd pull_;
  Eigen::MatrixXd covariance_;
  Eigen::VectorXd mean_;
};

}  // namespace

Posterior FitDense(const Model& model, const Sites& sites, const Eigen::VectorXd& mean,
                   const Eigen::MatrixXd& deficit, const Precision& precision) {
  return sites.size() <= kSmall
             ? FitDenseUpTo<kSmall>(model, sites, mean, deficit, precision)
             : FitDenseUpTo<Eigen::Dynamic>(model, sites, mean, deficit, precision);
}

Posterior FitBlocks(const Model& model, const Sites& sites, const Eigen::VectorXd& mean,
                    const Eigen::MatrixXd& deficit, const Precision& precision) {
  return StateSpace(model, sites, mean, deficit, precision).Run();
}

Posterior Fit(const Model& model, const Sites& sites, const Eigen::VectorXd& mean,
              const Eigen::MatrixXd& deficit, const Precision& precision) {
  const bool is_usual = sites.size() <= 2 * (model.dimension() + 10);
  return is_usual ? FitDense(model, sites, mean, deficit, precision)
                  : FitBlocks(model, sites, mean, deficit, precision);
}

}  // namespace waterline::model
