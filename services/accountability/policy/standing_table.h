#pragma once

// StandingTable: the standing of persons by subject id. One decision looks up as many persons as it
// has rows, in a table of millions that is in no cache; so a person is one cache line, which is
// fetched ahead. Open addressing, linear probing. Thread safety: const methods from any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/numeric/int128.h"
#include "services/accountability/policy/standing.h"

namespace waterline::accountability {

inline constexpr size_t kSubjectIdBytes = 16;

// A subject id as it is compared and hashed.
struct SubjectKey {
  uint64_t high = 0;
  uint64_t low = 0;

  // Nothing for what is no subject id.
  static std::optional<SubjectKey> Of(std::string_view subject_id);
  uint64_t Hash() const;
  friend bool operator==(const SubjectKey&, const SubjectKey&) = default;
};

class StandingTable {
 public:
  void Set(const SubjectKey& key, const Standing& standing);

  // All zero for a person of whom nothing was said. `hash` is the key's.
  Standing Find(const SubjectKey& key, uint64_t hash) const;
  // Starts to load what Find will read. Not inline: g++ 12 drops a loop of mere prefetches.
  void Prefetch(uint64_t hash) const;
  size_t size() const { return size_; }

 private:
  struct alignas(64) Slot {
    SubjectKey key;
    uint32_t is_used = 0;
    uint32_t bits = 0;
    std::array<int64_t, kPermissions> expires_ms{};
  };
  static_assert(sizeof(Slot) == 64, "a person is one cache line");

  // By the upper bits of the hash, so that the lower ones may choose among tables.
  size_t HomeOf(uint64_t hash) const {
    return absl::Uint128High64(absl::uint128(hash) * slots_.size());
  }
  // Where the key is, or else the free slot where it would be. REQUIRES: a slot is free.
  size_t PlaceOfKey(const SubjectKey& key, uint64_t hash) const;
  void Grow();

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace waterline::accountability
