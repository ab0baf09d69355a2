#include "tests/bench/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <vector>

namespace waterline::bench {
namespace {

// Everything until the other side closes.
std::string ReadAll(int file) {
  std::string text;
  char buffer[512];
  while (true) {
    const ssize_t got = read(file, buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

void WriteAndClose(int file, const std::string& text) {
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  if (!written) _exit(1);
}

// What holds the children that were started before: a later child must not hold them too.
std::vector<int>& Holds() {
  static std::vector<int> holds;
  return holds;
}

// The child's whole life: its port, or why there is none, goes through `answer`.
[[noreturn]] void Live(const Child::Serve& serve, int answer, int hold) {
  bool answered = false;
  const absl::Status status = serve([&](int port) {
    WriteAndClose(answer, std::to_string(port));
    answered = true;
    ReadAll(hold);
  });
  if (!answered) WriteAndClose(answer, std::string(status.message()));
  _exit(status.ok() ? 0 : 1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Child>> Child::Start(const Serve& serve) {
  int answer[2];
  int hold[2];
  if (pipe2(answer, O_CLOEXEC) != 0 || pipe2(hold, O_CLOEXEC) != 0)
    return absl::UnavailableError("cannot make a pipe");
  const pid_t pid = fork();
  if (pid < 0) return absl::UnavailableError("cannot start another process");
  if (pid == 0) {
    close(answer[0]);
    close(hold[1]);
    for (int earlier : Holds()) close(earlier);
    Live(serve, answer[1], hold[0]);
  }
  close(answer[1]);
  close(hold[0]);
  Holds().push_back(hold[1]);
  const std::string text = ReadAll(answer[0]);
  close(answer[0]);
  int port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  std::unique_ptr<Child> child(new Child(pid, hold[1], port));
  if (port == 0) return absl::UnavailableError("a server did not start: " + text);
  return child;
}

Child::~Child() {
  std::erase(Holds(), hold_);
  close(hold_);
  waitpid(pid_, nullptr, 0);
}

double Child::cpu_seconds() const {
  clockid_t clock = 0;
  timespec time = {};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace waterline::bench
