#include <algorithm>

#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"
#include "services/events/api/events_api.h"
#include "services/events/api/import_run.h"

namespace waterline::events {
namespace {

using gate::Operation;
using storage::v1::ImportRecord;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr auto kCategory = common::v1::CATEGORY_EVENT;
constexpr int kScanMax = 500;
constexpr size_t kDigestHexChars = 64;

std::vector<FieldViolation> CheckHeader(const v1::ImportFilesHeader& header) {
  std::vector<FieldViolation> violations;
  const auto parent = text::MatchName(header.parent(), "organisations/*");
  const auto event = text::MatchName(header.event(), "organisations/*/events/*");
  if (!parent) violations.push_back({"header.parent", "is not a name organisations/{id}"});
  if (header.kind() != v1::Import::KIND_POLIS && header.kind() != v1::Import::KIND_RESPONSES)
    violations.push_back({"header.kind", "is not KIND_POLIS or KIND_RESPONSES"});
  if (!header.event().empty() && (!event || !parent || (*event)[0] != (*parent)[0]))
    violations.push_back({"header.event", "is not an event of the parent organisation"});
  if (header.event().empty() && header.kind() == v1::Import::KIND_RESPONSES)
    violations.push_back({"header.event", "is required: answers belong to an event"});
  const std::string problem = text::TextProblem(header.folder_name(), 0, 500);
  if (!problem.empty()) violations.push_back({"header.folder_name", problem});
  const bool hex =
      header.content_digest().find_first_not_of("0123456789abcdef") == std::string::npos;
  if (header.content_digest().size() != kDigestHexChars || !hex)
    violations.push_back({"header.content_digest", "is not a SHA-256 in hexadecimal"});
  records::CheckRequestId(header.request_id(), &violations);
  return violations;
}

// Rows of one import: taken out. Informants nobody else named go with them.
InformantRows::Edit WithoutImport(const std::string& import, storage::v1::InformantRow* row) {
  auto* imports = row->mutable_imports();
  const auto found = std::find(imports->begin(), imports->end(), import);
  if (found == imports->end()) return InformantRows::Edit::kKeep;
  imports->erase(found);
  return imports->empty() ? InformantRows::Edit::kRemove : InformantRows::Edit::kChange;
}

// Rows stand as long as anyone else holds them.
template <class Rows, class Row>
typename Rows::Edit WithoutHolder(const std::string& import, Row* row) {
  auto* also = row->mutable_also_imports();
  const auto found = std::find(also->begin(), also->end(), import);
  if (found != also->end()) {
    also->erase(found);
    return Rows::Edit::kChange;
  }
  if (row->import() != import) return Rows::Edit::kKeep;
  if (also->empty()) return Rows::Edit::kRemove;
  row->set_import(also->Get(0));
  also->erase(also->begin());
  return Rows::Edit::kChange;
}

// Takes one import off a contribution; false when it did not hold it.
bool TakeOff(const std::string& import_name, storage::v1::ContributionRecord* record) {
  auto* contribution = record->mutable_public_();
  auto* also = record->mutable_also_imports();
  if (contribution->withdrawn()) return false;
  const auto found = std::find(also->begin(), also->end(), import_name);
  if (found != also->end()) {
    also->erase(found);
  } else if (contribution->import() != import_name) {
    return false;
  } else if (also->empty()) {
    contribution->set_withdrawn(true);
  } else {
    contribution->set_import(also->Get(0));
    if (contribution->import().empty()) contribution->clear_import();
    also->erase(also->begin());
  }
  return true;
}

}  // namespace

coro::Task<absl::Status> EventsApi::ImportFiles(const rpc::Call& call, ImportStream* stream) {
  WATERLINE_CO_ASSIGN_OR_RETURN(auto first, co_await stream->Read());
  if (!first || !first->has_header())
    co_return BadFields({{"header", "is required in the first message"}});
  const auto violations = CheckHeader(first->header());
  if (!violations.empty()) co_return BadFields(violations);
  const std::string organisation = IdOf(first->header().parent());
  const std::string name = first->header().event().empty() ? first->header().parent() + "/imports"
                                                           : first->header().event();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await Ask(call, Operation::OPERATION_WRITE, organisation, kImports, name,
                                  common::v1::CATEGORY_CONTRIBUTION_TEXT));
  ImportRun run(this, stream, std::move(decision), first->header(), organisation);
  co_return co_await run.Run();
}

