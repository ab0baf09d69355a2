#include "services/waterlined/rounds.h"

namespace waterline::deployment {

void Rounds::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Rounds::Stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Rounds::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void Rounds::Loop() {
  while (true) {
    round_();
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, period_, [this] { return stopping_; })) return;
  }
}

}  // namespace waterline::deployment
