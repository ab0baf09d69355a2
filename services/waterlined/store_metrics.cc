#include "services/waterlined/store_metrics.h"

#include <map>
#include <mutex>

#include "services/common/storage/metered/metered_store.h"

namespace waterline::deployment {
namespace {

// The histograms of one service's store, by operation and code. Thread safe.
class StoreHistograms {
 public:
  StoreHistograms(rpc::Metrics* metrics, std::string service)
      : metrics_(metrics), service_(std::move(service)) {}

  // `operation` is a literal.
  rpc::Metrics::Histogram* Of(std::string_view operation, absl::StatusCode code) {
    std::lock_guard lock(mutex_);
    auto& known = known_[{operation, code}];
    if (known == nullptr) {
      known = metrics_->HistogramOf("waterline_store_call_duration_seconds",
                                    "Duration of store calls by service, operation and code",
                                    {{"service", service_},
                                     {"operation", std::string(operation)},
                                     {"code", absl::StatusCodeToString(code)}});
    }
    return known;
  }

 private:
  rpc::Metrics* const metrics_;
  const std::string service_;
  std::mutex mutex_;  // Guards known_. The metrics' own lock is taken under it.
  std::map<std::pair<std::string_view, absl::StatusCode>, rpc::Metrics::Histogram*> known_;
};

}  // namespace

StoreLayer MeasuringLayer(rpc::Metrics* metrics) {
  return [metrics](const std::string& service, storage::Store* inner) {
    auto histograms = std::make_shared<StoreHistograms>(metrics, service);
    auto observe = [histograms](const storage::Observation& call) {
      histograms->Of(call.operation, call.code)->Observe(call.took.count());
    };
    return std::make_unique<storage::MeteredStore>(inner, std::move(observe));
  };
}

}  // namespace waterline::deployment
