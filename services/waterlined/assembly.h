#pragma once

// All four services in one process on the embedded store: what waterlined runs, and what tests
// start in their own process. Thread safety: one thread starts and stops.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/waterlined/admission.h"
#include "services/waterlined/foundation.h"
#include "services/waterlined/running.h"

namespace waterline::deployment {

struct ServeOptions {
  std::string data;
  std::vector<std::string> listen = {"127.0.0.1:50600"};  // 127.0.0.1:0 for a free port; unix:/path
  std::string metrics;                                    // host:port; empty: none
  TlsOptions tls;
  std::string trust;  // Folder; empty: the one in `data`.
  std::chrono::milliseconds drain_grace{10'000};
  std::chrono::milliseconds projector_poll{1000};  // Looks for evidence at least this often.
  // For tests: a layer around the store of each service, under the one that measures.
  StoreLayer store_layer;
};

class Waterlined final : public Running {
 public:
  // Opens the data folder, checks keys and ledger, starts the services. Every error is one clear
  // sentence: no network in the folder, a busy port, a missing key, a damaged ledger.
  static absl::StatusOr<std::unique_ptr<Waterlined>> Start(ServeOptions options);
  ~Waterlined() override;  // Drains.

  int port() const override;
  int metrics_port() const override;
  // Not serving -> grace -> shutdown; open streams end cleanly.
  void Drain() override;

 private:
  struct Impl;
  explicit Waterlined(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace waterline::deployment
