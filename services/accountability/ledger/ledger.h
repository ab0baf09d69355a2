#pragma once

// The ledger: an append-only RFC 6962 log on a store of its own, with group commit. A caller's
// entry is durable (one fsync per group), signed (one signature per group) and provable before
// Append answers. Entries say "authorised", never "done".
//
// Stored in partition `ledger` (u64 big-endian):
//     entries/<epoch><index>            EntryRecord
//     nodes/<epoch><level, 1 byte><index>   hash of a perfect node of level >= 1
//     heads/<epoch>                     signed checkpoint
//     by_org/<organisation id>/<epoch><index>   empty; entries an organisation made or controls
//     safeguarding/<organisation id>/<epoch><index>   empty; what others opened of its records
//                                                     under the purpose safeguarding
// and beside the store, in its folder, the file ANCHOR: the newest signed checkpoint, padded with
// newlines to 512 bytes, written in place after every group. A store that is behind its anchor was
// rolled back and does not open.
//
// Epochs: each is a log of its own with origin <network>/accountability/<epoch>; entry 0 declares
// the gap before it. Thread safety: all methods from any thread.

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "services/accountability/ledger/merkle.h"
#include "services/accountability/ledger/note.h"
#include "services/common/clock/clock.h"
#include "services/common/coro/one_shot.h"
#include "services/common/coro/pool.h"
#include "services/common/coro/task.h"
#include "services/common/storage/store.h"
#include "waterline/accountability/storage/v1/records.pb.h"
#include "waterline/accountability/v1/ledger.pb.h"

namespace waterline::accountability {

inline constexpr char kLedgerPartition[] = "ledger";
inline constexpr uint64_t kVerifiedAtStart = 65536;

// A change of the rules that takes effect with its entry: what it writes is committed with it, and
// every entry with a higher index is decided by the new rules. A change is a group of its own. Both
// functions run on the sequencer.
struct RuleChange {
  // What to write, given the entry's place; an error refuses the entry, which then is not appended.
  std::function<absl::StatusOr<waterline::storage::Batch>(const common::v1::LedgerPosition&,
                                                          v1::Entry*)>
      effects;
  // Called once the entry is durable, before the next group.
  std::function<void()> install;
};

// What Append takes. `entry.recorded_at` is set by the sequencer.
struct AppendRequest {
  v1::Entry entry;
  storage::v1::Beside beside;
  std::vector<std::string> organisations;  // Ids for the by_org index.
  // The last word on what the entry says, called by the sequencer before the entry is hashed: the
  // rules may have changed since it was made.
  std::function<void(v1::Entry*, storage::v1::Beside*)> finish;
  std::optional<RuleChange> change;
};

struct Appended {
  common::v1::LedgerPosition position;
  std::string leaf_hash;
  std::shared_ptr<const std::string> checkpoint;  // One per group.
  std::vector<std::string> inclusion_proof;
};

class Ledger {
 public:
  struct Options {
    waterline::storage::Store* store = nullptr;  // Outlives the ledger.
    std::string anchor_path;                     // Empty: no anchor (memory store).
    std::string network;
    NoteSigner* signer = nullptr;
    MonotoneClock* clock = nullptr;
    // Begins a new epoch after opening: last_known_size, last_known_root and reason are taken from
    // here, the rest is filled in. For restores.
    std::optional<v1::EpochStart> new_epoch;
  };
  // Makes epoch 1 when the store is empty. Verifies head, signature, frontier, anchor and the last
  // kVerifiedAtStart entries; a mismatch is DATA_LOSS/DATA_DAMAGED naming file and index.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(Options options);
  // Answers what is queued, then stops.
  ~Ledger();

  coro::Task<absl::StatusOr<Appended>> Append(AppendRequest request);

  uint64_t epoch() const { return epoch_; }
  std::string network() const { return options_.network; }
  const NoteVerifier& verifier() const { return options_.signer->verifier(); }
  // The newest signed checkpoint of the current epoch.
  std::shared_ptr<const std::string> checkpoint() const;
  uint64_t size() const;

