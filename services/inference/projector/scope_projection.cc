// The scopes' side of PartitionProjector: tallies, bins, replay, checkpoints.

#include <algorithm>
#include <utility>

#include "services/common/coro/sync_wait.h"
#include "services/common/log/log.h"
#include "services/common/records/records.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/inference/domain/tally.h"
#include "services/inference/projector/partition_state.h"
#include "services/inference/store/keys.h"

namespace waterline::inference {
namespace {

using coro::SyncWait;
using events::v1::EventEvidence;
using storage::v1::EvidenceRecord;
using storage::v1::FilterState;
using waterline::storage::Batch;
using waterline::storage::Direction;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr int kScanPage = 1000;
constexpr int kCheckpointsPage = 32;
constexpr size_t kCheckpointsOfABatch = 32;

bool Holds(const std::vector<std::string>& scopes, const std::string& scope) {
  return std::binary_search(scopes.begin(), scopes.end(), scope);
}

}  // namespace

absl::StatusOr<std::map<std::string, PartitionProjector::ScopeUpdate>>
PartitionProjector::UpdateScopes(const Group& group) {
  std::map<std::string, ScopeUpdate> updates;
  for (const auto& scope : group.scopes) {
    WATERLINE_ASSIGN_OR_RETURN(auto stored,
                               SyncWait(records::Load<storage::v1::ScopeState>(
                                   parts_.store, Partition(partition_), ScopeKey(scope))));
    ScopeUpdate& update = updates[scope];
    if (stored) update.state = std::move(stored->record);
    update.state.set_scope(scope);
    for (const auto& change : group.changes) update.Apply(change);
    if (update.state.model_version() != parts_.model->version()) {
      update.replay = true;
      update.earliest_day = -kDayMax;
    }
    update.state.set_model_version(parts_.model->version());
  }
  return updates;
}

// Takes the change into the tally, and notes which bins it touches.
void PartitionProjector::ScopeUpdate::Apply(const Change& change) {
  const bool was_in = Holds(change.scopes_before, state.scope());
  const bool is_in = Holds(change.scopes_after, state.scope());
  if (!was_in && !is_in) return;
  state.set_evidence_version(state.evidence_version() + 1);
  if (was_in) Subtract(change.before.tally(), state.mutable_tally());
  if (is_in) Add(change.after.tally(), state.mutable_tally());
  if (was_in && is_in && !change.answers_changed) return;
  if (was_in && change.before.has_answers())
    Touch(change.event_id, change.before.bin_day(), &removed);
  if (is_in && change.after.has_answers()) Touch(change.event_id, change.after.bin_day(), &added);
}

void PartitionProjector::ScopeUpdate::Touch(const std::string& event_id, int64_t day,
                                            std::map<std::string, int64_t>* events) {
  (*events)[event_id] = day;
  earliest_day = replay ? std::min(earliest_day, day) : day;
  replay = true;
}

// Where to start from: the scope's own state when every changed bin is later, else the newest
// checkpoint before the earliest of them, else the prior. Drops the checkpoints that no longer
// hold.
absl::StatusOr<FilterState> PartitionProjector::StartOf(const std::string& scope,
                                                        ScopeUpdate* update, Batch* batch) {
  const FilterState& state = update->state.state();
  if (state.bins() == 0) return FilterState();
  if (state.day() < update->earliest_day) return state;
  ++counts_.replays;
  auto stale = FromDay(kCheckpoints, scope, update->earliest_day);
  while (true) {
    WATERLINE_ASSIGN_OR_RETURN(const auto items,
                               SyncWait(parts_.store->Scan(Partition(partition_), stale,
                                                           kCheckpointsPage, Direction::kForward)));
    for (const auto& item : items) batch->Delete(Key(kCheckpoints, item.id));
    if (static_cast<int>(items.size()) < kCheckpointsPage) break;
    stale.begin = items.back().id + '\0';
  }
  const auto before = BeforeDay(kCheckpoints, scope, update->earliest_day);
  WATERLINE_ASSIGN_OR_RETURN(
      const auto newest,
      SyncWait(parts_.store->Scan(Partition(partition_), before, 1, Direction::kBackward)));
  if (newest.empty()) return FilterState();
  storage::v1::ScopeCheckpoint checkpoint;
  WATERLINE_RETURN_IF_ERROR(
      records::ParseInto(newest[0].versioned.value, Key(kCheckpoints, newest[0].id), &checkpoint));
  return std::move(*checkpoint.mutable_state());
}

// The events of each later bin, as they are after the update.
absl::StatusOr<std::map<int64_t, std::vector<std::string>>> PartitionProjector::BinsAfter(
    const std::string& scope, const FilterState& state, const ScopeUpdate& update) {
  std::map<int64_t, std::set<std::string>> bins;
  auto range = FromDay(kScopeEvents, scope, state.bins() == 0 ? -kDayMax : state.day() + 1);
  while (true) {
    WATERLINE_ASSIGN_OR_RETURN(
        const auto items,
        SyncWait(parts_.store->Scan(Partition(partition_), range, kScanPage, Direction::kForward)));
    for (const auto& item : items) bins[DayOfId(item.id)].insert(EventOfId(item.id));
    if (static_cast<int>(items.size()) < kScanPage) break;
    range.begin = items.back().id + '\0';
  }
  for (const auto& [event, day] : update.removed) bins[day].erase(event);
  for (const auto& [event, day] : update.added) bins[day].insert(event);
  std::map<int64_t, std::vector<std::string>> sorted;
  for (const auto& [day, events] : bins) {
    if (!events.empty()) sorted[day] = std::vector<std::string>(events.begin(), events.end());
  }
  return sorted;
}

absl::Status PartitionProjector::Replay(const Group& group, const std::string& scope,
                                        ScopeUpdate* update, Batch* batch) {
  for (const auto& [event, day] : update->removed) batch->Delete(ScopeEventKey(scope, day, event));
  for (const auto& [event, day] : update->added) batch->Put(ScopeEventKey(scope, day, event), "");
  WATERLINE_ASSIGN_OR_RETURN(FilterState state, StartOf(scope, update, batch));
  WATERLINE_ASSIGN_OR_RETURN(const auto bins, BinsAfter(scope, state, *update));
  for (const auto& [day, events] : bins) {
    std::vector<Evidence> evidence;
    for (const auto& event : events) {
      WATERLINE_ASSIGN_OR_RETURN(evidence.emplace_back(), LoadEvidence(group, event));
    }
    WATERLINE_ASSIGN_OR_RETURN(state, parts_.model->Absorb(state, day, evidence));
    ++counts_.bins_computed;
    if (state.bins() % kBinsBetweenCheckpoints == 0) update->checkpoints[day] = state;
  }
  *update->state.mutable_state() = std::move(state);
  return absl::OkStatus();
}

absl::StatusOr<PartitionProjector::Evidence> PartitionProjector::LoadEvidence(
    const Group& group, const std::string& event_id) {
  if (const auto changed = group.by_event.find(event_id); changed != group.by_event.end()) {
    return group.changes[changed->second].evidence;
  }
  if (const auto known = cache_.find(event_id); known != cache_.end()) return known->second;
  WATERLINE_ASSIGN_OR_RETURN(auto record, LoadRecord(event_id));
  if (!record)
    return Error(reason::kDataDamaged, "a scope rests on an event without evidence",
                 {{"event", event_id}});
  EventEvidence evidence = std::move(*record->mutable_evidence());
  for (uint64_t i = 0; i < record->parts(); ++i) {
    const Key key = EvidencePartKey(event_id, evidence.revision(), i);
    WATERLINE_ASSIGN_OR_RETURN(auto part, SyncWait(records::Load<EvidenceRecord>(
                                              parts_.store, Partition(partition_), key)));
    if (!part)
      return Error(reason::kDataDamaged, "a part of an event's evidence is missing",
                   {{"event", event_id}});
    for (auto& item : *part->record.mutable_evidence()->mutable_items())
      evidence.add_items()->Swap(&item);
  }
  auto shared = std::make_shared<const EventEvidence>(std::move(evidence));
  Remember(event_id, shared);
  return shared;
}

// Checkpoints only make replays short: one that is lost is found missing, not wrong. Each is kept
// under the revision of the state it belongs to.
void PartitionProjector::KeepCheckpoints(const std::map<std::string, ScopeUpdate>& updates,
                                         waterline::storage::Revision revision) {
  for (const auto& [scope, update] : updates) {
    auto next = update.checkpoints.begin();
    while (next != update.checkpoints.end()) {
      Batch batch;
      batch.RequireFence(LeaseKey(), epoch_).RequireRevision(ScopeKey(scope), revision);
      for (size_t i = 0; i < kCheckpointsOfABatch && next != update.checkpoints.end();
           ++i, ++next) {
        storage::v1::ScopeCheckpoint checkpoint;
        *checkpoint.mutable_state() = next->second;
        batch.Put(CheckpointKey(scope, next->first), records::Serialise(checkpoint));
      }
      const auto kept = SyncWait(parts_.store->Commit(Partition(partition_), std::move(batch)));
      if (!kept.ok()) {
        log::Warning("projector_checkpoint_not_kept", {{"scope", scope}});
        return;
      }
    }
  }
}

}  // namespace waterline::inference
