#pragma once

// The handler of EvidenceService: the evidence feed for inference in another process: labels of
// informants and values, never names, participant ids or text. Thread safety: any thread.

#include "services/common/coro/pool.h"
#include "services/common/rpc/service.h"
#include "services/events/store/evidence.h"

namespace waterline::events {

class EvidenceApi {
 public:
  static constexpr size_t kPageBytes = 2 * 1024 * 1024;

  // The evidence of an event is read on `pool`. Both outlive this.
  EvidenceApi(waterline::storage::Store* store, coro::Pool* pool, size_t page_bytes = kPageBytes)
      : reader_(store), pool_(pool), page_bytes_(page_bytes) {}

  // Registers all methods; the handler outlives the service.
  void Register(rpc::Service* service);

  template <class T>
  using Answer = coro::Task<absl::StatusOr<T>>;

  Answer<v1::ListFeedsResponse> ListFeeds(const rpc::Call& call,
                                          const v1::ListFeedsRequest& request);
  Answer<v1::WaitForFeedsResponse> WaitForFeeds(const rpc::Call& call,
                                                const v1::WaitForFeedsRequest& request);
  Answer<v1::ReadFeedResponse> ReadFeed(const rpc::Call& call, const v1::ReadFeedRequest& request);
  Answer<v1::GetEventEvidenceResponse> GetEventEvidence(const rpc::Call& call,
                                                        const v1::GetEventEvidenceRequest& request);

 private:
  EvidenceReader reader_;
  coro::Pool* const pool_;
  const size_t page_bytes_;
};

}  // namespace waterline::events
