#include "services/accountability/policy/rulebook.h"

#include <algorithm>
#include <set>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/random.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/storage/byte_order.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::accountability {
namespace {

using storage::v1::AgreementRecord;
using storage::v1::StandingRecord;
using text::IdOf;
using waterline::storage::Batch;
using waterline::storage::BigEndian;
using waterline::storage::FromBigEndian;
using waterline::storage::Key;
using waterline::storage::kScanLimitMax;
using waterline::storage::Partition;
using waterline::storage::Range;

Partition LedgerPartition() { return Partition(kLedgerPartition); }

// Calls `use` with every record of a collection, in order.
template <class Record, class Use>
coro::Task<absl::Status> ForEach(waterline::storage::Store* store, std::string collection,
                                 std::string end, Use use) {
  Range range(collection, "", std::move(end));
  while (true) {
    auto page = co_await records::Scan<Record>(store, LedgerPartition(), range, kScanLimitMax);
    if (!page.ok()) co_return page.status();
    for (auto& stored : *page) use(stored);
    if (static_cast<int>(page->size()) < kScanLimitMax) co_return absl::OkStatus();
    range.begin = page->back().id + '\0';
  }
}

void PutAgreement(const std::string& id, const AgreementRecord& record, Batch* batch) {
  batch->Put(Key(kAgreements, id), records::Serialise(record));
  for (const auto& party : record.public_().terms().parties())
    batch->Put(Key(kAgreementParties, IdOf(party.organisation()) + "/" + id), "");
}

Key RevisionKey() { return Key(kRuleRevision, "newest"); }

void PutRevision(uint64_t revision, Batch* batch) {
  batch->Put(RevisionKey(), BigEndian(revision));
}

// An agreement in its next state, and what Explain rebuilds the rules of an earlier day from.
void PutAgreementAt(uint64_t revision, const std::string& id, AgreementRecord* record,
                    const common::v1::LedgerPosition& position, Batch* batch) {
  *record->mutable_public_()->mutable_position() = position;
  record->mutable_public_()->set_policy_revision(revision);
  PutAgreement(id, *record, batch);
  batch->Put(Key(kAgreementHistory, BigEndian(revision)), records::Serialise(*record));
  PutRevision(revision, batch);
}

Standing ToStanding(const StandingRecord& record) {
  Standing standing;
  standing.bits = record.bits();
  std::copy_n(record.expires_ms().begin(),
              std::min<size_t>(kPermissions, static_cast<size_t>(record.expires_ms_size())),
              standing.expires_ms.begin());
  return standing;
}

StandingRecord ToRecord(const Standing& standing) {
  StandingRecord record;
  record.set_bits(standing.bits);
  for (const int64_t expires_ms : standing.expires_ms) record.add_expires_ms(expires_ms);
  return record;
}

// A draft is replaced whole: an organisation that is no party any more does not keep its index.
void DropFormerParties(const std::string& id, const AgreementRecord& before,
                       const AgreementRecord& after, Batch* batch) {
  std::set<std::string> now;
  for (const auto& party : after.public_().terms().parties()) now.insert(party.organisation());
  for (const auto& party : before.public_().terms().parties()) {
    if (!now.contains(party.organisation()))
      batch->Delete(Key(kAgreementParties, IdOf(party.organisation()) + "/" + id));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Rulebook>> Rulebook::Open(waterline::storage::Store* store,
                                                         Ledger* ledger, std::string host) {
  std::unique_ptr<Rulebook> rulebook(new Rulebook(store, ledger));
  WATERLINE_RETURN_IF_ERROR(rulebook->Load(host));
  return rulebook;
}

absl::Status Rulebook::Load(const std::string& host) {
  auto newest = coro::SyncWait(store_->Get(LedgerPartition(), {RevisionKey()}));
  WATERLINE_RETURN_IF_ERROR(newest.status());
  const uint64_t revision = newest->front() ? FromBigEndian(newest->front()->value) : 0;
  std::vector<v1::Agreement> agreements;
  std::vector<std::pair<std::string, Standing>> standings;
  WATERLINE_RETURN_IF_ERROR(coro::SyncWait(ForEach<AgreementRecord>(
      store_, kAgreements, "", [&](const records::Stored<AgreementRecord>& stored) {
        agreements.push_back(stored.record.public_());
      })));
  WATERLINE_RETURN_IF_ERROR(coro::SyncWait(ForEach<StandingRecord>(
      store_, kStanding, "", [&](const records::Stored<StandingRecord>& stored) {
        standings.emplace_back(stored.id, ToStanding(stored.record));
      })));
  current_ = Snapshot::Make(revision, host, agreements, standings);
  return absl::OkStatus();
}

std::shared_ptr<const Snapshot> Rulebook::current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

void Rulebook::Install(std::shared_ptr<const Snapshot> next) {
  std::lock_guard lock(mutex_);
  current_ = std::move(next);
}

coro::Task<absl::StatusOr<std::shared_ptr<const Snapshot>>> Rulebook::At(uint64_t revision) {
  std::map<std::string, v1::Agreement> agreements;
  auto use = [&agreements](const records::Stored<AgreementRecord>& stored) {
    agreements[stored.record.public_().name()] = stored.record.public_();
  };
  auto read =
      co_await ForEach<AgreementRecord>(store_, kAgreementHistory, BigEndian(revision + 1), use);
  if (!read.ok()) co_return read;
  std::vector<v1::Agreement> all;
  for (auto& [name, agreement] : agreements) all.push_back(std::move(agreement));
  const std::vector<std::pair<std::string, Standing>> no_standings;
  co_return Snapshot::Make(revision, current()->host(), all, no_standings);
}

coro::Task<absl::StatusOr<std::optional<Rulebook::StoredAgreement>>> Rulebook::LoadAgreement(
    std::string id) {
  co_return co_await records::Load<AgreementRecord>(store_, LedgerPartition(),
                                                    Key(kAgreements, std::move(id)));
}

coro::Task<absl::StatusOr<Appended>> Rulebook::ChangeAgreement(AgreementChange given,
                                                               int64_t now_ms) {
  auto change = std::make_shared<AgreementChange>(std::move(given));
  auto next = std::make_shared<std::shared_ptr<const Snapshot>>();
  AppendRequest request;
  request.entry.set_entry_id(crypto::RandomBytes(32));
  *request.entry.mutable_agreement_change() = change->entry;
  for (const auto& party : change->record.public_().terms().parties())
    request.organisations.push_back(IdOf(party.organisation()));
  request.change.emplace();
  request.change->effects = [this, change, next, now_ms](
                                const common::v1::LedgerPosition& position,
                                v1::Entry* entry) -> absl::StatusOr<Batch> {
    const auto before = current();
    uint64_t revision = before->revision() + 1;
    *change->record.mutable_public_()->mutable_changed_at() = text::ToTimestamp(now_ms);
    Batch batch = change->remembered;
    batch.RequireRevision(Key(kAgreements, change->id),
                          change->before ? change->before->revision : 0);
    if (change->before)
      DropFormerParties(change->id, change->before->record, change->record, &batch);
    PutAgreementAt(revision, change->id, &change->record, position, &batch);
    *next = before->WithAgreement(revision, change->record.public_());
    if (change->superseded) {
      auto& old = *change->superseded;
      batch.RequireRevision(Key(kAgreements, old.id), old.revision);
      PutAgreementAt(++revision, old.id, &old.record, position, &batch);
      *next = (*next)->WithAgreement(revision, old.record.public_());
    }
    entry->mutable_agreement_change()->set_policy_revision(revision);
    return batch;
  };
  request.change->install = [this, next] { Install(*next); };
  co_return co_await ledger_->Append(std::move(request));
}

coro::Task<absl::StatusOr<Appended>> Rulebook::ChangeStanding(StandingChange given) {
  auto change = std::make_shared<StandingChange>(std::move(given));
  auto next = std::make_shared<std::shared_ptr<const Snapshot>>();
  AppendRequest request;
  request.entry.set_entry_id(change->entry_id);
  *request.entry.mutable_standing_change() = change->entry;
  request.beside = change->beside;
  request.organisations = {change->controller};
  request.change.emplace();
  request.change->effects = [this, change, next](const common::v1::LedgerPosition&,
                                                 v1::Entry* entry) -> absl::StatusOr<Batch> {
    const auto before = current();
    const uint64_t revision = before->revision() + 1;
    entry->mutable_standing_change()->set_policy_revision(revision);
    const Standing standing = change->change(before->StandingOf(change->subject_id));
    Batch batch;
    batch.Put(Key(kStanding, change->subject_id), records::Serialise(ToRecord(standing)));
    PutRevision(revision, &batch);
    *next = before->WithStanding(revision, change->subject_id, standing);
    return batch;
  };
  request.change->install = [this, next] { Install(*next); };
  co_return co_await ledger_->Append(std::move(request));
}

}  // namespace waterline::accountability
