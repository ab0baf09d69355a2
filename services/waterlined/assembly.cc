#include "services/waterlined/assembly.h"

#include <map>
#include <mutex>
#include <set>

#include "services/accountability/api/accountability_api.h"
#include "services/accountability/api/agreements_api.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/identity.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/storage/metered/metered_store.h"
#include "services/events/api/events_api.h"
#include "services/inference/api/inference_api.h"
#include "services/registry/api/local_directory.h"
#include "services/registry/api/registry_api.h"
#include "services/waterlined/housekeeping.h"
#include "services/waterlined/local_evidence.h"

namespace waterline::deployment {
namespace {

constexpr char kVersion[] = "0.1.0";

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

// Latency and outcome of every store call, by service and operation, on /metrics.
StoreLayer MeasuringLayer(rpc::Metrics* metrics) {
  return [metrics](const std::string& service, storage::Store* inner) {
    auto histograms = std::make_shared<StoreHistograms>(metrics, service);
    auto observe = [histograms](const storage::Observation& call) {
      histograms->Of(call.operation, call.code)->Observe(call.took.count());
    };
    return std::make_unique<storage::MeteredStore>(inner, std::move(observe));
  };
}

}  // namespace

// In the order of construction; destruction is the reverse, so handlers outlive the server.
struct Waterlined::Impl {
  SystemClock clock;
  identity::DevelopmentIdentity identity;
  rpc::Metrics metrics;
  std::unique_ptr<Foundation> foundation;
  std::unique_ptr<coro::Pool> files;
  std::unique_ptr<gate::Gate> gate;
  std::unique_ptr<registry::AccountabilityStanding> standing;
  std::unique_ptr<registry::RegistryApi> registry;
  std::unique_ptr<registry::LocalDirectory> directory;
  std::unique_ptr<events::EventsApi> events;
  std::unique_ptr<LocalEvidence> evidence;
  std::unique_ptr<inference::ScopeModel> model;
  std::set<std::string> lagging;  // Partitions; the projector's thread only.
  std::unique_ptr<inference::Projector> projector;
  std::unique_ptr<Housekeeping> housekeeping;
  std::unique_ptr<inference::InferenceApi> inference;
  std::unique_ptr<accountability::AccountabilityApi> accountability;
  std::unique_ptr<accountability::AgreementsApi> agreements;
  std::vector<std::unique_ptr<rpc::Service>> services;
  std::unique_ptr<rpc::Server> server;

