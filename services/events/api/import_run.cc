#include "services/events/api/import_run.h"

#include <algorithm>
#include <limits>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/rpc/limits.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"
#include "services/events/domain/rules.h"
#include "services/events/store/rows.h"

namespace waterline::events {
namespace {

using storage::v1::ReactionRow;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr size_t kRowsPerProgress = 20'000;
constexpr char kNoEvent[] = "-";
constexpr int64_t kMsPerDay = 86'400'000;

// The first `max` code points of a text that may be stored; empty when it may not.
std::string Shorten(const std::string& value, size_t max) {
  if (!text::TextProblem(value, 1, std::numeric_limits<size_t>::max()).empty()) return "";
  size_t end = 0;
  for (size_t points = 0; end < value.size(); ++end) {
    if ((static_cast<uint8_t>(value[end]) & 0xC0) != 0x80 && points++ == max) break;
  }
  return value.substr(0, end);
}

void SetCounts(const MergeCounts& counts, common::v1::BulkReport* report) {
  report->set_created(report->created() + counts.created);
  report->set_unchanged(report->unchanged() + counts.unchanged);
  report->set_superseded(report->superseded() + counts.superseded);
}

}  // namespace

coro::Task<absl::Status> ImportRun::Run() {
  WATERLINE_CO_RETURN_IF_ERROR(co_await Receive());
  WATERLINE_CO_RETURN_IF_ERROR(FinishFiles());
  WATERLINE_CO_RETURN_IF_ERROR(co_await Begin());
  if (header_.kind() == v1::Import::KIND_POLIS) {
    WATERLINE_CO_RETURN_IF_ERROR(co_await StorePolis());
  } else {
    WATERLINE_CO_RETURN_IF_ERROR(co_await StoreResponses());
  }
  co_return co_await Finish();
}

coro::Task<absl::Status> ImportRun::Receive() {
  while (true) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto message, co_await stream_->Read());
    if (!message) co_return absl::OkStatus();
    co_await api_->parts_.pool->Hop();
    WATERLINE_CO_RETURN_IF_ERROR(TakePiece(message->piece()));
  }
}

absl::Status ImportRun::TakePiece(const v1::FilePiece& piece) {
  if (piece.content().size() > rpc::kImportPieceBytesMax)
    return BadFields({{"piece.content", "is larger than 64 KiB"}});
  if (complete_[piece.file_name()])
    return BadFields({{"piece.file_name", "names a file that was complete already"}});
  const bool polis = header_.kind() == v1::Import::KIND_POLIS;
  const bool known =
      polis ? PolisFile::IsFileName(piece.file_name()) : piece.file_name() == "responses.csv";
  if (!known)
    return BadFields(
        {{"piece.file_name",
          polis ? "is not one of comments.csv, votes.csv, participants-votes.csv, summary.csv"
                : "is not responses.csv"}});
  complete_[piece.file_name()] = piece.last();
  digests_[piece.file_name()].Update(piece.content());
  return polis ? polis_.Feed(piece.file_name(), piece.content()) : responses_.Feed(piece.content());
}

// All files are there as the client meant them: an import that was broken off ends here.
absl::Status ImportRun::FinishFiles() {
  crypto::Sha256Stream digest;
  for (auto& [name, stream] : digests_) {
    if (!complete_[name])
      return BadFields(
          {{"piece.last", "the file " + name + " was broken off; send the files again"}});
    digest.Update(name + '\0' + stream.Finish());
  }
  if (crypto::HexEncode(digest.Finish()) != header_.content_digest()) {
    return BadFields(
        {{"header.content_digest", "does not fit the files that came; send them again"}});
  }
  return header_.kind() == v1::Import::KIND_POLIS ? polis_.Finish() : responses_.Finish();
}

// The same files for the same event, not reverted since, are the same import.
coro::Task<absl::Status> ImportRun::Begin() {
  const auto given = text::MatchName(header_.event(), "organisations/*/events/*");
  if (given) {
    event_ = {(*given)[0], (*given)[1]};
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto stored, co_await api_->LoadEvent(event_));
    WATERLINE_CO_RETURN_IF_ERROR(CheckRecording(stored.record.public_()));
  }
  const Key content_key(kImportContents,
                        (given ? event_.id : kNoEvent) + ("/" + header_.content_digest()));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto known,
                                co_await records::Load<storage::v1::IndexRecord>(
                                    api_->parts_.store, Partition(organisation_), content_key));
  if (known) {
    WATERLINE_CO_ASSIGN_OR_RETURN(
        const auto import,
        co_await records::Load<storage::v1::ImportRecord>(
            api_->parts_.store, Partition(organisation_), Key(kImports, known->record.id())));
    if (import && import->record.public_().state() != v1::Import::STATE_REVERTED) {
      const auto made =
          text::MatchName(import->record.public_().event(), "organisations/*/events/*");
      event_ = {(*made)[0], (*made)[1]};
      import_id_ = known->record.id();
      started_ms_ = text::ToMs(import->record.public_().create_time());
      co_return absl::OkStatus();
    }
  }
  co_return co_await MakeImport(content_key, known ? known->revision : 0);
}

