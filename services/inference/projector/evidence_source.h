#pragma once

// EvidenceSource: where evidence comes from: the feed of events, in one process or over a stream
// (proto/waterline/events/v1/evidence.proto). Positions of a partition's feed are 1, 2, 3, ...;
// an item says that the evidence of an event changed, and the evidence read afterwards is at that
// revision or a later one. Implementations are thread safe and live as long as their projector.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/coro/task.h"
#include "waterline/events/v1/evidence.pb.h"

namespace waterline::inference {

class EvidenceSource {
 public:
  virtual ~EvidenceSource() = default;

  // Ids of the organisations that have a feed.
  virtual coro::Task<absl::StatusOr<std::vector<std::string>>> Partitions() = 0;

  // Up to `limit` (1..1,000) items with position > after, in order.
  virtual coro::Task<absl::StatusOr<std::vector<events::v1::FeedItem>>> ReadFeed(
      std::string partition, uint64_t after, int limit) = 0;

  // The present evidence of an event. NOT_FOUND, or `present` = false: there is none.
  virtual coro::Task<absl::StatusOr<events::v1::EventEvidence>> GetEventEvidence(
      std::string event) = 0;

  // Returns when a feed has moved past its position (partition -> position), or a new feed appears,
  // or at the timeout. Returning early without reason is allowed: callers look again.
  virtual coro::Task<absl::Status> Wait(std::map<std::string, uint64_t> after,
                                        std::chrono::milliseconds timeout) = 0;
};

}  // namespace waterline::inference
