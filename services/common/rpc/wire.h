#pragma once

// Messages <-> gRPC byte buffers, and the method every server has. For .cc files. Thread safety:
// pure functions.

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>

#include "google/protobuf/message.h"

namespace waterline::rpc {

inline constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";

inline bool FromBuffer(grpc::ByteBuffer* buffer, google::protobuf::Message* message) {
  grpc::ProtoBufferReader reader(buffer);
  return reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
}

inline grpc::ByteBuffer ToBuffer(const google::protobuf::Message& message) {
  const size_t size = message.ByteSizeLong();
  grpc::Slice slice(size);
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace waterline::rpc
