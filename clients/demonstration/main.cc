// waterline-demonstration: loads the invented demonstration network into a running server.

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "clients/cli/credentials.h"
#include "clients/cli/errors.h"
#include "clients/cli/exit_codes.h"
#include "clients/cli/settings.h"
#include "clients/demonstration/loader.h"
#include "services/common/clock/clock.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"

namespace waterline::demonstration {
namespace {

struct Flags {
  cli::Values tls;  // tls-certificate, tls-key, tls-ca, token-key.
  std::string server = "127.0.0.1:50600";
  std::string as_of;
  std::optional<uint64_t> seed;
};

// On a terminal one line that changes; elsewhere a line at every tenth.
void ShowProgress(const std::string& what, size_t done, size_t total) {
  if (isatty(STDERR_FILENO) == 1) {
    std::fprintf(stderr, "\rloading the demonstration: %zu of %zu (%s)\033[K%s", done, total,
                 what.c_str(), done == total ? "\n" : "");
  } else if (done == total || done * 10 / total != (done - 1) * 10 / total) {
    std::fprintf(stderr, "loading the demonstration: %zu of %zu (%s)\n", done, total, what.c_str());
  }
}

std::string ReportInWords(const LoadReport& report) {
  size_t responses = 0;
  for (const auto& event : report.plan.events) responses += event.responses.size();
  std::string out = report.was_complete ? "The demonstration is loaded completely already; nothing "
                                          "was changed.\n"
                                        : "The demonstration is loaded.\n";
  out += "DEMONSTRATION: network " + report.network +
         ", invented organisations and people: " + std::to_string(report.plan.places.size()) +
         " places, " + std::to_string(report.plan.programmes.size()) + " programmes, " +
         std::to_string(report.plan.events.size()) + " events, " + std::to_string(responses) +
         " rows of answers, in the 24 months before " + text::FormatDate(report.plan.as_of) +
         ".\n\nWhat to look at:\n";
  return out + StoriesInWords(report);
}

// To the service at `path`, as `who`: as the command line's client calls.
absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelOf(const Flags& flags, const Identity& who,
                                                         const char* path) {
  cli::Values settings = flags.tls;
  settings["actor"] = who.actor;
  settings["role"] = who.role;
  settings["purpose"] = who.purpose;
  WATERLINE_ASSIGN_OR_RETURN(const auto credentials, cli::CredentialsOf(settings));
  return grpc::CreateChannel(cli::AddressOf(flags.server, path), credentials);
}

absl::StatusOr<Channels> ChannelsOf(const Flags& flags) {
  constexpr char kRegistry[] = "/waterline.registry.";
  Channels channels;
  WATERLINE_ASSIGN_OR_RETURN(channels.lead_registry, ChannelOf(flags, kLead, kRegistry));
  WATERLINE_ASSIGN_OR_RETURN(channels.lead_events, ChannelOf(flags, kLead, "/waterline.events."));
  WATERLINE_ASSIGN_OR_RETURN(channels.steward_registry, ChannelOf(flags, kSteward, kRegistry));
  return channels;
}

int Fail(const absl::Status& status, const Flags& flags) {
  std::fputs(cli::Explain(status, flags.server).c_str(), stderr);
  return cli::ExitCodeOf(status);
}

int Run(const Flags& flags) {
  const auto channels = ChannelsOf(flags);
  if (!channels.ok()) return Fail(channels.status(), flags);
  LoadOptions options;
  options.seed = flags.seed;
  options.today = text::DayOf(SystemClock().NowMs());
  options.progress = ShowProgress;
  if (!flags.as_of.empty()) {
    options.as_of = text::ParseDate(flags.as_of);
    if (!options.as_of) {
      std::fprintf(stderr, "waterline-demonstration: --as-of is not a date, written YYYY-MM-DD\n");
      return cli::kExitUsage;
    }
  }
  const auto report = Load(*channels, options);
  if (!report.ok()) return Fail(report.status(), flags);
  std::fputs(ReportInWords(*report).c_str(), stdout);
  return cli::kExitDone;
}

}  // namespace
}  // namespace waterline::demonstration

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", 0);  // Our own sentences say what is wrong.
  waterline::demonstration::Flags flags;
  CLI::App app("waterline-demonstration: loads an invented network into a server made for it");
  app.add_option("--server", flags.server,
                 "host:port or unix:/path of waterlined; or registry=...,events=...")
      ->envname("WATERLINE_SERVER")
      ->capture_default_str();
  for (const char* key : {"tls-certificate", "tls-key", "tls-ca", "token-key"})
    app.add_option("--" + std::string(key), flags.tls[key], "as for waterline");
  app.add_option("--as-of", flags.as_of,
                 "YYYY-MM-DD: nothing is later; default today, or the date of a network begun");
  app.add_option("--seed", flags.seed, "of the invented answers; default 1");
  CLI11_PARSE(app, argc, argv);
  return waterline::demonstration::Run(flags);
}