  // Of any epoch. NOT_FOUND/NOT_FOUND for an epoch that never was.
  coro::Task<absl::StatusOr<std::string>> GetCheckpoint(uint64_t epoch);
  // INVALID_ARGUMENT/INVALID_FIELDS outside the log. `size` 0 is the current one.
  struct Proof {
    std::string leaf_hash;
    uint64_t size = 0;
    std::vector<std::string> hashes;
  };
  coro::Task<absl::StatusOr<Proof>> ProveInclusion(uint64_t epoch, uint64_t index, uint64_t size);
  coro::Task<absl::StatusOr<Proof>> ProveConsistency(uint64_t epoch, uint64_t first,
                                                     uint64_t second);

  struct Stored {
    common::v1::LedgerPosition position;
    storage::v1::EntryRecord record;
  };
  // Entries that `organisation` made or controls, newest first, before `before` (nothing: from the
  // newest).
  coro::Task<absl::StatusOr<std::vector<Stored>>> ListByOrganisation(
      std::string organisation, std::optional<common::v1::LedgerPosition> before, int limit);
  // The same of what others opened of its records under the purpose safeguarding.
  coro::Task<absl::StatusOr<std::vector<Stored>>> ListSafeguarding(
      std::string controller, std::optional<common::v1::LedgerPosition> before, int limit);
  // Entries of an epoch from `from` on, in order.
  coro::Task<absl::StatusOr<std::vector<Stored>>> Read(uint64_t epoch, uint64_t from, int limit);

  // Sequencer figures for metrics.
  struct Figures {
    uint64_t groups = 0;
    uint64_t entries = 0;
    double sync_seconds = 0;
  };
  Figures figures() const;

 private:
  struct Pending {
    AppendRequest request;
    coro::OneShot<absl::StatusOr<Appended>>::Setter done;
  };
  explicit Ledger(Options options);
  absl::Status Recover();
  absl::Status StartEpoch(v1::EpochStart start);
  absl::Status BeginNextEpoch();
  absl::Status LoadHead();
  absl::Status VerifyTail();
  absl::Status CheckAnchor();
  absl::Status WriteAnchor(const std::string& checkpoint, bool sync);
  void SequenceLoop();
  std::vector<Pending> NextGroup();
  void SequenceGroup(std::vector<Pending> group);
  absl::StatusOr<waterline::storage::Batch> Finish(AppendRequest* request, uint64_t index);
  // Of an index by organisation and position, newest first.
  coro::Task<absl::StatusOr<std::vector<Stored>>> ListIndex(
      std::string collection, std::string organisation,
      std::optional<common::v1::LedgerPosition> before, int limit);
  coro::Task<absl::StatusOr<uint64_t>> SizeOf(uint64_t epoch);
  coro::Task<absl::StatusOr<std::vector<std::string>>> ReadProof(uint64_t epoch, ProofPlan plan);

  const Options options_;
  uint64_t epoch_ = 0;
  Frontier frontier_;  // Sequencer only, after Open.
  int anchor_file_ = -1;

  mutable std::mutex mutex_;  // Guards the rest. No other lock is taken under it.
  std::condition_variable wake_;
  std::deque<Pending> queue_;
  bool stopping_ = false;
  std::shared_ptr<const std::string> checkpoint_;
  uint64_t size_ = 0;
  Figures figures_;
  std::unique_ptr<coro::Pool> resumers_;
  std::thread sequencer_;
};

// Names and keys that verification shares with the ledger.
std::string OriginOf(const std::string& network, uint64_t epoch);
waterline::storage::Key EntryKey(uint64_t epoch, uint64_t index);
waterline::storage::Key NodeKey(uint64_t epoch, const NodeId& node);
waterline::storage::Key HeadKey(uint64_t epoch);
uint64_t EpochFromHeadId(const std::string& id);
std::string SerialiseEntry(const v1::Entry& entry);
// The anchor file's content for a checkpoint.
std::string AnchorContent(const std::string& checkpoint);

}  // namespace waterline::accountability
