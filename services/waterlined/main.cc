// waterlined: all four services in one process on the embedded store. Flags: --help.

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "services/common/log/log.h"
#include "services/waterlined/assembly.h"

namespace {

struct Flags {
  waterline::deployment::ServeOptions serve;
  std::string log;
  std::string port_file;
  int drain_seconds = 10;
};

void AddFlags(CLI::App* app, Flags* flags) {
  app->set_config("--config", "", "Read flags from this file (TOML)");
  app->allow_config_extras(CLI::config_extras_mode::error);  // A key nobody knows is a mistake.
  app->add_option("--data", flags->serve.data, "Data folder, made by `waterline admin init`")
      ->required()
      ->envname("WATERLINE_DATA");
  app->add_option("--listen", flags->serve.listen, "host:port or unix:/path; port 0 is a free one")
      ->capture_default_str()
      ->envname("WATERLINE_LISTEN");
  app->add_option("--metrics", flags->serve.metrics, "host:port for /metrics; none by default")
      ->envname("WATERLINE_METRICS");
  app->add_option("--log", flags->log, "Append JSON lines to this file; standard error by default");
  app->add_option("--port-file", flags->port_file, "Write the port here once serving");
  app->add_option("--drain-seconds", flags->drain_seconds,
                  "Grace for calls under way after SIGTERM")
      ->capture_default_str()
      ->check(CLI::Range(0, 600));
}

// Writes in one step, so that a reader never sees half a number.
bool WritePort(const std::string& path, int port) {
  const std::string temporary = path + ".new";
  std::ofstream file(temporary);
  file << port << '\n';
  file.close();
  return file && std::rename(temporary.c_str(), path.c_str()) == 0;
}

int Serve(Flags flags) {
  flags.serve.drain_grace = std::chrono::seconds(flags.drain_seconds);
  auto started = waterline::deployment::Waterlined::Start(flags.serve);
  if (!started.ok()) {
    std::fprintf(stderr, "waterlined: %s\n", std::string(started.status().message()).c_str());
    return 1;
  }
  auto& server = **started;
  waterline::log::Info("serving", {{"port", int64_t{server.port()}},
                                   {"metrics_port", int64_t{server.metrics_port()}}});
  if (!flags.port_file.empty() && !WritePort(flags.port_file, server.port())) {
    std::fprintf(stderr, "waterlined: cannot write %s\n", flags.port_file.c_str());
    return 1;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  sigwait(&signals, &signal);
  waterline::log::Info("draining", {{"signal", int64_t{signal}}});
  server.Drain();
  waterline::log::Info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", 0);  // Our own sentences say what is wrong.
  // Blocked before any thread starts, so that only sigwait sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Flags flags;
  CLI::App app("waterlined: registry, events, inference and accountability in one process");
  AddFlags(&app, &flags);
  CLI11_PARSE(app, argc, argv);
  if (!flags.log.empty() && !waterline::log::OpenFile(flags.log)) {
    std::fprintf(stderr, "waterlined: cannot open the log file %s\n", flags.log.c_str());
    return 1;
  }
  return Serve(std::move(flags));
}
