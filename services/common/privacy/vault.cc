#include "services/common/privacy/vault.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <mutex>
#include <sstream>
#include <utility>

#include "services/common/crypto/aead.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/crypto/random.h"
#include "services/common/privacy/projection.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::privacy {
namespace {

constexpr char kFileHeader[] = "waterline-master-keys v1";
constexpr char kKeys[] = "keys";
constexpr char kIndexKeyId[] = "index";
constexpr char kChecks[] = "key_checks";
constexpr int kPartitionsPerPage = 1000;

absl::Status KeyMissing(const std::string& message) { return Error(reason::kKeyMissing, message); }

std::string CheckValue(const std::string& master_key) {
  return crypto::HmacSha256(master_key, "waterline key check v1");
}

}  // namespace

absl::StatusOr<MasterKeys> MasterKeys::Load(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) {
    return KeyMissing("the master key file " + path +
                      " is missing; restore it, or run `waterline admin init`");
  }
  if ((info.st_mode & 077) != 0) {
    return KeyMissing("the master key file " + path + " can be read by others; chmod 600 it");
  }
  MasterKeys keys;
  keys.path_ = path;
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line != kFileHeader) {
    return KeyMissing(path + " is not a master key file: its first line is not `" + kFileHeader +
                      "`");
  }
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    uint32_t number = 0;
    std::string hex;
    auto secret = (fields >> number >> hex)
                      ? crypto::HexDecode(hex)
                      : absl::StatusOr<std::string>(absl::InvalidArgumentError(""));
    if (!secret.ok() || secret->size() != 32 || number == 0) {
      return KeyMissing("a line of the master key file " + path + " is malformed");
    }
    keys.keys_[number] = *std::move(secret);
  }
  if (keys.keys_.empty()) return KeyMissing("the master key file " + path + " holds no key");
  return keys;
}

absl::Status MasterKeys::Create(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0)
    return Error(reason::kAlreadyExists,
                 "the key file " + path + " is there already or cannot be written");
  const std::string text =
      std::string(kFileHeader) + "\n1 " + crypto::HexEncode(crypto::RandomBytes(32)) + "\n";
  const bool written =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  close(fd);
  if (!written) return Error(reason::kStorageFull, "could not write the key file " + path);
  return absl::OkStatus();
}

Vault::Vault(storage::Store* store, MasterKeys keys, std::vector<std::string> sealed_collections)
    : store_(store), keys_(std::move(keys)), sealed_collections_(std::move(sealed_collections)) {}

coro::Task<absl::Status> Vault::CheckAtStart() {
  WATERLINE_CO_RETURN_IF_ERROR(co_await CheckMasterKeys());
  std::string after;
  while (true) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto partitions,
                                  co_await store_->Partitions(after, kPartitionsPerPage));
    for (const auto& partition : partitions) {
      WATERLINE_CO_RETURN_IF_ERROR(co_await CheckPartition(partition));
    }
    if (partitions.size() < kPartitionsPerPage) co_return absl::OkStatus();
    after = partitions.back().id;
  }
}

coro::Task<absl::Status> Vault::CheckMasterKeys() {
  const storage::Partition network("network");
  const storage::Range range(kChecks);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored,
      co_await store_->Scan(network, range, storage::kScanLimitMax, storage::Direction::kForward));
  for (const auto& check : stored) {
    const auto found = keys_.all().find(static_cast<uint32_t>(std::stoul(check.id)));
    if (found == keys_.all().end() || CheckValue(found->second) != check.versioned.value) {
      co_return KeyMissing("master key " + check.id + " of this store is not the one in " +
                           keys_.path() + "; restore the key file that belongs to this data");
    }
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(auto partitions, co_await store_->Partitions("", 1));
  if (stored.empty() && !partitions.empty()) {
    co_return KeyMissing("the store holds data but no key checks; " + keys_.path() +
                         " may belong to another store");
  }
  storage::Batch batch;
  for (const auto& [number, secret] : keys_.all()) {
    const bool known =
        std::any_of(stored.begin(), stored.end(),
                    [n = std::to_string(number)](const auto& check) { return check.id == n; });
    if (!known) batch.Put(storage::Key(kChecks, std::to_string(number)), CheckValue(secret));
  }
  if (batch.empty()) co_return absl::OkStatus();
  auto committed = co_await store_->Commit(network, std::move(batch));
  co_return committed.status();
}

