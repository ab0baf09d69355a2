#include <map>

#include "services/common/rpc/limits.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/registry/api/registry_api.h"
#include "services/registry/domain/organisations.h"
#include "services/registry/store/organisation_writer.h"

namespace waterline::registry {
namespace {

using storage::v1::OrganisationRecord;
using text::IdOf;
using waterline::storage::Batch;
using waterline::storage::Key;

constexpr size_t kOrganisationsPerCommit = 45;  // Times kOperationsPerOrganisation: under 500.
constexpr size_t kCommitsPerProgress = 10;

// Equal but for what the store adds.
bool SameContent(v1::Organisation known, const v1::Organisation& read) {
  known.clear_create_time();
  known.clear_update_time();
  known.clear_demonstration();
  known.clear_etag();
  return records::Serialise(known) == records::Serialise(read);
}

v1::TypeCount* CountOf(const std::string& type, v1::OrganisationImportReport* report) {
  for (auto& count : *report->mutable_organisations()) {
    if (count.type() == type) return &count;
  }
  auto* count = report->add_organisations();
  count->set_type(type);
  count->set_created(0);
  count->set_changed(0);
  count->set_unchanged(0);
  return count;
}

}  // namespace

coro::Task<absl::Status> RegistryApi::ImportOrganisations(const rpc::Call& call,
                                                          OrganisationStream* stream) {
  WATERLINE_CO_ASSIGN_OR_RETURN(auto first, co_await stream->Read());
  if (!first || !first->has_header() || !text::IsRequestId(first->header().request_id())) {
    co_return BadFields({{"header.request_id",
                          "is required in the first message: 1 to 64 visible ASCII characters"}});
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision,
      co_await AskNetwork(call, gate::Operation::OPERATION_WRITE, kOrganisations, kOrganisations));
  OrganisationFile file("practices.csv");
  WATERLINE_CO_RETURN_IF_ERROR(co_await ReadFile(stream, &file));
  // Reaches only a client that is still there: a file that was broken off is not stored.
  WATERLINE_CO_RETURN_IF_ERROR(co_await WriteProgress(file.rows_read(), decision, stream));
  co_await parts_.pool->Hop();
  v1::ImportOrganisationsResponse response;
  auto* report = response.mutable_report();
  *report->mutable_rows() = file.rows();
  WATERLINE_CO_RETURN_IF_ERROR(co_await StoreOrganisations(file, stream, &decision, report));
  const auto* practices = CountOf("gp_practice", report);
  report->mutable_rows()->set_created(practices->created());
  report->mutable_rows()->set_superseded(practices->changed());
  report->mutable_rows()->set_unchanged(practices->unchanged());
  gate::Draft<v1::ImportOrganisationsResponse> draft(std::move(response), std::move(decision));
  co_return co_await stream->Write(std::move(draft));
}

coro::Task<absl::Status> RegistryApi::ReadFile(OrganisationStream* stream, OrganisationFile* file) {
  while (true) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto message, co_await stream->Read());
    if (!message) co_return file->Finish();
    if (message->chunk().size() > rpc::kImportPieceBytesMax)
      co_return BadFields({{"chunk", "is larger than 64 KiB"}});
    co_await parts_.pool->Hop();
    WATERLINE_CO_RETURN_IF_ERROR(file->Feed(message->chunk()));
  }
}

coro::Task<absl::Status> RegistryApi::WriteProgress(uint64_t rows, gate::Decision decision,
                                                    OrganisationStream* stream) {
  v1::ImportOrganisationsResponse progress;
  progress.mutable_progress()->set_rows_read(rows);
  gate::Draft<v1::ImportOrganisationsResponse> draft(std::move(progress), std::move(decision));
  co_return co_await stream->Write(std::move(draft));
}

coro::Task<absl::Status> RegistryApi::StoreOrganisations(const OrganisationFile& file,
                                                         OrganisationStream* stream,
                                                         gate::Decision* decision,
                                                         v1::OrganisationImportReport* report) {
  const auto all = file.Organisations();
  size_t commits = 0;
  for (size_t at = 0; at < all.size(); at += kOrganisationsPerCommit) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(
                                       std::min(all.size(), at + kOrganisationsPerCommit));
    std::vector<v1::Organisation> some(all.begin() + static_cast<std::ptrdiff_t>(at), end);
    WATERLINE_CO_RETURN_IF_ERROR(co_await StoreSome(std::move(some), decision, report));
    if (++commits % kCommitsPerProgress != 0) continue;
    WATERLINE_CO_RETURN_IF_ERROR(
        co_await WriteProgress(file.rows_read() * at / all.size(), *decision, stream));
  }
  co_return absl::OkStatus();
}

// One batch: what is new or changed of `organisations`, under the revisions they were read at.
coro::Task<absl::Status> RegistryApi::StoreSome(std::vector<v1::Organisation> organisations,
                                                gate::Decision* decision,
                                                v1::OrganisationImportReport* report) {
  WATERLINE_CO_ASSIGN_OR_RETURN(*decision, co_await parts_.gate->Refresh(std::move(*decision)));
  std::vector<Key> keys;
  for (auto& organisation : organisations) {
    const auto violations = CheckOrganisation(&organisation);
    if (!violations.empty()) co_return BadFields(violations);
    keys.emplace_back(kOrganisations, IdOf(organisation.name()));
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto values,
                                co_await parts_.store->Get(NetworkPartition(), keys));
  const auto now = text::ToTimestamp(parts_.clock->NowMs());
  Batch batch;
  for (size_t i = 0; i < organisations.size(); ++i) {
    auto* count = CountOf(organisations[i].type(), report);
    OrganisationRecord before;
    if (values[i])
      WATERLINE_CO_RETURN_IF_ERROR(records::ParseInto(values[i]->value, keys[i], &before));
    // No file says who only tries the network out; who was made so stays so.
    if (before.public_().test()) organisations[i].set_test(true);
    if (values[i] && SameContent(before.public_(), organisations[i])) {
      count->set_unchanged(count->unchanged() + 1);
      continue;
    }
    OrganisationRecord record;
    *record.mutable_public_() = organisations[i];
    *record.mutable_public_()->mutable_create_time() =
        values[i] ? before.public_().create_time() : now;
    *record.mutable_public_()->mutable_update_time() = now;
    if (parts_.network.demonstration) record.mutable_public_()->set_demonstration(true);
    *record.mutable_receipt() = decision->position();
    batch.RequireRevision(keys[i], values[i] ? values[i]->revision : 0);
    PutOrganisation(record, values[i] ? &before : nullptr, &batch);
    if (values[i]) {
      count->set_changed(count->changed() + 1);
    } else {
      count->set_created(count->created() + 1);
    }
  }
  if (batch.empty()) co_return absl::OkStatus();
  auto committed = co_await parts_.store->Commit(NetworkPartition(), std::move(batch));
  co_return committed.status();
}

}  // namespace waterline::registry
