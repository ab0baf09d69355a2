#pragma once

// The certificate that a process shows, in a place where TLS never finds half of one: gRPC ends the
// process when it reads an empty certificate. What the operator replaces, in whatever way, is
// copied once it is whole and its key fits; until then the one before is shown, and the log says
// why. Thread safety: certificate and key from any thread; the rest from one.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/waterlined/rounds.h"

namespace waterline::deployment {

// The own certificate (then its intermediates) and its key, PEM. Both empty: development identity.
struct TlsOptions {
  std::string certificate;
  std::string key;
};

class OwnCertificate {
 public:
  // `folder` is for the copies, of the owner alone, and emptied first. FAILED_PRECONDITION naming
  // the file that is missing, is no PEM, or does not fit.
  static absl::StatusOr<std::unique_ptr<OwnCertificate>> Open(TlsOptions files, std::string folder);

  // Looks once a second, on a thread of its own, until the end.
  void Watch();
  // Takes what the operator replaced, if it is a pair; logs that, and once what is wrong.
  void Look();

  TlsOptions copies() const {
    return {folder_ + "/live/certificate.pem", folder_ + "/live/key.pem"};
  }

 private:
  OwnCertificate(TlsOptions files, std::string folder)
      : files_(std::move(files)), folder_(std::move(folder)) {}
  absl::Status CopyIfChanged();
  absl::Status Show(const std::string& name, const std::string& certificate,
                    const std::string& key) const;

  const TlsOptions files_;
  const std::string folder_;
  std::string shown_;  // What was copied last: certificate and key.
  int copies_ = 0;
  std::string fault_;  // That the log has.
  std::unique_ptr<Rounds> rounds_;
};

}  // namespace waterline::deployment
