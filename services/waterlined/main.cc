// waterlined: all four services in one process on the embedded store. Flags: --help.

#include "services/waterlined/assembly.h"
#include "services/waterlined/program.h"

namespace waterline::deployment {
namespace {

class RunningWaterlined : public Running {
 public:
  explicit RunningWaterlined(std::unique_ptr<Waterlined> server) : server_(std::move(server)) {}
  int port() const override { return server_->port(); }
  int metrics_port() const override { return server_->metrics_port(); }
  void Drain() override { server_->Drain(); }

 private:
  const std::unique_ptr<Waterlined> server_;
};

absl::StatusOr<std::unique_ptr<Running>> Start(const ProgramFlags& flags) {
  ServeOptions options;
  options.data = flags.data;
  options.listen = flags.listen;
  options.metrics = flags.metrics;
  options.drain_grace = flags.drain_grace();
  auto started = Waterlined::Start(std::move(options));
  if (!started.ok()) return started.status();
  return std::make_unique<RunningWaterlined>(*std::move(started));
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
