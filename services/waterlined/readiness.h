#pragma once

// What a process waits for. It is ready once everything has answered, and for as long as what it
// cannot do without answers. Thread safety: Set and Stop from any thread.

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace waterline::deployment {

class Readiness {
 public:
  // `on_change` is told under the lock, so that it is told in order.
  Readiness(const std::vector<std::string>& waits_for, std::string indispensable,
            std::function<void(bool ready)> on_change);

  // Says what it waits for, or that it is ready. Logs each change in a sentence.
  void Begin();
  // OK: it answers; otherwise why not. On every change.
  void Set(const std::string& service, const absl::Status& state);
  void Stop();  // Nothing is told any more.

 private:
  bool IsReady() const;
  void Tell();

  const std::string indispensable_;
  const std::function<void(bool)> on_change_;
  std::mutex mutex_;  // Guards the rest. Health's own lock is taken under it.
  std::map<std::string, absl::Status> states_;
  std::set<std::string> never_answered_;
  bool has_begun_ = false;
  bool is_ready_ = false;
  bool is_stopped_ = false;
};

}  // namespace waterline::deployment
