#pragma once

// The certificate that a process shows, in a place where TLS never finds half of one: gRPC ends the
// process when it reads an empty certificate. What the operator replaces, in whatever way, is
// copied once it is whole and its key fits; until then the one before is shown, and the log says
// why. Thread safety: certificate and key from any thread; the rest from one.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace waterline::deployment {

// The own certificate (then its intermediates) and its key, PEM. Both empty: development identity.
struct TlsOptions {
  std::string certificate;
  std::string key;
};

class OwnCertificate {
 public:
  // `folder` is for the copies, of the owner alone, and emptied first. FAILED_PRECONDITION naming
  // the file that is missing, is no PEM, or does not fit. `every`: how often it looks again.
  static absl::StatusOr<std::unique_ptr<OwnCertificate>> Open(
      TlsOptions files, std::string folder,
      std::chrono::milliseconds every = std::chrono::seconds(1));
  ~OwnCertificate();

  TlsOptions copies() const {
    return {folder_ + "/live/certificate.pem", folder_ + "/live/key.pem"};
  }

 private:
  OwnCertificate(TlsOptions files, std::string folder)
      : files_(std::move(files)), folder_(std::move(folder)) {}
  absl::Status CopyIfChanged();
  void Watch(std::chrono::milliseconds every);
  void Look();

  const TlsOptions files_;
  const std::string folder_;
  std::string shown_;  // What was copied last: certificate and key.
  int copies_ = 0;
  std::string fault_;  // That the log has.
  std::mutex mutex_;   // Guards stopping_.
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace waterline::deployment