coro::Task<absl::StatusOr<v1::Import>> EventsApi::ReadImport(std::string organisation,
                                                             std::string id) {
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored, co_await records::Load<ImportRecord>(parts_.store, Partition(organisation),
                                                        Key(kImports, id)));
  if (!stored) co_return Error(reason::kNotFound, "there is no import of this name");
  v1::Import import = std::move(*stored->record.mutable_public_());
  import.set_etag(records::EtagOf(stored->revision));
  if (stored->record.has_sealed()) {
    const std::vector<std::string> ids = {stored->record.sealed().key_id()};
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto keys,
                                  co_await parts_.vault->Load(Partition(organisation), ids));
    if (keys[0])
      WATERLINE_CO_RETURN_IF_ERROR(
          privacy::OpenPersonal(stored->record.sealed(), import.name(), *keys[0], &import));
  }
  co_return import;
}

EventsApi::Answer<v1::GetImportResponse> EventsApi::GetImport(const rpc::Call& call,
                                                              const v1::GetImportRequest& request) {
  const auto ids = text::MatchName(request.name(), "organisations/*/imports/*");
  if (!ids) co_return BadFields({{"name", "is not a name organisations/{id}/imports/{id}"}});
  gate::Ask ask(Operation::OPERATION_READ, (*ids)[0], kImports, request.name(), {kCategory});
  ask.records.push_back(KeptByLead());
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  v1::GetImportResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_import(),
                                co_await ReadImport((*ids)[0], (*ids)[1]));
  co_return gate::Draft<v1::GetImportResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::ListImportsResponse> EventsApi::ListImports(
    const rpc::Call& call, const v1::ListImportsRequest& request) {
  const auto ids = text::MatchName(request.parent(), "organisations/*");
  if (!ids) co_return BadFields({{"parent", "is not a name organisations/{id}"}});
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page,
      records::ReadPage(request.page_size(), request.page_token(), request.parent()));
  const auto range = records::PageRange(kImports, "", page);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto items, co_await parts_.store->Scan(Partition((*ids)[0]), range, page.limit,
                                                    waterline::storage::Direction::kForward));
  gate::Ask ask(Operation::OPERATION_SEARCH, (*ids)[0], kImports, request.parent() + "/imports",
                {kCategory});
  ask.rows_field = "imports";
  // Imports are the controller's own: all of them stay, or none does.
  ask.records.resize(std::max<size_t>(items.size(), 1), KeptByLead());
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  v1::ListImportsResponse response;
  if (!decision.Shows(0))
    co_return gate::Draft<v1::ListImportsResponse>(std::move(response), std::move(decision));
  for (const auto& item : items) {
    WATERLINE_CO_ASSIGN_OR_RETURN(*response.add_imports(), co_await ReadImport((*ids)[0], item.id));
  }
  if (static_cast<int>(items.size()) == page.limit)
    response.set_next_page_token(records::NextPageToken(items.back().id, request.parent()));
  co_return gate::Draft<v1::ListImportsResponse>(std::move(response), std::move(decision));
}

