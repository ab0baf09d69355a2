#pragma once

// Whom this network trusts, and for what: a folder for each organisation,
//
//   trust/<organisation id>/issuer.pem   the authorities that sign its client certificates
//   trust/<organisation id>/jwks.json    the keys that sign its tokens and agreements (RFC 7517);
//                                        `issuer` in it is the `iss` of its tokens
//   trust/<organisation id>/crl.pem      what its authorities have revoked; need not be there, but
//                                        must stay once it was
//
// Files are read again when asked, without restart. A folder with a fault keeps what it held, and
// the fault is reported; those of the others count. It is a fault to name the token issuer of
// another organisation: whoever had it keeps it, and of two that are new none gets it. It is one to
// trust a throw-away authority in a network that is not for development. A folder that is gone ends
// its organisation.
// What was there is known while the process runs. A crl.pem that was taken away while it was
// stopped is not missed at the start: nothing is revoked then, so guard the folder like the keys.
// Thread safety: a Trust is immutable. TrustStore: all methods from any thread.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/jwk.h"

namespace waterline::identity {

inline constexpr size_t kTrustFileBytesMax = 1024 * 1024;
inline constexpr std::chrono::seconds kTrustLookedAtEvery{1};

struct TrustedOrganisation {
  std::string id;
  std::string issuer;  // Of its tokens: that of the key set, else spiffe://<network>/org/<id>.
  PinnedIssuers authorities;
  JwkSet keys;
  std::string authorities_pem;
  std::string digest;  // Of the files.
  // It was invited and has not joined: its authority is that of the invitation.
  bool is_invited = false;
};

// The trust of one moment.
class Trust {
 public:
  // Grows with every change.
  uint64_t generation() const { return generation_; }
  // nullptr when there is none.
  const TrustedOrganisation* Find(std::string_view organisation) const;
  const TrustedOrganisation* FindIssuer(std::string_view issuer) const;
  // All authorities in PEM: whom TLS lets in at all.
  std::string Bundle() const;

 private:
  friend class TrustStore;
  uint64_t generation_ = 0;
  std::map<std::string, std::shared_ptr<const TrustedOrganisation>, std::less<>> organisations_;
  std::map<std::string, std::string, std::less<>> organisation_of_;  // By token issuer.
};

class TrustStore {
 public:
  struct Reload {
    bool changed = false;  // The trust, or the faults.
    bool trust_changed = false;
    std::vector<std::string> faults;  // Sentences that name the file; what is amiss now.
  };

  // FAILED_PRECONDITION naming the file when the folder has a fault.
  static absl::StatusOr<std::unique_ptr<TrustStore>> Open(std::string folder, std::string network);

  std::shared_ptr<const Trust> Now() const;
  Reload ReloadIfChanged();
  // Replaces the file in one step, if it holds anything else, with all authorities, or those of one
  // organisation. UNAVAILABLE naming it.
  absl::Status WriteBundle(const std::string& path) const;
  absl::Status WriteAuthorities(const std::string& organisation, const std::string& path) const;

 private:
  using Organisations = decltype(Trust::organisations_);

  TrustStore(std::string folder, std::string network)
      : folder_(std::move(folder)), network_(std::move(network)) {}
  absl::StatusOr<Organisations> Read(const Trust& before, std::vector<std::string>* faults) const;
  absl::StatusOr<std::shared_ptr<const TrustedOrganisation>> ReadOne(
      const std::string& id, std::shared_ptr<const TrustedOrganisation> before) const;
  // Gives each token issuer to one organisation. Whoever names one that is not free keeps what it
  // had before, or is left out, with a fault.
  Organisations NameIssuers(Organisations read, const Trust& before,
                            std::vector<std::string>* faults) const;

  const std::string folder_;
  const std::string network_;
  std::mutex reading_;        // Held while reading; taken before mutex_.
  mutable std::mutex mutex_;  // Guards the rest.
  std::shared_ptr<const Trust> now_ = std::make_shared<Trust>();
  std::vector<std::string> faults_;
};

// Looks at the files once a second on a thread of its own, and keeps the bundle for TLS.
class TrustWatch {
 public:
  using OnChange = std::function<void(const TrustStore::Reload&)>;

  // `store` outlives it. `on_change` is called on the thread of the watch, for faults of the
  // bundle's file too.
  TrustWatch(TrustStore* store, std::string bundle_path, OnChange on_change,
             std::chrono::milliseconds period = kTrustLookedAtEvery);
  ~TrustWatch();

 private:
  void Look();

  TrustStore* const store_;
  const std::string bundle_path_;
  const OnChange on_change_;
  std::mutex mutex_;  // Guards stopping_.
  std::condition_variable wake_;
  bool stopping_ = false;
  std::string bundle_fault_;  // Of the thread.
  std::thread thread_;
};

}  // namespace waterline::identity
