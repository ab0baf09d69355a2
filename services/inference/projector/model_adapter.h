#pragma once

// ScopeModel: what the projector and the map need of the model: states as they are stored, readings
// as they are shown. Nothing else in the service includes services/inference/model.
// Thread safety: const methods from any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "waterline/events/v1/evidence.pb.h"
#include "waterline/inference/storage/v1/records.pb.h"
#include "waterline/inference/v1/inference.pb.h"

namespace waterline::inference {

// What may be said of one value at one time, before suppression.
struct Reading {
  double index = 0;  // 0 to 100.
  double low = 0;    // 90% interval.
  double high = 0;
  double information = 0;  // 0 to 1.
  v1::Estimate::Status status = v1::Estimate::STATUS_NOT_ENOUGH_EVIDENCE;
};

class ScopeModel {
 public:
  virtual ~ScopeModel() = default;

  virtual std::string version() const = 0;

  // INVALID_FIELDS when the model cannot take the answers of an event: then none of it is applied.
  virtual absl::Status Check(const events::v1::EventEvidence& evidence) const = 0;

  // The state after the bin of `day`, later than before.day() unless `before` has no bins. Every
  // event has answers and was checked; they are sorted by name. The result depends on these
  // arguments alone, bit for bit.
  virtual absl::StatusOr<storage::v1::FilterState> Absorb(
      const storage::v1::FilterState& before, int64_t day,
      const std::vector<std::shared_ptr<const events::v1::EventEvidence>>& events) const = 0;

  // One reading per value (domain/values.h) at the start of day `as_of`, not before state.day().
  virtual absl::StatusOr<std::vector<Reading>> Read(const storage::v1::FilterState& state,
                                                    int64_t as_of) const = 0;
};

// Above this many sites in one bin, informants' labels are dropped: answers to one indicator from
// one group at one event then form one site each, so that a bin costs milliseconds, not hours
// (n^3). The evidence an event gives is bounded by its event effects either way (model.md 2.3, 13
// d).
inline constexpr int kNamedSitesMax = 256;

// Model version 0: the whole catalogue, parameters before any fit.
std::unique_ptr<ScopeModel> VersionZeroModel();

}  // namespace waterline::inference
