#include "services/waterlined/parts.h"

#include <chrono>
#include <set>

#include "services/accountability/api/accountability_api.h"
#include "services/accountability/api/agreements_api.h"
#include "services/accountability/api/decision_api.h"
#include "services/accountability/api/standing_api.h"
#include "services/accountability/policy/expiry.h"
#include "services/accountability/policy/repeated_attempts.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/log/log.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/events/api/events_api.h"
#include "services/events/api/evidence_api.h"
#include "services/inference/api/inference_api.h"
#include "services/registry/api/directory_api.h"
#include "services/registry/api/local_directory.h"
#include "services/registry/api/registry_api.h"
#include "services/waterlined/housekeeping.h"
#include "services/waterlined/rounds.h"

namespace waterline::deployment {
namespace {

constexpr char kVersion[] = "0.1.0";
constexpr std::chrono::minutes kExpiryPeriod{1};

std::vector<storage::Store*> Stores(const Surroundings& around, const std::string& service) {
  return {around.foundation->store(service)};
}

class RegistryPart : public Part {
 public:
  RegistryPart(const Surroundings& around, rpc::StandingKeeper* accountability)
      : directory_(around.foundation->store("registry")),
        directory_api_(&directory_),
        housekeeping_(Stores(around, "registry"), around.foundation->clock()) {
    registry::RegistryApi::Parts parts;
    parts.store = around.foundation->store("registry");
    parts.vault = around.foundation->vault("registry");
    parts.gate = around.gate;
    parts.clock = around.foundation->clock();
    parts.pool = around.files;
    parts.accountability = accountability;
    parts.network = around.foundation->facts();
    parts.ledger_key = parts.network.ledger_key;
    parts.version = kVersion;
    api_ = std::make_unique<registry::RegistryApi>(std::move(parts));
    api_->Register(NewService("waterline.registry.v1.RegistryService"));
    directory_api_.Register(NewInternalService("waterline.registry.v1.DirectoryService"));
  }
  void Start() override { housekeeping_.Start(); }
  void Stop() override { housekeeping_.Stop(); }

 private:
  registry::LocalDirectory directory_;
  registry::DirectoryApi directory_api_;
  std::unique_ptr<registry::RegistryApi> api_;
  Housekeeping housekeeping_;
};

class EventsPart : public Part {
 public:
  EventsPart(const Surroundings& around, std::unique_ptr<rpc::Directory> directory)
      : directory_(std::move(directory)),
        evidence_api_(around.foundation->store("events"), around.files),
        housekeeping_(Stores(around, "events"), around.foundation->clock()) {
    events::EventsApi::Parts parts;
    parts.store = around.foundation->store("events");
    parts.vault = around.foundation->vault("events");
    parts.gate = around.gate;
    parts.clock = around.foundation->clock();
    parts.pool = around.files;
    parts.directory = directory_.get();
    parts.network = around.foundation->facts();
    api_ = std::make_unique<events::EventsApi>(std::move(parts));
    api_->Register(NewService("waterline.events.v1.EventsService"));
    evidence_api_.Register(NewInternalService("waterline.events.v1.EvidenceService"));
  }
  void Start() override { housekeeping_.Start(); }
  void Stop() override { housekeeping_.Stop(); }

 private:
  const std::unique_ptr<rpc::Directory> directory_;
  events::EvidenceApi evidence_api_;
  std::unique_ptr<events::EventsApi> api_;
  Housekeeping housekeeping_;
};

class InferencePart : public Part {
 public:
  InferencePart(const Surroundings& around, std::unique_ptr<inference::EvidenceSource> evidence)
      : metrics_(around.metrics),
        evidence_(std::move(evidence)),
        model_(inference::VersionZeroModel()) {
    inference::Projector::Parts projection;
    projection.store = around.foundation->store("inference");
    projection.source = evidence_.get();
    projection.model = model_.get();
    projection.poll = around.projector_poll;
    projection.owner = crypto::HexEncode(crypto::RandomBytes(16));
    projection.on_progress = [this](const auto& progress) { Count(progress); };
    projector_ = std::make_unique<inference::Projector>(std::move(projection));
    inference::InferenceApi::Parts parts;
    parts.store = around.foundation->store("inference");
    parts.gate = around.gate;
    parts.clock = around.foundation->clock();
    parts.network = around.foundation->facts();
    parts.projector = projector_.get();
    api_ = std::make_unique<inference::InferenceApi>(std::move(parts));
    api_->Register(NewService("waterline.inference.v1.InferenceService"));
  }
  void Start() override { projector_->Start(); }
  void Stop() override { projector_->Stop(); }

