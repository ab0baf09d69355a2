#pragma once

// Sends the demonstration network through the public API of a running network.
//
// Repeatable: what is there already is left as it is, by name, title, source id and state; requests
// carry ids made from the plan. A run after an interruption goes on with the seed and the date of
// the network that it finds, on any later day. Thread safety: one thread calls Load.

#include <grpcpp/channel.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "clients/demonstration/plan.h"

namespace waterline::demonstration {

// As whom the loader calls.
struct Identity {
  const char* actor;
  const char* role;
  const char* purpose;
};
inline constexpr Identity kLead{"demonstration", "engagement_lead", "practice_learning"};
inline constexpr Identity kSteward{"demonstration", "network_steward", "system_administration"};

// The ways to the services. In a real network each proves who calls by it: one for each identity.
struct Channels {
  std::shared_ptr<grpc::Channel> lead_registry;
  std::shared_ptr<grpc::Channel> lead_events;
  std::shared_ptr<grpc::Channel> steward_registry;
};

struct LoadOptions {
  std::optional<uint64_t> seed;  // Neither given: 1 and today, or what the network was made with.
  std::optional<int64_t> as_of;
  int64_t today = 0;  // Days since 1970-01-01; `as_of` must not be later.
  int workers = 4;    // Events on their way at once.
  // Called after every step, by one thread at a time.
  std::function<void(const std::string& what, size_t done, size_t total)> progress;
};

struct LoadReport {
  Plan plan;
  std::string network;
  std::string host;
  bool was_complete = false;                  // Nothing was left to do.
  std::map<std::string, std::string> scopes;  // Title of a programme or event -> resource name.
};

// FAILED_PRECONDITION when the network is no demonstration, has another host, or was made by
// another version or with other arguments: nothing is written then.
absl::StatusOr<LoadReport> Load(const Channels& channels, const LoadOptions& options);
// By one way for all, where callers are believed.
absl::StatusOr<LoadReport> Load(const std::shared_ptr<grpc::Channel>& channel,
                                const LoadOptions& options);

// The stories, each with the commands that show it.
std::string StoriesInWords(const LoadReport& report);

}  // namespace waterline::demonstration
