#pragma once

// Draft<T>: an answer that has not left. The only way from a Draft to bytes is Gate::Release,
// which attaches the receipt of the decision it rests on. rpc registers a GATED method only if its
// handler returns a Draft (compile time). Thread safety: values; one thread at a time.

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::gate {

class Gate;
template <class T>
class Draft;

// A permit, its question and when it came. Copies share nothing that changes.
class Decision {
 public:
  const accountability::v1::Receipt& receipt() const { return answer_.receipt(); }
  const common::v1::LedgerPosition& position() const { return answer_.receipt().position(); }
  common::v1::ReleaseLevel level() const { return answer_.level(); }
  // How counts must be released when the level is AGGREGATE.
  accountability::v1::SmallNumberPolicy small_numbers() const { return answer_.small_numbers(); }
  // Whether row `i` of the question's records may leave at all. A row that was not asked about may
  // not. The gate makes no Decision that has less to say than it was asked.
  bool Shows(int i) const {
    if (i >= question_.records_size()) return false;
    return answer_.records().empty() ||
           answer_.records(i).level() > common::v1::RELEASE_LEVEL_NOTHING;
  }

 private:
  friend class Gate;
  accountability::v1::Question question_;
  accountability::v1::Decision answer_;
  std::string rows_field_;  // Of the response: see Ask.
  std::chrono::steady_clock::time_point decided_at_;
  std::shared_ptr<const std::atomic<bool>> cancelled_;  // Of the call it was made for.
  std::chrono::steady_clock::time_point deadline_;      // Likewise.
};

// What may go on the wire, with its receipt. Made by Gate only.
template <class T>
class Released {
 public:
  T&& TakeMessage() && { return std::move(message_); }
  const T& message() const { return message_; }
  const accountability::v1::Receipt& receipt() const { return receipt_; }

 private:
  friend class Gate;
  T message_;
  accountability::v1::Receipt receipt_;
};

template <class T>
class Draft {
 public:
  Draft(T message, Decision decision)
      : message_(std::move(message)), decision_(std::move(decision)) {}

 private:
  friend class Gate;
  T message_;
  Decision decision_;
};

}  // namespace waterline::gate
