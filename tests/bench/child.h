#pragma once

// A server in a process of its own, so that its CPU time is its own. The child ends when its parent
// does. Thread safety: one thread; Start before the process has any other thread.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace waterline::bench {

class Child {
 public:
  // `serve` runs in the child: starts a server, calls `ready` with its port, and returns once
  // `ready` has returned, which is when the parent lets the child go.
  using Ready = std::function<void(int port)>;
  using Serve = std::function<absl::Status(const Ready& ready)>;
  static absl::StatusOr<std::unique_ptr<Child>> Start(const Serve& serve);
  ~Child();  // Lets the child go and waits for its end.

  int port() const { return port_; }
  // CPU time of all threads of the child so far.
  double cpu_seconds() const;

 private:
  Child(pid_t pid, int hold, int port) : pid_(pid), hold_(hold), port_(port) {}

  const pid_t pid_;
  const int hold_;  // Closing it lets the child go.
  const int port_;
};

}  // namespace waterline::bench
