#include "services/common/coro/timers.h"

namespace waterline::coro {

Timers::Timers() : thread_([this] { Loop(); }) {}

Timers::~Timers() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Timers::Add(Clock::time_point due, std::coroutine_handle<> waiter) {
  {
    std::lock_guard lock(mutex_);
    waiting_.emplace(due, waiter);
  }
  wake_.notify_all();
}

void Timers::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (waiting_.empty()) {
      if (stopping_) return;
      wake_.wait(lock);
      continue;
    }
    auto first = waiting_.begin();
    if (!stopping_ && first->first > Clock::now()) {
      wake_.wait_until(lock, first->first);
      continue;
    }
    auto waiter = first->second;
    waiting_.erase(first);
    lock.unlock();
    waiter.resume();
    lock.lock();
  }
}

}  // namespace waterline::coro
