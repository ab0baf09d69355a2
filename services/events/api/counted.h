#pragma once

// What a count may rest on: the decisions about all that might be counted. A question holds up to
// 1,000 records; of more, several questions are asked, and each must be permitted.
// Thread safety: values; one thread at a time.

#include <string>
#include <vector>

#include "services/common/gate/draft.h"
#include "services/common/privacy/small_numbers.h"

namespace waterline::events {

// One thing that may be counted, or several that are alike to the policy.
struct CountedRecord {
  accountability::v1::RecordFacts facts;  // Without its subject.
  std::string subject_id;                 // Empty: nobody registered.
  uint32_t informants = 0;
};

class Counted {
 public:
  static constexpr size_t kRecordsPerQuestion = 1000;

  // `asked`: how many records stood in the questions.
  Counted(std::vector<gate::Decision> decisions, size_t asked)
      : decisions_(std::move(decisions)), asked_(asked) {}

  // Whether record `i` may be counted: it was asked, and not lowered to nothing.
  bool Shows(size_t i) const {
    return i < asked_ &&
           decisions_[i / kRecordsPerQuestion].Shows(static_cast<int>(i % kRecordsPerQuestion));
  }
  // Numbers may leave as they are. Otherwise as policy() says.
  bool exact() const {
    for (const auto& decision : decisions_)
      if (decision.level() < common::v1::RELEASE_LEVEL_IDENTIFIABLE) return false;
    return true;
  }
  privacy::SmallNumberPolicy policy() const {
    auto strictest = decisions_[0].small_numbers();
    for (const auto& decision : decisions_)
      if (privacy::IsStricter(decision.small_numbers(), strictest))
        strictest = decision.small_numbers();
    return strictest;
  }
  // The answer leaves under the last one.
  gate::Decision TakeLast() && { return std::move(decisions_.back()); }

 private:
  std::vector<gate::Decision> decisions_;  // At least one.
  const size_t asked_;
};

}  // namespace waterline::events
