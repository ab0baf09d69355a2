#include "services/common/rpc/client.h"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include "services/common/coro/one_shot.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/rpc/wire.h"
#include "services/common/status/error.h"

namespace waterline::rpc {
namespace {

std::chrono::system_clock::time_point ToSystem(std::chrono::steady_clock::time_point deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(left);
}

}  // namespace

coro::Task<absl::Status> CallUnaryRaw(std::shared_ptr<grpc::ChannelInterface> channel,
                                      std::string method, const google::protobuf::Message* request,
                                      google::protobuf::Message* response, Metadata metadata,
                                      std::chrono::steady_clock::time_point deadline) {
  grpc::ClientContext context;
  context.set_deadline(ToSystem(deadline));
  for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
  grpc::ByteBuffer sent = ToBuffer(*request);
  grpc::ByteBuffer received;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub(channel);
  coro::OneShot<grpc::Status> done;
  auto setter = done.setter();
  const grpc::StubOptions options;
  std::function<void(grpc::Status)> on_done = [setter](grpc::Status status) mutable {
    setter.Set(std::move(status));
  };
  stub.UnaryCall(&context, method, options, &sent, &received, on_done);
  const grpc::Status status = co_await done;
  if (!status.ok()) co_return FromGrpc(status);
  if (!FromBuffer(&received, response))
    co_return Error(reason::kUnexpected, "the answer of " + method + " does not parse");
  co_return absl::OkStatus();
}

}  // namespace waterline::rpc
