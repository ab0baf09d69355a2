#include "tests/bench/servers.h"

#include "services/common/gate/gate.h"
#include "services/common/identity/identity.h"
#include "services/common/log/log.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/events/api/events_api.h"
#include "services/inference/projector/model_adapter.h"
#include "services/inference/projector/projector.h"
#include "services/registry/api/local_directory.h"
#include "services/waterlined/assembly.h"
#include "services/waterlined/deployment.h"
#include "services/waterlined/foundation.h"
#include "services/waterlined/local_evidence.h"
#include "tests/bench/echo.pb.h"

namespace waterline::bench {
namespace {

constexpr char kListen[] = "127.0.0.1:0";

class Echo {
 public:
  coro::Task<absl::StatusOr<v1::EchoResponse>> Run(const rpc::Call&,
                                                   const v1::EchoRequest& request) {
    v1::EchoResponse response;
    response.mutable_content()->assign(request.response_bytes(), 'x');
    co_return response;
  }
};

// Permits everything and records nothing: what is left of a call when the ledger is taken away.
class NullLedger : public gate::Decider {
 public:
  coro::Task<absl::StatusOr<accountability::v1::Decision>> Decide(
      accountability::v1::Question question,
      std::chrono::steady_clock::time_point /*deadline*/) override {
    accountability::v1::Decision decision;
    decision.set_result(accountability::v1::RESULT_PERMIT);
    decision.set_level(question.asked());
    co_return decision;
  }
};

// A network in `data`, and the log where waterlined keeps it when it runs as a service.
absl::Status MakeNetwork(const std::string& data) {
  deployment::InitOptions options;
  options.data = data;
  options.network = kNetwork;
  options.host = kOrganisation;
  options.host_title = "Bench Board";
  options.administrator = "stella";
  options.development = true;
  WATERLINE_RETURN_IF_ERROR(deployment::Init(options).status());
  if (!log::OpenFile(data + "/log.jsonl"))
    return Error(reason::kUnavailable, "cannot open a log file in " + data);
  return absl::OkStatus();
}

// The events service and its projector as waterlined has them, behind the gate that is given.
struct BareParts {
  BareParts(deployment::Foundation* foundation, gate::Gate* gate)
      : files("files", 2), directory(foundation->store("registry")) {
    events::EventsApi::Parts parts;
    parts.store = foundation->store("events");
    parts.vault = foundation->vault("events");
    parts.gate = gate;
    parts.clock = foundation->clock();
    parts.pool = &files;
    parts.directory = &directory;
    parts.network = foundation->facts();
    events = std::make_unique<events::EventsApi>(std::move(parts));
    evidence = std::make_unique<deployment::LocalEvidence>(foundation->store("events"));
    inference::Projector::Parts projection;
    projection.store = foundation->store("inference");
    projection.source = evidence.get();
    projection.model = model.get();
    projection.owner = "bench";
    projector = std::make_unique<inference::Projector>(std::move(projection));
  }

  coro::Pool files;
  registry::LocalDirectory directory;
  std::unique_ptr<events::EventsApi> events;
  std::unique_ptr<deployment::LocalEvidence> evidence;
  std::unique_ptr<inference::ScopeModel> model = inference::VersionZeroModel();
  std::unique_ptr<inference::Projector> projector;
};

}  // namespace

absl::Status ServeWaterlined(const std::string& data, const Proof* proof,
                             const Child::Ready& ready) {
  WATERLINE_RETURN_IF_ERROR(MakeNetwork(data));
  deployment::ServeOptions options;
  options.data = data;
  options.listen = {kListen};
  if (proof != nullptr) {
    options.tls = proof->server();
    options.trust = proof->trust();
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto server, deployment::Waterlined::Start(options));
  ready(server->port());
  return absl::OkStatus();
}

absl::Status ServeBare(const std::string& data, const Child::Ready& ready) {
  WATERLINE_RETURN_IF_ERROR(MakeNetwork(data));
  SystemClock clock;
  WATERLINE_ASSIGN_OR_RETURN(const auto foundation,
                             deployment::Foundation::Open(deployment::Layout(data), &clock));
  NullLedger ledger;
  gate::Gate gate(&ledger);
  BareParts parts(foundation.get(), &gate);
  rpc::Service events("waterline.events.v1.EventsService");
  parts.events->Register(&events);
  Echo echo;
  rpc::Service echo_service("waterline.bench.v1.EchoService");
  rpc::Public(&echo_service, "Echo", &echo, &Echo::Run);
  identity::DevelopmentIdentity identity;
  rpc::Metrics metrics;
  rpc::ServerOptions options;
  options.addresses = {kListen};
  options.identity = &identity;
  options.metrics = &metrics;
  WATERLINE_ASSIGN_OR_RETURN(const auto server,
                             rpc::Server::Start(std::move(options), {&events, &echo_service}));
  parts.projector->Start();
  server->SetServing(true);
  ready(server->port());
  server->Drain();
  parts.projector->Stop();
  return absl::OkStatus();
}

}  // namespace waterline::bench
