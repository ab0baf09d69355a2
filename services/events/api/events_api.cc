#include "services/events/api/events_api.h"

#include "services/common/crypto/random.h"
#include "services/common/data/indicators.h"
#include "services/common/text/id.h"

namespace waterline::events {
namespace {

using waterline::storage::Batch;
using waterline::storage::Key;

constexpr size_t kInformantsPerCommit = 150;
constexpr size_t kLabelBytes = 16;
constexpr char kByHand[] = "-";  // Stands for an import in InformantRow.imports.

v1::Indicator::Scale ToScale(data::Scale scale) {
  if (scale == data::Scale::kYN) return v1::Indicator::SCALE_YN;
  return scale == data::Scale::kM5 ? v1::Indicator::SCALE_M5 : v1::Indicator::SCALE_A5;
}

}  // namespace

void EventsApi::Register(rpc::Service* service) {
  auto* gate = parts_.gate;
  rpc::Public(service, "GetIndicatorCatalogue", this, &EventsApi::GetIndicatorCatalogue);
  rpc::Gated(service, "CreateProgramme", this, &EventsApi::CreateProgramme, gate);
  rpc::Gated(service, "GetProgramme", this, &EventsApi::GetProgramme, gate);
  rpc::Gated(service, "ListProgrammes", this, &EventsApi::ListProgrammes, gate);
  rpc::Gated(service, "UpdateProgramme", this, &EventsApi::UpdateProgramme, gate);
  rpc::Gated(service, "CreateEvent", this, &EventsApi::CreateEvent, gate);
  rpc::Gated(service, "GetEvent", this, &EventsApi::GetEvent, gate);
  rpc::Gated(service, "ListEvents", this, &EventsApi::ListEvents, gate);
  rpc::Gated(service, "UpdateEvent", this, &EventsApi::UpdateEvent, gate);
  rpc::Gated(service, "PublishEvent", this, &EventsApi::PublishEvent, gate);
  rpc::Gated(service, "OpenEvent", this, &EventsApi::OpenEvent, gate);
  rpc::Gated(service, "HoldEvent", this, &EventsApi::HoldEvent, gate);
  rpc::Gated(service, "ReportEvent", this, &EventsApi::ReportEvent, gate);
  rpc::Gated(service, "CancelEvent", this, &EventsApi::CancelEvent, gate);
  rpc::Gated(service, "RecordContributions", this, &EventsApi::RecordContributions, gate);
  rpc::Gated(service, "GetContribution", this, &EventsApi::GetContribution, gate);
  rpc::Gated(service, "ListContributions", this, &EventsApi::ListContributions, gate);
  rpc::Gated(service, "ReviewContribution", this, &EventsApi::ReviewContribution, gate);
  rpc::Gated(service, "CountEvents", this, &EventsApi::CountEvents, gate);
  rpc::Gated(service, "CountContributions", this, &EventsApi::CountContributions, gate);
  rpc::Gated(service, "RecordReactions", this, &EventsApi::RecordReactions, gate);
  rpc::Gated(service, "ListReactions", this, &EventsApi::ListReactions, gate);
  rpc::Gated(service, "TallyReactions", this, &EventsApi::TallyReactions, gate);
  rpc::Gated(service, "RecordResponses", this, &EventsApi::RecordResponses, gate);
  rpc::Gated(service, "ListResponses", this, &EventsApi::ListResponses, gate);
  rpc::GatedBidi(service, "ImportFiles", this, &EventsApi::ImportFiles, gate);
  rpc::Gated(service, "GetImport", this, &EventsApi::GetImport, gate);
  rpc::Gated(service, "ListImports", this, &EventsApi::ListImports, gate);
  rpc::Gated(service, "RevertImport", this, &EventsApi::RevertImport, gate);
}

coro::Task<absl::Status> EvidenceHook::Before(Batch* batch) {
  WATERLINE_CO_ASSIGN_OR_RETURN(*decision_, co_await gate_->Refresh(std::move(*decision_)));
  batch->Append(kEvidenceLog,
                records::LogItem(event_name_, common::storage::v1::LogRecord::KIND_CHANGED,
                                 decision_->position()));
  co_return absl::OkStatus();
}

coro::Task<absl::StatusOr<gate::Decision>> EventsApi::Ask(
    const rpc::Call& call, gate::Operation operation, std::string organisation,
    std::string collection, std::string name, common::v1::Category category,
    std::vector<std::string> subjects, uint32_t informants) {
  gate::Ask ask(operation, std::move(organisation), std::move(collection), std::move(name),
                {category});
  ask.subject_ids = std::move(subjects);
  ask.informants = informants;
  auto decision = co_await parts_.gate->Ask(call, ask);
  co_return decision;
}

coro::Task<absl::Status> EventsApi::CheckExist(
    std::vector<std::pair<std::string, std::string>> fields_and_names) {
  std::vector<std::string> names;
  for (const auto& [field, name] : fields_and_names) names.push_back(name);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto found, co_await parts_.directory->Look(names));
  std::vector<FieldViolation> violations;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i])
      violations.push_back(
          {fields_and_names[i].first, "names nothing that is registered in this network"});
  }
  co_return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

