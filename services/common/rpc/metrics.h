#pragma once

// Rate, errors and duration of every method, and gauges that other parts register; served as
// Prometheus text on /metrics. No label ever holds an organisation, a person or a resource name.
// Thread safety: all methods from any thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace waterline::rpc {

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // `method` is the full gRPC name, `code` the canonical name of the status code.
  void CountCall(std::string_view method, std::string_view code, double seconds);
  void SetGauge(const std::string& name, const std::string& help, double value);

  // A histogram of seconds with buckets from 10 microseconds to 10 s; lives as long as the metrics.
  // Ask once and keep it. The label values come from a small fixed set. Thread safe.
  class Histogram {
   public:
    virtual ~Histogram() = default;
    virtual void Observe(double seconds) = 0;
  };
  using Labels = std::map<std::string, std::string>;
  Histogram* HistogramOf(const std::string& name, const std::string& help,
                         const Labels& labels = {});

  // Serves /metrics on host:port (port 0: a free one). UNAVAILABLE when the port is taken.
  absl::Status Listen(const std::string& address);
  int port() const;  // 0 before Listen.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace waterline::rpc
