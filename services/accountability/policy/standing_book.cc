#include "services/accountability/policy/standing_book.h"

#include <algorithm>

#include "services/common/crypto/hash.h"
#include "services/common/crypto/random.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/position.h"

namespace waterline::accountability {
namespace {

constexpr size_t kSubjectIdBytes = 16;
constexpr int kEditsMax = 8;
constexpr int kScannedPerPage = 5'000;  // Entries looked through for one page.

bool IsPermission(v1::StandingItem item) {
  return item >= v1::STANDING_ITEM_SHARE_WITH_NAMED_PARTNERS &&
         item <= v1::STANDING_ITEM_REUSE_FOR_RESEARCH_CONTACT;
}

bool Fits(const v1::StandingEdit& edit) {
  const bool is_switch =
      edit.value() == v1::STANDING_VALUE_SET || edit.value() == v1::STANDING_VALUE_LIFTED;
  if (edit.value() == v1::STANDING_VALUE_UNSPECIFIED || !v1::StandingValue_IsValid(edit.value()))
    return false;
  if (IsPermission(edit.item())) return !is_switch;
  return v1::StandingItem_IsValid(edit.item()) && edit.item() != v1::STANDING_ITEM_UNSPECIFIED &&
         is_switch;
}

std::vector<FieldViolation> Check(const v1::SetStandingRequest& request) {
  std::vector<FieldViolation> violations;
  if (request.subject_id().size() != kSubjectIdBytes)
    violations.push_back({"subject_id", "is not 16 bytes"});
  if (request.edits().empty() || request.edits_size() > kEditsMax)
    violations.push_back({"edits", "needs 1 to 8 entries"});
  for (int i = 0; i < request.edits_size() && i < kEditsMax; ++i) {
    const auto& edit = request.edits(i);
    if (edit.expires_ms() != 0 && edit.value() != v1::STANDING_VALUE_GIVEN)
      violations.push_back({"edits[" + std::to_string(i) + "].expires_ms",
                            "is for what is given: nothing else ends by itself"});
    if (!Fits(edit))
      violations.push_back({"edits[" + std::to_string(i) + "].value",
                            "does not fit the item: permissions are given, refused or withdrawn, "
                            "the others set or lifted"});
  }
  return violations;
}

Permission ToPermission(v1::StandingValue value) {
  if (value == v1::STANDING_VALUE_GIVEN) return Permission::kGiven;
  return value == v1::STANDING_VALUE_REFUSED ? Permission::kRefused : Permission::kWithdrawn;
}

uint32_t BitOf(v1::StandingItem item) {
  if (item == v1::STANDING_ITEM_OBJECTION) return kObjectionUpheld;
  return item == v1::STANDING_ITEM_RESTRICTION ? kRestricted : kHeld;
}

Standing Edited(Standing standing, const v1::StandingEdit& edit) {
  if (!IsPermission(edit.item())) {
    const uint32_t bit = BitOf(edit.item());
    standing.bits =
        edit.value() == v1::STANDING_VALUE_SET ? standing.bits | bit : standing.bits & ~bit;
    return standing;
  }
  standing.bits = WithPermission(standing.bits, edit.item(), ToPermission(edit.value()));
  standing.expires_ms[PlaceOf(edit.item())] = edit.expires_ms();
  return standing;
}

// SHARE_WITH_ANY_ICS_PARTNER_WITHDRAWN
std::string ChangeName(const v1::StandingEdit& edit) {
  const auto without = [](const std::string& name, size_t prefix) { return name.substr(prefix); };
  return without(v1::StandingItem_Name(edit.item()), sizeof("STANDING_ITEM")) + "_" +
         without(v1::StandingValue_Name(edit.value()), sizeof("STANDING_VALUE"));
}

// Told to the person; a safeguarding access is told of only as withheld.
v1::AccessRecord ToRecord(const Ledger::Stored& stored, const v1::Entry& entry) {
  v1::AccessRecord record;
  const auto& access = entry.access();
  *record.mutable_at() = entry.recorded_at();
  if (access.purpose() == "safeguarding") {
    record.set_withheld_reason("SAFEGUARDING");
    return record;
  }
  record.set_organisation(access.organisation());
  record.set_role(access.role());
  record.set_purpose(access.purpose());
  record.set_operation(access.operation());
  *record.mutable_categories() = access.categories();
  record.set_given(access.given());
  record.set_result(access.result());
  *record.mutable_reasons() = access.reasons();
  record.set_agreement(access.agreement());
  *record.mutable_position() = stored.position;
  return record;
}

}  // namespace

coro::Task<absl::StatusOr<v1::SetStandingResponse>> StandingBook::SetStanding(
    v1::SetStandingRequest request) {
  const auto violations = Check(request);
  if (!violations.empty()) co_return BadFields(violations);
  Rulebook::StandingChange change;
  change.entry_id = crypto::RandomBytes(32);
  change.subject_id = request.subject_id();
  change.controller = request.controller();
  change.change = [edits = request.edits()](Standing standing) {
    for (const auto& edit : edits) standing = Edited(standing, edit);
    return standing;
  };
  const auto& caller = request.caller();
  v1::EntryPayload payload;
  payload.set_actor(caller.issuer() + "|" + caller.actor());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      change.beside, co_await recorder_->BesideOf(change.subject_id, change.entry_id, payload));
  auto& entry = change.entry;
  entry.set_controller("organisations/" + request.controller());
  for (const auto& edit : request.edits()) entry.add_changes(ChangeName(edit));
  entry.set_subjects_root(LeafHash(change.beside.subject_tokens(0)));
  entry.set_payload_hash(crypto::Sha256(change.beside.payload_nonce() + change.beside.payload()));
  entry.set_role(caller.role());
  entry.set_authentication(caller.authentication());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      *entry.mutable_actor_handle(),
      co_await recorder_->ActorHandle(caller.organisation(), caller.issuer(), caller.actor()));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto appended,
                                co_await rulebook_->ChangeStanding(std::move(change)));
  v1::SetStandingResponse response;
  *response.mutable_position() = appended.position;
  co_return response;
}

