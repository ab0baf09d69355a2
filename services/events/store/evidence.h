#pragma once

// The evidence feed of events: what inference may know (evidence.proto): labels of informants and
// values, never names of people, participant ids or text. Thread safety: any thread.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/coro/task.h"
#include "services/common/storage/store.h"
#include "waterline/events/v1/evidence.pb.h"

namespace waterline::events {

class EvidenceReader {
 public:
  explicit EvidenceReader(waterline::storage::Store* store) : store_(store) {}

  // Ids of the organisations that have events.
  coro::Task<absl::StatusOr<std::vector<std::string>>> Partitions();

  // Up to `limit` (1..1,000) items with position > after.
  coro::Task<absl::StatusOr<std::vector<v1::FeedItem>>> ReadFeed(std::string partition,
                                                                 uint64_t after, int limit);

  // The present evidence of organisations/{org}/events/{event}. An event that is absent, not open
  // yet, or cancelled has `present` = false and no items.
  coro::Task<absl::StatusOr<v1::EventEvidence>> Read(std::string event);

  // Until one of the feeds has moved past its position, or the timeout.
  coro::Task<absl::Status> Wait(std::map<std::string, uint64_t> after,
                                std::chrono::milliseconds timeout);

 private:
  coro::Task<absl::Status> AddResponses(std::string organisation, std::string event,
                                        v1::EventEvidence* evidence);
  coro::Task<absl::Status> AddSurface(std::string organisation, std::string event,
                                      v1::SurfaceMeasures* surface);

  waterline::storage::Store* const store_;
};

}  // namespace waterline::events
