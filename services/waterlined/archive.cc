#include "services/waterlined/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::deployment {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = 1024 * 1024;

struct WriteCloser {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct ReadCloser {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct EntryCloser {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using Writer = std::unique_ptr<archive, WriteCloser>;
using Reader = std::unique_ptr<archive, ReadCloser>;

absl::Status Full(const std::string& path) {
  return Error(reason::kStorageFull, "could not write " + path + " to its end; is the disk full?");
}

// The last entry of a tar file says how many files stand before it: libarchive takes a file that
// ends between two entries for a whole one.
constexpr char kEnd[] = "END-OF-BACKUP";

absl::Status AddEnd(archive* out, const std::string& tar) {
  const std::string text = std::to_string(archive_file_count(out)) + "\n";
  std::unique_ptr<archive_entry, EntryCloser> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), kEnd);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(text.size()));
  if (archive_write_header(out, entry.get()) != ARCHIVE_OK ||
      archive_write_data(out, text.data(), text.size()) != static_cast<la_ssize_t>(text.size()))
    return Full(tar);
  return absl::OkStatus();
}

bool IsEnd(archive* in, int files_before) {
  char text[32] = {};
  return archive_read_data(in, text, sizeof text - 1) > 0 &&
         text == std::to_string(files_before) + "\n";
}

absl::Status AddFile(archive* out, const fs::path& file, const std::string& name,
                     const std::string& tar) {
  std::unique_ptr<archive_entry, EntryCloser> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(fs::file_size(file)));
  if (archive_write_header(out, entry.get()) != ARCHIVE_OK) return Full(tar);
  std::ifstream in(file, std::ios::binary);
  std::string block(kBlockBytes, '\0');
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto got = static_cast<size_t>(in.gcount());
    if (got > 0 && archive_write_data(out, block.data(), got) != static_cast<la_ssize_t>(got))
      return Full(tar);
  }
  if (in.bad()) return Error(reason::kUnavailable, "could not read " + file.string());
  return absl::OkStatus();
}

absl::Status AddAll(archive* out, const std::string& root, const std::vector<std::string>& names,
                    const std::string& tar) {
  for (const auto& name : names) {
    const fs::path path = fs::path(root) / name;
    if (fs::is_regular_file(path)) {
      WATERLINE_RETURN_IF_ERROR(AddFile(out, path, name, tar));
      continue;
    }
    for (const auto& item : fs::recursive_directory_iterator(path)) {
      if (item.is_regular_file())
        WATERLINE_RETURN_IF_ERROR(
            AddFile(out, item.path(), fs::relative(item.path(), root).string(), tar));
    }
  }
  return AddEnd(out, tar);
}

}  // namespace

absl::Status WriteTar(const std::string& tar, const std::string& root,
                      const std::vector<std::string>& names) {
  const int file = open(tar.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    return Error(reason::kAlreadyExists,
                 tar + " is there already or cannot be made; nothing was overwritten");
  Writer out(archive_write_new());
  archive_write_set_format_pax_restricted(out.get());
  absl::Status status = archive_write_open_fd(out.get(), file) == ARCHIVE_OK
                            ? AddAll(out.get(), root, names, tar)
                            : Full(tar);
  if (status.ok() && archive_write_close(out.get()) != ARCHIVE_OK) status = Full(tar);
  if (status.ok() && fsync(file) != 0) status = Full(tar);
  close(file);
  if (!status.ok()) unlink(tar.c_str());
  return status;
}

absl::Status ReadTar(const std::string& tar, const std::string& root) {
  Reader in(archive_read_new());
  archive_read_support_format_tar(in.get());
  if (archive_read_open_filename(in.get(), tar.c_str(), kBlockBytes) != ARCHIVE_OK) {
    return Error(reason::kDataDamaged, tar + " is missing or is no backup");
  }
  archive_entry* entry = nullptr;
  int result = ARCHIVE_OK;
  int files = 0;
  bool is_whole = false;
  while ((result = archive_read_next_header(in.get(), &entry)) == ARCHIVE_OK) {
    if (std::string(archive_entry_pathname(entry)) == kEnd) {
      is_whole = IsEnd(in.get(), files);
      continue;
    }
    ++files;
    const std::string target = (fs::path(root) / archive_entry_pathname(entry)).string();
    archive_entry_set_pathname(entry, target.c_str());
    if (target.find("/../") != std::string::npos)
      return Error(reason::kDataDamaged, tar + " names a path outside its folder");
    if (archive_read_extract(in.get(), entry, ARCHIVE_EXTRACT_PERM) != ARCHIVE_OK) {
      return Error(reason::kDataDamaged, tar + " could not be unpacked to its end");
    }
  }
  return result == ARCHIVE_EOF && is_whole
             ? absl::OkStatus()
             : Error(reason::kDataDamaged, tar + " is cut off or damaged");
}

}  // namespace waterline::deployment