// Every step can be repeated; the import's state changes last.
coro::Task<absl::Status> EventsApi::RevertRows(EventRef event, std::string import,
                                               CommitHook* hook) {
  ReactionRows reactions(parts_.store, event.organisation, event.id);
  std::function<ReactionRows::Edit(storage::v1::ReactionRow*)> drop_reaction =
      [&import](storage::v1::ReactionRow* row) { return WithoutHolder<ReactionRows>(import, row); };
  WATERLINE_CO_RETURN_IF_ERROR(co_await reactions.Rewrite(drop_reaction, hook));
  ResponseRows responses(parts_.store, event.organisation, event.id);
  std::function<ResponseRows::Edit(storage::v1::ResponseRow*)> drop_response =
      [&import](storage::v1::ResponseRow* row) { return WithoutHolder<ResponseRows>(import, row); };
  WATERLINE_CO_RETURN_IF_ERROR(co_await responses.Rewrite(drop_response, hook));
  const std::string import_name = ImportName(event.organisation, import);
  auto range = waterline::storage::PrefixRange(kContributions, event.id + "/");
  while (true) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto page,
                                  co_await records::Scan<storage::v1::ContributionRecord>(
                                      parts_.store, event.partition(), range, kScanMax));
    if (page.empty()) break;
    range.begin = page.back().id + '\0';
    for (auto& one : page) {
      if (!TakeOff(import_name, &one.record)) continue;
      Batch batch;
      const Key key(kContributions, one.id);
      batch.RequireRevision(key, one.revision).Put(key, one.record.SerializeAsString());
      WATERLINE_CO_RETURN_IF_ERROR(co_await hook->Before(&batch));
      WATERLINE_CO_RETURN_IF_ERROR(
          (co_await parts_.store->Commit(event.partition(), std::move(batch))).status());
    }
  }
  InformantRows informants(parts_.store, event.organisation, event.id);
  std::function<InformantRows::Edit(storage::v1::InformantRow*)> drop_informant =
      [&import](storage::v1::InformantRow* row) { return WithoutImport(import, row); };
  co_return co_await informants.Rewrite(drop_informant, hook);
}

EventsApi::Answer<v1::RevertImportResponse> EventsApi::RevertImport(
    const rpc::Call& call, const v1::RevertImportRequest& request) {
  std::vector<FieldViolation> violations;
  const auto ids = text::MatchName(request.name(), "organisations/*/imports/*");
  if (!ids) violations.push_back({"name", "is not a name organisations/{id}/imports/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  const Partition partition((*ids)[0]);
  const Key key(kImports, (*ids)[1]);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await Ask(call, Operation::OPERATION_WRITE, partition.id, kImports,
                                  request.name(), kCategory));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored,
                                co_await records::Load<ImportRecord>(parts_.store, partition, key));
  if (!stored) co_return Error(reason::kNotFound, "there is no import of this name");
  auto* import = stored->record.mutable_public_();
  if (import->state() != v1::Import::STATE_REVERTED) {
    const auto names = text::MatchName(import->event(), "organisations/*/events/*");
    const EventRef event{(*names)[0], (*names)[1]};
    EvidenceHook hook(parts_.gate, &decision, event.name());
    co_await parts_.pool->Hop();
    WATERLINE_CO_RETURN_IF_ERROR(co_await RevertRows(event, key.id, &hook));
    Batch batch;
    if (import->made_event()) {
      WATERLINE_CO_ASSIGN_OR_RETURN(auto made, co_await LoadEvent(event));
      made.record.mutable_public_()->set_state(v1::Event::STATE_CANCELLED);
      made.record.mutable_public_()->set_cancel_reason("the import that made it was reverted");
      const Key event_key(kEvents, event.id);
      batch.RequireRevision(event_key, made.revision)
          .Put(event_key, made.record.SerializeAsString());
    }
    import->set_state(v1::Import::STATE_REVERTED);
    *import->mutable_update_time() = text::ToTimestamp(parts_.clock->NowMs());
    WATERLINE_CO_RETURN_IF_ERROR(co_await hook.Before(&batch));
    *stored->record.mutable_receipt() = decision.position();
    batch.RequireRevision(key, stored->revision).Put(key, stored->record.SerializeAsString());
    WATERLINE_CO_RETURN_IF_ERROR(
        (co_await parts_.store->Commit(partition, std::move(batch))).status());
  }
  v1::RevertImportResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_import(),
                                co_await ReadImport(partition.id, key.id));
  co_return gate::Draft<v1::RevertImportResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::events
