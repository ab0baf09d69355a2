#pragma once

// The handler of DecisionService: questions of the host's other services, each on a stream of its
// own. Up to kDecisionsInFlightMax questions of a stream are under way, from being read until their
// answer is written; the next one is read when one is done. Answers go out as they come.
// Thread safety: any thread.

#include <string>

#include "services/common/gate/decider.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/service.h"

namespace waterline::accountability {

class DecisionApi {
 public:
  // `decider` answers a repeated attempt as it did before (repeated_attempts.h); it outlives this.
  DecisionApi(gate::Decider* decider, std::string network,
              size_t under_way_max = rpc::kDecisionsInFlightMax)
      : decider_(decider), network_(std::move(network)), under_way_max_(under_way_max) {}

  // Registers all methods; the handler outlives the service.
  void Register(rpc::Service* service);

  using Stream = rpc::InternalStream<v1::DecideRequest, v1::DecideResponse>;
  coro::Task<absl::Status> Decide(const rpc::Call& call, Stream* stream);

 private:
  gate::Decider* const decider_;
  const std::string network_;
  const size_t under_way_max_;
};

}  // namespace waterline::accountability
