#include "services/inference/api/remote_evidence.h"

#include <algorithm>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::inference {
namespace {

constexpr char kService[] = "/waterline.events.v1.EvidenceService/";
constexpr std::chrono::milliseconds kTimeoutMax{20'000};
constexpr int kBeginningsMax = 8;  // Of reading evidence that changes between its pages.

template <class Response, class Request>
coro::Task<absl::StatusOr<Response>> Ask(rpc::Link link, const char* method, Request request,
                                         std::chrono::milliseconds patience = rpc::kLinkPatience) {
  return rpc::CallOn<Response>(std::move(link), std::string(kService) + method, std::move(request),
                               patience);
}

// All pages of an event's evidence, or ABORTED when it changed between two.
coro::Task<absl::StatusOr<events::v1::EventEvidence>> ReadPages(rpc::Link link, std::string event) {
  events::v1::EventEvidence evidence;
  events::v1::GetEventEvidenceRequest request;
  request.set_event(event);
  do {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto page, co_await Ask<events::v1::GetEventEvidenceResponse>(
                                                 link, "GetEventEvidence", request));
    evidence.MergeFrom(page.evidence());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  co_return evidence;
}

}  // namespace

coro::Task<absl::StatusOr<std::vector<std::string>>> RemoteEvidence::Partitions() {
  events::v1::ListFeedsRequest request;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto feeds, co_await Ask<events::v1::ListFeedsResponse>(link_, "ListFeeds", request));
  co_return std::vector<std::string>(feeds.partitions().begin(), feeds.partitions().end());
}

coro::Task<absl::StatusOr<std::vector<events::v1::FeedItem>>> RemoteEvidence::ReadFeed(
    std::string partition, uint64_t after, int limit) {
  events::v1::ReadFeedRequest request;
  request.set_partition(partition);
  request.set_after(after);
  request.set_limit(limit);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto feed, co_await Ask<events::v1::ReadFeedResponse>(link_, "ReadFeed", request));
  co_return std::vector<events::v1::FeedItem>(feed.items().begin(), feed.items().end());
}

coro::Task<absl::StatusOr<events::v1::EventEvidence>> RemoteEvidence::GetEventEvidence(
    std::string event) {
  for (int i = 1; i < kBeginningsMax; ++i) {
    auto evidence = co_await ReadPages(link_, event);
    if (evidence.ok() || !absl::IsAborted(evidence.status())) co_return evidence;
  }
  co_return co_await ReadPages(link_, event);
}

coro::Task<absl::Status> RemoteEvidence::Wait(std::map<std::string, uint64_t> after,
                                              std::chrono::milliseconds timeout) {
  events::v1::WaitForFeedsRequest request;
  timeout = std::min(timeout, kTimeoutMax);
  request.set_timeout_ms(static_cast<int32_t>(timeout.count()));
  for (const auto& [partition, position] : after) {
    auto* feed = request.add_positions();
    feed->set_partition(partition);
    feed->set_position(position);
  }
  auto answer = co_await Ask<events::v1::WaitForFeedsResponse>(link_, "WaitForFeeds", request,
                                                               timeout + rpc::kLinkPatience);
  co_return answer.status();
}

}  // namespace waterline::inference
