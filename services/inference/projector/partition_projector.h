#pragma once

// Absorbs the feed of one partition: reads changes, keeps the evidence of each event, and the
// filter's state and the tally of each scope it belongs to.
//
// One batch holds the evidence, every scope it changed and the cursor: exactly once, whatever
// happens between. Answers that are too large for a batch are written first, in parts under their
// revision, which nobody reads until the batch that names them.
//
// The state of a scope is a function of the set of its evidence, not of the order of arrival: bins
// in the order of days, events of a bin in the order of names, always from zero sites. Evidence of
// a past day, a correction or a removal restarts from the newest checkpoint strictly before its bin
// (or from the prior) and replays: the same bits as having arrived in order (model.md 5). An
// event's answers stand in one bin, however long they came in: its event effects are shared, which
// is what keeps one event from proving much (model.md 2.3).
//
// Thread safety: one thread at a time. Methods block on the store and the source.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/storage/store.h"
#include "services/inference/projector/evidence_source.h"
#include "services/inference/projector/model_adapter.h"

namespace waterline::inference {

inline constexpr int kPlacesOfAnEventMax = 32;  // An event that names more is rejected.
inline constexpr uint64_t kBinsBetweenCheckpoints = 64;

// Counted since the object was made.
struct ProjectionCounts {
  uint64_t events_absorbed = 0;  // Changes of evidence that were committed.
  uint64_t events_rejected = 0;  // Of which the model refused the answers.
  uint64_t bins_computed = 0;
  uint64_t replays = 0;  // Scopes restarted before their last bin.
  uint64_t commits = 0;
};

// The day of an event's bin: the day on which half of its answers had come (the event's own day for
// answers without one); the event's day when there are none.
int64_t BinDayOf(const events::v1::EventEvidence& evidence);

// The scopes that an event's evidence belongs to; none when it is not present.
std::vector<std::string> ScopesOf(const events::v1::EventEvidence& evidence);

class PartitionProjector {
 public:
  struct Parts {
    waterline::storage::Store* store = nullptr;
    EvidenceSource* source = nullptr;
    const ScopeModel* model = nullptr;
    std::string owner;  // Of the lease; unique per process.
    std::chrono::milliseconds lease_ttl{10'000};
    int page = 256;  // Feed items read at once.
  };
  PartitionProjector(Parts parts, std::string partition);

  // Absorbs the next page of the feed. True when the feed had no more. ABORTED/CONFLICT: another
  // projector owns the partition, or took it over. After an error everything is read again.
  absl::StatusOr<bool> Step();

  // Gives the lease back.
  void Release();

  uint64_t position() const { return position_; }
  const ProjectionCounts& counts() const { return counts_; }

 private:
  struct Change;
  struct Group;
  struct ScopeUpdate;
  using Evidence = std::shared_ptr<const events::v1::EventEvidence>;

  absl::Status EnsureOwnership();
  absl::Status LoadCursor();
  absl::StatusOr<bool> AbsorbPage();
  absl::Status Consider(const events::v1::FeedItem& item, Group* group);
  absl::StatusOr<Change> ReadChange(const events::v1::FeedItem& item, const std::string& event_id,
                                    std::optional<storage::v1::EvidenceRecord> before);
  absl::StatusOr<std::optional<storage::v1::EvidenceRecord>> LoadRecord(
      const std::string& event_id);
  absl::Status StageParts(Change* change);
  absl::Status DropOldParts(const Change& change, waterline::storage::Batch* batch);

  absl::Status Flush(Group* group);
  absl::StatusOr<std::map<std::string, ScopeUpdate>> UpdateScopes(const Group& group);
  absl::Status Replay(const Group& group, const std::string& scope, ScopeUpdate* update,
                      waterline::storage::Batch* batch);
  absl::StatusOr<storage::v1::FilterState> StartOf(const std::string& scope, ScopeUpdate* update,
                                                   waterline::storage::Batch* batch);
  absl::StatusOr<std::map<int64_t, std::vector<std::string>>> BinsAfter(
      const std::string& scope, const storage::v1::FilterState& state, const ScopeUpdate& update);
  absl::StatusOr<Evidence> LoadEvidence(const Group& group, const std::string& event_id);
  void KeepCheckpoints(const std::map<std::string, ScopeUpdate>& updates,
                       waterline::storage::Revision revision);
  void Remember(const std::string& event_id, Evidence evidence);
  void Forget();

  const Parts parts_;
  const std::string partition_;
  uint64_t epoch_ = 0;  // 0: no lease.
  std::chrono::steady_clock::time_point renewed_at_;
  bool cursor_loaded_ = false;
  uint64_t position_ = 0;
  ProjectionCounts counts_;
  // Evidence as committed, for replays; emptied when it grows beyond kCacheBytesMax.
  std::map<std::string, Evidence> cache_;
  size_t cache_bytes_ = 0;
};

}  // namespace waterline::inference
