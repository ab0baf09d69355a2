#include "services/accountability/policy/standing_table.h"

#include <cstring>
#include <utility>

#include "absl/hash/hash.h"

namespace waterline::accountability {

std::optional<SubjectKey> SubjectKey::Of(std::string_view subject_id) {
  if (subject_id.size() != kSubjectIdBytes) return std::nullopt;
  SubjectKey key;
  std::memcpy(&key.high, subject_id.data(), sizeof key.high);
  std::memcpy(&key.low, subject_id.data() + sizeof key.high, sizeof key.low);
  return key;
}

uint64_t SubjectKey::Hash() const { return absl::HashOf(high, low); }

size_t StandingTable::PlaceOfKey(const SubjectKey& key, uint64_t hash) const {
  size_t place = HomeOf(hash);
  while (slots_[place].is_used != 0 && slots_[place].key != key)
    place = place + 1 == slots_.size() ? 0 : place + 1;
  return place;
}

Standing StandingTable::Find(const SubjectKey& key, uint64_t hash) const {
  if (slots_.empty()) return {};
  const Slot& slot = slots_[PlaceOfKey(key, hash)];  // All zero when it is a free one.
  return {slot.bits, slot.expires_ms};
}

void StandingTable::Prefetch(uint64_t hash) const {
  if (slots_.empty()) return;
  const Slot* home = &slots_[HomeOf(hash)];
  __builtin_prefetch(home);
  __builtin_prefetch(home + 1);  // Behind the last is no slot, but to prefetch it is no access.
}

void StandingTable::Set(const SubjectKey& key, const Standing& standing) {
  if (2 * (size_ + 1) > slots_.size()) Grow();  // Half of them free: most are found at home.
  Slot& slot = slots_[PlaceOfKey(key, key.Hash())];
  size_ += slot.is_used == 0 ? 1 : 0;
  slot = {key, 1, standing.bits, standing.expires_ms};
}

void StandingTable::Grow() {
  std::vector<Slot> before(slots_.size() + slots_.size() / 2 + 8);
  std::swap(slots_, before);
  for (const Slot& slot : before) {
    if (slot.is_used != 0) slots_[PlaceOfKey(slot.key, slot.key.Hash())] = slot;
  }
}

}  // namespace waterline::accountability