// `revision` is that of the content key, so that the same files sent twice at once make one import.
coro::Task<absl::Status> ImportRun::MakeImport(Key content_key,
                                               waterline::storage::Revision revision) {
  Batch batch;
  batch.RequireRevision(content_key, revision);
  import_id_ = crypto::RandomId('m');
  started_ms_ = api_->parts_.clock->NowMs();
  storage::v1::ImportRecord record;
  auto* import = record.mutable_public_();
  import->set_name(ImportName(organisation_, import_id_));
  import->set_kind(header_.kind());
  import->set_state(v1::Import::STATE_RUNNING);
  import->set_file_name(header_.folder_name());
  import->set_content_digest(header_.content_digest());
  *import->mutable_create_time() = text::ToTimestamp(started_ms_);
  *import->mutable_update_time() = text::ToTimestamp(started_ms_);
  if (event_.id.empty()) {
    event_ = {organisation_, crypto::RandomId('e')};
    import->set_made_event(true);
  }
  import->set_event(event_.name());
  auto sealed = privacy::SealPersonal(import, import->name(), api_->parts_.vault->NewKey(&batch));
  if (sealed) *record.mutable_sealed() = *std::move(sealed);
  EvidenceHook hook(api_->parts_.gate, &decision_, event_.name());
  WATERLINE_CO_RETURN_IF_ERROR(co_await hook.Before(&batch));
  *record.mutable_receipt() = decision_.position();
  if (import->made_event()) PutMadeEvent(&batch, started_ms_);
  storage::v1::IndexRecord index;
  index.set_id(import_id_);
  batch.Put(Key(kImports, import_id_), record.SerializeAsString())
      .Put(content_key, index.SerializeAsString());
  co_return (co_await api_->parts_.store->Commit(Partition(organisation_), std::move(batch)))
      .status();
}

// A programme and a held event from summary.csv: the topic, and the first and last vote as dates.
void ImportRun::PutMadeEvent(Batch* batch, int64_t now_ms) {
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = 0;
  for (const auto& vote : polis_.votes()) {
    first = std::min(first, vote.at_ms);
    last = std::max(last, vote.at_ms);
  }
  if (last == 0) first = last = now_ms;
  std::string title = Shorten(polis_.topic(), 200);
  if (title.empty()) title = "Polis conversation";
  const std::string programme_id = crypto::RandomId('p');
  storage::v1::ProgrammeRecord programme;
  auto* made = programme.mutable_public_();
  made->set_name(ProgrammeName(organisation_, programme_id));
  made->set_title(title);
  made->set_description(Shorten(polis_.description(), 2000));
  made->set_demonstration(api_->parts_.network.demonstration);
  *made->mutable_create_time() = text::ToTimestamp(now_ms);
  *made->mutable_update_time() = text::ToTimestamp(now_ms);
  *programme.mutable_receipt() = decision_.position();
  storage::v1::EventRecord record;
  auto* event = record.mutable_public_();
  event->set_name(event_.name());
  event->set_programme(made->name());
  event->set_title(title);
  event->set_method("digital_forum");
  event->set_mode("online");
  event->set_time_zone("UTC");
  event->set_question(Shorten(polis_.topic(), 1000));
  *event->mutable_starts_at() = text::ToTimestamp(text::DayOf(first) * kMsPerDay);
  *event->mutable_ends_at() = text::ToTimestamp((text::DayOf(last) + 1) * kMsPerDay);
  auto* tally = event->add_tallies();
  tally->set_role("member_of_public");
  tally->set_count(static_cast<uint32_t>(polis_.people().size()));
  event->set_state(v1::Event::STATE_HELD);
  event->set_made_by_import(ImportName(organisation_, import_id_));
  event->set_demonstration(api_->parts_.network.demonstration);
  *event->mutable_create_time() = text::ToTimestamp(now_ms);
  *event->mutable_update_time() = text::ToTimestamp(now_ms);
  *record.mutable_receipt() = decision_.position();
  batch->Put(Key(kProgrammes, programme_id), programme.SerializeAsString());
  batch->Put(Key(kEvents, event_.id), record.SerializeAsString());
  batch->Put(Key(kProgrammeEvents, programme_id + "/" + event_.id), "");
}

