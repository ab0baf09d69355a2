#pragma once

// One coroutine per incoming call: what runs between gRPC's callback API and a Method. For the .cc
// files of rpc. Thread safety: all functions from any thread.

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "services/common/identity/identity.h"
#include "services/common/rpc/metrics.h"
#include "services/common/rpc/service.h"

namespace waterline::rpc {

// A call under way, as drain and the deadline cap see it.
class Running {
 public:
  virtual ~Running() = default;
  // The server drains: end now if the call only waits for its client.
  virtual void Drain() = 0;
  // The deadline cap has passed, or the token of a stream has ended; called until the call ends.
  virtual void Expire() = 0;
};

// What calls share.
struct Shared {
  identity::IdentityProvider* identity = nullptr;
  Metrics* metrics = nullptr;
  std::chrono::milliseconds unary_deadline_max{0};
  std::string internal_callers;       // See ServerOptions.
  std::atomic<bool> refusing{false};  // New calls, because the server drains.
  std::mutex mutex;                   // Guards the rest. No other lock is taken under it.
  std::condition_variable idle;
  size_t handlers = 0;  // Coroutines that have not ended; they may outlive their call.
  std::map<std::shared_ptr<Running>, std::chrono::steady_clock::time_point>
      running;  // With the end of the cap.

  void Begin(std::shared_ptr<Running> call, std::chrono::steady_clock::time_point cap) {
    std::lock_guard lock(mutex);
    ++handlers;
    running.emplace(std::move(call), cap);
  }
  // The last thing a call does with what is shared.
  void End(const std::shared_ptr<Running>& call) {
    std::lock_guard lock(mutex);
    running.erase(call);
    if (--handlers == 0) idle.notify_all();
  }
  void WaitUntilIdle() {
    std::unique_lock lock(mutex);
    idle.wait(lock, [this] { return handlers == 0; });
  }
  std::vector<std::shared_ptr<Running>> Under(std::chrono::steady_clock::time_point now) {
    std::lock_guard lock(mutex);
    std::vector<std::shared_ptr<Running>> calls;
    for (const auto& [call, cap] : running) {
      if (cap <= now) calls.push_back(call);
    }
    return calls;
  }
};

// Start a call; the reactor ends it. `shared`, `path` and `method` outlive the call.
grpc::ServerUnaryReactor* StartUnary(Shared* shared, const std::string& path, const Method& method,
                                     grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response);
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StartStream(
    Shared* shared, const std::string& path, const Method& method,
    grpc::CallbackServerContext* context);

}  // namespace waterline::rpc
