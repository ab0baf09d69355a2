#pragma once

// Recorder: evaluates a question, writes the entry, and answers with a receipt: the Decider of
// waterlined. The entry is durable before the answer. Everything that needs keys (actor handle,
// subject tokens, encrypted payload) is computed here, before the sequencer; keys never leave.
// Thread safety: Decide from any thread.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "services/accountability/ledger/ledger.h"
#include "services/common/clock/clock.h"
#include "services/common/gate/decider.h"
#include "services/common/privacy/vault.h"
#include "services/common/rpc/network.h"

namespace waterline::accountability {

// HMAC-SHA256 of caller, method and request id under the attempt (contracts.md 1).
std::string EntryId(const v1::Question& question);

class Recorder : public gate::Decider {
 public:
  Recorder(Ledger* ledger, waterline::storage::Store* store, privacy::Vault* vault, Clock* clock,
           rpc::NetworkFacts facts)
      : ledger_(ledger), store_(store), vault_(vault), clock_(clock), facts_(std::move(facts)) {}

  coro::Task<absl::StatusOr<v1::Decision>> Decide(v1::Question question) override;

  // HMAC-SHA256(handle key of the organisation, iss | sub).
  coro::Task<absl::StatusOr<std::string>> ActorHandle(std::string organisation, std::string issuer,
                                                      std::string actor);

  // Opens the payload beside an entry of `record`; nothing when its key was destroyed.
  coro::Task<absl::StatusOr<std::optional<v1::EntryPayload>>> OpenPayload(
      const Ledger::Stored& stored);

 private:
  struct Subjects {
    std::vector<privacy::SubjectKey> keys;  // One per subject, in the question's order.
    std::vector<std::string> tokens;        // Sorted.
  };
  // The key kept under `index_id`, made when it is new, so that a subject has one key for ever.
  coro::Task<absl::StatusOr<privacy::SubjectKey>> KeyFor(std::string index_id);
  coro::Task<absl::StatusOr<Subjects>> TokensOf(const v1::Question& question,
                                                const std::string& entry_id,
                                                AppendRequest* request);
  coro::Task<absl::Status> AddPayload(const v1::Question& question, const Subjects& subjects,
                                      const std::string& entry_id, AppendRequest* request);

  Ledger* const ledger_;
  waterline::storage::Store* const store_;
  privacy::Vault* const vault_;
  Clock* const clock_;
  const rpc::NetworkFacts facts_;
  std::mutex mutex_;  // Guards known_keys_. No other lock is taken under it.
  // Keys of months and organisations by index id: few, and needed by every call. Subject keys are
  // not kept here.
  std::map<std::string, privacy::SubjectKey> known_keys_;
};

}  // namespace waterline::accountability
