#include "services/accountability/policy/expiry.h"

#include "services/accountability/domain/life_cycle.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::accountability {
namespace {

constexpr char kExpired[] = "EXPIRED";

v1::AgreementChange EntryOf(const v1::Agreement& before, const v1::Agreement& after) {
  v1::AgreementChange entry;
  entry.set_agreement(after.name());
  entry.set_reference(after.terms().reference());
  entry.set_version(after.terms().version());
  entry.set_change(kExpired);
  entry.set_from_state(StateName(before.state()));
  entry.set_to_state(StateName(after.state()));
  if (after.has_document_hash()) entry.set_document_hash(after.document_hash());
  for (const auto& party : after.terms().parties()) entry.add_parties(party.organisation());
  return entry;
}

}  // namespace

Expiry::Done Expiry::Round(const std::function<bool()>& stop) {
  Done done;
  for (const auto& ended : rulebook_->current()->EndedBy(clock_->NowMs())) {
    if (stop()) break;
    const auto expired = Expire(ended->name);
    if (!expired.ok()) done.left.emplace_back(ended->name, expired.status());
    done.expired += expired.value_or(false) ? 1 : 0;
  }
  return done;
}

absl::StatusOr<bool> Expiry::Expire(const std::string& name) {
  WATERLINE_ASSIGN_OR_RETURN(auto before,
                             coro::SyncWait(rulebook_->LoadAgreement(text::IdOf(name))));
  if (!before) return Error(reason::kUnexpected, "an agreement in force is not in the store");
  const v1::Agreement& agreement = before->record.public_();
  if (IsEnd(agreement.state())) return false;  // Ended since the round began.
  WATERLINE_ASSIGN_OR_RETURN(auto after, accountability::Expire(agreement, clock_->NowMs()));
  Rulebook::AgreementChange change;
  change.entry = EntryOf(agreement, after);
  change.id = before->id;
  change.record = before->record;
  *change.record.mutable_public_() = std::move(after);
  const int64_t end_ms = text::ToMs(agreement.terms().end());
  change.before = *std::move(before);
  WATERLINE_RETURN_IF_ERROR(
      coro::SyncWait(rulebook_->ChangeAgreement(std::move(change), end_ms)).status());
  return true;
}

}  // namespace waterline::accountability
