#pragma once

// What an operator does with a data folder while no server runs on it: `waterline admin`.
// Every function takes the folder's lock. Thread safety: one thread.

#include <string>

#include "absl/status/statusor.h"

namespace waterline::deployment {

struct InitOptions {
  std::string data;     // Made when absent; must not hold a network.
  std::string network;  // An id; with development it must hold `dev`.
  std::string host;     // Id of the host organisation, e.g. ods-qnx.
  std::string host_title;
  std::string administrator;  // Actor that becomes the first network-steward in the records.
  bool development = false;
  bool demonstration = false;
  bool separate = false;  // A folder of its own for each service, under `data`.
};

// Makes keys, stores, the host's organisation record and membership, and the first ledger entries.
// What was made, and which loss is fatal, in plain words. ALREADY_EXISTS when the folder holds a
// network: nothing is touched then.
absl::StatusOr<std::string> Init(const InitOptions& options);

// What a data folder says of its network, without opening it: a server may run on it.
struct Description {
  std::string network;
  std::string host;
  std::string ledger_key;  // C2SP vkey.
};
// FAILED_PRECONDITION when it holds no network, or naming a file that cannot be read.
absl::StatusOr<Description> Describe(const std::string& data);

// FAILED_PRECONDITION naming the file when a network stands in the folder that is not for
// development. OK for a folder with none.
absl::Status CheckNoRealNetwork(const std::string& data);

// Copies a stopped data folder into two files, <to>/waterline.data.tar and <to>/waterline.keys.tar.
// Keep them apart: the keys open the data. What is pinned of partners is among the keys. Refuses to
// overwrite.
absl::Status Backup(const std::string& data, const std::string& to);

// Makes a data folder from the two files and begins a new ledger epoch that declares the gap.
// `data` must not hold any part of a network. The pins come back as they were. `reason` stands in
// the ledger for everyone to read.
absl::Status Restore(const std::string& from, const std::string& data, const std::string& reason);

// The state digest of contracts.md 4: equal for equal content, whatever ids were drawn. Hex.
absl::StatusOr<std::string> StateDigest(const std::string& data);

// Verifies a stopped data folder: the files of every store against their checksums, the ledger from
// end to end. What it finds in words on success; DATA_DAMAGED names the file.
absl::StatusOr<std::string> Verify(const std::string& data);

}  // namespace waterline::deployment
