#pragma once

// Where the client calls, and as whom: from flags, then the environment, then a context, then
// defaults. A context is a section of ~/.config/waterline/context ($XDG_CONFIG_HOME is respected):
//
//     use = local                 the context in use; first line
//     [context local]
//     server = 127.0.0.1:50600    or of each service: registry=127.0.0.1:1,events=127.0.0.1:2,...
//     org = local-demonstration-board
//     actor = ann
//     role = engagement_lead
//     purpose = practice_learning
//
// Thread safety: one thread.

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace waterline::cli {

// Keys of a context, flags (`--org`) and the environment (`WATERLINE_ORG`).
inline constexpr const char* kSettingKeys[] = {"server",  "org",       "actor",           "role",
                                               "purpose", "agreement", "tls-certificate", "tls-key",
                                               "tls-ca",  "token-key"};
// A flag of one command only: no context and no environment has it.
inline constexpr char kJustification[] = "justification";
inline constexpr char kDefaultServer[] = "127.0.0.1:50600";

using Values = std::map<std::string, std::string>;

struct Contexts {
  std::string in_use;
  std::map<std::string, Values> contexts;
};

// INVALID_ARGUMENT naming the line.
absl::StatusOr<Contexts> ParseContexts(std::string_view text);
std::string FormatContexts(const Contexts& contexts);

// Empty when neither HOME nor XDG_CONFIG_HOME is set.
std::string ContextPath();
// No file: no contexts.
absl::StatusOr<Contexts> LoadContexts(const std::string& path);
// Replaces the file in one step, mode 0600.
absl::Status SaveContexts(const std::string& path, const Contexts& contexts);

// `given` holds what flags and environment said; empty values count as not said. `name` is the
// context asked for; empty: the one in use, if any. NOT_FOUND with suggestions.
absl::StatusOr<Values> Settle(const Values& given, const Contexts& contexts,
                              const std::string& name);

// Where the method or service `path` (/waterline.events.v1...) is, by the setting `server`: one
// address, or several with commas, `registry=`, `events=`, `inference=` or `accountability=` before
// those of one service; one without is for the services that are not named.
std::string AddressOf(const std::string& server, std::string_view path);

}  // namespace waterline::cli
