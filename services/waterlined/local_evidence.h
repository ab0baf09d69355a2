#pragma once

// The evidence feed for inference in the same process. Thread safe.

#include "services/events/store/evidence.h"
#include "services/inference/projector/evidence_source.h"

namespace waterline::deployment {

class LocalEvidence : public inference::EvidenceSource {
 public:
  explicit LocalEvidence(storage::Store* store) : reader_(store) {}
  coro::Task<absl::StatusOr<std::vector<std::string>>> Partitions() override {
    return reader_.Partitions();
  }
  coro::Task<absl::StatusOr<std::vector<events::v1::FeedItem>>> ReadFeed(std::string partition,
                                                                         uint64_t after,
                                                                         int limit) override {
    return reader_.ReadFeed(std::move(partition), after, limit);
  }
  coro::Task<absl::StatusOr<events::v1::EventEvidence>> GetEventEvidence(
      std::string event) override {
    return reader_.Read(std::move(event));
  }
  coro::Task<absl::Status> Wait(std::map<std::string, uint64_t> after,
                                std::chrono::milliseconds timeout) override {
    return reader_.Wait(std::move(after), timeout);
  }

 private:
  events::EvidenceReader reader_;
};

}  // namespace waterline::deployment
