#pragma once

// Gives every agreement whose end has come its entry: change EXPIRED, made by nobody. Nothing rests
// on when: from the end on, evaluation and readers count it as expired without the entry.
// Thread safety: one round at a time.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "services/accountability/policy/rulebook.h"
#include "services/common/clock/clock.h"

namespace waterline::accountability {

class Expiry {
 public:
  // Both outlive this.
  Expiry(Rulebook* rulebook, Clock* clock) : rulebook_(rulebook), clock_(clock) {}

  // What a round did. What cannot be written is left to the next, and so is what another change was
  // quicker to.
  struct Done {
    int expired = 0;
    std::vector<std::pair<std::string, absl::Status>> left;  // Agreements, and why.
  };
  // One round. Ends early once `stop` says so.
  Done Round(const std::function<bool()>& stop);

 private:
  // True when it expired now.
  absl::StatusOr<bool> Expire(const std::string& name);

  Rulebook* const rulebook_;
  Clock* const clock_;
};

}  // namespace waterline::accountability
