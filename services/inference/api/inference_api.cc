#include "services/inference/api/inference_api.h"

#include <optional>
#include <utility>

#include "services/common/records/records.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/inference/api/practice_map.h"
#include "services/inference/store/keys.h"

namespace waterline::inference {
namespace {

constexpr char kEstimates[] = "estimates";
constexpr char kDemonstration[] = "DEMONSTRATION: invented organisations and people. ";

struct Scope {
  std::string controller;
  bool shows_absence = false;  // Without evidence: a map that says so, instead of NOT_FOUND.
};

std::optional<Scope> ScopeOf(const std::string& name, const std::string& caller) {
  if (text::MatchName(name, "places/*")) return Scope{caller, true};
  if (const auto ids = text::MatchName(name, "organisations/*")) return Scope{(*ids)[0], true};
  if (const auto ids = text::MatchName(name, "organisations/*/events/*"))
    return Scope{(*ids)[0], false};
  if (const auto ids = text::MatchName(name, "organisations/*/programmes/*"))
    return Scope{(*ids)[0], false};
  return std::nullopt;
}

}  // namespace

void InferenceApi::Register(rpc::Service* service) {
  rpc::Public(service, "GetConceptualMap", this, &InferenceApi::GetConceptualMap);
  rpc::Gated(service, "GetPracticeMap", this, &InferenceApi::GetPracticeMap, parts_.gate);
}

coro::Task<absl::StatusOr<v1::GetConceptualMapResponse>> InferenceApi::GetConceptualMap(
    const rpc::Call&, const v1::GetConceptualMapRequest& request) {
  v1::GetConceptualMapResponse response;
  *response.mutable_map() = CurrentConceptualMap();
  if (!request.version().empty() && request.version() != response.map().version()) {
    co_return Error(
        reason::kNotFound,
        "there is no conceptual map of this version; ask without one for the current map");
  }
  co_return response;
}

coro::Task<absl::StatusOr<gate::Draft<v1::GetPracticeMapResponse>>> InferenceApi::GetPracticeMap(
    const rpc::Call& call, const v1::GetPracticeMapRequest& request) {
  const auto scope = ScopeOf(request.scope(), call.caller.organisation());
  if (!scope) {
    co_return BadFields({{"scope",
                          "is not organisations/{id}, organisations/{id}/events/{id}, "
                          "organisations/{id}/programmes/{id} or places/{id}"}});
  }
  gate::Ask ask(gate::Operation::OPERATION_INFER, scope->controller, kEstimates, request.scope(),
                {common::v1::CATEGORY_ESTIMATE});
  ask.scopes.push_back(request.scope());
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  // Said whether or not there is evidence, so that it tells nothing of it.
  if (call.caller.organisation() != scope->controller) {
    co_return Error(
        reason::kNotYet,
        "a map of another organisation's evidence needs state of its own per agreement, "
        "which this version does not keep; count its events instead",
        {{"name", request.scope()}});
  }
  const waterline::storage::Partition partition(scope->controller);
  // Asked first: what waits now is said to be missing, even if it is absorbed a moment later.
  const bool is_catching_up = co_await parts_.projector->IsCatchingUp(scope->controller);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto stored,
                                co_await records::Load<storage::v1::ScopeState>(
                                    parts_.store, partition, ScopeKey(request.scope())));
  if (!stored && !scope->shows_absence && !is_catching_up) {
    co_return Error(reason::kNotFound, "nothing is recorded of this event or programme yet",
                    {{"name", request.scope()}});
  }
  const int64_t today = text::DayOf(parts_.clock->NowMs());
  const auto state = stored ? stored->record : storage::v1::ScopeState();
  v1::GetPracticeMapResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      *response.mutable_map(),
      BuildPracticeMap(request.scope(), state, parts_.projector->model(), today));
  auto* map = response.mutable_map();
  map->set_catching_up(is_catching_up);
  map->set_demonstration(parts_.network.demonstration);
  if (parts_.network.demonstration) map->set_notice(kDemonstration + map->notice());
  co_return gate::Draft<v1::GetPracticeMapResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::inference
