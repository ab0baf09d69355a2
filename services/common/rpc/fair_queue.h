#pragma once

// A bounded queue that is fair per organisation: organisations take turns, and when it is full the
// newest item of the organisation with most items makes room, so that nobody can keep others out.
// Thread safety: one thread at a time.

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>

namespace waterline::rpc {

class FairQueue {
 public:
  explicit FairQueue(size_t size_max) : size_max_(size_max) {}

  // Adds an item; the one that has to go, when the queue is full: perhaps this one.
  std::optional<uint64_t> Push(const std::string& organisation, uint64_t item);
  // The oldest item of the organisation whose turn it is.
  std::optional<uint64_t> Pop();
  void Erase(const std::string& organisation, uint64_t item);
  size_t size() const { return size_; }

 private:
  using Queues = std::map<std::string, std::deque<uint64_t>>;
  void Drop(Queues::iterator queue, std::deque<uint64_t>::iterator item);
  Queues::iterator Longest();

  const size_t size_max_;
  size_t size_ = 0;
  Queues queues_;                 // By organisation; none is empty.
  std::list<std::string> turns_;  // Every organisation of queues_; the first one is next.
};

}  // namespace waterline::rpc
