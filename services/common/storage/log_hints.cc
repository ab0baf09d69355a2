#include "services/common/storage/log_hints.h"

namespace waterline::storage {

void LogHints::Notify(const std::set<LogName>& logs) {
  std::set<std::shared_ptr<Waiter>> woken;
  {
    std::lock_guard lock(mutex_);
    for (const auto& log : logs) {
      auto found = waiters_.find(log);
      if (found == waiters_.end()) continue;
      woken.insert(found->second.begin(), found->second.end());
      waiters_.erase(found);
    }
  }
  for (const auto& waiter : woken) waiter->Fire(true);
}

std::shared_ptr<LogHints::Waiter> LogHints::Arm(const std::vector<LogName>& logs) {
  auto waiter = std::make_shared<Waiter>();
  std::lock_guard lock(mutex_);
  for (const auto& log : logs) waiters_[log].insert(waiter);
  return waiter;
}

coro::Task<bool> LogHints::Await(std::shared_ptr<Waiter> waiter,
                                 std::chrono::milliseconds timeout) {
  coro::Start(FireLater(&timers_, waiter, timeout), [] {});
  const bool notified = co_await waiter->done;
  Disarm(waiter);
  co_return notified;
}

void LogHints::Disarm(const std::shared_ptr<Waiter>& waiter) {
  std::lock_guard lock(mutex_);
  for (auto entry = waiters_.begin(); entry != waiters_.end();) {
    entry->second.erase(waiter);
    entry = entry->second.empty() ? waiters_.erase(entry) : std::next(entry);
  }
}

coro::Task<void> LogHints::FireLater(coro::Timers* timers, std::shared_ptr<Waiter> waiter,
                                     std::chrono::milliseconds timeout) {
  co_await timers->Sleep(timeout);
  waiter->Fire(false);
}

}  // namespace waterline::storage
