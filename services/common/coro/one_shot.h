#pragma once

// OneShot<T>: awaits one value that plain code delivers later from any thread: the bridge from
// callbacks into coroutines.
//
//   coro::OneShot<absl::Status> done;
//   store->Enqueue(batch, [setter = done.setter()](absl::Status s) mutable {
//     setter.Set(std::move(s));
//   });
//   auto status = co_await done;
//
// Exactly one Set per OneShot, before or after the await. The awaiting coroutine resumes on the
// thread that calls Set, inside Set. The state is shared: either side may go first.
// Thread safety: Set and the await may race; nothing else may.

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

namespace waterline::coro {

template <class T>
class OneShot {
  struct State {
    std::optional<T> value;
    std::coroutine_handle<> waiter;
    std::atomic<bool> first_arrived{false};  // Whoever arrives second resumes the waiter.
  };

 public:
  class Setter {
   public:
    explicit Setter(std::shared_ptr<State> state) : state_(std::move(state)) {}
    void Set(T value) {
      auto state = std::move(state_);
      state->value.emplace(std::move(value));
      if (state->first_arrived.exchange(true, std::memory_order_acq_rel)) state->waiter.resume();
    }

   private:
    std::shared_ptr<State> state_;
  };

  OneShot() : state_(std::make_shared<State>()) {}
  OneShot(const OneShot&) = delete;
  OneShot& operator=(const OneShot&) = delete;

  Setter setter() { return Setter(state_); }

  bool await_ready() const noexcept {
    return state_->first_arrived.load(std::memory_order_acquire);
  }
  bool await_suspend(std::coroutine_handle<> waiter) noexcept {
    state_->waiter = waiter;
    return !state_->first_arrived.exchange(true, std::memory_order_acq_rel);
  }
  T await_resume() { return *std::move(state_->value); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace waterline::coro
