#pragma once

// A file that gets its name when all of it is there: nobody sees half of it.
// Thread safety: one thread.

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace waterline::cli {

class NewFile {
 public:
  enum class Existing { kKeep, kReplace };
  enum class Readers { kAll, kOwner };  // kOwner: mode 0600, from the first byte.

  // ALREADY_EXISTS when the file is there and is to be kept; UNAVAILABLE when it cannot be made.
  static absl::StatusOr<std::unique_ptr<NewFile>> Open(const std::string& path, Existing existing,
                                                       Readers readers = Readers::kAll);
  ~NewFile();  // Without Finish: nothing is left.

  absl::Status Write(std::string_view bytes);
  absl::Status Finish();  // On disk and named. Once.

 private:
  explicit NewFile(const std::string& path) : path_(path), temporary_(path + ".part") {}
  absl::Status Problem() const;

  const std::string path_;
  const std::string temporary_;
  std::FILE* file_ = nullptr;
};

// The whole of a small one.
absl::Status WriteNewFile(const std::string& path, std::string_view content,
                          NewFile::Existing existing, NewFile::Readers readers);

}  // namespace waterline::cli
