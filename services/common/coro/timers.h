#pragma once

// Awaitable time. One thread keeps all timers of a process on the monotonic clock.
//
//   co_await timers.Sleep(std::chrono::seconds(1));   // resumes on the timer thread
//
// Work after a Sleep that is more than a few microseconds hops to a pool first.
// Thread safety: all methods from any thread. The destructor resumes every sleeper at once, early;
// loops check their own stop flag after each Sleep.

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <map>
#include <mutex>
#include <thread>

namespace waterline::coro {

class Timers {
 public:
  using Clock = std::chrono::steady_clock;

  Timers();
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  class SleepAwaiter {
   public:
    SleepAwaiter(Timers* timers, Clock::time_point due) : timers_(timers), due_(due) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) { timers_->Add(due_, waiter); }
    void await_resume() const noexcept {}

   private:
    Timers* timers_;
    Clock::time_point due_;
  };
  SleepAwaiter Sleep(Clock::duration duration) {
    return SleepAwaiter(this, Clock::now() + duration);
  }

 private:
  void Add(Clock::time_point due, std::coroutine_handle<> waiter);
  void Loop();

  std::mutex mutex_;  // Guards the rest. No other lock is taken under it.
  std::condition_variable wake_;
  std::multimap<Clock::time_point, std::coroutine_handle<>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace waterline::coro
