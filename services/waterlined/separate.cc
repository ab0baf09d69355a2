#include "services/waterlined/separate.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "services/common/coro/sync_wait.h"
#include "services/common/rpc/remote_decider.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/events/api/remote_directory.h"
#include "services/inference/api/remote_evidence.h"
#include "services/registry/api/remote_standing.h"
#include "services/waterlined/parts.h"
#include "services/waterlined/readiness.h"
#include "services/waterlined/store_metrics.h"

namespace waterline::deployment {
namespace {

constexpr char kAccountability[] = "accountability";
constexpr std::chrono::milliseconds kLookEvery{500};
constexpr std::chrono::seconds kPatience{2};

// Looks every now and then whether the other side of a link answers.
class Lookout {
 public:
  Lookout(rpc::Link link, Readiness* readiness)
      : link_(std::move(link)), readiness_(readiness), thread_([this] { Loop(); }) {}
  ~Lookout() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

 private:
  void Loop() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      const auto deadline = std::chrono::steady_clock::now() + kPatience;
      readiness_->Set(link_.to, coro::SyncWait(rpc::Greet(link_, deadline)));
      lock.lock();
      wake_.wait_for(lock, kLookEvery, [this] { return stopping_; });
    }
  }

  const rpc::Link link_;
  Readiness* const readiness_;
  std::mutex mutex_;  // Guards stopping_. No other lock is taken under it.
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

absl::Status CheckOptions(const SeparateOptions& options) {
  for (const auto& service : LinksOf(options.service)) {
    const auto found = options.links.find(service);
    if (found != options.links.end() && !found->second.empty()) continue;
    return BadFields({{service, "is required: the internal address of " + service}});
  }
  if (HasInternal(options.service) && options.internal_listen.empty())
    return BadFields({{"internal_listen", "is required: where the other services call"}});
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> LinksOf(const std::string& service) {
  if (service == "registry") return {kAccountability};
  if (service == "events") return {kAccountability, "registry"};
  if (service == "inference") return {kAccountability, "events"};
  return {};
}

bool HasInternal(const std::string& service) { return service != "inference"; }

// In the order of construction; destruction is the reverse, so handlers outlive the servers.
struct Separate::Impl {
  SeparateOptions options;
  SystemClock clock;
  rpc::Metrics metrics;
  std::unique_ptr<Foundation> foundation;
  std::unique_ptr<Admission> admission;
  std::map<std::string, rpc::Link> links;
  std::unique_ptr<coro::Pool> files;
  std::unique_ptr<Readiness> readiness;
  std::unique_ptr<rpc::RemoteDecider> decider;
  std::unique_ptr<gate::Gate> gate;
  std::unique_ptr<registry::RemoteStanding> standing;  // Of registry only.
  std::unique_ptr<Part> part;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<rpc::Server> internal_server;
  std::vector<std::unique_ptr<Lookout>> lookouts;
  bool is_drained = false;

  absl::Status OpenData();
  absl::Status Admit();
  absl::Status MakePart();
  absl::Status Listen();
  void StartWaiting();
  void MakeDecider();
};

absl::Status Separate::Impl::OpenData() {
  // The folder is this service's own: one folder, of which it opens its part.
  WATERLINE_ASSIGN_OR_RETURN(
      foundation, Foundation::OpenServices(Folders::One(options.data), {options.service}, &clock,
                                           std::nullopt, {MeasuringLayer(&metrics)}));
  return absl::OkStatus();
}

absl::Status Separate::Impl::Admit() {
  WATERLINE_ASSIGN_OR_RETURN(admission,
                             Admission::Open(options.tls, options.trust, Layout(options.data),
                                             foundation->facts(), &clock));
  for (const auto& [service, address] : options.links) {
    WATERLINE_ASSIGN_OR_RETURN(auto link, admission->LinkTo(options.service, service, address));
    links.emplace(service, std::move(link));
  }
  return absl::OkStatus();
}

void Separate::Impl::MakeDecider() {
  rpc::RemoteDecider::Options decisions;
  decisions.link = links.at(kAccountability);
  decisions.network = foundation->facts().network;
  decisions.on_state = [this](const absl::Status& state) {
    readiness->Set(kAccountability, state);
  };
  decider = std::make_unique<rpc::RemoteDecider>(std::move(decisions));
}

absl::Status Separate::Impl::MakePart() {
  files = std::make_unique<coro::Pool>("files", 2);
  readiness = std::make_unique<Readiness>(LinksOf(options.service), kAccountability,
                                          [this](bool ready) { server->SetServing(ready); });
  const bool has_ledger = options.service == kAccountability;
  if (!has_ledger) MakeDecider();
  gate = has_ledger ? std::make_unique<gate::Gate>(foundation->recorder())
                    : std::make_unique<gate::Gate>(decider.get());
  const Surroundings around{foundation.get(), gate.get(), files.get(), &metrics,
                            options.projector_poll};
  if (has_ledger) {
    WATERLINE_ASSIGN_OR_RETURN(part, MakeAccountability(around, admission->signatures()));
  } else if (options.service == "registry") {
    standing = std::make_unique<registry::RemoteStanding>(links.at(kAccountability));
    part = MakeRegistry(around, standing.get());
  } else if (options.service == "events") {
    part = MakeEvents(around, std::make_unique<events::RemoteDirectory>(links.at("registry")));
  } else {
    part = MakeInference(around, std::make_unique<inference::RemoteEvidence>(links.at("events")));
  }
  return absl::OkStatus();
}

absl::Status Separate::Impl::Listen() {
  rpc::ServerOptions outside;
  outside.addresses = options.listen;
  outside.metrics = &metrics;
  outside.drain_grace = options.drain_grace;
  rpc::ServerOptions inside = outside;
  admission->Admit(&outside);
  admission->AdmitServices(&inside);
  WATERLINE_ASSIGN_OR_RETURN(server, rpc::Server::Start(std::move(outside), part->services()));
  if (!HasInternal(options.service)) return absl::OkStatus();
  inside.addresses = {options.internal_listen};
  WATERLINE_ASSIGN_OR_RETURN(internal_server,
                             rpc::Server::Start(std::move(inside), part->internal_services()));
  internal_server->SetServing(true);
  return absl::OkStatus();
}

void Separate::Impl::StartWaiting() {
  readiness->Begin();
  for (const auto& service : LinksOf(options.service)) {
    if (service != kAccountability)  // Of which the stream of decisions knows more.
      lookouts.push_back(std::make_unique<Lookout>(links.at(service), readiness.get()));
  }
}

Separate::Separate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Separate::~Separate() { Drain(); }

absl::StatusOr<std::unique_ptr<Separate>> Separate::Start(SeparateOptions options) {
  WATERLINE_RETURN_IF_ERROR(CheckOptions(options));
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  WATERLINE_RETURN_IF_ERROR(impl->OpenData());
  WATERLINE_RETURN_IF_ERROR(impl->Admit());
  WATERLINE_RETURN_IF_ERROR(impl->MakePart());
  WATERLINE_RETURN_IF_ERROR(impl->Listen());
  if (!impl->options.metrics.empty())
    WATERLINE_RETURN_IF_ERROR(impl->metrics.Listen(impl->options.metrics));
  impl->part->Start();
  impl->StartWaiting();
  return std::unique_ptr<Separate>(new Separate(std::move(impl)));
}

int Separate::port() const { return impl_->server->port(); }
int Separate::metrics_port() const { return impl_->metrics.port(); }

// Calls under way get their decisions until the grace is over.
void Separate::Drain() {
  if (std::exchange(impl_->is_drained, true)) return;
  impl_->readiness->Stop();
  impl_->lookouts.clear();
  const auto grace_end = std::chrono::steady_clock::now() + impl_->options.drain_grace;
  if (impl_->decider) impl_->decider->GiveUpBy(grace_end);
  impl_->server->Drain();
  impl_->part->Stop();
  if (impl_->internal_server) impl_->internal_server->Drain();
}

}  // namespace waterline::deployment
