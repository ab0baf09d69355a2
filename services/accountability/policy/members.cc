#include "services/accountability/policy/members.h"

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/random.h"
#include "services/common/records/records.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"

namespace waterline::accountability {
namespace {

using storage::v1::MemberFactsRecord;
using text::IdOf;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::kScanLimitMax;
using waterline::storage::Partition;
using waterline::storage::Range;

constexpr char kMembers[] = "members";

}  // namespace

absl::StatusOr<std::unique_ptr<Members>> Members::Open(waterline::storage::Store* store,
                                                       Ledger* ledger) {
  std::unique_ptr<Members> members(new Members(ledger));
  Range range(kMembers);
  while (true) {
    auto page = coro::SyncWait(
        records::Scan<MemberFactsRecord>(store, Partition(kLedgerPartition), range, kScanLimitMax));
    WATERLINE_RETURN_IF_ERROR(page.status());
    for (const auto& stored : *page) {
      members->members_[stored.record.facts().organisation()] = {stored.record.facts(),
                                                                 stored.record.position()};
    }
    if (static_cast<int>(page->size()) < kScanLimitMax) return members;
    range.begin = page->back().id + '\0';
  }
}

std::optional<v1::MemberFacts> Members::Find(const std::string& organisation) const {
  std::lock_guard lock(mutex_);
  const auto found = members_.find(organisation);
  if (found == members_.end()) return std::nullopt;
  return found->second.facts;
}

coro::Task<absl::StatusOr<common::v1::LedgerPosition>> Members::Set(v1::MemberChange change) {
  const auto facts = change.member();
  {
    std::lock_guard lock(mutex_);
    const auto found = members_.find(facts.organisation());
    if (found != members_.end() &&
        records::Serialise(found->second.facts) == records::Serialise(facts))
      co_return found->second.position;
  }
  AppendRequest request;
  request.entry.set_entry_id(crypto::RandomBytes(32));
  *request.entry.mutable_member_change() = std::move(change);
  request.organisations = {IdOf(facts.organisation())};
  auto stored = std::make_shared<MemberFactsRecord>();
  *stored->mutable_facts() = facts;
  request.change.emplace();
  request.change->effects = [stored](const common::v1::LedgerPosition& position,
                                     v1::Entry*) -> absl::StatusOr<Batch> {
    *stored->mutable_position() = position;
    Batch batch;
    batch.Put(Key(kMembers, IdOf(stored->facts().organisation())), records::Serialise(*stored));
    return batch;
  };
  request.change->install = [this, stored] {
    std::lock_guard lock(mutex_);
    members_[stored->facts().organisation()] = {stored->facts(), stored->position()};
  };
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto appended, co_await ledger_->Append(std::move(request)));
  co_return appended.position;
}

}  // namespace waterline::accountability
