#pragma once

// Keys and digests of bulk rows (contracts.md 4). Thread safety: pure functions.

#include <string>

#include "waterline/events/storage/v1/records.pb.h"

namespace waterline::events {

// HMAC(voter, statement)[0..16) | timestamp ms, big-endian. `pair` is a key from SourceKey over
// event, informant and contribution.
std::string ReactionKey(const std::string& pair, int64_t at_ms);

// SHA-256 over the fields of a response that say what was answered.
std::string ContentDigest(const storage::v1::ResponseRow& row);

}  // namespace waterline::events
