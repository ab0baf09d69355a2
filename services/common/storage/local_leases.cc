#include "services/common/storage/local_leases.h"

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::storage {
namespace {

constexpr std::chrono::milliseconds kTtlMin{100};
constexpr std::chrono::hours kTtlMax{1};

absl::Status Held() { return Error(reason::kConflict, "another owner holds the lease"); }
absl::Status Lost() { return Error(reason::kConflict, "the lease is lost"); }

absl::Status ValidateTtl(std::chrono::milliseconds ttl) {
  if (ttl >= kTtlMin && ttl <= kTtlMax) return absl::OkStatus();
  return absl::InvalidArgumentError("storage: a lease lives 100 ms to 1 h");
}

}  // namespace

bool LocalLeases::IsHeld(const Partition& partition, const Key& key) {
  std::lock_guard lock(mutex_);
  auto found = holders_.find({partition, key});
  return found != holders_.end() && found->second.expires > now_();
}

coro::Task<absl::StatusOr<uint64_t>> LocalLeases::Acquire(Partition partition, Key key,
                                                          std::string owner,
                                                          std::chrono::milliseconds ttl) {
  WATERLINE_CO_RETURN_IF_ERROR(ValidateTtl(ttl));
  if (IsHeld(partition, key)) co_return Held();
  const std::vector<Key> keys = {key};
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await store_->Get(partition, keys));
  const uint64_t epoch = stored[0] ? std::stoull(stored[0]->value) + 1 : 1;
  Batch batch;
  batch.RequireRevision(key, stored[0] ? stored[0]->revision : 0).Put(key, std::to_string(epoch));
  WATERLINE_CO_RETURN_IF_ERROR((co_await store_->Commit(partition, std::move(batch))).status());
  std::lock_guard lock(mutex_);
  holders_[{partition, key}] = Holder{std::move(owner), epoch, now_() + ttl};
  co_return epoch;
}

absl::Status LocalLeases::Renew(const Partition& partition, const Key& key,
                                const std::string& owner, uint64_t epoch,
                                std::chrono::milliseconds ttl) {
  WATERLINE_RETURN_IF_ERROR(ValidateTtl(ttl));
  std::lock_guard lock(mutex_);
  auto found = holders_.find({partition, key});
  if (found == holders_.end() || found->second.owner != owner || found->second.epoch != epoch ||
      found->second.expires <= now_()) {
    return Lost();
  }
  found->second.expires = now_() + ttl;
  return absl::OkStatus();
}

absl::Status LocalLeases::Release(const Partition& partition, const Key& key,
                                  const std::string& owner, uint64_t epoch) {
  std::lock_guard lock(mutex_);
  auto found = holders_.find({partition, key});
  if (found == holders_.end() || found->second.owner != owner || found->second.epoch != epoch) {
    return Lost();
  }
  holders_.erase(found);
  return absl::OkStatus();
}

}  // namespace waterline::storage
