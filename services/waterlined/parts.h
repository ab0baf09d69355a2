#pragma once

// The four services as they run, in whatever process: what each is made of, and the methods it
// serves. waterlined has all four, connected by function calls; a process of one service has one,
// connected by links. Thread safety: one thread makes, starts and stops; the rest is as gRPC's
// threads need it.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "services/accountability/domain/life_cycle.h"
#include "services/common/coro/pool.h"
#include "services/common/gate/gate.h"
#include "services/common/rpc/directory.h"
#include "services/common/rpc/metrics.h"
#include "services/common/rpc/service.h"
#include "services/common/rpc/standing.h"
#include "services/inference/projector/evidence_source.h"
#include "services/waterlined/foundation.h"

namespace waterline::deployment {

// What a process has for its services. All of it outlives them.
struct Surroundings {
  Foundation* foundation = nullptr;
  gate::Gate* gate = nullptr;
  coro::Pool* files = nullptr;
  rpc::Metrics* metrics = nullptr;
  std::chrono::milliseconds projector_poll{1000};
};

class Part {
 public:
  virtual ~Part() = default;
  const std::vector<const rpc::Service*>& services() const { return services_; }
  const std::vector<const rpc::Service*>& internal_services() const { return internal_; }
  virtual void Start() {}  // What works in the background.
  virtual void Stop() {}

 protected:
  rpc::Service* NewService(const std::string& name) { return Add(name, &services_); }
  rpc::Service* NewInternalService(const std::string& name) { return Add(name, &internal_); }

 private:
  rpc::Service* Add(const std::string& name, std::vector<const rpc::Service*>* kind) {
    auto& made = owned_.emplace_back(std::make_unique<rpc::Service>(name));
    kind->push_back(made.get());
    return made.get();
  }
  std::vector<std::unique_ptr<rpc::Service>> owned_;
  std::vector<const rpc::Service*> services_;
  std::vector<const rpc::Service*> internal_;
};

// `accountability` outlives the part: what of standing, members and accesses is kept there.
std::unique_ptr<Part> MakeRegistry(const Surroundings& around, rpc::StandingKeeper* accountability);
std::unique_ptr<Part> MakeEvents(const Surroundings& around,
                                 std::unique_ptr<rpc::Directory> directory);
std::unique_ptr<Part> MakeInference(const Surroundings& around,
                                    std::unique_ptr<inference::EvidenceSource> evidence);
// Reads the newest entries of the ledger, so that a repeated attempt is known after a restart.
// `verify` what parties sign.
absl::StatusOr<std::unique_ptr<Part>> MakeAccountability(const Surroundings& around,
                                                         accountability::VerifySignature verify);

}  // namespace waterline::deployment
