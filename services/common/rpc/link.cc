#include "services/common/rpc/link.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <mutex>
#include <vector>

#include "google/protobuf/empty.pb.h"
#include "services/common/rpc/host_services.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/wire.h"
#include "services/common/status/error.h"

namespace waterline::rpc {
namespace {

constexpr int kReconnectFirstMs = 50;
constexpr int kReconnectMaxMs = 500;
constexpr int kConnectMaxMs = 1000;
constexpr int64_t kRetryAfterMs = 1000;

// gRPC 1.51 ends its callback threads with the last channel that used them, and aborts when it is
// one of these threads that lets go of it, at the end of a call. So a channel lives as long as the
// process.
void KeepForEver(const std::shared_ptr<grpc::ChannelInterface>& channel) {
  static std::mutex mutex;
  static auto* const kept = new std::vector<std::shared_ptr<grpc::ChannelInterface>>();
  std::lock_guard lock(mutex);
  kept->push_back(channel);
}

}  // namespace

Link MakeLink(const LinkOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectFirstMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMaxMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(kKeepalivePeriod.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(kKeepaliveTimeout.count()));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  Link link;
  link.to = options.to;
  link.address = options.address;
  const bool secure = options.credentials != nullptr;
  link.channel = grpc::CreateCustomChannel(
      options.address, secure ? options.credentials : grpc::InsecureChannelCredentials(),
      arguments);
  KeepForEver(link.channel);
  if (!secure) link.metadata.emplace(std::string(kServiceKey), options.from);
  return link;
}

absl::Status LinkError(const Link& link, const absl::Status& status) {
  if (status.ok() || ReasonOf(status)) return status;
  return WithRetryAfter(
      Error(reason::kUnavailable, link.to + " does not answer at present; send the call again"),
      kRetryAfterMs);
}

// An empty message is the question for the whole server, whatever the answer says of its services:
// who answers is there.
coro::Task<absl::Status> Greet(Link link, std::chrono::steady_clock::time_point deadline) {
  google::protobuf::Empty request;
  google::protobuf::Empty response;
  Metadata none;
  co_return co_await CallUnaryRaw(link.channel, kHealthCheck, &request, &response, std::move(none),
                                  deadline);
}

}  // namespace waterline::rpc
