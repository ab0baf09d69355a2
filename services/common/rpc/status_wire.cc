#include "services/common/rpc/status_wire.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/common/gate/gate.h"
#include "services/common/rpc/limits.h"
#include "services/common/text/absl.h"

namespace waterline::rpc {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status wire;
  wire.set_code(static_cast<int>(status.code()));
  wire.set_message(std::string(status.message()));
  std::vector<std::pair<std::string, std::string>> payloads;
  status.ForEachPayload([&payloads](absl::string_view url, const absl::Cord& value) {
    if (text::Std(url) != gate::kReceiptUrl)
      payloads.emplace_back(std::string(url), std::string(value));
  });
  std::stable_sort(payloads.begin(), payloads.end(), [](const auto& a, const auto& b) {
    return (a.first == kErrorInfoUrl) > (b.first == kErrorInfoUrl);
  });
  for (auto& [url, value] : payloads) {
    if (wire.ByteSizeLong() + url.size() + value.size() + 16 > kErrorDetailsBytesMax) continue;
    auto* detail = wire.add_details();
    detail->set_type_url(url);
    detail->set_value(std::move(value));
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), wire.message(),
                      wire.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status wire;
  if (!status.error_details().empty() && wire.ParseFromString(status.error_details())) {
    for (const auto& detail : wire.details())
      result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return result;
}

}  // namespace waterline::rpc
