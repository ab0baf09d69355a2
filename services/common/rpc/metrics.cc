#include "services/common/rpc/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>

#include "services/common/status/error.h"

namespace waterline::rpc {
namespace {

const prometheus::Histogram::BucketBoundaries& Buckets() {
  static const prometheus::Histogram::BucketBoundaries buckets = {
      0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10};
  return buckets;
}

class Seconds : public Metrics::Histogram {
 public:
  explicit Seconds(prometheus::Histogram* histogram) : histogram_(histogram) {}
  void Observe(double seconds) override { histogram_->Observe(seconds); }

 private:
  prometheus::Histogram* const histogram_;
};

// What is counted of one method.
struct MethodFigures {
  prometheus::Histogram* durations = nullptr;
  std::map<std::string, prometheus::Counter*, std::less<>> by_code;
};

}  // namespace

struct Metrics::State {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  prometheus::Family<prometheus::Counter>& calls = prometheus::BuildCounter()
                                                       .Name("waterline_calls_total")
                                                       .Help("Calls by method and code")
                                                       .Register(*registry);
  prometheus::Family<prometheus::Histogram>& durations =
      prometheus::BuildHistogram()
          .Name("waterline_call_duration_seconds")
          .Help("Duration of calls by method")
          .Register(*registry);
  std::mutex mutex;  // Guards the maps. No other lock of ours is taken under it.
  std::map<std::string, MethodFigures, std::less<>> methods;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Seconds>> histograms;
  std::map<std::string, prometheus::Gauge*> gauges;
  std::unique_ptr<prometheus::Exposer> exposer;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::CountCall(std::string_view method, std::string_view code, double seconds) {
  prometheus::Counter* counter = nullptr;
  prometheus::Histogram* durations = nullptr;
  {
    std::lock_guard lock(state_->mutex);
    auto known = state_->methods.find(method);
    if (known == state_->methods.end()) {
      known = state_->methods.emplace(method, MethodFigures()).first;
      known->second.durations = &state_->durations.Add({{"method", known->first}}, Buckets());
    }
    auto& by_code = known->second.by_code;
    auto found = by_code.find(code);
    if (found == by_code.end()) {
      const std::string name(code);
      found = by_code.emplace(name, &state_->calls.Add({{"method", known->first}, {"code", name}}))
                  .first;
    }
    counter = found->second;
    durations = known->second.durations;
  }
  counter->Increment();
  durations->Observe(seconds);
}

void Metrics::SetGauge(const std::string& name, const std::string& help, double value) {
  std::lock_guard lock(state_->mutex);
  auto& gauge = state_->gauges[name];
  if (gauge == nullptr)
    gauge = &prometheus::BuildGauge().Name(name).Help(help).Register(*state_->registry).Add({});
  gauge->Set(value);
}

Metrics::Histogram* Metrics::HistogramOf(const std::string& name, const std::string& help,
                                         const Labels& labels) {
  std::lock_guard lock(state_->mutex);
  auto& known = state_->histograms[{name, labels}];
  if (known == nullptr) {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(*state_->registry);
    known = std::make_unique<Seconds>(&family.Add(labels, Buckets()));
  }
  return known.get();
}

absl::Status Metrics::Listen(const std::string& address) {
  try {
    state_->exposer = std::make_unique<prometheus::Exposer>(address, 1);
  } catch (const std::exception&) {
    return Error(reason::kUnavailable,
                 "cannot serve metrics on " + address + ": is the port taken?");
  }
  state_->exposer->RegisterCollectable(state_->registry);
  return absl::OkStatus();
}

int Metrics::port() const {
  if (state_->exposer == nullptr) return 0;
  return state_->exposer->GetListeningPorts().front();
}

}  // namespace waterline::rpc
