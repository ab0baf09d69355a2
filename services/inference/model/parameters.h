#pragma once

// A model version: every number the inference rests on, immutable once made. Source: model.md
// section 1; order of cells and version 0 values: architecture.md section 7.
//
//   cell = 3 * practice + element         practices trust, leadership, learning, partnership
//   state index = cell * R + perspective  elements materials, skills, meanings
//
// R is the number of perspectives (4 in the product: people, clinicians, commissioners, community),
// d = 12 R the length of the state. Thread safety: a Model is read-only after Create.

#include <Eigen/Dense>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/data/indicators.h"

namespace waterline::model {

inline constexpr int kPractices = 4;
inline constexpr int kElements = 3;
inline constexpr int kCells = kPractices * kElements;
inline constexpr int kPerspectivesMax = 4;

struct Loading {
  int cell = 0;
  double weight = 1;
};

// How one indicator's answers depend on the state.
struct Item {
  std::string id;
  std::vector<Loading> loadings;
  double alpha = 1;                // Steepness, > 0.
  std::vector<double> thresholds;  // Strictly increasing; one fewer than there are categories.
  bool reverse = false;            // Category k is read as the last one minus k.

  int categories() const { return static_cast<int>(thresholds.size()) + 1; }
};

// Defaults are those of version 0; all are judgements until a fit.
struct Parameters {
  std::string version;
  int perspectives = 4;       // R, 1..4.
  double scale = 1;           // s, prior standard deviation of each state.
  double rho_practice = 0.5;  // Correlations between different practices, elements, perspectives.
  double rho_element = 0.6;
  double rho_perspective = 0.5;
  double tau_days = 730;  // Information falls as exp(-2 days / tau).
  double sigma_event = 0.40;
  double sigma_event_perspective = 0.25;
  double sigma_event_item = 0.25;
  double sigma_informant = 0.50;
  double index_alpha = 1;  // Reference indicator of the index from 0 to 100.
  double index_beta = 0;
  std::vector<double> mu;  // Prior mean, length 12 R; empty = zeros.
  std::vector<Item> items;
};

// The item of a catalogue indicator before any fit: its own cell with loading 1, alpha 1,
// thresholds -1.5 -0.5 0.5 1.5 on five points and 0 on yes/no.
Item VersionZeroItem(const data::Indicator& indicator);

// Version 0: the items of the whole catalogue in its order, so that an item's index is its
// indicator's position in data::AllIndicators().
Parameters VersionZero();

class Model {
 public:
  // INVALID_FIELDS if a number is not finite or out of range, an item occurs twice or is malformed,
  // or a correlation makes the prior covariance indefinite.
  static absl::StatusOr<Model> Create(Parameters parameters);

  const Parameters& parameters() const { return parameters_; }
  int perspectives() const { return parameters_.perspectives; }
  int dimension() const { return kCells * parameters_.perspectives; }
  int StateIndex(int cell, int perspective) const {
    return cell * parameters_.perspectives + perspective;
  }

  const Eigen::VectorXd& mu() const { return mu_; }
  const Eigen::MatrixXd& covariance() const { return covariance_; }  // K, the stationary law.
  double Decay(double days) const;                                   // a(days) = exp(-days / tau)
  double AnswerNoise(bool has_informant) const;                      // c^2 of model.md 2.2.

  const Item& item(int index) const { return parameters_.items[static_cast<size_t>(index)]; }
  int items() const { return static_cast<int>(parameters_.items.size()); }
  std::optional<int> FindItem(std::string_view id) const;
  // Place of the item when ids are sorted bytewise: the canonical order of sites.
  int Rank(int item) const { return ranks_[static_cast<size_t>(item)]; }
  // The item's thresholds with -inf in front and +inf at the end.
  const std::vector<double>& Limits(int item) const { return limits_[static_cast<size_t>(item)]; }

 private:
  explicit Model(Parameters parameters);

  Parameters parameters_;
  Eigen::VectorXd mu_;
  Eigen::MatrixXd covariance_;
  std::vector<int> by_id_;
  std::vector<int> ranks_;
  std::vector<std::vector<double>> limits_;
};

}  // namespace waterline::model
