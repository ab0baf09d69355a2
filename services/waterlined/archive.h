#pragma once

// Tar files (libarchive). Thread safety: pure functions.

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace waterline::deployment {

// Writes the files and folders `names` under `root` into a new tar file (0600). ALREADY_EXISTS
// when it is there; STORAGE_FULL when it cannot be written whole (the partial file is removed).
absl::Status WriteTar(const std::string& tar, const std::string& root,
                      const std::vector<std::string>& names);

// Unpacks under `root`. DATA_DAMAGED when it is no tar file, is cut off, or names a path outside.
absl::Status ReadTar(const std::string& tar, const std::string& root);

}  // namespace waterline::deployment
