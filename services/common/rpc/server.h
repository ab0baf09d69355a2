#pragma once

// The server every process runs: callback API, one coroutine per call, health per service,
// reflection, metrics, one JSON line per call, drain. No gRPC header here.
//
// What a client may rely on:
//  - every error carries google.rpc.Status details with an ErrorInfo;
//  - `waterline-receipt-bin` in trailing metadata of every permitted and refused GATED call;
//  - a unary call that is not answered within kUnaryDeadlineMax ends with DEADLINE_EXCEEDED,
//    whatever deadline it asks for;
//  - `x-request-id` comes back as sent, or as made, in initial metadata; `traceparent` likewise;
//    also of a call that is refused;
//  - a stream ends with the token of its caller; of a client that reads with TOKEN_EXPIRED, of one
//    that does not it is broken off.
//
// A public server serves GATED and PUBLIC methods; an internal one, on addresses of its own, serves
// INTERNAL methods to the host's own services and nothing to anybody else.
// Thread safety: all methods from any thread.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/identity/identity.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/metrics.h"
#include "services/common/rpc/service.h"
#include "services/common/rpc/tls.h"

namespace waterline::rpc {

struct ServerOptions {
  std::vector<std::string> addresses;  // 127.0.0.1:50051, 127.0.0.1:0 (a free port), unix:/path
  std::optional<TlsFiles> tls;         // Mutual TLS on every address; without it none is encrypted.
  identity::IdentityProvider* identity = nullptr;
  Metrics* metrics = nullptr;
  std::chrono::milliseconds drain_grace{10'000};
  std::chrono::milliseconds unary_deadline_max = kUnaryDeadlineMax;
  // Not empty: an internal server. A caller is known by his certificate identity: this prefix, as
  // HostServicePrefix makes it, and the name of his service.
  std::string internal_callers;
};

class Server {
 public:
  // Errors: UNAVAILABLE naming the address when it is taken; FAILED_PRECONDITION when the identity
  // provider does not allow it, or when a service does not match its descriptor or has a method
  // that this kind of server does not serve. `services` outlive the server. Services start as not
  // serving; SetServing opens them.
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options,
                                                       std::vector<const Service*> services);
  ~Server();  // Drains.

  int port() const;  // Of the first address; 0 for a Unix socket.
  void SetServing(bool serving);

  // Not serving, then up to drain_grace for calls under way, then the end. A stream that waits for
  // its client ends at once with UNAVAILABLE. No handler runs any more when this returns.
  void Drain();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace waterline::rpc
