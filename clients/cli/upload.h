#pragma once

// Sends files to the importing methods in pieces of 64 KiB, however large they are, and shows the
// progress and the report. A file is read twice: for its digest, and to be sent.
// Thread safety: one thread.

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "clients/cli/session.h"
#include "waterline/events/v1/events.pb.h"

namespace waterline::cli {

// Name in the set -> path.
using FileSet = std::map<std::string, std::string>;

// SHA-256, hex, over each file in order of names: name, 0x00, SHA-256 of its content.
// NOT_FOUND naming a file that cannot be read.
absl::StatusOr<std::string> DigestOf(const FileSet& files);

// The files of `folder` that a Polis export is made of. NOT_FOUND when there is none.
absl::StatusOr<FileSet> PolisFiles(const std::string& folder);

struct FileImport {
  events::v1::Import::Kind kind = events::v1::Import::KIND_UNSPECIFIED;
  std::string event;  // Resource name, or empty.
  std::string label;  // Shown in lists of imports.
  FileSet files;
};

absl::Status ImportFileSet(Session* session, const FileImport& import);
absl::Status ImportOrganisationFile(Session* session, const std::string& path);

// The report of an import: what became of the rows, and every row that was rejected.
void ShowImport(const Output& output, const events::v1::Import& import);

}  // namespace waterline::cli
