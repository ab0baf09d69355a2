#include "services/common/rpc/fair_queue.h"

#include <algorithm>

namespace waterline::rpc {

std::optional<uint64_t> FairQueue::Push(const std::string& organisation, uint64_t item) {
  auto& queue = queues_[organisation];
  if (queue.empty()) turns_.push_back(organisation);
  queue.push_back(item);
  if (++size_ <= size_max_) return std::nullopt;
  const auto longest = Longest();
  // Among equals the one who comes last goes.
  const auto own = queues_.find(organisation);
  const auto victim = own->second.size() == longest->second.size() ? own : longest;
  const uint64_t displaced = victim->second.back();
  Drop(victim, std::prev(victim->second.end()));
  return displaced;
}

std::optional<uint64_t> FairQueue::Pop() {
  if (turns_.empty()) return std::nullopt;
  const std::string organisation = turns_.front();
  turns_.splice(turns_.end(), turns_, turns_.begin());
  const auto queue = queues_.find(organisation);
  const uint64_t item = queue->second.front();
  Drop(queue, queue->second.begin());
  return item;
}

void FairQueue::Erase(const std::string& organisation, uint64_t item) {
  const auto queue = queues_.find(organisation);
  if (queue == queues_.end()) return;
  const auto found = std::find(queue->second.begin(), queue->second.end(), item);
  if (found != queue->second.end()) Drop(queue, found);
}

void FairQueue::Drop(Queues::iterator queue, std::deque<uint64_t>::iterator item) {
  queue->second.erase(item);
  --size_;
  if (!queue->second.empty()) return;
  turns_.remove(queue->first);
  queues_.erase(queue);
}

FairQueue::Queues::iterator FairQueue::Longest() {
  return std::max_element(queues_.begin(), queues_.end(), [](const auto& a, const auto& b) {
    return a.second.size() < b.second.size();
  });
}

}  // namespace waterline::rpc
