#pragma once

// What the stores and handlers of all services share: typed records, etags, pages, and the dedupe
// record of a mutation (contracts.md 1; architecture.md 5).
// Thread safety: pure functions; coroutines keep nothing beyond their call.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "services/common/rpc/call.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/storage/store.h"
#include "services/common/text/serialise.h"
#include "waterline/common/storage/v1/sealed.pb.h"

namespace waterline::records {

inline constexpr char kDedupe[] = "dedupe";  // dedupe/<SHA-256(organisation, method, request id)>
inline constexpr int64_t kDedupeLifeMs = 7LL * 24 * 3600 * 1000;

template <class Record>
struct Stored {
  std::string id;
  Record record;
  storage::Revision revision = 0;
};

// Equal messages give equal bytes in one build.
using text::Serialise;

absl::Status ParseInto(const std::string& bytes, const storage::Key& key,
                       google::protobuf::Message* message);

// Absent is a value; a record that does not parse is DATA_DAMAGED.
template <class Record>
coro::Task<absl::StatusOr<std::optional<Stored<Record>>>> Load(storage::Store* store,
                                                               storage::Partition partition,
                                                               storage::Key key) {
  const std::vector<storage::Key> keys = {key};
  auto values = co_await store->Get(partition, keys);
  if (!values.ok()) co_return values.status();
  std::optional<Stored<Record>> found;
  if (!(*values)[0]) co_return found;
  found.emplace();
  found->id = key.id;
  found->revision = (*values)[0]->revision;
  auto parsed = ParseInto((*values)[0]->value, key, &found->record);
  if (!parsed.ok()) co_return parsed;
  co_return found;
}

// Records of one range in order.
template <class Record>
coro::Task<absl::StatusOr<std::vector<Stored<Record>>>> Scan(storage::Store* store,
                                                             storage::Partition partition,
                                                             storage::Range range, int limit) {
  auto items = co_await store->Scan(partition, range, limit, storage::Direction::kForward);
  if (!items.ok()) co_return items.status();
  std::vector<Stored<Record>> records;
  for (const auto& item : *items) {
    Stored<Record> stored;
    stored.id = item.id;
    stored.revision = item.versioned.revision;
    auto parsed =
        ParseInto(item.versioned.value, storage::Key(range.collection, item.id), &stored.record);
    if (!parsed.ok()) co_return parsed;
    records.push_back(std::move(stored));
  }
  co_return records;
}

std::string EtagOf(storage::Revision revision);
// ABORTED/ETAG_MISMATCH when `etag` is given and differs.
absl::Status CheckEtag(const std::string& etag, storage::Revision revision);

// A page of a list. `arguments` are what the list was asked for apart from the page; a token of
// other arguments, or of this process before it was last started, is refused. It tells nothing of
// the id it holds.
struct Page {
  int limit = 0;
  std::string after;  // The last id of the page before; empty at the start.
};
absl::StatusOr<Page> ReadPage(int32_t page_size, const std::string& token,
                              std::string_view arguments);
std::string NextPageToken(std::string_view last_id, std::string_view arguments);
// The range of a page within ids that start with `prefix`.
storage::Range PageRange(std::string collection, const std::string& prefix, const Page& page);

// Adds what is wrong with the request_id of a mutation; `field` is its path in the request.
void CheckRequestId(const std::string& request_id, std::vector<FieldViolation>* violations,
                    const std::string& field = "request_id");

// The key at which a mutation is remembered, and what it looked like.
struct Mutation {
  storage::Key key;
  std::string digest;
  storage::Revision revision = 0;  // Of the key as FindRetry saw it.
};
// `request` has a field request_id, which is left out of the digest.
Mutation MutationOf(const rpc::Call& call, const google::protobuf::Message& request);

// What an earlier call of this mutation left; nothing when it is new. ALREADY_EXISTS/
// REQUEST_ID_REUSED when the body differs. `mutation` outlives the call.
coro::Task<absl::StatusOr<std::optional<common::storage::v1::DedupeRecord>>> FindRetry(
    storage::Store* store, storage::Partition partition, Mutation* mutation, int64_t now_ms);

// Puts the dedupe record into the batch of the effect. A second writer of the same request loses
// with CONFLICT.
void Remember(storage::Batch* batch, const Mutation& mutation, const std::string& resource_name,
              const common::v1::LedgerPosition& receipt, int64_t now_ms);

// Deletes dedupe records older than 7 days in one partition; how many. CONFLICT when one of them
// was used again meanwhile: what is left waits for the next sweep.
coro::Task<absl::StatusOr<int>> SweepDedupe(storage::Store* store, storage::Partition partition,
                                            int64_t now_ms);

// A log item: name, kind, receipt position; never content.
std::string LogItem(const std::string& name, common::storage::v1::LogRecord::Kind kind,
                    const common::v1::LedgerPosition& receipt);

}  // namespace waterline::records
