#pragma once

// The two servers that are compared: waterlined as it is, and a bare one on the same stack with an
// echo and with the events service behind a ledger that keeps nothing. The second one exists in
// this program only. Thread safety: each runs in a process of its own.

#include <cstdint>
#include <string>

#include "tests/bench/child.h"
#include "tests/bench/proof.h"

namespace waterline::bench {

inline constexpr char kNetwork[] = "dev-bench";
inline constexpr char kOrganisation[] = "local-bench-board";
inline constexpr char kActor[] = "bench";
inline constexpr char kRole[] = "engagement_lead";
inline constexpr char kPurpose[] = "service_planning";
inline constexpr char kEchoMethod[] = "/waterline.bench.v1.EchoService/Echo";

// Each makes a network in the empty folder `data` and serves it until `ready` returns.
// `proof`: by mutual TLS; nullptr: callers are believed.
absl::Status ServeWaterlined(const std::string& data, const Proof* proof,
                             const Child::Ready& ready);
absl::Status ServeBare(const std::string& data, const Child::Ready& ready);

}  // namespace waterline::bench
