#pragma once

// waterlined as a process of its own: started with fork and exec, ended by signals.
// Nothing here waits by sleeping: the port file is watched, and so is the process.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "services/common/testing/random.h"
#include "tests/integration/fixture.h"

namespace waterline::testing {

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

// A folder that goes with its object.
class Folder {
 public:
  Folder() {
    std::string path = ::testing::TempDir() + "waterline-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    path_ = path;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Process {
 public:
  // Starts waterlined on `data` and waits until it serves or has ended. `flags` are added.
  explicit Process(const std::filesystem::path& data, const std::vector<std::string>& flags = {})
      : files_(std::make_unique<Folder>()) {
    const int watch = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(watch, files_->path().c_str(), IN_MOVED_TO);
    const std::string port_file = files_->path() / "port";
    std::vector<std::string> words = {WATERLINED_PROGRAM, "--data",      data.string(),
                                      "--listen",         "127.0.0.1:0", "--port-file",
                                      port_file,          "--log",       Log().string()};
    words.insert(words.end(), flags.begin(), flags.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string errors = files_->path() / "stderr";
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // Also when the test ends without its destructors.
      const int out = open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(out, STDERR_FILENO);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    const int life = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    pollfd events[] = {{watch, POLLIN, 0}, {life, POLLIN, 0}};
    poll(events, 2, -1);
    close(watch);
    close(life);
    std::ifstream(port_file) >> port_;
    if (port_ != 0)
      channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(port_),
                                     grpc::InsecureChannelCredentials());
  }
  ~Process() {
    if (pid_ > 0) Kill();
  }

  bool serving() const { return port_ != 0; }
  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::shared_ptr<grpc::Channel> channel() const { return channel_; }
  std::filesystem::path Log() const { return files_->path() / "log"; }
  std::string Errors() const { return ReadFile(files_->path() / "stderr"); }

  void Signal(int signal) const { kill(pid_, signal); }
  // The exit code, or minus the signal that ended it.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int Kill() {
    Signal(SIGKILL);
    return Wait();
  }
  int Terminate() {
    Signal(SIGTERM);
    return Wait();
  }

  // The highest resident memory so far, in KiB.
  size_t PeakMemoryKib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    std::string word;
    size_t kib = 0;
    while (status >> word) {
      if (word == "VmHWM:") status >> kib;
    }
    return kib;
  }

 private:
  std::unique_ptr<Folder> files_;
  pid_t pid_ = -1;
  int port_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace waterline::testing
