#pragma once

// A server of this project that has started: waterlined, or one service in a process of its own.
// Thread safety: Drain from one thread; the rest from any.

namespace waterline::deployment {

class Running {
 public:
  virtual ~Running() = default;
  virtual int port() const = 0;
  virtual int metrics_port() const = 0;
  // Stops serving, gives calls under way their grace, ends.
  virtual void Drain() = 0;
};

}  // namespace waterline::deployment
