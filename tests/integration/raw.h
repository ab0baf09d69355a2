#pragma once

// Calls of any kind as bytes, for methods named at run time and for services of gRPC itself.

#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/sync_stream.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/integration/fixture.h"

namespace waterline::testing {

inline grpc::ByteBuffer ToBytes(const std::string& text) {
  grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

inline std::string FromBytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string text;
  for (const auto& slice : slices)
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

// Every kind of method is a stream both ways on the wire.
using RawStream = grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;
inline std::unique_ptr<RawStream> OpenRaw(const std::shared_ptr<grpc::Channel>& channel,
                                          const char* path, grpc::ClientContext* context) {
  using Factory = grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>;
  return std::unique_ptr<RawStream>(Factory::Create(
      channel.get(), grpc::internal::RpcMethod(path, grpc::internal::RpcMethod::BIDI_STREAMING),
      context));
}

struct RawAnswer {
  std::vector<std::string> messages;
  absl::Status status;
};

inline RawAnswer CallRaw(const std::shared_ptr<grpc::Channel>& channel, const char* path,
                         const std::vector<std::string>& requests, grpc::ClientContext* context) {
  const auto stream = OpenRaw(channel, path, context);
  for (const auto& request : requests) stream->Write(ToBytes(request));
  stream->WritesDone();
  RawAnswer answer;
  grpc::ByteBuffer bytes;
  while (stream->Read(&bytes)) answer.messages.push_back(FromBytes(bytes));
  answer.status = rpc::FromGrpc(stream->Finish());
  return answer;
}

// A HealthCheckRequest for one service; the answer is a HealthCheckResponse.
inline std::string HealthRequest(const std::string& service) {
  return service.empty() ? ""
                         : "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
}
inline constexpr char kServing[] = "\x08\x01";
inline constexpr char kNotServing[] = "\x08\x02";

inline RawAnswer CheckHealth(const std::shared_ptr<grpc::Channel>& channel,
                             const std::string& service) {
  grpc::ClientContext context;
  return CallRaw(channel, "/grpc.health.v1.Health/Check", {HealthRequest(service)}, &context);
}

}  // namespace waterline::testing
