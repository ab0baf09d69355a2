#pragma once

// Runs a Task from plain code and blocks this thread until it ends: for main functions and tests,
// never on a gRPC thread.

#include <future>
#include <utility>

#include "services/common/coro/task.h"

namespace waterline::coro {

template <class T>
T SyncWait(Task<T> task) {
  std::promise<T> promise;
  auto future = promise.get_future();
  if constexpr (std::is_void_v<T>) {
    Start(std::move(task), [&promise] { promise.set_value(); });
  } else {
    Start(std::move(task), [&promise](T value) { promise.set_value(std::move(value)); });
  }
  return future.get();
}

}  // namespace waterline::coro