coro::Task<absl::StatusOr<v1::SetMemberResponse>> StandingBook::SetMember(
    v1::SetMemberRequest request) {
  const auto& caller = request.caller();
  v1::MemberChange change;
  *change.mutable_member() = request.member();
  change.set_organisation("organisations/" + caller.organisation());
  change.set_role(caller.role());
  change.set_authentication(caller.authentication());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      *change.mutable_actor_handle(),
      co_await recorder_->ActorHandle(caller.organisation(), caller.issuer(), caller.actor()));
  v1::SetMemberResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_position(),
                                co_await members_->Set(std::move(change)));
  co_return response;
}

// Looks through the controller's entries: which of them concern the person only the vault can tell,
// so that the ledger itself links no two of them.
coro::Task<absl::StatusOr<v1::ListSubjectAccessesResponse>> StandingBook::ListSubjectAccesses(
    v1::ListSubjectAccessesRequest request) {
  v1::ListSubjectAccessesResponse response;
  auto before = text::ParsePosition(request.page_token());
  for (int scanned = 0; scanned < kScannedPerPage;) {
    const int wanted = std::min(1000, kScannedPerPage - scanned);
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto entries, co_await ledger_->ListByOrganisation(
                                                          request.controller(), before, wanted));
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto concerned,
                                  co_await recorder_->Concerns(request.subject_id(), entries));
    for (size_t i = 0; i < entries.size(); ++i) {
      v1::Entry entry;
      entry.ParseFromString(entries[i].record.leaf());
      if (concerned[i] && entry.has_access())
        *response.add_accesses() = ToRecord(entries[i], entry);
      before = entries[i].position;
      if (response.accesses_size() < request.page_size()) continue;
      response.set_next_page_token(text::FormatPosition(*before));
      co_return response;
    }
    scanned += static_cast<int>(entries.size());
    if (static_cast<int>(entries.size()) < wanted) {
      response.set_complete(true);
      co_return response;
    }
  }
  response.set_next_page_token(text::FormatPosition(*before));
  co_return response;
}

}  // namespace waterline::accountability
