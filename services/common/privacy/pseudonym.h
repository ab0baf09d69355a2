#pragma once

// Pseudonyms: the id of a record as one recipient under one agreement sees it (architecture: Keys;
// the form follows accountability's design of one person across organisations).
//
//     key       = HKDF-SHA256(root of the controller, no salt,
//                   "pseudonym/v1" | len recipient | len agreement reference | epoch), 32 bytes
//     pseudonym = 'p' and 26 characters of lower case base 32:
//                   the first 128 bits of HMAC-SHA256(key, "pid/v1" | value)
//
// `len x` is the length of x in 4 bytes, big-endian, and then x, so that no two scopes write the
// same bytes; the epoch has 4 bytes, big-endian. The agreement's reference stays the same over its
// versions, and so do the pseudonyms; another recipient, reference or epoch makes unlinkable ones
// for whoever does not hold the root. A pseudonym is a valid id of 27 characters (our own ids have
// 26), so that what it stands in is still a valid name.
// Thread safety: pure functions.

#include <cstdint>
#include <string>
#include <string_view>

namespace waterline::privacy {

inline constexpr size_t kPseudonymKeyBytes = 32;
inline constexpr size_t kPseudonymLength = 27;

// For whom pseudonyms are made.
struct PseudonymScope {
  std::string recipient;            // Organisation id, e.g. ods-qnx.
  std::string agreement_reference;  // e.g. ISA-0042; the same for all its versions.
  uint32_t epoch = 1;               // Counted up to make all pseudonyms of the scope anew.
};

// `root`: 32 random bytes of the controller; another length ends the process.
std::string PseudonymKey(std::string_view root, const PseudonymScope& scope);

// Of a value as a whole. `key` has kPseudonymKeyBytes; another length ends the process.
std::string Pseudonym(std::string_view key, std::string_view value);

// Of a resource name: its last id is replaced by the pseudonym of the whole name, so that equal ids
// under two parents stay apart. Ids of organisations, places, programmes, events, imports and
// agreements above it stay readable; an id above it of any other collection is replaced by the
// pseudonym of the name up to there, which is that record's own. A value that is no name (an
// informant's label) is replaced as a whole.
std::string PseudonymOfName(std::string_view key, std::string_view name);

}  // namespace waterline::privacy
