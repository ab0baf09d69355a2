// waterlined: all four services in one process on the embedded store. Flags: --help.

#include "services/waterlined/assembly.h"
#include "services/waterlined/program.h"

namespace waterline::deployment {
namespace {

absl::StatusOr<std::unique_ptr<Running>> Start(const ProgramFlags& flags) {
  ServeOptions options;
  options.data = flags.data;
  options.listen = flags.listen;
  options.metrics = flags.metrics;
  options.tls = flags.tls;
  options.trust = flags.trust;
  options.drain_grace = flags.drain_grace();
  return Waterlined::Start(std::move(options));
}

}  // namespace
}  // namespace waterline::deployment

int main(int argc, char** argv) {
  waterline::deployment::Program program;
  program.name = "waterlined";
  program.about = "registry, events, inference and accountability in one process";
  program.listen_default = "127.0.0.1:50600";
  program.start = waterline::deployment::Start;
  return waterline::deployment::RunProgram(program, argc, argv);
}
