#include "services/inference/model/parameters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "services/common/status/error.h"

namespace waterline::model {
namespace {

using Violations = std::vector<FieldViolation>;

void Require(bool holds, std::string field, std::string description, Violations& violations) {
  if (!holds) violations.push_back({std::move(field), std::move(description)});
}

bool IsPositive(double value) { return std::isfinite(value) && value > 0; }
bool IsNotNegative(double value) { return std::isfinite(value) && value >= 0; }

// (1 - rho) I + rho 11' of size n is positive definite for -1/(n-1) < rho < 1.
bool IsCorrelation(double rho, int n) { return rho < 1 && (n == 1 || rho > -1.0 / (n - 1)); }

void CheckHyperparameters(const Parameters& p, Violations& violations) {
  Require(p.perspectives >= 1 && p.perspectives <= kPerspectivesMax, "perspectives", "1 to 4",
          violations);
  Require(IsPositive(p.scale), "scale", "positive", violations);
  Require(IsPositive(p.tau_days), "tau_days", "positive", violations);
  Require(IsCorrelation(p.rho_practice, kPractices), "rho_practice", "between -1/3 and 1",
          violations);
  Require(IsCorrelation(p.rho_element, kElements), "rho_element", "between -1/2 and 1", violations);
  Require(IsCorrelation(p.rho_perspective, p.perspectives), "rho_perspective",
          "between -1/(R-1) and 1", violations);
  const std::pair<const char*, double> sigmas[] = {
      {"sigma_event", p.sigma_event},
      {"sigma_event_perspective", p.sigma_event_perspective},
      {"sigma_event_item", p.sigma_event_item},
      {"sigma_informant", p.sigma_informant}};
  for (const auto& [name, sigma] : sigmas)
    Require(IsNotNegative(sigma), name, "not negative", violations);
  Require(IsPositive(p.index_alpha), "index_alpha", "positive", violations);
  Require(std::isfinite(p.index_beta), "index_beta", "finite", violations);
  Require(p.mu.empty() || p.mu.size() == static_cast<size_t>(kCells * p.perspectives), "mu",
          "empty or one value per state", violations);
  for (double mu : p.mu) Require(std::isfinite(mu), "mu", "finite", violations);
}

void CheckItem(const Item& item, const std::string& field, Violations& violations) {
  Require(!item.id.empty(), field + ".id", "not empty", violations);
  Require(IsPositive(item.alpha), field + ".alpha", "positive", violations);
  Require(!item.thresholds.empty(), field + ".thresholds", "at least one", violations);
  Require(!item.loadings.empty(), field + ".loadings", "at least one", violations);
  for (const Loading& loading : item.loadings) {
    Require(loading.cell >= 0 && loading.cell < kCells, field + ".loadings.cell", "0 to 11",
            violations);
    Require(std::isfinite(loading.weight), field + ".loadings.weight", "finite", violations);
  }
  for (size_t k = 0; k < item.thresholds.size(); ++k) {
    const bool increasing = k == 0 || item.thresholds[k] > item.thresholds[k - 1];
    Require(std::isfinite(item.thresholds[k]) && increasing, field + ".thresholds",
            "finite and increasing", violations);
  }
}

void CheckItems(const std::vector<Item>& items, Violations& violations) {
  std::vector<std::string_view> ids;
  for (size_t i = 0; i < items.size(); ++i) {
    CheckItem(items[i], "items[" + std::to_string(i) + "]", violations);
    ids.push_back(items[i].id);
  }
  std::sort(ids.begin(), ids.end());
  Require(std::adjacent_find(ids.begin(), ids.end()) == ids.end(), "items", "ids must differ",
          violations);
}

Eigen::MatrixXd Equicorrelation(int n, double rho) {
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Constant(n, n, rho);
  matrix.diagonal().setOnes();
  return matrix;
}

// s^2 (K_practice kron K_element kron K_perspective).
Eigen::MatrixXd PriorCovariance(const Parameters& p) {
  const Eigen::MatrixXd practice = Equicorrelation(kPractices, p.rho_practice);
  const Eigen::MatrixXd element = Equicorrelation(kElements, p.rho_element);
  const Eigen::MatrixXd perspective = Equicorrelation(p.perspectives, p.rho_perspective);
  const int group = p.perspectives;
  const int d = kCells * group;
  Eigen::MatrixXd covariance(d, d);
  for (int j = 0; j < d; ++j) {
    for (int i = 0; i < d; ++i) {
      const int cell_i = i / group;
      const int cell_j = j / group;
      covariance(i, j) = p.scale * p.scale * practice(cell_i / kElements, cell_j / kElements) *
                         element(cell_i % kElements, cell_j % kElements) *
                         perspective(i % group, j % group);
    }
  }
  return covariance;
}

std::vector<double> WithInfinities(const std::vector<double>& thresholds) {
  std::vector<double> limits = {-std::numeric_limits<double>::infinity()};
  limits.insert(limits.end(), thresholds.begin(), thresholds.end());
  limits.push_back(std::numeric_limits<double>::infinity());
  return limits;
}

}  // namespace

Item VersionZeroItem(const data::Indicator& indicator) {
  Item item;
  item.id = indicator.id;
  item.loadings = {{indicator.cell(), 1.0}};
  item.reverse = indicator.reverse;
  item.thresholds = indicator.categories() == 2 ? std::vector<double>{0.0}
                                                : std::vector<double>{-1.5, -0.5, 0.5, 1.5};
  return item;
}

Parameters VersionZero() {
  Parameters parameters;
  parameters.version = "0";
  for (const auto& indicator : data::AllIndicators())
    parameters.items.push_back(VersionZeroItem(indicator));
  return parameters;
}

absl::StatusOr<Model> Model::Create(Parameters parameters) {
  Violations violations;
  CheckHyperparameters(parameters, violations);
  CheckItems(parameters.items, violations);
  if (!violations.empty()) return BadFields(violations);
  return Model(std::move(parameters));
}

Model::Model(Parameters parameters)
    : parameters_(std::move(parameters)),
      mu_(Eigen::VectorXd::Zero(dimension())),
      covariance_(PriorCovariance(parameters_)),
      by_id_(parameters_.items.size()),
      ranks_(parameters_.items.size()) {
  for (size_t j = 0; j < parameters_.mu.size(); ++j)
    mu_[static_cast<Eigen::Index>(j)] = parameters_.mu[j];
  std::iota(by_id_.begin(), by_id_.end(), 0);
  std::sort(by_id_.begin(), by_id_.end(), [this](int a, int b) { return item(a).id < item(b).id; });
  for (int rank = 0; rank < items(); ++rank) {
    ranks_[static_cast<size_t>(by_id_[static_cast<size_t>(rank)])] = rank;
  }
  for (const Item& item : parameters_.items) limits_.push_back(WithInfinities(item.thresholds));
}

double Model::Decay(double days) const { return std::exp(-days / parameters_.tau_days); }

double Model::AnswerNoise(bool has_informant) const {
  return has_informant ? 1.0 : 1.0 + parameters_.sigma_informant * parameters_.sigma_informant;
}

std::optional<int> Model::FindItem(std::string_view id) const {
  const auto found = std::lower_bound(
      by_id_.begin(), by_id_.end(), id,
      [this](int index, std::string_view value) { return item(index).id < value; });
  if (found == by_id_.end() || item(*found).id != id) return std::nullopt;
  return *found;
}

}  // namespace waterline::model
