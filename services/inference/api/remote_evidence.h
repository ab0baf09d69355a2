#pragma once

// The evidence feed of events in another process. UNAVAILABLE while it cannot be reached. Thread
// safety: any thread.

#include "services/common/rpc/link.h"
#include "services/inference/projector/evidence_source.h"

namespace waterline::inference {

class RemoteEvidence : public EvidenceSource {
 public:
  explicit RemoteEvidence(rpc::Link link) : link_(std::move(link)) {}

  coro::Task<absl::StatusOr<std::vector<std::string>>> Partitions() override;
  coro::Task<absl::StatusOr<std::vector<events::v1::FeedItem>>> ReadFeed(std::string partition,
                                                                         uint64_t after,
                                                                         int limit) override;
  coro::Task<absl::StatusOr<events::v1::EventEvidence>> GetEventEvidence(
      std::string event) override;
  coro::Task<absl::Status> Wait(std::map<std::string, uint64_t> after,
                                std::chrono::milliseconds timeout) override;

 private:
  const rpc::Link link_;
};

}  // namespace waterline::inference
