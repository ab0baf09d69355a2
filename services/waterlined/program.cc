#include "services/waterlined/program.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "services/common/log/log.h"
#include "services/waterlined/separate.h"

namespace waterline::deployment {
namespace {

void AddFlags(CLI::App* app, ProgramFlags* flags) {
  app->set_config("--config", "", "Read flags from this file (TOML)");
  app->allow_config_extras(CLI::config_extras_mode::error);  // A key nobody knows is a mistake.
  app->add_option("--data", flags->data, "Data folder, made by `waterline admin init`")
      ->required()
      ->envname("WATERLINE_DATA");
  app->add_option("--listen", flags->listen, "host:port or unix:/path; port 0 is a free one")
      ->capture_default_str()
      ->envname("WATERLINE_LISTEN");
  app->add_option("--metrics", flags->metrics, "host:port for /metrics; none by default")
      ->envname("WATERLINE_METRICS");
  app->add_option("--tls-certificate", flags->tls.certificate,
                  "Our certificate, then its intermediates (PEM); without it callers are believed, "
                  "which only a network made with --development allows")
      ->envname("WATERLINE_TLS_CERTIFICATE");
  app->add_option("--tls-key", flags->tls.key, "The key of our certificate (PEM)")
      ->envname("WATERLINE_TLS_KEY");
  app->add_option("--trust", flags->trust,
                  "Folder of whom the network trusts; by default `trust` in the data folder")
      ->envname("WATERLINE_TRUST");
  app->add_option("--log", flags->log, "Append JSON lines to this file; standard error by default");
  app->add_option("--port-file", flags->port_file, "Write the port here once listening");
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

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int Serve(const Program& program, const ProgramFlags& flags) {
  const char* name = program.name.c_str();
  auto started = program.start(flags);
  if (!started.ok()) {
    std::fprintf(stderr, "%s: %s\n", name, std::string(started.status().message()).c_str());
    return 1;
  }
  auto& server = **started;
  log::Info("serving",
            {{"port", int64_t{server.port()}}, {"metrics_port", int64_t{server.metrics_port()}}});
  if (!flags.port_file.empty() && !WritePort(flags.port_file, server.port())) {
    std::fprintf(stderr, "%s: cannot write %s\n", name, flags.port_file.c_str());
    return 1;
  }
  const sigset_t signals = EndSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  log::Info("draining", {{"signal", int64_t{signal}}});
  server.Drain();
  log::Info("stopped");
  return 0;
}

void AddLinkFlags(CLI::App* app, SeparateOptions* options) {
  for (const auto& service : LinksOf(options->service)) {
    std::string variable = "WATERLINE_" + service;
    for (char& c : variable) c = static_cast<char>(std::toupper(c));
    app->add_option("--" + service, options->links[service],
                    "The internal address of " + service + ": host:port or unix:/path")
        ->required()
        ->envname(variable);
  }
  if (!HasInternal(options->service)) return;
  app->add_option("--internal-listen", options->internal_listen,
                  "Where the host's other services call: a loopback address or unix:/path")
      ->required()
      ->envname("WATERLINE_INTERNAL_LISTEN");
}

}  // namespace

int RunProgram(const Program& program, int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", 0);  // Our own sentences say what is wrong.
  // Blocked before any thread starts, so that only sigwait sees them.
  const sigset_t signals = EndSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ProgramFlags flags;
  flags.listen = {program.listen_default};
  CLI::App app(program.name + ": " + program.about);
  AddFlags(&app, &flags);
  if (program.add_flags) program.add_flags(&app);
  CLI11_PARSE(app, argc, argv);
  if (!flags.log.empty() && !log::OpenFile(flags.log)) {
    std::fprintf(stderr, "%s: cannot open the log file %s\n", program.name.c_str(),
                 flags.log.c_str());
    return 1;
  }
  return Serve(program, flags);
}

int RunSeparate(const std::string& service, int argc, char** argv) {
  SeparateOptions options;
  options.service = service;
  Program program;
  program.name = "waterline-" + service;
  program.about = service + " in a process of its own";
  program.listen_default = "127.0.0.1:0";
  program.add_flags = [&options](CLI::App* app) { AddLinkFlags(app, &options); };
  program.start =
      [&options](const ProgramFlags& flags) -> absl::StatusOr<std::unique_ptr<Running>> {
    options.data = flags.data;
    options.listen = flags.listen;
    options.metrics = flags.metrics;
    options.tls = flags.tls;
    options.trust = flags.trust;
    options.drain_grace = flags.drain_grace();
    return Separate::Start(options);
  };
  return RunProgram(program, argc, argv);
}

}  // namespace waterline::deployment
