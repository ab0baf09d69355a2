#pragma once

// A named pool of threads for work that computes for more than about a millisecond (projection,
// import parsing, export encoding), so that gRPC threads stay free.
//
//   co_await pool.Hop();   // the rest of the coroutine runs on the pool
//
// Thread safety: all methods from any thread. The destructor runs what is queued, then joins; no
// Hop may start after that. Queue length is unbounded: callers bound their own concurrency.

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace waterline::coro {

class Pool {
 public:
  // `name` (up to 15 characters) is the thread name that debuggers and /proc show.
  Pool(std::string name, int thread_count);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void Run(std::function<void()> work);

  class HopAwaiter {
   public:
    explicit HopAwaiter(Pool* pool) : pool_(pool) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      pool_->Run([waiter] { waiter.resume(); });
    }
    void await_resume() const noexcept {}

   private:
    Pool* pool_;
  };
  HopAwaiter Hop() { return HopAwaiter(this); }

  // Work queued and not yet started; for metrics.
  size_t depth() const;

 private:
  void Loop();

  const std::string name_;
  mutable std::mutex mutex_;  // Guards queue_ and stopping_. No other lock is taken under it.
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace waterline::coro
