#pragma once

// Projector: follows the evidence feed of every partition in the background and keeps evidence and
// state per scope (partition_projector.h says how). Several processes may run one each on the same
// store: a partition belongs to whoever holds its lease.
//
//   Projector projector(parts);
//   projector.Start();
//   ...
//   projector.Stop();      // after the server has drained
//
// An error of the store or the source is logged and tried again at the next round; nothing is lost,
// because the cursor moves with what it absorbed.
// Thread safety: Start, Stop and CatchUp from one thread; the rest from any.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "services/inference/projector/partition_projector.h"

namespace waterline::inference {

class Projector {
 public:
  // What is reported after each round of a partition.
  struct Progress {
    std::string partition;
    uint64_t position = 0;
    bool catching_up = false;
    bool is_owner = true;  // False: another projector owns the partition.
    absl::Status status;   // Of the round.
    ProjectionCounts counts;
  };
  struct Parts {
    waterline::storage::Store* store = nullptr;  // Of inference.
    EvidenceSource* source = nullptr;
    const ScopeModel* model = nullptr;
    std::string owner;                                 // Unique per process, e.g. a random id.
    std::function<void(const Progress&)> on_progress;  // On the projector's thread; may be empty.
    std::chrono::milliseconds poll{1000};              // Looks at least this often.
    std::chrono::milliseconds lease_ttl{10'000};
    int page = 256;
  };

  explicit Projector(Parts parts) : parts_(std::move(parts)) {}
  ~Projector() { Stop(); }
  Projector(const Projector&) = delete;
  Projector& operator=(const Projector&) = delete;

  void Start();
  // Ends the round under way, gives the leases back, joins. Does nothing when not started.
  void Stop();

  // Absorbs everything there is on this thread, for tools and tests; not while started. The first
  // error, after every partition was tried.
  absl::Status CatchUp();

  // True when evidence of the partition waits to be absorbed, or when that cannot be known.
  coro::Task<bool> IsCatchingUp(std::string partition);

  const ScopeModel& model() const { return *parts_.model; }

 private:
  void Loop();
  bool IsStopping();
  absl::Status Round();
  absl::Status Follow(const std::string& partition);
  void Wait();
  void ReleaseAll();

  const Parts parts_;
  std::map<std::string, std::unique_ptr<PartitionProjector>>
      partitions_;           // The projector's thread only.
  bool must_pause_ = false;  // Likewise.
  std::mutex mutex_;         // Guards stopping_. No other lock is taken under it.
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace waterline::inference