coro::Task<absl::Status> Vault::CheckPartition(storage::Partition partition) {
  const storage::Range keys(kKeys);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto any_key, co_await store_->Scan(partition, keys, 1, storage::Direction::kForward));
  if (!any_key.empty()) co_return absl::OkStatus();
  for (const auto& collection : sealed_collections_) {
    const storage::Range range(collection);
    WATERLINE_CO_ASSIGN_OR_RETURN(
        auto any, co_await store_->Scan(partition, range, 1, storage::Direction::kForward));
    if (!any.empty()) {
      co_return KeyMissing("partition " + partition.id + " holds sealed records in " + collection +
                           " but no keys; restore the keys from the backup");
    }
  }
  co_return absl::OkStatus();
}

SubjectKey Vault::NewKey(storage::Batch* batch) const {
  SubjectKey key{crypto::RandomBytes(16), crypto::RandomBytes(32)};
  batch->Put(storage::Key(kKeys, key.id), Wrap(key.secret));
  return key;
}

coro::Task<absl::StatusOr<std::vector<std::optional<SubjectKey>>>> Vault::Load(
    storage::Partition partition, std::vector<std::string> key_ids) {
  std::vector<storage::Key> keys;
  for (const auto& id : key_ids) keys.emplace_back(kKeys, id);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await store_->Get(partition, std::move(keys)));
  std::vector<std::optional<SubjectKey>> loaded(key_ids.size());
  for (size_t i = 0; i < key_ids.size(); ++i) {
    if (!stored[i]) continue;
    WATERLINE_CO_ASSIGN_OR_RETURN(auto secret, Unwrap(stored[i]->value));
    loaded[i] = SubjectKey{key_ids[i], std::move(secret)};
  }
  co_return loaded;
}

coro::Task<absl::StatusOr<std::string>> Vault::IndexKey(storage::Partition partition) {
  {
    std::shared_lock lock(mutex_);
    if (auto found = index_keys_.find(partition.id); found != index_keys_.end())
      co_return found->second;
  }
  const storage::Key key(kKeys, kIndexKeyId);
  const std::vector<storage::Key> keys = {key};
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await store_->Get(partition, keys));
  if (!stored[0]) {
    storage::Batch batch;
    batch.RequireAbsent(key).Put(key, Wrap(crypto::RandomBytes(32)));
    auto committed = co_await store_->Commit(partition, std::move(batch));
    if (!committed.ok() && ReasonOf(committed.status()) != reason::kConflict.name)
      co_return committed.status();
    WATERLINE_CO_ASSIGN_OR_RETURN(stored, co_await store_->Get(partition, keys));
  }
  if (!stored[0]) co_return Error(reason::kUnexpected, "the index key vanished");
  WATERLINE_CO_ASSIGN_OR_RETURN(auto secret, Unwrap(stored[0]->value));
  std::unique_lock lock(mutex_);
  co_return index_keys_[partition.id] = secret;
}

std::string Vault::Wrap(const std::string& secret) const {
  common::storage::v1::WrappedKey wrapped;
  wrapped.set_master_key(keys_.current());
  wrapped.set_wrapped(crypto::KeyWrap(keys_.all().at(keys_.current()), secret));
  return wrapped.SerializeAsString();
}

absl::StatusOr<std::string> Vault::Unwrap(const std::string& stored) const {
  common::storage::v1::WrappedKey wrapped;
  const bool parsed = wrapped.ParseFromString(stored);
  const auto master = keys_.all().find(wrapped.master_key());
  if (!parsed || master == keys_.all().end()) {
    return KeyMissing("a stored key is wrapped under a master key that " + keys_.path() +
                      " does not hold");
  }
  auto secret = crypto::KeyUnwrap(master->second, wrapped.wrapped());
  if (!secret.ok())
    return Error(reason::kDataDamaged,
                 "a stored key does not unwrap; restore the store from its backup");
  return secret;
}

std::string SourceKey(const std::string& index_key, std::string_view kind,
                      std::string_view source_id) {
  std::string input(kind);
  input.push_back('\0');
  input.append(source_id);
  return crypto::HmacSha256(index_key, input);
}

}  // namespace waterline::privacy
