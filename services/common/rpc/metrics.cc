#include "services/common/rpc/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

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
  std::map<std::pair<std::string, std::string>, prometheus::Counter*> counters;
  std::map<std::string, prometheus::Histogram*> histograms;
  std::map<std::pair<std::string, Labels>, prometheus::Histogram*> observed;
  std::map<std::string, prometheus::Gauge*> gauges;
  std::unique_ptr<prometheus::Exposer> exposer;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::CountCall(const std::string& method, const std::string& code, double seconds) {
  prometheus::Counter* counter = nullptr;
  prometheus::Histogram* histogram = nullptr;
  {
    std::lock_guard lock(state_->mutex);
    auto& known_counter = state_->counters[{method, code}];
    if (known_counter == nullptr)
      known_counter = &state_->calls.Add({{"method", method}, {"code", code}});
    auto& known_histogram = state_->histograms["call " + method];
    if (known_histogram == nullptr)
      known_histogram = &state_->durations.Add({{"method", method}}, Buckets());
    counter = known_counter;
    histogram = known_histogram;
  }
  counter->Increment();
  histogram->Observe(seconds);
}

void Metrics::SetGauge(const std::string& name, const std::string& help, double value) {
  std::lock_guard lock(state_->mutex);
  auto& gauge = state_->gauges[name];
  if (gauge == nullptr)
    gauge = &prometheus::BuildGauge().Name(name).Help(help).Register(*state_->registry).Add({});
  gauge->Set(value);
}

void Metrics::Observe(const std::string& name, const std::string& help, double seconds,
                      const Labels& labels) {
  prometheus::Histogram* histogram = nullptr;
  {
    std::lock_guard lock(state_->mutex);
    auto& known = state_->observed[{name, labels}];
    if (known == nullptr) {
      known = &prometheus::BuildHistogram()
                   .Name(name)
                   .Help(help)
                   .Register(*state_->registry)
                   .Add(labels, Buckets());
    }
    histogram = known;
  }
  histogram->Observe(seconds);
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
