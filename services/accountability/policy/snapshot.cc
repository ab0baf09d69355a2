#include "services/accountability/policy/snapshot.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <tuple>

#include "services/accountability/domain/agreement_rules.h"
#include "services/accountability/domain/life_cycle.h"
#include "services/common/data/code_lists.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::accountability {
namespace {

using text::IdOf;
using text::ToMs;

// A copy of one shard to change; an absent one is empty.
template <class Shard>
std::shared_ptr<Shard> CopyOf(const std::shared_ptr<const Shard>& shard) {
  return shard == nullptr ? std::make_shared<Shard>() : std::make_shared<Shard>(*shard);
}

PurposeSet PurposesOf(const v1::AccessRole& access) {
  if (access.purposes().empty()) return kEveryPurpose;
  PurposeSet purposes = 0;
  for (const auto& code : access.purposes()) purposes |= PurposeOf(code);
  return purposes;
}

CompiledRecipient RecipientOf(const v1::Party& party, const v1::AgreementTerms& terms) {
  CompiledRecipient recipient;
  recipient.anonymous_only = party.role() == v1::PARTY_ROLE_RECIPIENT_OF_ANONYMOUS;
  recipient.safeguarding_role = party.safeguarding_role();
  std::map<std::string, PurposeSet> purposes;
  for (const auto& access : terms.access_roles()) {
    if (access.organisation() == party.organisation())
      purposes[access.role()] |= PurposesOf(access);
  }
  std::vector<std::string> roles;
  for (const auto& [role, unused] : purposes) roles.push_back(role);
  recipient.roles = WordSet(std::move(roles));
  for (const auto& role : recipient.roles.texts()) recipient.purposes.push_back(purposes[role]);
  return recipient;
}

bool ByReference(const Passage& one, const Passage& other) {
  const auto& a = *one.agreement;
  const auto& b = *other.agreement;
  return std::tie(a.reference, a.version, a.name) < std::tie(b.reference, b.version, b.name);
}

SubjectKey KeyOf(std::string_view subject_id) {
  const auto key = SubjectKey::Of(subject_id);
  if (!key) std::abort();  // A fault of the caller: the standing would be nobody's.
  return *key;
}

bool IsUnderDiscussion(const CompiledAgreement& agreement) {
  return agreement.state == v1::AGREEMENT_STATE_DRAFT ||
         agreement.state == v1::AGREEMENT_STATE_IN_REVIEW;
}

}  // namespace

PurposeSet PurposeOf(std::string_view code) {
  static const auto& codes = data::FindCodeList("purpose")->codes;
  const auto found = std::find_if(codes.begin(), codes.end(),
                                  [&](const data::Code& one) { return one.code == code; });
  if (found == codes.end()) return 0;
  const auto place = static_cast<size_t>(found - codes.begin());
  if (place >= std::numeric_limits<PurposeSet>::digits) std::abort();  // The list outgrew the bits.
  return PurposeSet{1} << place;
}

CompiledAgreement::CompiledAgreement(const v1::Agreement& agreement)
    : state(agreement.state()),
      complete(IsComplete(agreement)),
      start_ms(ToMs(agreement.terms().start())),
      review_due_ms(ToMs(agreement.terms().review_due())),
      end_ms(ToMs(agreement.terms().end())),
      onward(agreement.terms().onward_sharing()),
      scopes({agreement.terms().scopes().begin(), agreement.terms().scopes().end()}),
      research_approval(agreement.terms().research_approval()),
      categories(agreement.terms().categories_size()),
      name(agreement.name()),
      reference(agreement.terms().reference()),
      version(agreement.terms().version()),
      small_numbers(agreement.terms().small_numbers()),
      decisions_per_minute(agreement.terms().decisions_per_minute()) {
  const auto& terms = agreement.terms();
  std::map<std::string, bool> independent;
  for (const auto& purpose : terms.purposes())
    independent[purpose.purpose()] = IsConsentIndependent(purpose);
  for (const auto& [code, is_independent] : independent) {
    purpose_codes.push_back(code);
    purposes |= PurposeOf(code);
    if (is_independent) consent_independent |= PurposeOf(code);
  }
  for (const int operation : terms.operations())
    if (v1::Operation_IsValid(operation)) operations |= 1u << operation;
  for (const auto& category : terms.categories()) {
    const auto index = static_cast<size_t>(category.category());
    if (index < highest.size() && common::v1::ReleaseLevel_IsValid(category.highest()))
      highest[index] = static_cast<uint8_t>(category.highest());
  }
  for (const auto& party : terms.parties()) {
    parties.push_back(IdOf(party.organisation()));
    if (party.provides()) providers.push_back(IdOf(party.organisation()));
    if (party.receives()) recipients[IdOf(party.organisation())] = RecipientOf(party, terms);
  }
}

size_t Snapshot::ShardOf(std::string_view name) {
  return StringHash()(name) / 7 % kShards;  // Not the bits the table inside uses first.
}
size_t Snapshot::ShardOf(const PairView& pair) {
  constexpr int kUpperBits = 32;  // The table inside uses the lower ones first.
  return (PairHash()(pair) >> kUpperBits) % kShards;
}

void Passage::Prefetch() const {
  __builtin_prefetch(agreement.get());
  __builtin_prefetch(&agreement->scopes);
  __builtin_prefetch(recipient);
}

