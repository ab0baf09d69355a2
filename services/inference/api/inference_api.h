#pragma once

// The handlers of InferenceService (see its proto for errors). Thread safety: any thread.

#include <string>

#include "services/common/clock/clock.h"
#include "services/common/gate/gate.h"
#include "services/common/rpc/network.h"
#include "services/common/rpc/service.h"
#include "services/common/storage/store.h"
#include "services/inference/projector/projector.h"
#include "waterline/inference/v1/inference_service.pb.h"

namespace waterline::inference {

class InferenceApi {
 public:
  struct Parts {
    waterline::storage::Store* store = nullptr;  // Of inference.
    gate::Gate* gate = nullptr;
    Clock* clock = nullptr;
    rpc::NetworkFacts network;
    Projector* projector = nullptr;  // Need not be started.
  };
  explicit InferenceApi(Parts parts) : parts_(std::move(parts)) {}

  void Register(rpc::Service* service);

  // Errors: NOT_FOUND for a version that is not the current one.
  coro::Task<absl::StatusOr<v1::GetConceptualMapResponse>> GetConceptualMap(
      const rpc::Call& call, const v1::GetConceptualMapRequest& request);

  // The controller is the organisation in the scope's name; of a place, the caller's own. A place
  // or an organisation without evidence has a map that says so; an event or a programme of which
  // nothing was ever recorded is NOT_FOUND, unless evidence waits: then the map says `catching_up`.
  // Another controller's evidence, also when an agreement permits it: FAILED_PRECONDITION/NOT_YET.
  coro::Task<absl::StatusOr<gate::Draft<v1::GetPracticeMapResponse>>> GetPracticeMap(
      const rpc::Call& call, const v1::GetPracticeMapRequest& request);

 private:
  const Parts parts_;
};

}  // namespace waterline::inference
