#include "services/common/storage/rocksdb/folder_seal.h"

#include <fcntl.h>
#include <rocksdb/file_checksum.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/status/error.h"

namespace waterline::storage {
namespace {

namespace fs = std::filesystem;

constexpr char kSeal[] = "SEAL";
constexpr char kHeader[] = "waterline-seal v1";
constexpr size_t kBlockBytes = 64 * 1024;
constexpr size_t kTableChecksumBytes = 4;
constexpr size_t kHexDigits = 2 * crypto::kSha256Bytes;

absl::Status Damaged(const std::string& file, const std::string& what) {
  return Error(reason::kDataDamaged,
               file + " " + what +
                   "; it was changed after the store was closed: restore the data "
                   "folder from its backup");
}

std::optional<std::string> ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return std::nullopt;
  return text.str();
}

// LOG files are for people; LOCK is empty; a table's checksum stands in the MANIFEST.
bool IsSealed(const std::string& name) {
  return !name.starts_with("LOG") && name != "LOCK" && !name.starts_with(kSeal) &&
         !name.ends_with(".sst");
}

std::optional<std::string> LineOf(const fs::path& file) {
  std::error_code error;
  if (fs::file_size(file, error) == 0 && !error)
    return crypto::HexEncode(crypto::Sha256("")) + " " + file.filename().string() + "\n";
  const auto content = ReadAll(file);
  if (!content) return std::nullopt;
  return crypto::HexEncode(crypto::Sha256(*content)) + " " + file.filename().string() + "\n";
}

std::optional<std::string> TableLineOf(const fs::path& file) {
  const auto generator = rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator(
      rocksdb::FileChecksumGenContext());
  std::ifstream in(file, std::ios::binary);
  std::string block(kBlockBytes, '\0');
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    generator->Update(block.data(), static_cast<size_t>(in.gcount()));
  }
  if (in.bad() || !in.eof()) return std::nullopt;
  generator->Finalize();
  return crypto::HexEncode(generator->GetChecksum()) + " " + file.filename().string() + "\n";
}

// The lines of the files that are there; nothing when one cannot be read.
std::optional<std::string> Describe(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    if (file.is_regular_file() && IsSealed(file.path().filename().string()))
      names.push_back(file.path().filename().string());
  }
  if (error) return std::nullopt;
  std::sort(names.begin(), names.end());
  std::string text = std::string(kHeader) + "\n";
  for (const auto& name : names) {
    const auto line = LineOf(fs::path(folder) / name);
    if (!line) return std::nullopt;
    text += *line;
  }
  return text;
}

bool SyncFolder(const std::string& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return false;
  const bool synced = fsync(file) == 0;
  close(file);
  return synced;
}

bool WriteSynced(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  close(file);
  return written;
}

}  // namespace

std::string TableLines(rocksdb::DB* database) {
  std::vector<rocksdb::LiveFileMetaData> tables;
  database->GetLiveFilesMetaData(&tables);
  std::string lines;
  for (const auto& table : tables) {
    if (table.file_checksum.size() != kTableChecksumBytes) continue;
    lines += crypto::HexEncode(table.file_checksum) + " " +
             fs::path(table.relative_filename).filename().string() + "\n";
  }
  return lines;
}

absl::Status CheckSeal(const std::string& folder, SealCheck what) {
  const fs::path seal = fs::path(folder) / kSeal;
  std::error_code error;
  if (!fs::exists(seal, error)) return absl::OkStatus();
  const auto text = ReadAll(seal);
  if (!text || text->size() < kHexDigits + 1) return Damaged(seal.string(), "is unreadable");
  const std::string lines = text->substr(0, text->size() - kHexDigits - 1);
  if (*text != lines + crypto::HexEncode(crypto::Sha256(lines)) + "\n" ||
      !lines.starts_with(std::string(kHeader) + "\n")) {
    return Damaged(seal.string(), "does not match its own digest");
  }
  std::istringstream in(lines.substr(sizeof kHeader));
  for (std::string line; std::getline(in, line);) {
    const fs::path file = fs::path(folder) / line.substr(line.find(' ') + 1);
    const bool is_table = file.extension() == ".sst";
    if (!fs::exists(file, error)) return Damaged(file.string(), "is missing");
    if (is_table && what == SealCheck::kWithoutTables) continue;
    const auto found = is_table ? TableLineOf(file) : LineOf(file);
    if (found != line + "\n") return Damaged(file.string(), "does not match its digest");
  }
  return absl::OkStatus();
}

absl::Status RemoveSeal(const std::string& folder) {
  const fs::path seal = fs::path(folder) / kSeal;
  std::error_code error;
  if (!fs::exists(seal, error)) return absl::OkStatus();
  if (fs::remove(seal, error) && SyncFolder(folder)) return absl::OkStatus();
  return Error(reason::kUnavailable, "cannot remove " + seal.string() +
                                         "; is the folder yours, and can it be written to?");
}

void WriteSeal(const std::string& folder, const std::string& table_lines) {
  auto lines = Describe(folder);
  if (!lines) return;
  *lines += table_lines;
  const std::string seal = (fs::path(folder) / kSeal).string();
  const std::string fresh = seal + ".new";
  std::error_code error;
  if (!WriteSynced(fresh, *lines + crypto::HexEncode(crypto::Sha256(*lines)) + "\n")) {
    fs::remove(fresh, error);
    return;
  }
  fs::rename(fresh, seal, error);
  SyncFolder(folder);
}

}  // namespace waterline::storage
