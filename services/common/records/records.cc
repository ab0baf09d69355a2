#include "services/common/records/records.h"

#include "services/common/crypto/aead.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/crypto/random.h"
#include "services/common/rpc/limits.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"

namespace waterline::records {
namespace {

using common::storage::v1::DedupeRecord;
using storage::Batch;
using storage::Key;

constexpr int kSweepMax = 200;  // A precondition and a delete each.

// Page tokens hold the id of a record that the reader may know by a pseudonym only, so they are
// sealed: random nonce | AES-256-GCM of the id, bound to the arguments of the list. The key lives
// as long as the process; after a restart a list starts again.
const std::string& TokenKey() {
  static const std::string key = crypto::RandomBytes(crypto::kAesKeyBytes);
  return key;
}

absl::Status BadToken() {
  return BadFields({{"page_token", "is not a token of this list; start again without one"}});
}

}  // namespace

absl::Status ParseInto(const std::string& bytes, const Key& key,
                       google::protobuf::Message* message) {
  if (message->ParseFromString(bytes)) return absl::OkStatus();
  return Error(reason::kDataDamaged, "a record of collection " + key.collection + " does not parse",
               {{"collection", key.collection}});
}

std::string EtagOf(storage::Revision revision) { return "r" + std::to_string(revision); }

absl::Status CheckEtag(const std::string& etag, storage::Revision revision) {
  if (etag.empty() || etag == EtagOf(revision)) return absl::OkStatus();
  return Error(reason::kEtagMismatch,
               "it was changed since it was read; read it again and repeat the change");
}

absl::StatusOr<Page> ReadPage(int32_t page_size, const std::string& token,
                              std::string_view arguments) {
  if (page_size < 0 || page_size > rpc::kPageSizeMax) {
    return BadFields({{"page_size", "is not within 0 to " + std::to_string(rpc::kPageSizeMax)}});
  }
  Page page;
  page.limit = page_size == 0 ? rpc::kPageSizeDefault : page_size;
  if (token.empty()) return page;
  const auto bytes = crypto::HexDecode(token);
  if (!bytes.ok() || bytes->size() <= crypto::kGcmNonceBytes) return BadToken();
  auto id = crypto::AesGcmOpen(TokenKey(), bytes->substr(0, crypto::kGcmNonceBytes), arguments,
                               bytes->substr(crypto::kGcmNonceBytes));
  if (!id.ok()) return BadToken();
  page.after = *std::move(id);
  return page;
}

std::string NextPageToken(std::string_view last_id, std::string_view arguments) {
  const std::string nonce = crypto::RandomBytes(crypto::kGcmNonceBytes);
  return crypto::HexEncode(nonce + crypto::AesGcmSeal(TokenKey(), nonce, arguments, last_id));
}

storage::Range PageRange(std::string collection, const std::string& prefix, const Page& page) {
  storage::Range range = storage::PrefixRange(std::move(collection), prefix);
  if (!page.after.empty()) range.begin = page.after + '\0';
  return range;
}

void CheckRequestId(const std::string& request_id, std::vector<FieldViolation>* violations,
                    const std::string& field) {
  if (text::IsRequestId(request_id)) return;
  violations->push_back({field, "is required: 1 to 64 visible ASCII characters, a UUID is best"});
}

Mutation MutationOf(const rpc::Call& call, const google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
  std::unique_ptr<google::protobuf::Message> body(request.New());
  body->CopyFrom(request);
  const std::string request_id = request.GetReflection()->GetString(request, field);
  body->GetReflection()->ClearField(body.get(), field);
  std::string input = call.caller.organisation();
  input.append(1, '\0').append(call.method).append(1, '\0').append(request_id);
  return {Key(kDedupe, crypto::Sha256(input)), crypto::Sha256(Serialise(*body))};
}

coro::Task<absl::StatusOr<std::optional<DedupeRecord>>> FindRetry(storage::Store* store,
                                                                  storage::Partition partition,
                                                                  Mutation* mutation,
                                                                  int64_t now_ms) {
  auto stored = co_await Load<DedupeRecord>(store, partition, mutation->key);
  if (!stored.ok()) co_return stored.status();
  std::optional<DedupeRecord> found;
  if (!*stored) co_return found;
  mutation->revision = (*stored)->revision;
  if (now_ms - text::ToMs((*stored)->record.recorded_at()) > kDedupeLifeMs) co_return found;
  if ((*stored)->record.request_digest() != mutation->digest) {
    co_return Error(reason::kRequestIdReused,
                    "this request_id was used for another request within 7 days; use a new one");
  }
  found = std::move((*stored)->record);
  co_return found;
}

void Remember(Batch* batch, const Mutation& mutation, const std::string& resource_name,
              const common::v1::LedgerPosition& receipt, int64_t now_ms) {
  DedupeRecord record;
  record.set_request_digest(mutation.digest);
  record.set_resource_name(resource_name);
  *record.mutable_receipt() = receipt;
  *record.mutable_recorded_at() = text::ToTimestamp(now_ms);
  batch->RequireRevision(mutation.key, mutation.revision)
      .Put(mutation.key, record.SerializeAsString());
}

coro::Task<absl::StatusOr<int>> SweepDedupe(storage::Store* store, storage::Partition partition,
                                            int64_t now_ms) {
  int swept = 0;
  storage::Range range(kDedupe);
  while (true) {
    auto page = co_await Scan<DedupeRecord>(store, partition, range, kSweepMax);
    if (!page.ok()) co_return page.status();
    if (page->empty()) co_return swept;
    range.begin = page->back().id + '\0';
    Batch batch;
    for (const auto& item : *page) {
      if (now_ms - text::ToMs(item.record.recorded_at()) <= kDedupeLifeMs) continue;
      const Key key(kDedupe, item.id);
      batch.RequireRevision(key, item.revision).Delete(key);
      ++swept;
    }
    if (batch.empty()) continue;
    auto committed = co_await store->Commit(partition, std::move(batch));
    if (!committed.ok()) co_return committed.status();
  }
}

std::string LogItem(const std::string& name, common::storage::v1::LogRecord::Kind kind,
                    const common::v1::LedgerPosition& receipt) {
  common::storage::v1::LogRecord record;
  record.set_name(name);
  record.set_kind(kind);
  *record.mutable_receipt() = receipt;
  return record.SerializeAsString();
}

}  // namespace waterline::records
