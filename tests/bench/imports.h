#pragma once

// File sets made by rule, and their way into a server. Thread safety: one thread.

#include <grpcpp/grpcpp.h>

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "tests/bench/load.h"
#include "waterline/events/v1/events.pb.h"

namespace waterline::bench {

using Files = std::map<std::string, std::string>;  // Name -> content.

// Answers of people to the indicators of the catalogue, one row each, as `waterline form` writes
// them.
Files ResponseFiles(uint64_t rows);
// A Polis export with `votes` votes on 200 statements. `round` makes it a conversation of its own.
Files PolisFiles(uint64_t votes, int round);

// An open event of the benchmark's organisation; its name.
absl::StatusOr<std::string> OpenEvent(std::shared_ptr<grpc::Channel> channel,
                                      const std::string& request_id);
// How many bytes the answer to GetEvent has.
absl::StatusOr<uint32_t> ReadEventBytes(std::shared_ptr<grpc::Channel> channel,
                                        const std::string& event);

// Sends the files into `event` (empty: an event of their own) and waits for the report. Every row
// of the large file must be a new one.
absl::StatusOr<Sample> RunImport(std::shared_ptr<grpc::Channel> channel, const Child& server,
                                 events::v1::Import::Kind kind, const std::string& event,
                                 const Files& files, uint64_t rows);

// Reads responses.csv in this thread, without storing anything.
absl::StatusOr<Sample> ParseOnly(const Files& files, uint64_t rows);

}  // namespace waterline::bench
