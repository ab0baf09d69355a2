#pragma once

// Call: who asks, why, and until when: what a handler knows of the caller. No gRPC header.
// Immutable for the handler; lives until the call ends. Thread safety: `cancelled` may be
// read from any thread, the rest is constant.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::rpc {

struct Call {
  accountability::v1::Caller caller;
  std::string purpose;        // Code of the list `purpose`; empty: none given.
  std::string agreement;      // As asked for.
  std::string approval;       // Research approval reference.
  std::string justification;  // Why, in words: of the purpose safeguarding.
  // The highest release level the caller wants; the decision may be lower.
  common::v1::ReleaseLevel asked = common::v1::RELEASE_LEVEL_IDENTIFIABLE;
  std::string method;       // /package.Service/Method
  std::string request_id;   // x-request-id, or random. Not the request_id of a mutation.
  std::string traceparent;  // W3C trace context, passed on.
  std::chrono::steady_clock::time_point deadline;  // For calls to other services.
  // When the caller's token ends: a stream ends then, UNAUTHENTICATED / TOKEN_EXPIRED.
  std::chrono::steady_clock::time_point token_expiry = std::chrono::steady_clock::time_point::max();
  // True once nobody waits for the answer any more: the client has gone or its time is up, or the
  // server has ended the call. The gate decides nothing more then, so nothing more is committed.
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace waterline::rpc
