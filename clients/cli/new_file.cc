#include "clients/cli/new_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "services/common/status/error.h"

namespace waterline::cli {

absl::StatusOr<std::unique_ptr<NewFile>> NewFile::Open(const std::string& path, Existing existing) {
  std::error_code error;
  if (existing == Existing::kKeep && std::filesystem::exists(path, error))
    return Error(reason::kAlreadyExists, path + " is there already; nothing was overwritten");
  auto out = std::unique_ptr<NewFile>(new NewFile(path));
  out->file_ = std::fopen(out->temporary_.c_str(), "wb");
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

}  // namespace waterline::cli
