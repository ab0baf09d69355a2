#pragma once

// absl::Status with payloads <-> grpc::Status with google.rpc.Status details (at most
// kErrorDetailsBytesMax; what does not fit is left out, ErrorInfo first). For .cc files: it pulls
// in gRPC. Thread safety: pure functions.

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace waterline::rpc {

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace waterline::rpc
