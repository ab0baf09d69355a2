#include "services/waterlined/own_certificate.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "services/common/identity/certificate.h"
#include "services/common/log/log.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::deployment {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLookEvery{1};

absl::Status Faulty(const std::string& path, const std::string& what) {
  return Error(reason::kStateForbids, "the TLS file " + path + " " + what, {{"file", path}});
}

absl::StatusOr<std::string> Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(file), {});
  if (file && !content.empty()) return content;
  return Faulty(path, "is missing, empty or may not be read by this process");
}

// Both are whole, and the key is that of the certificate.
absl::Status Check(const TlsOptions& files, const std::string& certificate,
                   const std::string& key) {
  switch (identity::CheckPair(certificate, key)) {
    case identity::PairFault::kNone:
      return absl::OkStatus();
    case identity::PairFault::kNoCertificate:
      return Faulty(files.certificate, "holds no certificate in PEM");
    case identity::PairFault::kNoKey:
      return Faulty(files.key, "holds no private key in PEM that opens without a password");
    case identity::PairFault::kDoNotFit:
      break;
  }
  return Faulty(files.key, "is not the key of the certificate in " + files.certificate);
}

absl::Status WriteForOwner(const std::string& path, const std::string& content) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = file >= 0 && write(file, content.data(), content.size()) ==
                                        static_cast<ssize_t>(content.size());
  if (file >= 0) close(file);
  return written ? absl::OkStatus() : Error(reason::kStorageFull, "could not write " + path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<OwnCertificate>> OwnCertificate::Open(TlsOptions files,
                                                                     std::string folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return Error(reason::kUnavailable, "cannot make the folder " + folder);
  std::unique_ptr<OwnCertificate> own(new OwnCertificate(std::move(files), std::move(folder)));
  WATERLINE_RETURN_IF_ERROR(own->CopyIfChanged());
  return own;
}

void OwnCertificate::Watch() {
  rounds_ = std::make_unique<Rounds>(kLookEvery, [this] { Look(); });
  rounds_->Start();
}

absl::Status OwnCertificate::CopyIfChanged() {
  WATERLINE_ASSIGN_OR_RETURN(const auto certificate, Read(files_.certificate));
  WATERLINE_ASSIGN_OR_RETURN(const auto key, Read(files_.key));
  if (certificate + key == shown_) return absl::OkStatus();
  WATERLINE_RETURN_IF_ERROR(Check(files_, certificate, key));
  const std::string name = std::to_string(copies_);
  const absl::Status shown = Show(name, certificate, key);
  std::error_code ignored;  // The copy of before, or what this one left behind.
  fs::remove_all(folder_ + "/" + (shown.ok() ? std::to_string(copies_ - 1) : name), ignored);
  if (!shown.ok()) return shown;
  ++copies_;
  shown_ = certificate + key;
  return absl::OkStatus();
}

// Both change in one step: a new folder behind a symbolic link.
absl::Status OwnCertificate::Show(const std::string& name, const std::string& certificate,
                                  const std::string& key) const {
  const std::string stem = folder_ + "/" + name;
  const std::string next = folder_ + "/next";
  std::error_code error;
  fs::create_directory(stem, error);
  WATERLINE_RETURN_IF_ERROR(WriteForOwner(stem + "/certificate.pem", certificate));
  WATERLINE_RETURN_IF_ERROR(WriteForOwner(stem + "/key.pem", key));
  fs::remove(next, error);
  fs::create_directory_symlink(name, next, error);
  if (!error) fs::rename(next, folder_ + "/live", error);
  return error ? Error(reason::kUnavailable, "cannot write into " + folder_) : absl::OkStatus();
}

void OwnCertificate::Look() {
  const int before = copies_;
  const absl::Status status = CopyIfChanged();
  if (copies_ != before) log::Info("another certificate is shown");
  const std::string fault(status.message());
  if (!fault.empty() && fault != fault_) log::Error("certificate not taken", {{"message", fault}});
  fault_ = fault;
}

}  // namespace waterline::deployment