 private:
  // On the projector's thread.
  void Count(const inference::Projector::Progress& progress) {
    if (progress.catching_up || !progress.status.ok()) {
      lagging_.insert(progress.partition);
    } else {
      lagging_.erase(progress.partition);
    }
    metrics_->SetGauge("waterline_projection_lagging_partitions",
                       "Organisations of which evidence waits to be absorbed",
                       static_cast<double>(lagging_.size()));
  }

  rpc::Metrics* const metrics_;
  const std::unique_ptr<inference::EvidenceSource> evidence_;
  const std::unique_ptr<inference::ScopeModel> model_;
  std::set<std::string> lagging_;  // Partitions; the projector's thread only.
  std::unique_ptr<inference::Projector> projector_;
  std::unique_ptr<inference::InferenceApi> api_;
};

class AccountabilityPart : public Part {
 public:
  AccountabilityPart(const Surroundings& around, accountability::VerifySignature verify)
      : attempts_(around.foundation->recorder(), around.foundation->ledger(),
                  around.foundation->facts().demonstration),
        api_(ApiParts(around)),
        agreements_(AgreementParts(around, std::move(verify))),
        decision_api_(&attempts_, around.foundation->facts().network),
        standing_api_(around.foundation->standing_book()),
        housekeeping_(Stores(around, "accountability"), around.foundation->clock()),
        expiry_(around.foundation->rulebook(), around.foundation->clock()) {
    api_.Register(NewService("waterline.accountability.v1.AccountabilityService"));
    agreements_.Register(NewService("waterline.accountability.v1.AgreementService"));
    decision_api_.Register(NewInternalService("waterline.accountability.v1.DecisionService"));
    standing_api_.Register(NewInternalService("waterline.accountability.v1.StandingService"));
  }
  absl::Status Load() { return coro::SyncWait(attempts_.Load()); }
  void Start() override {
    housekeeping_.Start();
    expiry_rounds_.Start();
  }
  void Stop() override {
    expiry_rounds_.Stop();
    housekeeping_.Stop();
  }

 private:
  void Expire() {
    const auto done = expiry_.Round([this] { return expiry_rounds_.stopping(); });
    if (done.expired > 0) log::Info("agreements_expired", {{"count", int64_t{done.expired}}});
    for (const auto& [agreement, status] : done.left) {
      log::Warning("expiry_failed", {{"agreement", agreement},
                                     {"reason", ReasonOf(status).value_or("UNEXPECTED")},
                                     {"message", std::string(status.message())}});
    }
  }
  static accountability::AccountabilityApi::Parts ApiParts(const Surroundings& around) {
    accountability::AccountabilityApi::Parts parts;
    parts.ledger = around.foundation->ledger();
    parts.rulebook = around.foundation->rulebook();
    parts.recorder = around.foundation->recorder();
    parts.gate = around.gate;
    parts.clock = around.foundation->clock();
    return parts;
  }
  static accountability::AgreementsApi::Parts AgreementParts(
      const Surroundings& around, accountability::VerifySignature verify) {
    accountability::AgreementsApi::Parts parts;
    parts.rulebook = around.foundation->rulebook();
    parts.recorder = around.foundation->recorder();
    parts.members = around.foundation->members();
    parts.store = around.foundation->store("accountability");
    parts.gate = around.gate;
    parts.clock = around.foundation->clock();
    parts.verify = std::move(verify);
    return parts;
  }

  accountability::RepeatedAttempts attempts_;
  accountability::AccountabilityApi api_;
  accountability::AgreementsApi agreements_;
  accountability::DecisionApi decision_api_;
  accountability::StandingApi standing_api_;
  // Beside the ledger in its partition: no commit of the ledger rests on a dedupe record, but for a
  // change's own one.
  Housekeeping housekeeping_;
  accountability::Expiry expiry_;
  Rounds expiry_rounds_{kExpiryPeriod, [this] { Expire(); }};
};

}  // namespace

std::unique_ptr<Part> MakeRegistry(const Surroundings& around,
                                   rpc::StandingKeeper* accountability) {
  return std::make_unique<RegistryPart>(around, accountability);
}

std::unique_ptr<Part> MakeEvents(const Surroundings& around,
                                 std::unique_ptr<rpc::Directory> directory) {
  return std::make_unique<EventsPart>(around, std::move(directory));
}

std::unique_ptr<Part> MakeInference(const Surroundings& around,
                                    std::unique_ptr<inference::EvidenceSource> evidence) {
  return std::make_unique<InferencePart>(around, std::move(evidence));
}

absl::StatusOr<std::unique_ptr<Part>> MakeAccountability(const Surroundings& around,
                                                         accountability::VerifySignature verify) {
  auto part = std::make_unique<AccountabilityPart>(around, std::move(verify));
  WATERLINE_RETURN_IF_ERROR(part->Load());
  return part;
}

}  // namespace waterline::deployment
