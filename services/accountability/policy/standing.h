#pragma once

// Standing: what a decision must know of one person, as one small bit set (architecture:
// Accountability). It can only lower what is released. Thread safety: values.

#include <array>
#include <cstdint>
#include <string>

#include "waterline/accountability/v1/standing_service.pb.h"

namespace waterline::accountability {

// What was said of one permission: two bits.
enum class Permission : uint32_t { kUnknown = 0, kGiven = 1, kRefused = 2, kWithdrawn = 3 };

inline constexpr size_t kPermissions = 5;

struct Standing {
  uint32_t bits = 0;
  // When each permission that is given ends, by PlaceOf; 0: never.
  std::array<int64_t, kPermissions> expires_ms{};

  friend bool operator==(const Standing&, const Standing&) = default;
};

inline constexpr uint32_t kObjectionUpheld = 1u << 16;
inline constexpr uint32_t kRestricted = 1u << 17;
inline constexpr uint32_t kHeld = 1u << 18;  // Sealed for legal proceedings.

// Where the two bits of a permission stand; `item` is one of the five.
inline uint32_t PlaceOf(v1::StandingItem item) { return static_cast<uint32_t>(item) - 1; }
inline uint32_t ShiftOf(v1::StandingItem item) { return 2 * PlaceOf(item); }

inline Permission PermissionOf(uint32_t bits, v1::StandingItem item) {
  return static_cast<Permission>((bits >> ShiftOf(item)) & 3u);
}

inline uint32_t WithPermission(uint32_t bits, v1::StandingItem item, Permission permission) {
  const uint32_t shift = ShiftOf(item);
  return (bits & ~(3u << shift)) | (static_cast<uint32_t>(permission) << shift);
}

// The bits as they hold at `now_ms`: a permission that has run out is withdrawn.
inline uint32_t BitsAt(const Standing& standing, int64_t now_ms) {
  uint32_t bits = standing.bits;
  for (uint32_t place = 0; place < kPermissions; ++place) {
    const int64_t expires_ms = standing.expires_ms[place];
    const auto item = static_cast<v1::StandingItem>(place + 1);
    if (expires_ms != 0 && expires_ms <= now_ms && PermissionOf(bits, item) == Permission::kGiven)
      bits = WithPermission(bits, item, Permission::kWithdrawn);
  }
  return bits;
}

// What the person said about sharing with other organisations, of the two ways to say it: given by
// either, else refused or withdrawn by either.
inline Permission SharingOf(uint32_t bits) {
  const auto named = PermissionOf(bits, v1::STANDING_ITEM_SHARE_WITH_NAMED_PARTNERS);
  const auto any = PermissionOf(bits, v1::STANDING_ITEM_SHARE_WITH_ANY_ICS_PARTNER);
  if (named == Permission::kGiven || any == Permission::kGiven) return Permission::kGiven;
  return named > any ? named : any;
}

}  // namespace waterline::accountability
