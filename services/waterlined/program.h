#pragma once

// What the server programs share: flags, log, port file, signals, drain. Thread safety: main's.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/waterlined/admission.h"
#include "services/waterlined/running.h"

namespace CLI {
class App;
}

namespace waterline::deployment {

struct ProgramFlags {
  std::string data;
  std::vector<std::string> listen;  // With its default.
  std::string metrics;
  TlsOptions tls;
  std::string trust;
  std::string log;
  std::string port_file;
  int drain_seconds = 10;

  std::chrono::milliseconds drain_grace() const { return std::chrono::seconds(drain_seconds); }
};

struct Program {
  std::string name;
  std::string about;
  std::string listen_default;
  std::function<void(CLI::App*)> add_flags;  // More than the shared ones; may be empty.
  std::function<absl::StatusOr<std::unique_ptr<Running>>(const ProgramFlags&)> start;
};

// The whole of main: the exit code.
int RunProgram(const Program& program, int argc, char** argv);

// The whole of main of one service in a process of its own.
int RunSeparate(const std::string& service, int argc, char** argv);

}  // namespace waterline::deployment