coro::Task<absl::Status> ImportRun::StorePolis() {
  EvidenceHook hook(api_->parts_.gate, &decision_, event_.name());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto informants, co_await api_->LabelsOf(event_, polis_.people(), import_id_, &hook));
  report_.mutable_informants()->set_rows_read(polis_.people().size());
  SetCounts(informants.counts, report_.mutable_informants());
  *report_.mutable_contributions() = *polis_.comment_rows();
  WATERLINE_CO_RETURN_IF_ERROR(co_await StoreStatements(informants, &hook));
  WATERLINE_CO_ASSIGN_OR_RETURN(auto rows, co_await ToReactionRows(informants));
  *report_.mutable_reactions() = *polis_.vote_rows();
  WATERLINE_CO_RETURN_IF_ERROR(co_await StoreReactions(std::move(rows), &hook));
  WATERLINE_CO_ASSIGN_OR_RETURN(*report_.mutable_current_reactions(),
                                co_await api_->Tally(event_, nullptr));
  co_return absl::OkStatus();
}

coro::Task<absl::Status> ImportRun::StoreStatements(const Informants& informants,
                                                    CommitHook* hook) {
  std::vector<EventsApi::NewContribution> fresh;
  std::map<v1::Contribution::Moderation, uint64_t> moderation;
  for (const auto& statement : polis_.statements()) {
    auto& one = fresh.emplace_back();
    auto& fields = one.public_fields;
    fields.set_source_id(statement.source_id);
    fields.set_text(statement.text);
    fields.set_moderation(statement.moderation);
    if (statement.said_at_ms != 0)
      *fields.mutable_said_at() = text::ToTimestamp(statement.said_at_ms);
    fields.set_language("und");
    fields.set_verbatim(true);
    fields.set_import(ImportName(organisation_, import_id_));
    CheckContribution("row",
                      &fields);  // Sets what is not given; what does not fit was rejected before.
    if (!statement.author.empty()) one.informant = informants.labels.at(statement.author);
    ++moderation[statement.moderation];
  }
  for (const auto& [state, count] : moderation) {
    auto* out = report_.add_moderation();
    out->set_moderation(state);
    out->set_count(count);
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto placed,
                                co_await api_->StoreContributions(event_, std::move(fresh), hook,
                                                                  report_.mutable_contributions()));
  for (size_t i = 0; i < placed.size(); ++i)
    contributions_[polis_.statements()[i].source_id] = placed[i].id;
  co_return absl::OkStatus();
}

// Votes on statements that neither the files nor the event hold are rejected.
coro::Task<absl::StatusOr<std::vector<ReactionRow>>> ImportRun::ToReactionRows(
    const Informants& informants) {
  std::vector<std::string> elsewhere;
  for (const auto& id : polis_.statement_ids()) {
    if (!contributions_.contains(id)) elsewhere.push_back(id);
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto found,
                                co_await api_->FindContributions(event_, elsewhere));
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i]) contributions_[elsewhere[i]] = *found[i];
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto index_key,
                                co_await api_->parts_.vault->IndexKey(Partition(organisation_)));
  std::vector<std::string> voter_labels;
  for (const auto& person : polis_.people()) {
    voter_labels.push_back(informants.labels.at(person));
  }
  std::vector<ReactionRow> rows;
  rows.reserve(polis_.votes().size());
  for (const auto& vote : polis_.votes()) {
    const auto contribution = contributions_.find(polis_.statement_ids()[vote.statement]);
    if (contribution == contributions_.end()) {
      RejectRow("votes.csv", vote.row, "comment-id",
                "names a statement that comments.csv does not hold", polis_.vote_rows());
      continue;
    }
    ReactionRow row;
    row.set_informant(voter_labels[vote.voter]);
    row.set_contribution(contribution->second);
    row.set_value(vote.value);
    row.set_reacted_at_ms(vote.at_ms);
    row.set_import(import_id_);
    row.set_row_key(
        ReactionKey(privacy::SourceKey(index_key, "reaction",
                                       event_.id + '\0' + row.informant() + row.contribution()),
                    vote.at_ms));
    rows.push_back(std::move(row));
  }
  co_return rows;
}

