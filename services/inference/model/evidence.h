#pragma once

// What is observed, and how it becomes sites: one scalar likelihood for all answers that share
// event, indicator, perspective and informant. Source: model.md section 2. The result depends on
// the set of observations, never on their order or on how they were batched. Thread safety: pure
// functions.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/inference/model/parameters.h"

namespace waterline::model {

inline constexpr int kPerspectiveUnknown = -1;

// Answers to one indicator at one event: of one informant, or of people without names together.
struct Observation {
  std::string event;  // Identifies the event among those of the bin; never shown.
  int indicator = 0;  // Index of the item in the model (version 0: in data::AllIndicators()).
  int perspective = kPerspectiveUnknown;
  std::string informant;       // Label within the event; empty = anonymous.
  std::vector<double> counts;  // Answers per category on the raw scale, before any reversal; 0 to
                               // 1e9, fractions are weights.
  friend auto operator<=>(const Observation&, const Observation&) = default;
};

// All evidence of one day. `day` = floor of days since any fixed epoch, UTC. A day with an event
// but without answers is a bin too.
struct Bin {
  int64_t day = 0;
  std::vector<Observation> observations;
};

// One answer `category` of an item with `categories` categories, `weight` times.
std::vector<double> SingleAnswer(int category, int categories, double weight = 1);

// The bin of a time in days. INVALID_FIELDS when it is not finite or beyond a million years.
absl::StatusOr<int64_t> DayOf(double time_days);

// INVALID_FIELDS naming `observations[i].<field>` for everything that is wrong (model.md 2.1).
absl::Status Validate(const Model& model, const std::vector<Observation>& observations);

// The sites of one bin in canonical order: by event, indicator id, perspective, informant,
// bytewise.
class Sites {
 public:
  struct Site {
    int item;
    int perspective;
    int event;                    // Numbered within the bin, in order.
    int informant;                // Numbered within the bin; -1 = anonymous.
    int category;                 // The category of a single answer of weight 1, else -1.
    size_t counts;                // Offset of its counts (after reversal).
    size_t weights, weights_end;  // Its projection w: pairs of state index and alpha * loading.
    double noise;                 // c^2
    double offset;                // alpha w'mu
  };

  // Precondition: the observations are valid. Those without any answer vanish.
  Sites(const Model& model, const std::vector<Observation>& observations);

  int size() const { return static_cast<int>(sites_.size()); }
  const Site& operator[](int i) const { return sites_[static_cast<size_t>(i)]; }
  const double* CountsOf(const Site& site) const { return counts_.data() + site.counts; }
  const std::pair<int, double>* WeightsBegin(const Site& site) const {
    return weights_.data() + site.weights;
  }
  const std::pair<int, double>* WeightsEnd(const Site& site) const {
    return weights_.data() + site.weights_end;
  }

 private:
  void Add(const Model& model, const Observation& key, const Observation* previous,
           std::vector<double> counts);
  int InformantNumber(int event, const std::string& label);
  void AddWeights(const Model& model, Site& site);

  std::vector<Site> sites_;
  std::vector<double> counts_;
  std::vector<std::pair<int, double>> weights_;
  std::map<std::pair<int, std::string>, int> informants_;  // By event and label.
};

}  // namespace waterline::model