  rpc::Service* NewService(const std::string& name) {
    return services.emplace_back(std::make_unique<rpc::Service>(name)).get();
  }
  void MakeServices(const ServeOptions& options);
  void MakeAccountability();
  void MakeRegistry();
  void MakeEvents();
  void MakeInference(std::chrono::milliseconds poll);
};

void Waterlined::Impl::MakeServices(const ServeOptions& options) {
  files = std::make_unique<coro::Pool>("files", 2);
  gate = std::make_unique<gate::Gate>(foundation->recorder());
  MakeRegistry();
  MakeEvents();
  MakeInference(options.projector_poll);
  housekeeping = std::make_unique<Housekeeping>(
      std::vector<storage::Store*>{foundation->store("registry"), foundation->store("events")},
      foundation->clock());
  MakeAccountability();
}

void Waterlined::Impl::MakeAccountability() {
  accountability::AccountabilityApi::Parts parts;
  parts.ledger = foundation->ledger();
  parts.rulebook = foundation->rulebook();
  parts.recorder = foundation->recorder();
  parts.gate = gate.get();
  parts.clock = foundation->clock();
  accountability = std::make_unique<accountability::AccountabilityApi>(parts);
  accountability->Register(NewService("waterline.accountability.v1.AccountabilityService"));
  accountability::AgreementsApi::Parts agreement_parts;
  agreement_parts.rulebook = foundation->rulebook();
  agreement_parts.recorder = foundation->recorder();
  agreement_parts.members = foundation->members();
  agreement_parts.store = foundation->store("accountability");
  agreement_parts.gate = gate.get();
  agreement_parts.clock = foundation->clock();
  agreement_parts.verify = foundation->SignatureVerifier();
  agreements = std::make_unique<accountability::AgreementsApi>(std::move(agreement_parts));
  agreements->Register(NewService("waterline.accountability.v1.AgreementService"));
}

void Waterlined::Impl::MakeRegistry() {
  registry::RegistryApi::Parts parts;
  parts.store = foundation->store("registry");
  parts.vault = foundation->vault("registry");
  standing = std::make_unique<registry::AccountabilityStanding>(foundation->standing_book());
  parts.accountability = foundation->standing_book();
  parts.gate = gate.get();
  parts.clock = foundation->clock();
  parts.pool = files.get();
  parts.network = foundation->facts();
  parts.standing = standing.get();
  parts.ledger_key = foundation->ledger()->verifier().Vkey();
  parts.version = kVersion;
  registry = std::make_unique<registry::RegistryApi>(std::move(parts));
  registry->Register(NewService("waterline.registry.v1.RegistryService"));
}

void Waterlined::Impl::MakeEvents() {
  directory = std::make_unique<registry::LocalDirectory>(foundation->store("registry"));
  events::EventsApi::Parts parts;
  parts.store = foundation->store("events");
  parts.vault = foundation->vault("events");
  parts.gate = gate.get();
  parts.clock = foundation->clock();
  parts.pool = files.get();
  parts.directory = directory.get();
  parts.network = foundation->facts();
  events = std::make_unique<events::EventsApi>(std::move(parts));
  events->Register(NewService("waterline.events.v1.EventsService"));
}

void Waterlined::Impl::MakeInference(std::chrono::milliseconds poll) {
  evidence = std::make_unique<LocalEvidence>(foundation->store("events"));
  model = inference::VersionZeroModel();
  inference::Projector::Parts projection;
  projection.store = foundation->store("inference");
  projection.source = evidence.get();
  projection.model = model.get();
  projection.poll = poll;
  projection.owner = crypto::HexEncode(crypto::RandomBytes(16));
  // On the projector's thread.
  projection.on_progress = [this](const inference::Projector::Progress& progress) {
    if (progress.catching_up || !progress.status.ok()) {
      lagging.insert(progress.partition);
    } else {
      lagging.erase(progress.partition);
    }
    metrics.SetGauge("waterline_projection_lagging_partitions",
                     "Organisations of which evidence waits to be absorbed",
                     static_cast<double>(lagging.size()));
  };
  projector = std::make_unique<inference::Projector>(std::move(projection));
  inference::InferenceApi::Parts parts;
  parts.store = foundation->store("inference");
  parts.gate = gate.get();
  parts.clock = foundation->clock();
  parts.network = foundation->facts();
  parts.projector = projector.get();
  inference = std::make_unique<inference::InferenceApi>(std::move(parts));
  inference->Register(NewService("waterline.inference.v1.InferenceService"));
}

Waterlined::Waterlined(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Waterlined::~Waterlined() { Drain(); }

absl::StatusOr<std::unique_ptr<Waterlined>> Waterlined::Start(ServeOptions options) {
  auto impl = std::make_unique<Impl>();
  std::vector<StoreLayer> layers;
  if (options.store_layer) layers.push_back(options.store_layer);
  layers.push_back(MeasuringLayer(&impl->metrics));
  WATERLINE_ASSIGN_OR_RETURN(
      impl->foundation, Foundation::Open(Layout(options.data), &impl->clock, std::nullopt, layers));
  if (!impl->foundation->facts().development) {
    return Error(reason::kStateForbids,
                 "this network was made without --development, and this version knows development "
                 "identity only");
  }
  impl->MakeServices(options);
  rpc::ServerOptions server;
  server.addresses = options.listen;
  server.identity = &impl->identity;
  server.metrics = &impl->metrics;
  server.drain_grace = options.drain_grace;
  std::vector<const rpc::Service*> services;
  for (const auto& service : impl->services) services.push_back(service.get());
  WATERLINE_ASSIGN_OR_RETURN(impl->server,
                             rpc::Server::Start(std::move(server), std::move(services)));
  if (!options.metrics.empty()) WATERLINE_RETURN_IF_ERROR(impl->metrics.Listen(options.metrics));
  impl->projector->Start();
  impl->housekeeping->Start();
  impl->server->SetServing(true);
  return std::unique_ptr<Waterlined>(new Waterlined(std::move(impl)));
}

int Waterlined::port() const { return impl_->server->port(); }
int Waterlined::metrics_port() const { return impl_->metrics.port(); }
void Waterlined::Drain() {
  impl_->server->Drain();
  impl_->projector->Stop();
  impl_->housekeeping->Stop();
}

}  // namespace waterline::deployment
