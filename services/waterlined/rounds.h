#pragma once

// Work in the background that begins at once and comes again after a while, on a thread of its own.
// Thread safety: Start and Stop from one thread; stopping from any.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace waterline::deployment {

class Rounds {
 public:
  Rounds(std::chrono::milliseconds period, std::function<void()> round)
      : period_(period), round_(std::move(round)) {}
  ~Rounds() { Stop(); }

  void Start();  // The first round begins at once.
  void Stop();   // Waits for the round under way, which may ask `stopping` to end early.
  bool stopping() const;

 private:
  void Loop();

  const std::chrono::milliseconds period_;
  const std::function<void()> round_;
  mutable std::mutex mutex_;  // Guards stopping_. No other lock is taken under it.
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace waterline::deployment
