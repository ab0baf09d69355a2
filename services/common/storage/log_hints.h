#pragma once

// Who waits for which log, for stores inside one process.
// Thread safety: all methods from any thread.

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/common/coro/one_shot.h"
#include "services/common/coro/task.h"
#include "services/common/coro/timers.h"
#include "services/common/storage/store.h"

namespace waterline::storage {

class LogHints {
 public:
  using LogName = std::pair<std::string, std::string>;  // (partition id, log)

  // Wakes everyone who waits for one of `logs`.
  void Notify(const std::set<LogName>& logs);

  // True when notified, false at the timeout. `Arm` before looking at the log, `Await` after: a
  // change in between is not missed.
  class Waiter {
   public:
    coro::OneShot<bool> done;
    std::atomic<bool> fired{false};
    coro::OneShot<bool>::Setter setter = done.setter();
    void Fire(bool notified) {
      if (!fired.exchange(true)) setter.Set(notified);
    }
  };
  std::shared_ptr<Waiter> Arm(const std::vector<LogName>& logs);
  coro::Task<bool> Await(std::shared_ptr<Waiter> waiter, std::chrono::milliseconds timeout);
  void Disarm(const std::shared_ptr<Waiter>& waiter);

 private:
  static coro::Task<void> FireLater(coro::Timers* timers, std::shared_ptr<Waiter> waiter,
                                    std::chrono::milliseconds timeout);

  std::mutex mutex_;  // Guards waiters_. No other lock is taken under it.
  std::map<LogName, std::set<std::shared_ptr<Waiter>>> waiters_;
  coro::Timers timers_;
};

}  // namespace waterline::storage
