#include "services/common/status/error.h"

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "services/common/text/absl.h"
#include "services/common/text/serialise.h"

namespace waterline {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kBadRequestUrl[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

template <class Message>
std::optional<Message> PayloadOf(const absl::Status& status, const char* url) {
  auto payload = status.GetPayload(url);
  Message message;
  if (!payload || !message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

}  // namespace

absl::Status Error(const Reason& reason, std::string message, const ErrorMetadata& metadata) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason.name));
  info.set_domain(std::string(reason.domain));
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  absl::Status status(reason.code, message);
  status.SetPayload(kErrorInfoUrl, absl::Cord(text::Serialise(info)));
  return status;
}

absl::Status BadFields(const std::vector<FieldViolation>& violations) {
  google::rpc::BadRequest bad_request;
  std::string message;
  for (const auto& violation : violations) {
    auto* out = bad_request.add_field_violations();
    out->set_field(violation.field);
    out->set_description(violation.description);
    message += (message.empty() ? "" : "; ") + violation.field + ": " + violation.description;
  }
  absl::Status status = Error(reason::kInvalidFields, std::move(message));
  status.SetPayload(kBadRequestUrl, absl::Cord(bad_request.SerializeAsString()));
  return status;
}

absl::Status WithRetryAfter(absl::Status status, int64_t retry_after_ms) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(retry_after_ms / 1000);
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(retry_after_ms % 1000) * 1'000'000);
  status.SetPayload(kRetryInfoUrl, absl::Cord(retry.SerializeAsString()));
  return status;
}

std::optional<std::string> ReasonOf(const absl::Status& status) {
  auto info = PayloadOf<google::rpc::ErrorInfo>(status, kErrorInfoUrl);
  if (!info) return std::nullopt;
  return info->reason();
}

std::optional<std::string> MetadataOf(const absl::Status& status, std::string_view key) {
  auto info = PayloadOf<google::rpc::ErrorInfo>(status, kErrorInfoUrl);
  if (!info) return std::nullopt;
  auto found = info->metadata().find(std::string(key));
  if (found == info->metadata().end()) return std::nullopt;
  return found->second;
}

std::vector<FieldViolation> ViolationsOf(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  auto bad_request = PayloadOf<google::rpc::BadRequest>(status, kBadRequestUrl);
  if (!bad_request) return violations;
  for (const auto& violation : bad_request->field_violations()) {
    violations.push_back({violation.field(), violation.description()});
  }
  return violations;
}

}  // namespace waterline
