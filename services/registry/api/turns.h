#pragma once

// Turns: of the coroutines that name the same key one goes on at a time, in the order in which they
// came. Those of other keys do not wait.
//
//   Turns::Turn turn(&turns, person);
//   co_await turn;   // until those before it are done; ours until `turn` goes out of scope
//
// Whoever holds a turn takes no other one. Thread safety: any thread. `pool` outlives the turns; on
// it goes on who had to wait.

#include <coroutine>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "services/common/coro/pool.h"

namespace waterline::registry {

class Turns {
 public:
  explicit Turns(coro::Pool* pool) : pool_(pool) {}

  class Turn {
   public:
    Turn(Turns* turns, std::string key) : turns_(turns), key_(std::move(key)) {}
    ~Turn() {
      if (is_ours_) turns_->Pass(key_);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiter) { return turns_->Wait(key_, waiter); }
    void await_resume() noexcept { is_ours_ = true; }

   private:
    Turns* const turns_;
    const std::string key_;
    bool is_ours_ = false;
  };

 private:
  // False: nobody is before it, and the turn is taken.
  bool Wait(const std::string& key, std::coroutine_handle<> waiter) {
    std::lock_guard lock(mutex_);
    const auto [taken, is_free] = waiting_.try_emplace(key);
    if (!is_free) taken->second.push_back(waiter);
    return !is_free;
  }

  void Pass(const std::string& key) {
    std::coroutine_handle<> next;
    {
      std::lock_guard lock(mutex_);
      const auto taken = waiting_.find(key);
      if (taken->second.empty()) {
        waiting_.erase(taken);
        return;
      }
      next = taken->second.front();
      taken->second.pop_front();
    }
    pool_->Run([next] { next.resume(); });
  }

  coro::Pool* const pool_;
  std::mutex mutex_;  // Guards waiting_. No other lock is taken under it.
  std::map<std::string, std::deque<std::coroutine_handle<>>> waiting_;  // Of the keys in use.
};

}  // namespace waterline::registry