std::shared_ptr<const Snapshot> Snapshot::Make(uint64_t revision, std::string host,
                                               const std::vector<v1::Agreement>& agreements,
                                               const Standings& standings) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->revision_ = revision;
  snapshot->host_ = std::move(host);
  for (const auto& agreement : agreements)
    snapshot->Add(std::make_shared<const CompiledAgreement>(agreement));
  std::array<std::shared_ptr<StandingTable>, kShards> filling;
  for (const auto& [subject_id, standing] : standings) {
    const SubjectKey key = KeyOf(subject_id);
    auto& shard = filling[ShardOf(key.Hash())];
    if (shard == nullptr) shard = std::make_shared<StandingTable>();
    shard->Set(key, standing);
  }
  std::copy(filling.begin(), filling.end(), snapshot->standings_.begin());
  return snapshot;
}

// Only with an agreement that is in nobody's review any more; drafts let nothing cross.
void Snapshot::Add(const AgreementPtr& agreement) {
  auto& names = by_name_[ShardOf(agreement->name)];
  auto name_copy = CopyOf(names);
  (*name_copy)[agreement->name] = agreement;
  names = std::move(name_copy);
  if (IsUnderDiscussion(*agreement)) return;
  for (const auto& provider : agreement->providers) {
    const bool reaches_all = agreement->scopes.contains(Word("organisations/" + provider));
    for (const auto& [organisation, recipient] : agreement->recipients) {
      if (provider == organisation) continue;
      const Passage passage{agreement, &recipient, reaches_all};
      auto& shard = between_[ShardOf({provider, organisation})];
      auto copy = CopyOf(shard);
      auto& list = (*copy)[{provider, organisation}];
      list.insert(std::upper_bound(list.begin(), list.end(), passage, ByReference), passage);
      shard = std::move(copy);
    }
  }
}

void Snapshot::Remove(const CompiledAgreement& agreement) {
  for (const auto& provider : agreement.providers) {
    for (const auto& [recipient, unused] : agreement.recipients) {
      const PairView pair(provider, recipient);
      auto& shard = between_[ShardOf(pair)];
      if (shard == nullptr || !shard->contains(pair)) continue;
      auto copy = CopyOf(shard);
      std::erase_if(copy->find(pair)->second,
                    [&](const Passage& one) { return one.agreement->name == agreement.name; });
      shard = std::move(copy);
    }
  }
}

std::shared_ptr<const Snapshot> Snapshot::WithAgreement(uint64_t revision,
                                                        const v1::Agreement& agreement) const {
  auto next = std::make_shared<Snapshot>(*this);
  next->revision_ = revision;
  if (const auto before = Find(agreement.name())) next->Remove(*before);
  next->Add(std::make_shared<const CompiledAgreement>(agreement));
  return next;
}

std::shared_ptr<const Snapshot> Snapshot::WithStanding(uint64_t revision,
                                                       const std::string& subject_id,
                                                       Standing standing) const {
  auto next = std::make_shared<Snapshot>(*this);
  next->revision_ = revision;
  const SubjectKey key = KeyOf(subject_id);
  auto& shard = next->standings_[ShardOf(key.Hash())];
  auto copy = CopyOf(shard);
  copy->Set(key, standing);
  shard = std::move(copy);
  return next;
}

const std::vector<Passage>& Snapshot::Between(std::string_view provider,
                                              std::string_view recipient) const {
  static const auto* none = new std::vector<Passage>();
  const PairView pair(provider, recipient);
  const auto& shard = between_[ShardOf(pair)];
  if (shard == nullptr) return *none;
  const auto found = shard->find(pair);
  return found == shard->end() ? *none : found->second;
}

Snapshot::AgreementPtr Snapshot::Find(std::string_view name) const {
  const auto& shard = by_name_[ShardOf(name)];
  if (shard == nullptr) return nullptr;
  const auto found = shard->find(name);
  return found == shard->end() ? nullptr : found->second;
}

Standing Snapshot::StandingOf(std::string_view subject_id) const {
  const auto key = SubjectKey::Of(subject_id);
  if (!key) return {};
  const uint64_t hash = key->Hash();
  const auto& shard = standings_[ShardOf(hash)];
  return shard == nullptr ? Standing() : shard->Find(*key, hash);
}

void Snapshot::PrefetchStanding(std::string_view subject_id) const {
  const auto key = SubjectKey::Of(subject_id);
  if (!key) return;
  const uint64_t hash = key->Hash();
  if (const auto& shard = standings_[ShardOf(hash)]) shard->Prefetch(hash);
}

std::vector<Snapshot::AgreementPtr> Snapshot::Of(const std::string& organisation) const {
  std::vector<AgreementPtr> out;
  for (const auto& shard : by_name_) {
    if (shard == nullptr) continue;
    for (const auto& [name, agreement] : *shard) {
      const auto& parties = agreement->parties;
      if (std::find(parties.begin(), parties.end(), organisation) != parties.end())
        out.push_back(agreement);
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  return out;
}

std::vector<Snapshot::AgreementPtr> Snapshot::ProvidedBy(const std::string& organisation) const {
  auto out = Of(organisation);
  std::erase_if(out, [&](const auto& one) {
    const auto& providers = one->providers;
    return IsUnderDiscussion(*one) ||
           std::find(providers.begin(), providers.end(), organisation) == providers.end();
  });
  return out;
}

std::vector<Snapshot::AgreementPtr> Snapshot::EndedBy(int64_t now_ms) const {
  std::vector<AgreementPtr> out;
  for (const auto& shard : by_name_) {
    if (shard == nullptr) continue;
    for (const auto& [name, agreement] : *shard) {
      const bool may_expire = agreement->state == v1::AGREEMENT_STATE_AGREED ||
                              agreement->state == v1::AGREEMENT_STATE_SUSPENDED;
      if (may_expire && agreement->end_ms <= now_ms) out.push_back(agreement);
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  return out;
}

}  // namespace waterline::accountability
