#pragma once

// PageFill: fills a page of a list with rows that may leave, so that neither its length nor its
// token tells of rows that may not. One decision covers the whole page.
//
//   gate::PageFill fill(page.limit, page.after);
//   do {
//     ... load up to fill.count() rows after fill.after(), ask with one RecordFacts per row ...
//   } while (!fill.Enough(ids, decision));
//   ... the first fill.rows() rows are the answer; a token of fill.next() unless it is empty ...
//
// Each round is a question, and so an entry in the ledger. The count grows at least twofold, so it
// is 1,000 by the eleventh round; a stretch of 1,000 rows of which none may leave costs one more.
// Rows that are lowered to nothing stay among the first rows(): Release takes them out, in the
// order of the question. A page is short of its limit before the end of the list only when fewer
// than `limit` of 1,000 rows may leave.
// Thread safety: one thread at a time.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "services/common/gate/draft.h"

namespace waterline::gate {

class PageFill {
 public:
  // At most this many rows stand in one question.
  static constexpr int kCountMax = 1000;

  PageFill(int limit, std::string after) : limit_(limit), count_(limit), after_(std::move(after)) {}

  int count() const { return count_; }
  const std::string& after() const { return after_; }

  // `ids` of the rows that were loaded, in order, and the decision about them.
  bool Enough(const std::vector<std::string>& ids, const Decision& decision) {
    int shown = 0;
    rows_ = 0;
    next_.clear();
    for (size_t i = 0; i < ids.size() && shown < limit_; ++i) {
      if (!decision.Shows(static_cast<int>(i))) continue;
      ++shown;
      rows_ = static_cast<int>(i) + 1;
    }
    const bool ended = static_cast<int>(ids.size()) < count_;
    if (ended && shown < limit_) return true;
    if (shown == limit_ || (count_ == kCountMax && shown > 0)) {
      next_ = ids[static_cast<size_t>(rows_) - 1];
      return true;
    }
    if (count_ == kCountMax) {
      after_ = ids.back();  // None of these may leave: the page begins behind them.
    } else {
      count_ = std::min(kCountMax, std::max(2 * count_, count_ + 2 * (limit_ - shown)));
    }
    return false;
  }

  int rows() const { return rows_; }
  const std::string& next() const { return next_; }

 private:
  const int limit_;
  int count_;
  std::string after_;
  int rows_ = 0;
  std::string next_;
};

}  // namespace waterline::gate
