#pragma once

// Recorder: evaluates a question, writes the entry, and answers with a receipt: the Decider of
// waterlined. The entry is durable before the answer. Everything that needs keys (actor handle,
// subject tokens, encrypted payload, pseudonym key) is computed here, before the sequencer; keys
// never leave. Rules that change between evaluation and sequencing are evaluated again there, so
// that no entry follows rules that had ended before it.
// Thread safety: Decide from any thread.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "services/accountability/ledger/ledger.h"
#include "services/accountability/policy/evaluate.h"
#include "services/accountability/policy/rate_caps.h"
#include "services/accountability/policy/rulebook.h"
#include "services/common/clock/clock.h"
#include "services/common/gate/decider.h"
#include "services/common/privacy/vault.h"
#include "services/common/rpc/network.h"

namespace waterline::accountability {

// HMAC-SHA256 of caller, method and request id under the attempt (contracts.md 1).
std::string EntryId(const v1::Question& question);

class Recorder : public gate::Decider {
 public:
  // All outlive the recorder. `store` holds the ledger.
  Recorder(Ledger* ledger, Rulebook* rulebook, waterline::storage::Store* store,
           privacy::Vault* vault, Clock* clock, rpc::NetworkFacts facts)
      : ledger_(ledger),
        rulebook_(rulebook),
        store_(store),
        vault_(vault),
        clock_(clock),
        facts_(std::move(facts)) {}

  coro::Task<absl::StatusOr<v1::Decision>> Decide(
      v1::Question question, std::chrono::steady_clock::time_point deadline) override;

  // HMAC-SHA256(handle key of the organisation, iss | sub).
  coro::Task<absl::StatusOr<std::string>> ActorHandle(std::string organisation, std::string issuer,
                                                      std::string actor);

  // What an entry about one person and made by no question carries: its token, and its payload
  // under the person's key.
  coro::Task<absl::StatusOr<storage::v1::Beside>> BesideOf(std::string subject_id,
                                                           std::string entry_id,
                                                           v1::EntryPayload payload);

  // For each entry whether it concerns the person. Only whoever holds the vault can tell.
  coro::Task<absl::StatusOr<std::vector<bool>>> Concerns(
      std::string subject_id, const std::vector<Ledger::Stored>& entries);

  // Opens the payload beside an entry of `record`; nothing when its key was destroyed.
  coro::Task<absl::StatusOr<std::optional<v1::EntryPayload>>> OpenPayload(
      const Ledger::Stored& stored);

 private:
  struct Subjects {
    std::vector<privacy::SubjectKey> keys;  // One per subject, in the question's order.
    std::vector<std::string> tokens;        // In the question's order.
  };
  // One question on its way into the ledger.
  struct Asking {
    Asking(const v1::Question& asked, std::string id) : question(asked), entry_id(std::move(id)) {}

    const v1::Question& question;  // Of the coroutine that decides it.
    const std::string entry_id;
    Verdict verdict;
    int64_t retry_after_ms = 0;  // Of a rate cap.
    Subjects subjects;
    v1::EntryPayload payload;
    std::string secret;  // That seals the payload.
  };

  // The key kept under `index_id`, made when it is new, so that a subject has one key for ever.
  coro::Task<absl::StatusOr<privacy::SubjectKey>> KeyFor(std::string index_id);
  coro::Task<absl::Status> LoadKeys(Asking* asking, storage::v1::Beside* beside);
  // The verdict, under the rate cap of the agreement it rests on.
  void Judge(const Snapshot& rules, int64_t now_ms, Asking* asking);
  static void SealFacts(const Snapshot& rules, int64_t now_ms, Asking* asking, v1::Access* access,
                        storage::v1::Beside* beside);
  void Finish(Asking* asking, v1::Entry* entry, storage::v1::Beside* beside);
  static v1::Decision ToDecision(const Asking& asking, const Appended& appended,
                                 bool demonstration);
  // Fills the answer's pseudonym key when anything in it is pseudonymised.
  coro::Task<absl::Status> AddPseudonymKey(const v1::Question& question, v1::Decision* decision);

  Ledger* const ledger_;
  Rulebook* const rulebook_;
  waterline::storage::Store* const store_;
  privacy::Vault* const vault_;
  Clock* const clock_;
  const rpc::NetworkFacts facts_;
  RateCaps rate_caps_;
  std::mutex mutex_;  // Guards known_keys_. No other lock is taken under it.
  // Keys of months and organisations by index id: few, and needed by every call. Subject keys are
  // not kept here.
  std::map<std::string, privacy::SubjectKey> known_keys_;
};

}  // namespace waterline::accountability
