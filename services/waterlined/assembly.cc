#include "services/waterlined/assembly.h"

#include "services/common/rpc/server.h"
#include "services/common/status/macros.h"
#include "services/registry/api/local_directory.h"
#include "services/waterlined/local_evidence.h"
#include "services/waterlined/parts.h"
#include "services/waterlined/store_metrics.h"

namespace waterline::deployment {

// In the order of construction; destruction is the reverse, so handlers outlive the server.
struct Waterlined::Impl {
  SystemClock clock;
  rpc::Metrics metrics;
  std::unique_ptr<Foundation> foundation;
  std::unique_ptr<Admission> admission;
  std::unique_ptr<coro::Pool> files;
  std::unique_ptr<gate::Gate> gate;
  std::vector<std::unique_ptr<Part>> parts;
  std::unique_ptr<rpc::Server> server;

  absl::Status Admit(const ServeOptions& options);
  absl::Status MakeParts(std::chrono::milliseconds projector_poll);
};

absl::Status Waterlined::Impl::Admit(const ServeOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(admission,
                             Admission::Open(options.tls, options.trust, Layout(options.data),
                                             foundation->facts(), &clock));
  return absl::OkStatus();
}

absl::Status Waterlined::Impl::MakeParts(std::chrono::milliseconds projector_poll) {
  files = std::make_unique<coro::Pool>("files", 2);
  gate = std::make_unique<gate::Gate>(foundation->recorder());
  const Surroundings around{foundation.get(), gate.get(), files.get(), &metrics, projector_poll};
  WATERLINE_ASSIGN_OR_RETURN(auto accountability,
                             MakeAccountability(around, admission->signatures()));
  parts.push_back(std::move(accountability));
  parts.push_back(MakeRegistry(around, foundation->standing_book()));
  parts.push_back(MakeEvents(
      around, std::make_unique<registry::LocalDirectory>(foundation->store("registry"))));
  parts.push_back(
      MakeInference(around, std::make_unique<LocalEvidence>(foundation->store("events"))));
  return absl::OkStatus();
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
  WATERLINE_RETURN_IF_ERROR(impl->Admit(options));
  WATERLINE_RETURN_IF_ERROR(impl->MakeParts(options.projector_poll));
  rpc::ServerOptions server;
  server.addresses = options.listen;
  impl->admission->Admit(&server);
  server.metrics = &impl->metrics;
  server.drain_grace = options.drain_grace;
  std::vector<const rpc::Service*> services;  // The internal ones are on no port.
  for (const auto& part : impl->parts)
    services.insert(services.end(), part->services().begin(), part->services().end());
  WATERLINE_ASSIGN_OR_RETURN(impl->server,
                             rpc::Server::Start(std::move(server), std::move(services)));
  if (!options.metrics.empty()) WATERLINE_RETURN_IF_ERROR(impl->metrics.Listen(options.metrics));
  for (const auto& part : impl->parts) part->Start();
  impl->server->SetServing(true);
  return std::unique_ptr<Waterlined>(new Waterlined(std::move(impl)));
}

int Waterlined::port() const { return impl_->server->port(); }
int Waterlined::metrics_port() const { return impl_->metrics.port(); }
void Waterlined::Drain() {
  impl_->server->Drain();
  for (const auto& part : impl_->parts) part->Stop();
}

}  // namespace waterline::deployment
