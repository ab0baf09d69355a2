#include "services/events/api/evidence_api.h"

#include <charconv>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"

namespace waterline::events {
namespace {

constexpr int kLimitMax = 1000;
constexpr int kTimeoutMaxMs = 20'000;

// Page token: number of the first item | `/` | digest of the whole evidence, hex.
absl::StatusOr<int> FirstItem(const std::string& token, const std::string& digest) {
  if (token.empty()) return 0;
  int first = 0;
  const char* end = token.data() + token.size();
  const auto [rest, error] = std::from_chars(token.data(), end, first);
  if (error != std::errc() || first < 0 || rest == end || *rest != '/')
    return BadFields({{"page_token", "is none of this method"}});
  if (std::string(rest + 1, end) != digest)
    return Error(reason::kConflict, "the evidence changed between two pages; begin again");
  return first;
}

}  // namespace

void EvidenceApi::Register(rpc::Service* service) {
  const std::vector<std::string> callers = {"inference"};
  rpc::Internal(service, "ListFeeds", this, &EvidenceApi::ListFeeds, callers);
  rpc::Internal(service, "WaitForFeeds", this, &EvidenceApi::WaitForFeeds, callers);
  rpc::Internal(service, "ReadFeed", this, &EvidenceApi::ReadFeed, callers);
  rpc::Internal(service, "GetEventEvidence", this, &EvidenceApi::GetEventEvidence, callers);
}

EvidenceApi::Answer<v1::ListFeedsResponse> EvidenceApi::ListFeeds(const rpc::Call&,
                                                                  const v1::ListFeedsRequest&) {
  v1::ListFeedsResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto partitions, co_await reader_.Partitions());
  for (const auto& partition : partitions) response.add_partitions(partition);
  co_return response;
}

EvidenceApi::Answer<v1::WaitForFeedsResponse> EvidenceApi::WaitForFeeds(
    const rpc::Call&, const v1::WaitForFeedsRequest& request) {
  if (request.timeout_ms() < 0 || request.timeout_ms() > kTimeoutMaxMs)
    co_return BadFields({{"timeout_ms", "is not 0 to 20,000"}});
  std::map<std::string, uint64_t> after;
  for (const auto& feed : request.positions()) after[feed.partition()] = feed.position();
  const std::chrono::milliseconds timeout(request.timeout_ms());
  WATERLINE_CO_RETURN_IF_ERROR(co_await reader_.Wait(std::move(after), timeout));
  co_return v1::WaitForFeedsResponse();
}

EvidenceApi::Answer<v1::ReadFeedResponse> EvidenceApi::ReadFeed(
    const rpc::Call&, const v1::ReadFeedRequest& request) {
  if (request.limit() < 1 || request.limit() > kLimitMax)
    co_return BadFields({{"limit", "is not 1 to 1,000"}});
  v1::ReadFeedResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto items, co_await reader_.ReadFeed(request.partition(), request.after(), request.limit()));
  for (auto& item : items) *response.add_items() = std::move(item);
  co_return response;
}

EvidenceApi::Answer<v1::GetEventEvidenceResponse> EvidenceApi::GetEventEvidence(
    const rpc::Call&, const v1::GetEventEvidenceRequest& request) {
  if (!text::MatchName(request.event(), "organisations/*/events/*"))
    co_return BadFields({{"event", "is not organisations/{organisation}/events/{event}"}});
  // Every page reads and hashes the whole: too long for a thread of the network.
  co_await pool_->Hop();
  WATERLINE_CO_ASSIGN_OR_RETURN(auto whole, co_await reader_.Read(request.event()));
  const std::string digest = crypto::HexEncode(crypto::Sha256(whole.SerializeAsString()));
  WATERLINE_CO_ASSIGN_OR_RETURN(int next, FirstItem(request.page_token(), digest));
  google::protobuf::RepeatedPtrField<v1::EvidenceItem> items;
  items.Swap(whole.mutable_items());
  v1::GetEventEvidenceResponse response;
  auto* evidence = response.mutable_evidence();
  if (next == 0) *evidence = std::move(whole);
  for (size_t bytes = 0; next < items.size() && bytes < page_bytes_; ++next) {
    bytes += items[next].ByteSizeLong();
    *evidence->add_items() = std::move(items[next]);
  }
  if (next < items.size()) response.set_next_page_token(std::to_string(next) + "/" + digest);
  co_return response;
}

}  // namespace waterline::events
