#pragma once

// A closed loop over the callback API: a fixed number of unary calls in flight, each answer sends
// the next request. Thread safety: one thread calls Run at a time.

#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/child.h"

namespace grpc {
class Channel;
class ChannelCredentials;
class ClientContext;
}  // namespace grpc

namespace waterline::bench {

// CPU time of this process so far.
double OwnCpuSeconds();

// Says that the benchmark's caller calls.
void Identify(grpc::ClientContext* context);

// Some connections to one server.
using Channels = std::vector<std::shared_ptr<grpc::Channel>>;
// Without credentials unencrypted.
Channels Connect(int port, int connections,
                 std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr);

struct LoadOptions {
  std::string method;                         // /package.Service/Method
  std::function<grpc::ByteBuffer()> request;  // Called from many threads.
  std::string bearer;                         // An access token for every call; empty: none.
  int in_flight = 64;
  std::chrono::duration<double> seconds{1};  // Counted, after a warm-up of a fifth of it.
};

// What happened while it counted.
struct Sample {
  uint64_t count = 0;
  double seconds = 0;
  double cpu_seconds = 0;         // Of the server.
  double client_cpu_seconds = 0;  // Of this process.
  double p50_ms = 0;
  double p99_ms = 0;
};

// The first call that failed ends the run with its status.
absl::StatusOr<Sample> Run(const Channels& channels, const Child& server,
                           const LoadOptions& options);

}  // namespace waterline::bench
