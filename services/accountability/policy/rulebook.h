#pragma once

// Rulebook: the rules in force and every change of them: agreements and the standing of persons.
// A change is an entry of the ledger; it is written in the same commit and holds for every entry
// with a higher index. Workers evaluate on `current()`; the sequencer compares revisions.
//
// Stored in partition `ledger`:
//     agreements/<agreement id>               AgreementRecord
//     agreement_parties/<org>/<agreement id>  empty; the agreements of an organisation
//     agreement_history/<revision, u64 BE>    AgreementRecord as it was from that revision on
//     standing/<subject id, 16 bytes>         StandingRecord
//     rule_revision/newest                    u64 BE
//
// Thread safety: all methods from any thread.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "services/accountability/ledger/ledger.h"
#include "services/accountability/policy/snapshot.h"
#include "services/common/records/records.h"
#include "services/common/storage/store.h"
#include "waterline/accountability/storage/v1/records.pb.h"
#include "waterline/accountability/v1/agreement.pb.h"

namespace waterline::accountability {

inline constexpr char kAgreements[] = "agreements";
inline constexpr char kAgreementParties[] = "agreement_parties";
inline constexpr char kStanding[] = "standing";
inline constexpr char kAgreementHistory[] = "agreement_history";
inline constexpr char kRuleRevision[] = "rule_revision";

class Rulebook {
 public:
  using AgreementRecord = storage::v1::AgreementRecord;
  using StoredAgreement = records::Stored<AgreementRecord>;

  // Loads what is in force. `store` holds the ledger and outlives the rulebook, as `ledger` does.
  static absl::StatusOr<std::unique_ptr<Rulebook>> Open(waterline::storage::Store* store,
                                                        Ledger* ledger, std::string host);

  std::shared_ptr<const Snapshot> current() const;

  // The rules as they were at an earlier revision, without standings: what a decision rested on is
  // kept beside its entry. Costs a read of every change of an agreement: for explanations only.
  coro::Task<absl::StatusOr<std::shared_ptr<const Snapshot>>> At(uint64_t revision);

  coro::Task<absl::StatusOr<std::optional<StoredAgreement>>> LoadAgreement(std::string id);

  // A new agreement, or the next state of `before`. The entry says what
  // changed; its revision, and the agreement's position, etag and times are filled in here.
  // `superseded` ends with the same entry. ABORTED/CONFLICT when the stored one has moved on.
  struct AgreementChange {
    v1::AgreementChange entry;
    std::string id;
    AgreementRecord record;
    std::optional<StoredAgreement> before;
    std::optional<StoredAgreement> superseded;
    waterline::storage::Batch remembered;  // The mutation's dedupe record.
  };
  coro::Task<absl::StatusOr<Appended>> ChangeAgreement(AgreementChange change, int64_t now_ms);

  // What `change` makes of a person's standing, on the sequencer, so that no change is lost.
  struct StandingChange {
    v1::StandingChange entry;
    storage::v1::Beside beside;
    std::string entry_id;
    std::string subject_id;
    std::string controller;  // Organisation id.
    std::function<Standing(Standing)> change;
  };
  coro::Task<absl::StatusOr<Appended>> ChangeStanding(StandingChange change);

 private:
  Rulebook(waterline::storage::Store* store, Ledger* ledger) : store_(store), ledger_(ledger) {}
  absl::Status Load(const std::string& host);
  // Sequencer only, between two groups.
  void Install(std::shared_ptr<const Snapshot> next);

  waterline::storage::Store* const store_;
  Ledger* const ledger_;
  mutable std::mutex mutex_;  // Guards current_. No other lock is taken under it.
  std::shared_ptr<const Snapshot> current_;
};

}  // namespace waterline::accountability
