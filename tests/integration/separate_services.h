#pragma once

// The four services in processes of their own, on the folders that `admin init --separate` made:
// started in any order, killed and started again one by one. With parties each has a certificate of
// the host, and clients connect with that of their organisation.

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "services/waterlined/separate.h"
#include "tests/integration/parties.h"

namespace waterline::testing {

inline constexpr char kHost[] = "local-test-board";
inline constexpr const char* kSeparateServices[] = {"inference", "events", "registry",
                                                    "accountability"};

class SeparateServices {
 public:
  // Starts all four, those that wait for others first, and waits until they serve; or none.
  // `parties` outlives it; nullptr: development identity.
  explicit SeparateServices(std::filesystem::path data, bool start = true,
                            const Parties* parties = nullptr)
      : data_(std::move(data)), parties_(parties) {
    std::string files = ::testing::TempDir() + "wl-XXXXXX";
    EXPECT_NE(mkdtemp(files.data()), nullptr);
    files_ = files;
    if (!start) return;
    for (const char* service : kSeparateServices) Start(service);
    for (const char* service : kSeparateServices) WaitUntilServing(service);
  }
  ~SeparateServices() {
    // A draining server waits for its clients, and nobody reads an idle channel.
    channels_.clear();
    for (const char* service : kSeparateServices) {
      if (pids_[service] > 0) kill(pids_[service], SIGTERM);
    }
    for (const char* service : kSeparateServices) {
      if (pids_[service] > 0) {
        EXPECT_EQ(Wait(service), 0) << service;
      }
    }
    std::filesystem::remove_all(files_);
  }
  SeparateServices(const SeparateServices&) = delete;
  SeparateServices& operator=(const SeparateServices&) = delete;

  // On the port it had before, if any, so that clients find it again.
  void Start(const std::string& service) {
    const int watch = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(watch, files_.c_str(), IN_MOVED_TO);
    std::vector<std::string> words = Words(service);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string errors = files_ / (service + ".stderr");
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // Also when the test ends without its destructors.
      const int out = open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(out, STDERR_FILENO);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    pids_[service] = pid;
    WaitForPort(watch, pid);
    close(watch);
    std::ifstream(files_ / (service + ".port")) >> ports_[service];
    ASSERT_NE(ports_[service], 0) << service << ": " << std::ifstream(errors).rdbuf();
  }

  int Kill(const std::string& service) {
    kill(pids_[service], SIGKILL);
    return Wait(service);
  }

  // The way of the organisation's clients to the service of a method; empty: of the host's.
  std::shared_ptr<grpc::Channel> channel(std::string_view path, std::string organisation = "") {
    for (const char* service : kSeparateServices) {
      if (path.starts_with("/waterline." + std::string(service) + "."))
        return ChannelTo(service, organisation);
    }
    ADD_FAILURE() << "no service has " << path;
    return nullptr;
  }
  pid_t pid(const std::string& service) { return pids_[service]; }
  std::filesystem::path Log(const std::string& service) const {
    return files_ / (service + ".log");
  }

  // What the health service says: 1 serving, 2 not serving.
  int Health(const std::string& service) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    grpc::ByteBuffer answer;
    grpc::ByteBuffer question;
    grpc::Slice nothing;
    question = grpc::ByteBuffer(&nothing, 1);
    const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                           grpc::internal::RpcMethod::NORMAL_RPC);
    const auto status = grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
        ChannelTo(service, "").get(), method, &context, question, &answer);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(answer.Dump(&slices).ok());
    return slices.empty() || slices[0].size() < 2 ? 0 : slices[0].begin()[1];
  }
  void WaitUntilServing(const std::string& service) {
    while (Health(service) != 1) std::this_thread::yield();
  }
  void WaitUntilNotServing(const std::string& service) {
    while (Health(service) != 2) std::this_thread::yield();
  }

 private:
  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& service,
                                           const std::string& organisation) {
    const std::string client = organisation.empty() ? std::string(kHost) : organisation;
    std::lock_guard lock(mutex_);
    auto& channel = channels_[{service, parties_ == nullptr ? "" : client}];
    if (channel != nullptr) return channel;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
    channel = grpc::CreateCustomChannel(
        "localhost:" + std::to_string(ports_[service]),
        parties_ == nullptr ? grpc::InsecureChannelCredentials() : parties_->Credentials(client),
        arguments);
    return channel;
  }
  static void WaitForPort(int watch, pid_t pid) {
    const int life = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    pollfd events[] = {{watch, POLLIN, 0}, {life, POLLIN, 0}};
    poll(events, 2, -1);
    close(life);
  }
  std::string Internal(const std::string& service) const {
    return "unix:" + (files_ / (service + ".socket")).string();
  }
  std::vector<std::string> Words(const std::string& service) {
    const std::string port = std::to_string(ports_[service]);
    const char* programs = std::getenv("WATERLINE_PROGRAMS");
    EXPECT_NE(programs, nullptr) << "says where the programs are; ctest sets it";
    std::vector<std::string> words = {
        std::string(programs == nullptr ? "" : programs) + "/waterline-" + service,
        "--data",
        data_ / service,
        "--listen",
        "127.0.0.1:" + port,
        "--port-file",
        files_ / (service + ".port"),
        "--log",
        Log(service)};
    for (const auto& other : deployment::LinksOf(service)) {
      words.push_back("--" + other);
      words.push_back(Internal(other));
    }
    if (deployment::HasInternal(service)) {
      words.push_back("--internal-listen");
      words.push_back(Internal(service));
    }
    if (parties_ != nullptr) {
      const auto own = parties_->Files(kHost, service);
      const auto trust = data_ / "accountability" / "trust";
      words.insert(words.end(), {"--tls-certificate", own.certificate, "--tls-key", own.key,
                                 "--trust", trust.string()});
    }
    return words;
  }
  // The exit code, or minus the signal that ended it.
  int Wait(const std::string& service) {
    int status = 0;
    waitpid(pids_[service], &status, 0);
    pids_[service] = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  const std::filesystem::path data_;
  std::filesystem::path files_;
  std::map<std::string, pid_t> pids_;
  std::map<std::string, int> ports_;
  const Parties* const parties_;
  std::mutex mutex_;  // Guards channels_.
  std::map<std::pair<std::string, std::string>, std::shared_ptr<grpc::Channel>>
      channels_;  // By service and organisation.
};

}  // namespace waterline::testing