coro::Task<absl::Status> ImportRun::StoreReactions(std::vector<ReactionRow> rows,
                                                   CommitHook* hook) {
  const auto before = [](const ReactionRow& a, const ReactionRow& b) {
    return a.row_key() != b.row_key() ? a.row_key() < b.row_key() : a.value() < b.value();
  };
  std::sort(rows.begin(), rows.end(), before);
  const auto same = [](const ReactionRow& a, const ReactionRow& b) {
    return a.row_key() == b.row_key() && a.value() == b.value();
  };
  const auto distinct_end = std::unique(rows.begin(), rows.end(), same);
  auto* report = report_.mutable_reactions();
  report->set_repeated_rows(static_cast<uint64_t>(rows.end() - distinct_end));
  rows.erase(distinct_end, rows.end());
  ReactionRows store(api_->parts_.store, event_.organisation, event_.id);
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = std::min(rows.size(), begin + kRowsPerProgress);
    // Versions of one reaction stay together, so that only the last counts as created.
    while (end < rows.size() && rows[end].row_key().compare(0, kGroupBytes, rows[end - 1].row_key(),
                                                            0, kGroupBytes) == 0)
      ++end;
    std::vector<ReactionRow> some(
        std::make_move_iterator(rows.begin() + static_cast<std::ptrdiff_t>(begin)),
        std::make_move_iterator(rows.begin() + static_cast<std::ptrdiff_t>(end)));
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto counts, co_await store.Merge(std::move(some), hook));
    SetCounts(counts, report);
    begin = end;
    WATERLINE_CO_RETURN_IF_ERROR(co_await WriteProgress(begin));
  }
  co_return absl::OkStatus();
}

coro::Task<absl::Status> ImportRun::StoreResponses() {
  EvidenceHook hook(api_->parts_.gate, &decision_, event_.name());
  auto responses = responses_.TakeResponses();
  const uint64_t answers = responses.size();
  std::vector<std::string> people;
  for (const auto& response : responses) {
    const bool next = people.empty() || people.back() != response.informant();
    if (next && !response.informant().empty()) people.push_back(response.informant());
  }
  std::sort(people.begin(), people.end());
  people.erase(std::unique(people.begin(), people.end()), people.end());
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto informants,
                                co_await api_->LabelsOf(event_, people, import_id_, &hook));
  report_.mutable_informants()->set_rows_read(people.size());
  SetCounts(informants.counts, report_.mutable_informants());
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto event, co_await api_->LoadEvent(event_));
  auto* report = report_.mutable_responses();
  *report = *responses_.rows();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto rows, co_await api_->ToRows(event_, event.record.public_(), std::move(responses),
                                       informants, import_id_, started_ms_));
  report->set_repeated_rows(answers - rows.size());
  ResponseRows store(api_->parts_.store, event_.organisation, event_.id);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto counts, co_await store.Merge(std::move(rows), &hook));
  SetCounts(counts, report);
  co_return co_await WriteProgress(answers);
}

coro::Task<absl::Status> ImportRun::WriteProgress(uint64_t stored) {
  v1::ImportFilesResponse response;
  response.mutable_progress()->set_rows_read(polis_.rows_read() + responses_.rows()->rows_read());
  response.mutable_progress()->set_rows_stored(stored);
  gate::Draft<v1::ImportFilesResponse> draft(std::move(response), decision_);
  co_return co_await stream_->Write(std::move(draft));
}

coro::Task<absl::Status> ImportRun::Finish() {
  const Key key(kImports, import_id_);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored,
                                co_await records::Load<storage::v1::ImportRecord>(
                                    api_->parts_.store, Partition(organisation_), key));
  if (!stored) co_return Error(reason::kUnexpected, "the import's record vanished");
  if (stored->record.public_().state() == v1::Import::STATE_RUNNING) {
    auto* import = stored->record.mutable_public_();
    import->set_state(v1::Import::STATE_COMPLETE);
    *import->mutable_report() = report_;
    *import->mutable_update_time() = text::ToTimestamp(api_->parts_.clock->NowMs());
    Batch batch;
    EvidenceHook hook(api_->parts_.gate, &decision_, event_.name());
    WATERLINE_CO_RETURN_IF_ERROR(co_await hook.Before(&batch));
    *stored->record.mutable_receipt() = decision_.position();
    batch.RequireRevision(key, stored->revision).Put(key, stored->record.SerializeAsString());
    WATERLINE_CO_RETURN_IF_ERROR(
        (co_await api_->parts_.store->Commit(Partition(organisation_), std::move(batch))).status());
  }
  v1::ImportFilesResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_import(),
                                co_await api_->ReadImport(organisation_, import_id_));
  *response.mutable_import()->mutable_report() = report_;
  gate::Draft<v1::ImportFilesResponse> draft(std::move(response), decision_);
  co_return co_await stream_->Write(std::move(draft));
}

}  // namespace waterline::events
