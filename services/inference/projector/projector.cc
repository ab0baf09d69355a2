#include "services/inference/projector/projector.h"

#include <algorithm>
#include <utility>

#include "services/common/coro/sync_wait.h"
#include "services/common/log/log.h"
#include "services/common/records/records.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/inference/store/keys.h"

namespace waterline::inference {
namespace {

constexpr std::chrono::milliseconds kTurn{100};  // Of waiting for the source; bounds Stop.

bool IsOwnedElsewhere(const absl::Status& status) {
  return ReasonOf(status) == std::string(reason::kConflict.name);
}

void LogFailure(const std::string& partition, const absl::Status& status) {
  log::Warning("projector_round_failed", {{"partition", partition},
                                          {"reason", ReasonOf(status).value_or("UNEXPECTED")},
                                          {"message", std::string(status.message())}});
}

}  // namespace

void Projector::Start() {
  if (thread_.joinable()) return;
  stopping_ = false;
  thread_ = std::thread([this] { Loop(); });
}

void Projector::Stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Projector::IsStopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void Projector::Loop() {
  while (!IsStopping()) {
    must_pause_ = false;
    if (!Round().ok()) must_pause_ = true;
    if (!IsStopping()) Wait();
  }
  ReleaseAll();
}

absl::Status Projector::CatchUp() {
  const auto status = Round();
  ReleaseAll();
  return status;
}

void Projector::ReleaseAll() {
  for (auto& [id, partition] : partitions_) partition->Release();
}

absl::Status Projector::Round() {
  auto ids = coro::SyncWait(parts_.source->Partitions());
  if (!ids.ok()) {
    LogFailure("", ids.status());
    return ids.status();
  }
  absl::Status first;
  for (const auto& id : *ids) {
    if (IsStopping()) break;
    first.Update(Follow(id));
  }
  return first;
}

// Absorbs until the feed ends, an error comes, or the projector stops.
absl::Status Projector::Follow(const std::string& partition) {
  auto& follower = partitions_[partition];
  if (!follower) {
    PartitionProjector::Parts parts{parts_.store, parts_.source,    parts_.model,
                                    parts_.owner, parts_.lease_ttl, parts_.page};
    follower = std::make_unique<PartitionProjector>(std::move(parts), partition);
  }
  Progress progress;
  progress.partition = partition;
  progress.catching_up = true;
  while (progress.catching_up && progress.status.ok() && !IsStopping()) {
    const auto ended = follower->Step();
    progress.catching_up = !ended.ok() || !*ended;
    progress.is_owner = ended.ok() || !IsOwnedElsewhere(ended.status());
    if (progress.is_owner) progress.status = ended.status();
    progress.position = follower->position();
    progress.counts = follower->counts();
    if (parts_.on_progress) parts_.on_progress(progress);
    if (!progress.is_owner) {
      must_pause_ = true;  // Its feed moves without us: Wait would return at once.
      return absl::OkStatus();
    }
  }
  if (!progress.status.ok()) LogFailure(partition, progress.status);
  return progress.status;
}

// Waits for the source in short turns, so that Stop is not held up by it. After an error the source
// would say at once that there is something to do: a pause instead.
void Projector::Wait() {
  std::map<std::string, uint64_t> after;
  for (const auto& [id, partition] : partitions_) after[id] = partition->position();
  const auto end = std::chrono::steady_clock::now() + parts_.poll;
  while (!must_pause_ && !IsStopping()) {
    const auto start = std::chrono::steady_clock::now();
    const auto turn = std::min(kTurn, parts_.poll);
    const bool is_ok = coro::SyncWait(parts_.source->Wait(after, turn)).ok();
    const auto now = std::chrono::steady_clock::now();
    if (is_ok && (now - start < turn || now >= end)) return;
    if (!is_ok) break;
  }
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, parts_.poll, [this] { return stopping_; });
}

coro::Task<bool> Projector::IsCatchingUp(std::string partition) {
  const auto cursor = co_await records::Load<storage::v1::ProjectorCursor>(
      parts_.store, waterline::storage::Partition(partition), CursorKey());
  if (!cursor.ok()) co_return true;
  const uint64_t position = *cursor ? (*cursor)->record.position() : 0;
  const auto waiting = co_await parts_.source->ReadFeed(partition, position, 1);
  co_return !waiting.ok() || !waiting->empty();
}

}  // namespace waterline::inference
