#include "services/accountability/policy/repeated_attempts.h"

#include <algorithm>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::accountability {
namespace {

constexpr int kPage = 1000;

// The id of an entry is made from caller, method, request and attempt; this keeps a collision, or a
// caller who uses an attempt twice, from getting another question's answer.
bool IsTheSame(const v1::Access& access, const v1::Question& question) {
  return access.method() == question.method() &&
         access.controller() == ControllerName(question.controller()) &&
         access.collection() == question.collection() &&
         access.operation() == question.operation() && access.purpose() == question.purpose() &&
         access.asked() == question.asked() && access.role() == question.caller().role() &&
         access.organisation() == "organisations/" + question.caller().organisation();
}

// Whether all of a decision stands in its entry: a refusal, and the controller's own access.
bool IsWhole(const v1::Access& access) {
  if (access.result() == v1::RESULT_DENY)
    return access.reasons_size() > 0 && access.reasons(0) != "RATE_LIMITED";
  return access.result() == v1::RESULT_PERMIT && access.agreement().empty() &&
         access.given() == common::v1::RELEASE_LEVEL_IDENTIFIABLE;
}

v1::Decision ToDecision(const v1::Entry& entry, const common::v1::LedgerPosition& position,
                        const Ledger::Proof& proof, std::string checkpoint, bool demonstration) {
  const auto& access = entry.access();
  v1::Decision decision;
  decision.set_result(access.result());
  decision.set_level(access.given());
  decision.mutable_reasons()->CopyFrom(access.reasons());
  auto* receipt = decision.mutable_receipt();
  receipt->set_entry_id(entry.entry_id());
  *receipt->mutable_position() = position;
  receipt->set_leaf_hash(proof.leaf_hash);
  receipt->set_checkpoint(std::move(checkpoint));
  for (const auto& hash : proof.hashes) receipt->add_inclusion_proof(hash);
  receipt->set_authentication(access.authentication());
  receipt->set_result(access.result());
  receipt->set_given(access.given());
  receipt->set_demonstration(demonstration);
  return decision;
}

}  // namespace

coro::Task<absl::Status> RepeatedAttempts::Load() {
  const uint64_t size = ledger_->size();
  uint64_t next = size - std::min<uint64_t>(size, remembered_);
  while (next < size) {
    const int limit = static_cast<int>(std::min<uint64_t>(kPage, size - next));
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto page,
                                  co_await ledger_->Read(ledger_->epoch(), next, limit));
    if (page.empty()) break;
    for (const auto& stored : page) {
      v1::Entry entry;
      entry.ParseFromString(stored.record.leaf());
      if (entry.has_access()) Remember(entry.entry_id(), stored.position);
    }
    next += page.size();
  }
  co_return absl::OkStatus();
}

void RepeatedAttempts::Remember(const std::string& entry_id,
                                const common::v1::LedgerPosition& position) {
  std::lock_guard lock(mutex_);
  if (!known_.insert_or_assign(entry_id, position).second) return;
  order_.push_back(entry_id);
  if (order_.size() <= remembered_) return;
  known_.erase(order_.front());
  order_.pop_front();
}

coro::Task<absl::StatusOr<v1::Decision>> RepeatedAttempts::Decide(
    v1::Question question, std::chrono::steady_clock::time_point deadline) {
  const std::string entry_id = EntryId(question);
  coro::OneShot<Answer> joined;
  bool is_under_way = false;
  std::optional<common::v1::LedgerPosition> before;
  {
    std::lock_guard lock(mutex_);
    const auto [waiters, is_new] = under_way_.try_emplace(entry_id);
    is_under_way = !is_new;
    if (is_under_way) waiters->second.push_back(joined.setter());
    if (const auto found = known_.find(entry_id); found != known_.end()) before = found->second;
  }
  if (is_under_way) co_return co_await joined;
  auto answer = co_await DecideOnce(question, deadline, std::move(before));
  if (answer.ok()) Remember(entry_id, answer->receipt().position());
  Waiters waiters;
  {
    std::lock_guard lock(mutex_);
    waiters = std::move(under_way_.extract(entry_id).mapped());
  }
  for (auto& waiter : waiters) waiter.Set(answer);
  co_return answer;
}

coro::Task<absl::StatusOr<v1::Decision>> RepeatedAttempts::DecideOnce(
    const v1::Question& question, std::chrono::steady_clock::time_point deadline,
    std::optional<common::v1::LedgerPosition> before) {
  if (before) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto again, co_await FromLedger(question, *before));
    if (again) co_return *std::move(again);
  }
  co_return co_await inner_->Decide(question, deadline);
}

coro::Task<absl::StatusOr<std::optional<v1::Decision>>> RepeatedAttempts::FromLedger(
    const v1::Question& question, common::v1::LedgerPosition position) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto stored,
                                co_await ledger_->Read(position.epoch(), position.index(), 1));
  v1::Entry entry;
  if (stored.size() != 1 || !entry.ParseFromString(stored[0].record.leaf()))
    co_return Error(reason::kDataDamaged, "an entry of the ledger is missing");
  if (!IsTheSame(entry.access(), question) || !IsWhole(entry.access()))
    co_return std::optional<v1::Decision>();
  const auto checkpoint = ledger_->checkpoint();
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto signed_for,
                                ledger_->verifier().OpenCheckpoint(*checkpoint));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto proof,
      co_await ledger_->ProveInclusion(position.epoch(), position.index(), signed_for.size));
  co_return std::optional<v1::Decision>(
      ToDecision(entry, position, proof, *checkpoint, is_demonstration_));
}

}  // namespace waterline::accountability
