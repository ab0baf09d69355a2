#pragma once

// Awaiting an outgoing unary call.
//
//   auto answer = co_await rpc::CallUnary<v1::DecideResponse>(channel, "/pkg.Service/Method",
//                                                           request, metadata, deadline);
//
// The error of the other side comes back as it left: google.rpc.Status details become payloads.
// Thread safety: any thread. The coroutine resumes on a gRPC thread.

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "services/common/coro/task.h"

namespace grpc {
class ChannelInterface;
}

namespace waterline::rpc {

using Metadata = std::multimap<std::string, std::string>;

coro::Task<absl::Status> CallUnaryRaw(std::shared_ptr<grpc::ChannelInterface> channel,
                                      std::string method, const google::protobuf::Message* request,
                                      google::protobuf::Message* response, Metadata metadata,
                                      std::chrono::steady_clock::time_point deadline);

template <class Response, class Request>
coro::Task<absl::StatusOr<Response>> CallUnary(std::shared_ptr<grpc::ChannelInterface> channel,
                                               std::string method, Request request,
                                               Metadata metadata,
                                               std::chrono::steady_clock::time_point deadline) {
  Response response;
  auto status = co_await CallUnaryRaw(channel, method, &request, &response, metadata, deadline);
  if (!status.ok()) co_return status;
  co_return response;
}

}  // namespace waterline::rpc
