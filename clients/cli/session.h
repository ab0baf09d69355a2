#pragma once

// One command's conversation with a server: the channel, who asks and why, deadlines, request ids,
// and what came back beside the answer (receipt, withheld fields, the demonstration mark).
// Methods are found from their request messages: XRequest is the request of the method X.
// Thread safety: one thread, but Identify from any.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/cli/output.h"
#include "clients/cli/settings.h"
#include "google/protobuf/message.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace waterline::cli {

struct SessionOptions {
  Values settings;         // Of kSettingKeys.
  std::string request_id;  // Empty: a random UUID.
  std::optional<std::chrono::milliseconds> timeout;
  bool receipt = false;  // Show receipts on standard error.
};

using OwnedMessages = std::vector<std::unique_ptr<google::protobuf::Message>>;

class Session {
 public:
  // `output` outlives the session.
  Session(SessionOptions options, const Output* output);
  ~Session();

  const Output& output() const { return *output_; }
  std::string Setting(const std::string& key) const;
  // The id of the caller's organisation, e.g. ods-qnx; IDENTITY_MISSING when none is set.
  absl::StatusOr<std::string> OrganisationId() const;
  // organisations/{org} of it.
  absl::StatusOr<std::string> Parent() const;
  // The id of this command's one change, the same for every use within the command.
  const std::string& request_id() const { return options_.request_id; }

  // A unary call. A `request_id` field that is empty is filled in.
  absl::Status Call(const google::protobuf::Message& request, google::protobuf::Message* response);
  template <class Response>
  absl::StatusOr<Response> Get(const google::protobuf::Message& request) {
    Response response;
    const absl::Status status = Call(request, &response);
    if (!status.ok()) return status;
    return response;
  }

  using OnPage = std::function<void(OwnedMessages page)>;
  // Calls a List method until its pages or `limit` items (0: all) are exhausted.
  absl::Status Pages(const google::protobuf::Message& request, size_t limit, const OnPage& on_page);
  absl::StatusOr<OwnedMessages> ListAll(const google::protobuf::Message& request, size_t limit = 0);
  // Calls a List method and puts out what it gives, in NDJSON as it comes.
  absl::Status Show(const google::protobuf::Message& request, size_t limit,
                    const std::vector<std::string>& columns);

  // SERVING, NOT_SERVING or what else the health service says of `service`.
  absl::StatusOr<std::string> Health(const std::string& service);

  // For streams: the channel to the server of a method (/waterline.events.v1.EventsService/X), or
  // what is wrong with the settings: those of TLS, and who asks and why in anything but printable
  // ASCII, which cannot be sent; and a context with identity. A stream has a deadline
  // only when one was asked for: a large file takes its time.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel(const std::string& path);
  void Identify(grpc::ClientContext* context) const;
  void SetStreamDeadline(grpc::ClientContext* context) const;
  // Looks at the receipt of an answer: shows it when asked for, and what it says of the answer.
  void TakeReceipt(const std::string& serialised);

 private:
  absl::Status CallMethod(const std::string& method, const google::protobuf::Message& request,
                          google::protobuf::Message* response, const std::string& to = "");

  SessionOptions options_;
  const Output* const output_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;  // By address.
  bool said_demonstration_ = false;
};

// A random UUID (RFC 4122, version 4).
std::string RandomUuid();

// The id of an organisation as it was typed: organisations/ods-qnx, ods-qnx or QNX.
std::string OrganisationIdFrom(const std::string& typed);

}  // namespace waterline::cli
