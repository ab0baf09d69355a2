#include "services/common/storage/store.h"

#include <algorithm>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::storage {
namespace {

constexpr size_t kNameMax = 63;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsPartitionId(const std::string& id) {
  if (id.empty() || id.size() > kNameMax || !IsLower(id.front()) || id.back() == '-') return false;
  return std::all_of(id.begin(), id.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

bool IsCollection(const std::string& name) {
  if (name.empty() || name.size() > kNameMax || !IsLower(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '_' || c == '.'; });
}

absl::Status Malformed(const std::string& what) {
  return absl::InvalidArgumentError("storage: " + what);
}

absl::Status TooLarge(const std::string& what, const std::string& limit) {
  return Error(reason::kTooLarge, "storage: " + what + " exceeds the limit of " + limit,
               {{"limit", limit}});
}

}  // namespace

Range PrefixRange(std::string collection, const std::string& prefix) {
  std::string end = prefix;
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
  return Range(std::move(collection), prefix, std::move(end));
}

Batch& Batch::RequireAbsent(Key key) {
  size_bytes_ += key.collection.size() + key.id.size();
  preconditions_.push_back({Precondition::Kind::kAbsent, std::move(key), 0});
  return *this;
}

Batch& Batch::RequireRevision(Key key, Revision revision) {
  if (revision == 0) return RequireAbsent(std::move(key));
  size_bytes_ += key.collection.size() + key.id.size();
  preconditions_.push_back({Precondition::Kind::kAtRevision, std::move(key), revision});
  return *this;
}

Batch& Batch::RequireFence(Key lease, uint64_t epoch) {
  size_bytes_ += lease.collection.size() + lease.id.size();
  preconditions_.push_back({Precondition::Kind::kFence, std::move(lease), epoch});
  return *this;
}

Batch& Batch::Put(Key key, std::string value) {
  size_bytes_ += key.collection.size() + key.id.size() + value.size();
  writes_.push_back({std::move(key), std::move(value)});
  return *this;
}

Batch& Batch::Delete(Key key) {
  size_bytes_ += key.collection.size() + key.id.size();
  writes_.push_back({std::move(key), std::nullopt});
  return *this;
}

Batch& Batch::Append(std::string log, std::string payload) {
  size_bytes_ += log.size() + payload.size();
  appends_.push_back({std::move(log), std::move(payload)});
  return *this;
}

int Batch::operation_count() const {
  return static_cast<int>(preconditions_.size() + writes_.size() + appends_.size());
}

absl::Status Validate(const Partition& partition) {
  return IsPartitionId(partition.id) ? absl::OkStatus()
                                     : Malformed("a partition id is not a lower case id");
}

absl::Status Validate(const Key& key) {
  if (!IsCollection(key.collection)) return Malformed("a collection name is malformed");
  if (key.collection.size() + key.id.size() > kKeyBytesMax) {
    return TooLarge("a key", std::to_string(kKeyBytesMax) + " bytes");
  }
  return absl::OkStatus();
}

absl::Status Validate(const Range& range, int limit) {
  WATERLINE_RETURN_IF_ERROR(Validate(Key(range.collection, range.begin)));
  if (limit < 1 || limit > kScanLimitMax) return Malformed("a scan limit is not 1 to 1000");
  return absl::OkStatus();
}

absl::Status Validate(const Batch& batch) {
  if (batch.empty()) return Malformed("an empty batch");
  if (batch.operation_count() > kBatchOperationsMax) {
    return TooLarge("a batch", std::to_string(kBatchOperationsMax) + " operations");
  }
  if (batch.size_bytes() > kBatchBytesMax) return TooLarge("a batch", "1 MiB");
  for (const auto& precondition : batch.preconditions())
    WATERLINE_RETURN_IF_ERROR(Validate(precondition.key));
  for (const auto& write : batch.writes()) WATERLINE_RETURN_IF_ERROR(Validate(write.key));
  for (const auto& append : batch.appends())
    WATERLINE_RETURN_IF_ERROR(Validate(Key(append.log, "")));
  return absl::OkStatus();
}

}  // namespace waterline::storage
