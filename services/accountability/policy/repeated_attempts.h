#pragma once

// RepeatedAttempts: what makes a question that is asked again, because its answer was lost with a
// stream or with this process, get the decision and the entry it had. A question is known by its
// entry id (caller, method, request id, attempt: contracts.md 1), and answered again from the
// ledger, also after a restart. Remembered are the newest kRemembered entries, some 250
// bytes each; older ones are decided anew, which the ledger then says twice: it may overstate.
//
// An answer that cannot be read back from its entry (under an agreement it may carry a key, or
// levels of single records) is decided anew as well; a repeat while it is being decided waits for
// it. Thread safety: Decide from any thread; Load once, before.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "services/accountability/policy/recorder.h"
#include "services/common/coro/one_shot.h"

namespace waterline::accountability {

class RepeatedAttempts : public gate::Decider {
 public:
  static constexpr size_t kRemembered = 65536;

  // `inner` decides what is new. Both outlive this.
  RepeatedAttempts(gate::Decider* inner, Ledger* ledger, bool is_demonstration,
                   size_t remembered = kRemembered)
      : inner_(inner),
        ledger_(ledger),
        is_demonstration_(is_demonstration),
        remembered_(remembered) {}

  // Remembers the newest entries of the ledger.
  coro::Task<absl::Status> Load();

  coro::Task<absl::StatusOr<v1::Decision>> Decide(
      v1::Question question, std::chrono::steady_clock::time_point deadline) override;

 private:
  using Answer = absl::StatusOr<v1::Decision>;
  using Waiters = std::vector<coro::OneShot<Answer>::Setter>;

  void Remember(const std::string& entry_id, const common::v1::LedgerPosition& position);
  // The decision of an entry, when it is an answer to this very question.
  coro::Task<absl::StatusOr<std::optional<v1::Decision>>> FromLedger(
      const v1::Question& question, common::v1::LedgerPosition position);
  coro::Task<absl::StatusOr<v1::Decision>> DecideOnce(
      const v1::Question& question, std::chrono::steady_clock::time_point deadline,
      std::optional<common::v1::LedgerPosition> before);

  gate::Decider* const inner_;
  Ledger* const ledger_;
  const bool is_demonstration_;
  const size_t remembered_;
  std::mutex mutex_;  // Guards the rest. No other lock is taken under it.
  std::unordered_map<std::string, common::v1::LedgerPosition> known_;  // By entry id.
  std::deque<std::string> order_;                                      // Of known_, oldest first.
  std::map<std::string, Waiters> under_way_;  // Being decided, and who else asks the same.
};

}  // namespace waterline::accountability
