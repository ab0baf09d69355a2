#include "services/events/store/rows.h"

#include "services/common/crypto/hash.h"
#include "services/common/records/records.h"
#include "services/common/storage/byte_order.h"
#include "services/events/store/bulk_rows.h"

namespace waterline::events {

std::string ReactionKey(const std::string& pair, int64_t at_ms) {
  return pair.substr(0, kGroupBytes) + waterline::storage::BigEndian(static_cast<uint64_t>(at_ms));
}

std::string ContentDigest(const storage::v1::ResponseRow& row) {
  storage::v1::ResponseRow content = row;
  content.clear_import();
  content.clear_recorded_at_ms();
  content.clear_content_digest();
  return crypto::Sha256(records::Serialise(content));
}

}  // namespace waterline::events
