#pragma once

// A way from one of the host's services to another: the channel and who calls on it. It connects
// when it is used, in any start order, and again by itself when the other side has been away; a
// connection on which nothing comes back is given up (kKeepalivePeriod, kKeepaliveTimeout). A
// channel lives as long as the process: few are made.
// Thread safety: a value; channels are safe from any thread. No gRPC header.

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "services/common/rpc/client.h"

namespace grpc {
class ChannelCredentials;
}

namespace waterline::rpc {

struct Link {
  std::string to;  // Name of the other service, for sentences.
  std::string address;
  std::shared_ptr<grpc::ChannelInterface> channel;
  Metadata metadata;
};

struct LinkOptions {
  std::string from;     // Our own service: registry, events, inference.
  std::string to;       // The other one.
  std::string address;  // host:port or unix:/path, where its internal methods are.
  // How we show ourselves (tls.h). Nothing: unencrypted, by the name in metadata.
  std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr;
};

Link MakeLink(const LinkOptions& options);

// The error of a call on a link as it may leave this service: what the other side said of itself,
// or UNAVAILABLE when it could not be reached.
absl::Status LinkError(const Link& link, const absl::Status& status);

// How long one of the host's services waits for another.
inline constexpr std::chrono::seconds kLinkPatience{10};

// One call on a link. Errors as LinkError says.
template <class Response, class Request>
coro::Task<absl::StatusOr<Response>> CallOn(Link link, std::string path, Request request,
                                            std::chrono::milliseconds patience = kLinkPatience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  auto response = co_await CallUnary<Response>(link.channel, std::move(path), std::move(request),
                                               link.metadata, deadline);
  if (!response.ok()) co_return LinkError(link, response.status());
  co_return response;
}

// Whether the other side answers; waits for it until the deadline.
coro::Task<absl::Status> Greet(Link link, std::chrono::steady_clock::time_point deadline);

}  // namespace waterline::rpc
