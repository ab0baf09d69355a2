#include "tests/bench/restart.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "services/common/rpc/status_wire.h"
#include "services/common/status/macros.h"
#include "tests/bench/load.h"
#include "waterline/accountability/v1/accountability_service.grpc.pb.h"
#include "waterline/events/v1/events_service.grpc.pb.h"

namespace waterline::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookEvery{1};
constexpr std::chrono::seconds kPatience{120};

// waterlined as a process, gone with its object.
class Program {
 public:
  explicit Program(const std::string& data) : port_file_(data + "/bench-port") {
    std::filesystem::remove(port_file_);
    const auto program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "waterlined";
    const std::string log = data + "/log.jsonl";
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl(program.c_str(), program.c_str(), "--data", data.c_str(), "--listen", "127.0.0.1:0",
          "--port-file", port_file_.c_str(), "--log", log.c_str(), nullptr);
    _exit(127);
  }
  ~Program() { Kill(); }

  // 0 when it ends instead.
  int WaitForPort() {
    int port = 0;
    while (port == 0 && waitpid(pid_, nullptr, WNOHANG) == 0) {
      std::ifstream(port_file_) >> port;
      if (port == 0) std::this_thread::sleep_for(kLookEvery);
    }
    return port;
  }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  const std::string port_file_;
  pid_t pid_ = -1;
};

void Prepare(grpc::ClientContext* context) {
  Identify(context);
  context->set_wait_for_ready(true);
  context->set_deadline(std::chrono::system_clock::now() + kPatience);
}

absl::Status Read(const std::shared_ptr<grpc::Channel>& channel, const std::string& event) {
  events::v1::GetEventRequest request;
  request.set_name(event);
  events::v1::GetEventResponse response;
  grpc::ClientContext context;
  Prepare(&context);
  return rpc::FromGrpc(
      events::v1::EventsService::NewStub(channel)->GetEvent(&context, request, &response));
}

// The second line of a checkpoint is the size of its tree.
absl::StatusOr<uint64_t> Entries(const std::shared_ptr<grpc::Channel>& channel) {
  using Ledger = accountability::v1::AccountabilityService;
  accountability::v1::GetCheckpointResponse response;
  grpc::ClientContext context;
  WATERLINE_RETURN_IF_ERROR(rpc::FromGrpc(Ledger::NewStub(channel)->GetCheckpoint(
      &context, accountability::v1::GetCheckpointRequest(), &response)));
  std::istringstream lines(response.checkpoint());
  std::string origin;
  uint64_t size = 0;
  lines >> origin >> size;
  return size;
}

std::shared_ptr<grpc::Channel> ChannelTo(int port) {
  return grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                             grpc::InsecureChannelCredentials());
}

}  // namespace

absl::StatusOr<Restart> RestartUnderKill(const std::string& data, const std::string& event) {
  Restart restart;
  Program first(data);
  const int port = first.WaitForPort();
  if (port == 0) return absl::UnavailableError("waterlined did not start on " + data);
  const auto channel = ChannelTo(port);
  WATERLINE_RETURN_IF_ERROR(Read(channel, event));
  WATERLINE_ASSIGN_OR_RETURN(restart.entries, Entries(channel));
  const auto killed = steady_clock::now();
  first.Kill();
  Program second(data);
  const int next = second.WaitForPort();
  if (next == 0) return absl::UnavailableError("waterlined did not start again on " + data);
  WATERLINE_RETURN_IF_ERROR(Read(ChannelTo(next), event));
  restart.pause_ms =
      std::chrono::duration<double, std::milli>(steady_clock::now() - killed).count();
  return restart;
}

}  // namespace waterline::bench
