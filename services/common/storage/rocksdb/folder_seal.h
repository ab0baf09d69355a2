#pragma once

// The seal of a RocksDB folder that was closed cleanly: the file SEAL. It holds the SHA-256 of
// every file that says which tables and logs count (MANIFEST, CURRENT, write-ahead logs, OPTIONS,
// IDENTITY), and of each table the checksum with which RocksDB wrote it (nothing is read again).
// RocksDB alone takes a damaged length near the end of a MANIFEST or log for a torn write and drops
// what follows without a word, and for a damaged table it may name another file.
//
//     waterline-seal v1
//     <SHA-256, hex> <file name>       sorted by name
//     <CRC-32C, hex> <table name>
//     <SHA-256 of the lines above, hex>
//
// It is written when a store closes and removed when one opens: after a kill there is none.
// Thread safety: one thread per folder.

#include <rocksdb/db.h>

#include <string>

#include "absl/status/status.h"

namespace waterline::storage {

// OK when there is no seal, or every file is as it was; DATA_DAMAGED names the file. kWithTables
// reads every table from end to end: for offline tools.
enum class SealCheck { kWithoutTables, kWithTables };
absl::Status CheckSeal(const std::string& folder, SealCheck what);

// UNAVAILABLE when the seal cannot be removed for good: a stale one would cry wolf.
absl::Status RemoveSeal(const std::string& folder);

// What the seal says of the tables of an open database, to be written once it is closed.
std::string TableLines(rocksdb::DB* database);
// Best effort: a folder without a seal is a good one.
void WriteSeal(const std::string& folder, const std::string& table_lines);

}  // namespace waterline::storage
