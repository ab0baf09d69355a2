#include "clients/cli/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::cli {

absl::StatusOr<std::unique_ptr<NewFile>> NewFile::Open(const std::string& path, Existing existing,
                                                       Readers readers) {
  std::error_code error;
  if (existing == Existing::kKeep && std::filesystem::exists(path, error))
    return Error(reason::kAlreadyExists, path + " is there already; nothing was overwritten");
  auto out = std::unique_ptr<NewFile>(new NewFile(path));
  // What an earlier attempt left behind has the mode of then.
  std::filesystem::remove(out->temporary_, error);
  const mode_t mode = readers == Readers::kOwner ? 0600 : 0666;
  const int file = open(out->temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file >= 0) out->file_ = fdopen(file, "wb");
  if (out->file_ == nullptr) return out->Problem();
  return out;
}

NewFile::~NewFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::error_code error;
  std::filesystem::remove(temporary_, error);
}

absl::Status NewFile::Problem() const {
  return absl::InternalError("cannot write " + path_ + ": " + std::strerror(errno));
}

absl::Status NewFile::Write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size()) return absl::OkStatus();
  return Problem();
}

absl::Status NewFile::Finish() {
  if (std::fflush(file_) != 0 || fsync(fileno(file_)) != 0) return Problem();
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return Problem();
  return absl::OkStatus();
}

absl::Status WriteNewFile(const std::string& path, std::string_view content,
                          NewFile::Existing existing, NewFile::Readers readers) {
  WATERLINE_ASSIGN_OR_RETURN(const auto file, NewFile::Open(path, existing, readers));
  WATERLINE_RETURN_IF_ERROR(file->Write(content));
  return file->Finish();
}

}  // namespace waterline::cli