coro::Task<absl::StatusOr<v1::GetIndicatorCatalogueResponse>> EventsApi::GetIndicatorCatalogue(
    const rpc::Call&, const v1::GetIndicatorCatalogueRequest&) {
  v1::GetIndicatorCatalogueResponse response;
  response.set_version(std::string(data::CatalogueVersion()));
  for (const auto& indicator : data::AllIndicators()) {
    auto* out = response.add_indicators();
    out->set_id(indicator.id);
    out->set_version(static_cast<uint32_t>(indicator.version));
    out->set_practice(std::string(data::kPractices[static_cast<size_t>(indicator.practice)]));
    out->set_element(std::string(data::kElements[static_cast<size_t>(indicator.element)]));
    out->set_wording(indicator.wording);
    out->set_scale(ToScale(indicator.scale));
    out->set_reverse(indicator.reverse);
    for (const auto& group : indicator.groups) out->add_respondent_groups(group);
    out->set_inspired_by(indicator.inspired_by);
    out->set_short_form(indicator.short_form);
    for (const auto& label : data::CategoryLabels(indicator.scale)) out->add_categories(label);
  }
  co_return response;
}

coro::Task<absl::StatusOr<Informants>> EventsApi::LabelsOf(EventRef event,
                                                           std::vector<std::string> source_ids,
                                                           std::string import, CommitHook* hook) {
  if (import.empty()) import = std::string(kByHand);  // g++ 12 warns wrongly of a plain assignment.
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto index_key,
                                co_await parts_.vault->IndexKey(event.partition()));
  std::map<std::string, std::string> sources;  // Row key -> source id.
  for (const auto& id : source_ids) {
    sources[privacy::SourceKey(index_key, "informant", event.id + '\0' + id)
                .substr(0, kGroupBytes)] = id;
  }
  InformantRows rows(parts_.store, event.organisation, event.id);
  std::vector<std::string> row_keys;
  for (const auto& [key, id] : sources) row_keys.push_back(key);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto known, co_await rows.Find(row_keys));
  Informants informants;
  informants.counts.unchanged = known.size();
  std::map<std::string, std::string> fresh = sources;
  std::vector<storage::v1::InformantRow> to_absorb;
  for (const auto& row : known) {
    fresh.erase(row.row_key());
    const auto& imports = row.imports();
    if (std::find(imports.begin(), imports.end(), import) != imports.end()) continue;
    auto& more = to_absorb.emplace_back();
    more.set_row_key(row.row_key());
    more.add_imports(import);
  }
  WATERLINE_CO_RETURN_IF_ERROR((co_await rows.Merge(std::move(to_absorb), hook)).status());
  if (!fresh.empty()) {
    WATERLINE_CO_RETURN_IF_ERROR(
        co_await AddInformants(event, std::move(fresh), import, hook, &informants.counts));
    // Read again, because another call may have been first to name the same person.
    WATERLINE_CO_ASSIGN_OR_RETURN(known, co_await rows.Find(std::move(row_keys)));
  }
  for (const auto& row : known) informants.labels[sources.at(row.row_key())] = row.label();
  if (informants.labels.size() < sources.size())
    co_return Error(reason::kConflict, "an import was reverted meanwhile; send the call again");
  co_return informants;
}

coro::Task<absl::Status> EventsApi::AddInformants(EventRef event,
                                                  std::map<std::string, std::string> source_ids,
                                                  std::string import, CommitHook* hook,
                                                  MergeCounts* counts) {
  InformantRows rows(parts_.store, event.organisation, event.id);
  std::vector<storage::v1::InformantRow> fresh;
  Batch keys;
  for (auto it = source_ids.begin(); it != source_ids.end(); ++it) {
    auto& row = fresh.emplace_back();
    row.set_row_key(it->first);
    row.set_label(crypto::RandomBytes(kLabelBytes));
    row.add_imports(import);
    v1::Contribution source;
    source.set_source_id(it->second);
    auto sealed =
        privacy::SealPersonal(&source, event.name() + "/informants", parts_.vault->NewKey(&keys));
    *row.mutable_source_id() = *std::move(sealed);
    const bool last = std::next(it) == source_ids.end();
    if (!last && fresh.size() < kInformantsPerCommit) continue;
    // Keys first: a row whose key is missing could never be opened, a key without row harms nobody.
    WATERLINE_CO_RETURN_IF_ERROR(
        (co_await parts_.store->Commit(event.partition(), std::move(keys))).status());
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto merged, co_await rows.Merge(std::move(fresh), hook));
    counts->created += merged.created;
    fresh.clear();
    keys = Batch();
  }
  co_return absl::OkStatus();
}

}  // namespace waterline::events
