#include "services/accountability/policy/snapshot.h"

#include <algorithm>
#include <tuple>

#include "services/accountability/domain/agreement_rules.h"
#include "services/accountability/domain/life_cycle.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::accountability {
namespace {

using text::IdOf;
using text::ToMs;
size_t ShardOf(std::string_view key, size_t shards) {
  return StringHash()(key) / 7 % shards;  // Not the bits the table inside uses first.
}

std::string PairKey(std::string_view provider, std::string_view recipient) {
  std::string key(provider);
  return key.append(1, '/').append(recipient);
}

// A copy of one shard to change; an absent one is empty.
template <class Shard>
std::shared_ptr<Shard> CopyOf(const std::shared_ptr<const Shard>& shard) {
  return shard == nullptr ? std::make_shared<Shard>() : std::make_shared<Shard>(*shard);
}

CompiledRecipient RecipientOf(const v1::Party& party, const v1::AgreementTerms& terms) {
  CompiledRecipient recipient;
  recipient.anonymous_only = party.role() == v1::PARTY_ROLE_RECIPIENT_OF_ANONYMOUS;
  recipient.safeguarding_role = party.safeguarding_role();
  for (const auto& access : terms.access_roles()) {
    if (access.organisation() != party.organisation()) continue;
    auto [found, is_new] = recipient.roles.try_emplace(access.role());
    if (access.purposes().empty() || (!is_new && found->second.empty())) {
      found->second.clear();  // Every purpose.
      continue;
    }
    found->second.insert(access.purposes().begin(), access.purposes().end());
  }
  return recipient;
}

bool ByReference(const Snapshot::AgreementPtr& a, const Snapshot::AgreementPtr& b) {
  return std::tie(a->reference, a->version, a->name) < std::tie(b->reference, b->version, b->name);
}

}  // namespace

CompiledAgreement::CompiledAgreement(const v1::Agreement& agreement)
    : name(agreement.name()),
      reference(agreement.terms().reference()),
      version(agreement.terms().version()),
      state(agreement.state()),
      complete(IsComplete(agreement)),
      start_ms(ToMs(agreement.terms().start())),
      review_due_ms(ToMs(agreement.terms().review_due())),
      end_ms(ToMs(agreement.terms().end())),
      onward(agreement.terms().onward_sharing()),
      categories(agreement.terms().categories_size()),
      scopes(agreement.terms().scopes().begin(), agreement.terms().scopes().end()),
      small_numbers(agreement.terms().small_numbers()),
      research_approval(agreement.terms().research_approval()),
      decisions_per_minute(agreement.terms().decisions_per_minute()) {
  const auto& terms = agreement.terms();
  for (const auto& purpose : terms.purposes())
    purposes[purpose.purpose()].consent_independent = IsConsentIndependent(purpose);
  for (const int operation : terms.operations())
    if (v1::Operation_IsValid(operation)) operations |= 1u << operation;
  for (const auto& category : terms.categories()) {
    const auto index = static_cast<size_t>(category.category());
    if (index < highest.size()) highest[index] = category.highest();
  }
  for (const auto& party : terms.parties()) {
    parties.push_back(IdOf(party.organisation()));
    if (party.provides()) providers.push_back(IdOf(party.organisation()));
    if (party.receives()) recipients[IdOf(party.organisation())] = RecipientOf(party, terms);
  }
}

std::shared_ptr<const Snapshot> Snapshot::Make(uint64_t revision, std::string host,
                                               const std::vector<v1::Agreement>& agreements,
                                               const Standings& standings) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->revision_ = revision;
  snapshot->host_ = std::move(host);
  for (const auto& agreement : agreements)
    snapshot->Add(std::make_shared<const CompiledAgreement>(agreement));
  Sharded<StandingShard>& shards = snapshot->standings_;
  std::array<std::shared_ptr<StandingShard>, kShards> filling;
  for (const auto& [subject_id, standing] : standings) {
    auto& shard = filling[ShardOf(subject_id, kShards)];
    if (shard == nullptr) shard = std::make_shared<StandingShard>();
    (*shard)[subject_id] = standing;
  }
  std::copy(filling.begin(), filling.end(), shards.begin());
  return snapshot;
}

// Only with an agreement that is in nobody's review any more; drafts let nothing cross.
void Snapshot::Add(const AgreementPtr& agreement) {
  auto& names = by_name_[ShardOf(agreement->name, kShards)];
  auto name_copy = CopyOf(names);
  (*name_copy)[agreement->name] = agreement;
  names = std::move(name_copy);
  if (agreement->state == v1::AGREEMENT_STATE_DRAFT ||
      agreement->state == v1::AGREEMENT_STATE_IN_REVIEW)
    return;
  for (const auto& provider : agreement->providers) {
    for (const auto& [recipient, unused] : agreement->recipients) {
      if (provider == recipient) continue;
      const std::string key = PairKey(provider, recipient);
      auto& shard = between_[ShardOf(key, kShards)];
      auto copy = CopyOf(shard);
      auto& list = (*copy)[key];
      list.insert(std::upper_bound(list.begin(), list.end(), agreement, ByReference), agreement);
      shard = std::move(copy);
    }
  }
}

void Snapshot::Remove(const CompiledAgreement& agreement) {
  for (const auto& provider : agreement.providers) {
    for (const auto& [recipient, unused] : agreement.recipients) {
      const std::string key = PairKey(provider, recipient);
      auto& shard = between_[ShardOf(key, kShards)];
      if (shard == nullptr || !shard->contains(key)) continue;
      auto copy = CopyOf(shard);
      std::erase_if((*copy)[key], [&](const auto& one) { return one->name == agreement.name; });
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
  auto& shard = next->standings_[ShardOf(subject_id, kShards)];
  auto copy = CopyOf(shard);
  (*copy)[subject_id] = standing;
  shard = std::move(copy);
  return next;
}

const std::vector<Snapshot::AgreementPtr>& Snapshot::Between(std::string_view provider,
                                                             std::string_view recipient) const {
  static const auto* none = new std::vector<AgreementPtr>();
  const std::string key = PairKey(provider, recipient);
  const auto& shard = between_[ShardOf(key, kShards)];
  if (shard == nullptr) return *none;
  const auto found = shard->find(key);
  return found == shard->end() ? *none : found->second;
}

Snapshot::AgreementPtr Snapshot::Find(std::string_view name) const {
  const auto& shard = by_name_[ShardOf(name, kShards)];
  if (shard == nullptr) return nullptr;
  const auto found = shard->find(name);
  return found == shard->end() ? nullptr : found->second;
}

Standing Snapshot::StandingOf(std::string_view subject_id) const {
  const auto& shard = standings_[ShardOf(subject_id, kShards)];
  if (shard == nullptr) return {};
  const auto found = shard->find(subject_id);
  return found == shard->end() ? Standing() : found->second;
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

}  // namespace waterline::accountability
