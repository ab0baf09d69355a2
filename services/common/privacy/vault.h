#pragma once

// Vault: the keys of one service. Every record with personal fields is sealed under the key of its
// subject; destroying that key makes the fields unreadable for good (contracts.md 4 and 5).
//
// Master key file, mode 0600, one per service; its loss makes all sealed fields unreadable:
//     waterline-master-keys v1
//     1 <64 hexadecimal digits>
//     2 <64 hexadecimal digits>          the highest number wraps new keys
//
// Stored, in the partition of the record it seals:
//     keys/<16 random bytes>   WrappedKey: 32 bytes wrapped AES-256-KWP under master key n
//     keys/index               WrappedKey: the partition's index key, for HMACs of source ids
// and in partition `network`:
//     key_checks/<n>           HMAC-SHA256(master key n, "waterline key check v1")
//
// Thread safety: all methods from any thread.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "services/common/coro/task.h"
#include "services/common/storage/store.h"
#include "waterline/common/storage/v1/sealed.pb.h"

namespace waterline::privacy {

class MasterKeys {
 public:
  // Errors: FAILED_PRECONDITION/KEY_MISSING naming the file: absent, readable by others, malformed.
  static absl::StatusOr<MasterKeys> Load(const std::string& path);
  // Writes a new file with one fresh key; ALREADY_EXISTS when the file is there.
  static absl::Status Create(const std::string& path);

  uint32_t current() const { return keys_.rbegin()->first; }
  const std::map<uint32_t, std::string>& all() const { return keys_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::map<uint32_t, std::string> keys_;
};

struct SubjectKey {
  std::string id;      // 16 bytes.
  std::string secret;  // 32 bytes.
};

class Vault {
 public:
  // `sealed_collections`: where records with sealed fields live, for the check at start.
  Vault(storage::Store* store, MasterKeys keys, std::vector<std::string> sealed_collections);

  // Refuses (KEY_MISSING) when the master keys do not fit this store, or when a partition holds
  // sealed records but no keys. Writes the check value of a new master key.
  coro::Task<absl::Status> CheckAtStart();

  // A fresh key, put into `batch`, so that it commits with what it seals.
  SubjectKey NewKey(storage::Batch* batch) const;

  // One answer per id; a destroyed key is absent.
  coro::Task<absl::StatusOr<std::vector<std::optional<SubjectKey>>>> Load(
      storage::Partition partition, std::vector<std::string> key_ids);

  // The partition's index key, made at first use.
  coro::Task<absl::StatusOr<std::string>> IndexKey(storage::Partition partition);

 private:
  coro::Task<absl::Status> CheckMasterKeys();
  coro::Task<absl::Status> CheckPartition(storage::Partition partition);
  std::string Wrap(const std::string& secret) const;
  absl::StatusOr<std::string> Unwrap(const std::string& stored) const;

  storage::Store* const store_;
  const MasterKeys keys_;
  const std::vector<std::string> sealed_collections_;
  std::shared_mutex mutex_;  // Guards index_keys_. No other lock is taken under it.
  std::map<std::string, std::string> index_keys_;
};

// The index key of a source id: HMAC-SHA256(index key, kind | 0x00 | source id).
std::string SourceKey(const std::string& index_key, std::string_view kind,
                      std::string_view source_id);

// Moves the personal fields of `message` into a Sealed; nothing (no value) when none is set.
// `resource_name` is bound into the AAD.
std::optional<common::storage::v1::Sealed> SealPersonal(google::protobuf::Message* message,
                                                        std::string_view resource_name,
                                                        const SubjectKey& key);

// Puts the personal fields back. DATA_LOSS/DATA_DAMAGED when it does not open.
absl::Status OpenPersonal(const common::storage::v1::Sealed& sealed, std::string_view resource_name,
                          const SubjectKey& key, google::protobuf::Message* message);

}  // namespace waterline::privacy
