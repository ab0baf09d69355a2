// Batches of a projection (one partition; keys in store/keys.h):
//
//   stage   fence | part ... part                                (large evidence only, several)
//   flush   fence | cursor | evidence, dropped parts ... | scope events ... | scopes ... |
//           dropped checkpoints ...
//   keep    fence | scopes unchanged since the flush | new checkpoints   (may be lost: only speed)

#include "services/inference/projector/partition_projector.h"

#include <algorithm>
#include <set>
#include <utility>

#include "services/common/coro/sync_wait.h"
#include "services/common/log/log.h"
#include "services/common/records/records.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"
#include "services/inference/domain/tally.h"
#include "services/inference/projector/partition_state.h"
#include "services/inference/store/keys.h"

namespace waterline::inference {
namespace {

using coro::SyncWait;
using events::v1::EventEvidence;
using storage::v1::EvidenceRecord;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr size_t kInlineBytesMax = 128 * 1024;  // Of evidence kept in its own record.
constexpr size_t kPartBytesMax = 512 * 1024;    // Of the items of one part.
constexpr size_t kGroupBytesMax = 900 * 1024;   // Below the 1 MiB of a batch.
constexpr size_t kGroupChangesMax = 40;         // Below its 500 operations, with 35 scopes at most.
constexpr size_t kScopeBytes = 20 * 1024;       // A state of d = 48 and its tally.
constexpr size_t kGroupScopesMax = 150;
constexpr size_t kCacheBytesMax = 64 * 1024 * 1024;
constexpr int kPartsPage = 4;

std::optional<std::string> EventIdOf(const std::string& event, const std::string& partition) {
  const auto ids = text::MatchName(event, "organisations/*/events/*");
  if (!ids || (*ids)[0] != partition) return std::nullopt;
  return (*ids)[1];
}

bool HasAnswers(const EventEvidence& evidence) {
  for (const auto& item : evidence.items()) {
    if (std::any_of(item.counts().begin(), item.counts().end(), [](uint64_t n) { return n > 0; }))
      return true;
  }
  return false;
}

absl::Status CheckShape(const EventEvidence& evidence) {
  if (std::set<std::string>(evidence.places().begin(), evidence.places().end()).size() >
      kPlacesOfAnEventMax) {
    return BadFields({{"places", "are more than 32"}});
  }
  const int64_t day = BinDayOf(evidence);
  if (day > kDayMax || day < -kDayMax || evidence.day() > kDayMax || evidence.day() < -kDayMax) {
    return BadFields({{"day", "is out of range"}});
  }
  return absl::OkStatus();
}

bool IsApplied(const EvidenceRecord& record) {
  return record.evidence().present() && record.rejected().empty();
}

// True when the answers of both, and the bin they stand in, are known to be the same.
bool SameAnswers(const EvidenceRecord& before, const EvidenceRecord& after) {
  if (!before.has_answers() && !after.has_answers()) return true;
  if (before.has_answers() != after.has_answers() || before.bin_day() != after.bin_day())
    return false;
  if (before.parts() > 0 || after.parts() > 0) return false;
  EvidenceRecord a;
  EvidenceRecord b;
  *a.mutable_evidence()->mutable_items() = before.evidence().items();
  *b.mutable_evidence()->mutable_items() = after.evidence().items();
  return records::Serialise(a) == records::Serialise(b);
}

EvidenceRecord RecordOf(const EventEvidence& evidence, const ScopeModel& model) {
  EvidenceRecord record;
  *record.mutable_evidence() = evidence;
  if (!evidence.present()) {
    record.mutable_evidence()->clear_items();
    return record;
  }
  auto checked = CheckShape(evidence);
  if (checked.ok()) checked = model.Check(evidence);
  if (!checked.ok()) {
    record.set_rejected(std::string(checked.message()));
    record.mutable_evidence()->clear_items();
    return record;
  }
  *record.mutable_tally() = TallyOf(evidence);
  record.set_bin_day(BinDayOf(evidence));
  record.set_has_answers(HasAnswers(evidence));
  return record;
}

std::vector<std::string> AppliedScopesOf(const EvidenceRecord& record) {
  return IsApplied(record) ? ScopesOf(record.evidence()) : std::vector<std::string>{};
}

}  // namespace

int64_t BinDayOf(const EventEvidence& evidence) {
  std::map<int64_t, uint64_t> answers;
  uint64_t total = 0;
  for (const auto& item : evidence.items()) {
    for (const uint64_t count : item.counts()) {
      answers[item.day() == 0 ? evidence.day() : item.day()] += count;
      total += count;
    }
  }
  uint64_t come = 0;
  for (const auto& [day, count] : answers) {
    come += count;
    if (2 * come >= total && count > 0) return day;
  }
  return evidence.day();
}

std::vector<std::string> ScopesOf(const EventEvidence& evidence) {
  const auto ids = text::MatchName(evidence.event(), "organisations/*/events/*");
  if (!evidence.present() || !ids) return {};
  const std::string organisation = "organisations/" + (*ids)[0];
  std::set<std::string> scopes = {organisation, evidence.event()};
  const auto programme = text::MatchName(evidence.programme(), "organisations/*/programmes/*");
  if (programme && (*programme)[0] == (*ids)[0]) scopes.insert(evidence.programme());
  for (const auto& place : evidence.places()) {
    if (text::MatchName(place, "places/*")) scopes.insert(place);
  }
  return std::vector<std::string>(scopes.begin(), scopes.end());
}

PartitionProjector::PartitionProjector(Parts parts, std::string partition)
    : parts_(std::move(parts)), partition_(std::move(partition)) {}

absl::StatusOr<bool> PartitionProjector::Step() {
  auto owned = EnsureOwnership();
  if (!owned.ok()) return owned;
  auto ended = AbsorbPage();
  if (!ended.ok()) Forget();
  return ended;
}

void PartitionProjector::Forget() {
  cursor_loaded_ = false;
  renewed_at_ = {};  // Asks whether the lease still holds before anything else.
  cache_.clear();
  cache_bytes_ = 0;
}

void PartitionProjector::Release() {
  if (epoch_ == 0) return;
  const auto released =
      SyncWait(parts_.store->ReleaseLease(Partition(partition_), LeaseKey(), parts_.owner, epoch_));
  // A lease that cannot be given back runs out by itself.
  if (!released.ok()) log::Info("projector_lease_not_released", {{"partition", partition_}});
  epoch_ = 0;
}

absl::Status PartitionProjector::EnsureOwnership() {
  const auto now = std::chrono::steady_clock::now();
  if (epoch_ != 0 && now - renewed_at_ < parts_.lease_ttl / 3) return absl::OkStatus();
  if (epoch_ != 0) {
    const auto renewed = SyncWait(parts_.store->RenewLease(Partition(partition_), LeaseKey(),
                                                           parts_.owner, epoch_, parts_.lease_ttl));
    if (renewed.ok()) {
      renewed_at_ = now;
      return renewed;
    }
    epoch_ = 0;
    Forget();
  }
  WATERLINE_ASSIGN_OR_RETURN(
      epoch_, SyncWait(parts_.store->AcquireLease(Partition(partition_), LeaseKey(), parts_.owner,
                                                  parts_.lease_ttl)));
  renewed_at_ = now;
  return absl::OkStatus();
}

absl::Status PartitionProjector::LoadCursor() {
  if (cursor_loaded_) return absl::OkStatus();
  WATERLINE_ASSIGN_OR_RETURN(const auto cursor,
                             SyncWait(records::Load<storage::v1::ProjectorCursor>(
                                 parts_.store, Partition(partition_), CursorKey())));
  position_ = cursor ? cursor->record.position() : 0;
  cursor_loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<bool> PartitionProjector::AbsorbPage() {
  WATERLINE_RETURN_IF_ERROR(LoadCursor());
  WATERLINE_ASSIGN_OR_RETURN(const auto items,
                             SyncWait(parts_.source->ReadFeed(partition_, position_, parts_.page)));
  Group group;
  for (const auto& item : items) {
    WATERLINE_RETURN_IF_ERROR(Consider(item, &group));
    group.position = item.position();
  }
  if (!items.empty()) WATERLINE_RETURN_IF_ERROR(Flush(&group));
  return static_cast<int>(items.size()) < parts_.page;
}

// Adds the change to the group unless it is absorbed already; flushes first when it would not fit.
absl::Status PartitionProjector::Consider(const events::v1::FeedItem& item, Group* group) {
  const auto event_id = EventIdOf(item.event(), partition_);
  if (!event_id) {
    log::Warning("projector_foreign_event", {{"partition", partition_}, {"event", item.event()}});
    return absl::OkStatus();
  }
  if (const auto known = group->by_event.find(*event_id); known != group->by_event.end()) {
    if (group->changes[known->second].after.evidence().revision() >= item.revision())
      return absl::OkStatus();
    WATERLINE_RETURN_IF_ERROR(Flush(group));
  }
  WATERLINE_ASSIGN_OR_RETURN(auto before, LoadRecord(*event_id));
  if (before && before->evidence().revision() >= item.revision()) return absl::OkStatus();
  WATERLINE_ASSIGN_OR_RETURN(Change change, ReadChange(item, *event_id, std::move(before)));
  std::set<std::string> scopes = group->scopes;
  scopes.insert(change.scopes_before.begin(), change.scopes_before.end());
  scopes.insert(change.scopes_after.begin(), change.scopes_after.end());
  const size_t size_bytes = group->size_bytes + change.size_bytes + scopes.size() * kScopeBytes;
  if (!group->changes.empty() && (size_bytes > kGroupBytesMax || scopes.size() > kGroupScopesMax ||
                                  group->changes.size() >= kGroupChangesMax)) {
    WATERLINE_RETURN_IF_ERROR(Flush(group));
  }
  WATERLINE_RETURN_IF_ERROR(StageParts(&change));
  group->scopes.insert(change.scopes_before.begin(), change.scopes_before.end());
  group->scopes.insert(change.scopes_after.begin(), change.scopes_after.end());
  group->size_bytes += change.size_bytes;
  group->by_event[*event_id] = group->changes.size();
  group->changes.push_back(std::move(change));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<EvidenceRecord>> PartitionProjector::LoadRecord(
    const std::string& event_id) {
  WATERLINE_ASSIGN_OR_RETURN(
      auto stored, SyncWait(records::Load<EvidenceRecord>(parts_.store, Partition(partition_),
                                                          EvidenceKey(event_id))));
  std::optional<EvidenceRecord> record;
  if (stored) record = std::move(stored->record);
  return record;
}

absl::StatusOr<PartitionProjector::Change> PartitionProjector::ReadChange(
    const events::v1::FeedItem& item, const std::string& event_id,
    std::optional<EvidenceRecord> before) {
  auto read = SyncWait(parts_.source->GetEventEvidence(item.event()));
  if (!read.ok() && read.status().code() != absl::StatusCode::kNotFound) return read.status();
  EventEvidence evidence = read.ok() ? *std::move(read) : EventEvidence();
  evidence.set_event(item.event());
  evidence.set_revision(std::max(evidence.revision(), item.revision()));
  Change change;
  change.event_id = event_id;
  if (before) change.before = *std::move(before);
  change.after = RecordOf(evidence, *parts_.model);
  if (!change.after.rejected().empty()) {
    log::Warning("projector_evidence_rejected",
                 {{"event", item.event()}, {"reason", change.after.rejected()}});
  }
  change.size_bytes =
      change.after.ByteSizeLong() + 1024 + 256 * static_cast<size_t>(kPlacesOfAnEventMax);
  change.scopes_before = AppliedScopesOf(change.before);
  change.scopes_after = AppliedScopesOf(change.after);
  change.evidence = std::make_shared<const EventEvidence>(std::move(evidence));
  return change;
}

// Writes answers that are too large for a batch in parts under the new revision.
absl::Status PartitionProjector::StageParts(Change* change) {
  if (change->after.ByteSizeLong() > kInlineBytesMax) {
    uint64_t parts = 0;
    const int items = change->evidence->items_size();
    for (int i = 0; i < items; ++parts) {
      EvidenceRecord part;
      for (size_t bytes = 0; i < items && bytes < kPartBytesMax; ++i) {
        bytes += change->evidence->items(i).ByteSizeLong();
        *part.mutable_evidence()->add_items() = change->evidence->items(i);
      }
      Batch batch;
      batch.RequireFence(LeaseKey(), epoch_)
          .Put(EvidencePartKey(change->event_id, change->evidence->revision(), parts),
               records::Serialise(part));
      WATERLINE_RETURN_IF_ERROR(
          SyncWait(parts_.store->Commit(Partition(partition_), std::move(batch))).status());
    }
    change->after.set_parts(static_cast<uint32_t>(parts));
    change->after.mutable_evidence()->clear_items();
    change->size_bytes = change->after.ByteSizeLong() + 64 * 1024;
  }
  change->answers_changed = !SameAnswers(change->before, change->after);
  return absl::OkStatus();
}

// Parts of other revisions: of the evidence before, or of an attempt that ended half-way.
absl::Status PartitionProjector::DropOldParts(const Change& change, Batch* batch) {
  const std::string prefix = change.event_id + "/";
  const std::string current = EvidencePartKey(change.event_id, change.evidence->revision(), 0).id;
  const std::string current_prefix = current.substr(0, current.rfind('/') + 1);
  auto range = waterline::storage::PrefixRange(kEvidenceParts, prefix);
  while (true) {
    WATERLINE_ASSIGN_OR_RETURN(
        const auto items, SyncWait(parts_.store->Scan(Partition(partition_), range, kPartsPage,
                                                      waterline::storage::Direction::kForward)));
    for (const auto& item : items) {
      const bool is_current =
          change.after.parts() > 0 && item.id.starts_with(current_prefix) &&
          item.id <
              EvidencePartKey(change.event_id, change.evidence->revision(), change.after.parts())
                  .id;
      if (!is_current) batch->Delete(Key(kEvidenceParts, item.id));
    }
    if (static_cast<int>(items.size()) < kPartsPage) return absl::OkStatus();
    range.begin = items.back().id + '\0';
  }
}

absl::Status PartitionProjector::Flush(Group* group) {
  Batch batch;
  batch.RequireFence(LeaseKey(), epoch_);
  storage::v1::ProjectorCursor cursor;
  cursor.set_position(group->position);
  batch.Put(CursorKey(), records::Serialise(cursor));
  for (const auto& change : group->changes) {
    batch.Put(EvidenceKey(change.event_id), records::Serialise(change.after));
    WATERLINE_RETURN_IF_ERROR(DropOldParts(change, &batch));
  }
  WATERLINE_ASSIGN_OR_RETURN(auto updates, UpdateScopes(*group));
  for (auto& [scope, update] : updates) {
    if (update.replay) WATERLINE_RETURN_IF_ERROR(Replay(*group, scope, &update, &batch));
    batch.Put(ScopeKey(scope), records::Serialise(update.state));
  }
  WATERLINE_ASSIGN_OR_RETURN(
      const auto revision, SyncWait(parts_.store->Commit(Partition(partition_), std::move(batch))));
  position_ = group->position;
  ++counts_.commits;
  for (const auto& change : group->changes) {
    ++counts_.events_absorbed;
    if (!change.after.rejected().empty()) ++counts_.events_rejected;
    cache_.erase(change.event_id);
    if (change.after.has_answers()) Remember(change.event_id, change.evidence);
  }
  KeepCheckpoints(updates, revision);
  const uint64_t position = group->position;
  *group = Group();
  group->position = position;
  return absl::OkStatus();
}

void PartitionProjector::Remember(const std::string& event_id, Evidence evidence) {
  if (cache_bytes_ > kCacheBytesMax) {
    cache_.clear();
    cache_bytes_ = 0;
  }
  cache_bytes_ += evidence->SpaceUsedLong();
  cache_[event_id] = std::move(evidence);
}

}  // namespace waterline::inference
