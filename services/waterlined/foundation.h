#pragma once

// What every process on a data folder stands on: configuration, stores, vaults, ledger.
//
// A data folder:
//     network.conf                     what the network is; written once by `waterline admin init`
//     keys/origin.key                  seed of the ledger's signing key, hex, mode 0600
//     keys/<service>.keys              master keys of a vault, mode 0600
//     stores/<service>/                RocksDB, one per service
//     stores/accountability.anchor     the newest checkpoint, against rollback
//     trust/<organisation id>/         what is pinned of a partner: jwks.json, issuer.pem
//     tls/                             what TLS reads: made anew by the server
//     LOCK                             held by whoever has the folder open
//
// network.conf:
//     waterline-network v1
//     network = dev-demonstration
//     host = local-demonstration-board
//     development = true
//     demonstration = true
//     ledger_key = dev-demonstration/accountability+...   in separate folders only
//
// Services in processes of their own have separate folders, accountability/, registry/, events/ and
// inference/ under one: each of this form, with its own keys and store only; origin.key and the
// ledger are accountability's.
//
// Thread safety: one thread opens and closes; the parts are as their own headers say.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/accountability/ledger/ledger.h"
#include "services/accountability/policy/members.h"
#include "services/accountability/policy/recorder.h"
#include "services/accountability/policy/rulebook.h"
#include "services/accountability/policy/standing_book.h"
#include "services/common/clock/clock.h"
#include "services/common/privacy/vault.h"
#include "services/common/rpc/network.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"

namespace waterline::deployment {

struct Layout {
  explicit Layout(std::string data_folder) : data(std::move(data_folder)) {}
  std::string data;
  std::string Config() const { return data + "/network.conf"; }
  std::string Lock() const { return data + "/LOCK"; }
  std::string Keys() const { return data + "/keys"; }
  std::string OriginKey() const { return data + "/keys/origin.key"; }
  std::string MasterKeys(const std::string& service) const {
    return data + "/keys/" + service + ".keys";
  }
  std::string Stores() const { return data + "/stores"; }
  std::string Store(const std::string& service) const { return data + "/stores/" + service; }
  std::string Trust() const { return data + "/trust"; }
  std::string Tls() const { return data + "/tls"; }
  std::string Anchor() const { return data + "/stores/accountability.anchor"; }
};

// The services that keep data, in the order in which they open.
inline constexpr const char* kServices[] = {"accountability", "registry", "events", "inference"};

// Where each service of a deployment keeps its data: all in one folder, or each in its own.
class Folders {
 public:
  static Folders One(std::string data) { return Folders(std::move(data), false); }
  static Folders Separate(std::string data) { return Folders(std::move(data), true); }
  // As they are under `data`: separate when one of accountability is there.
  static Folders Find(const std::string& data);

  bool is_separate() const { return is_separate_; }
  const std::string& data() const { return data_; }
  Layout Of(const std::string& service) const {
    return Layout(is_separate_ ? data_ + "/" + service : data_);
  }
  std::vector<Layout> All() const;  // Each once.

 private:
  Folders(std::string data, bool is_separate) : data_(std::move(data)), is_separate_(is_separate) {}
  std::string data_;
  bool is_separate_;
};

// FAILED_PRECONDITION naming the file when it is absent or malformed.
absl::StatusOr<rpc::NetworkFacts> LoadNetwork(const Layout& layout);
absl::Status SaveNetwork(const Layout& layout, const rpc::NetworkFacts& facts);

// Held for the life of the object. UNAVAILABLE when another process has the folder open.
class FolderLock {
 public:
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const Layout& layout);
  ~FolderLock();

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_;
};

// The signing key of the ledger. FAILED_PRECONDITION/KEY_MISSING naming the file.
absl::StatusOr<accountability::NoteSigner> LoadSigner(const Layout& layout,
                                                      const std::string& network);

// Puts a layer around the store of a service; `inner` outlives it.
using StoreLayer = std::function<std::unique_ptr<storage::Store>(const std::string& service,
                                                                 storage::Store* inner)>;

class Foundation {
 public:
  // Opens everything and checks what can be checked: keys fit, ledger verifies.
  // `new_epoch`: begin a new ledger epoch, after a restore. `layers`: innermost first.
  static absl::StatusOr<std::unique_ptr<Foundation>> Open(
      const Layout& layout, Clock* clock,
      std::optional<accountability::v1::EpochStart> new_epoch = std::nullopt,
      const std::vector<StoreLayer>& layers = {});
  // The same of some services; `services` without accountability: no ledger, rules and recorder.
  static absl::StatusOr<std::unique_ptr<Foundation>> OpenServices(
      const Folders& folders, const std::vector<std::string>& services, Clock* clock,
      std::optional<accountability::v1::EpochStart> new_epoch = std::nullopt,
      const std::vector<StoreLayer>& layers = {});
  ~Foundation();

  const rpc::NetworkFacts& facts() const { return facts_; }
  storage::Store* store(const std::string& service);
  privacy::Vault* vault(const std::string& service);
  accountability::Ledger* ledger() { return ledger_.get(); }
  accountability::Rulebook* rulebook() { return rulebook_.get(); }
  accountability::Members* members() { return members_.get(); }
  accountability::Recorder* recorder() { return recorder_.get(); }
  accountability::StandingBook* standing_book() { return standing_book_.get(); }
  MonotoneClock* clock() { return &clock_; }

 private:
  struct Part {
    storage::Store* store() { return layers.empty() ? rocksdb.get() : layers.back().get(); }
    std::unique_ptr<storage::Store> rocksdb;
    std::vector<std::unique_ptr<storage::Store>> layers;
    std::unique_ptr<privacy::Vault> vault;
  };
  Foundation(Layout accountability, Clock* clock)
      : accountability_layout_(std::move(accountability)), clock_(clock) {}
  absl::Status OpenPart(const Layout& layout, const std::string& service,
                        const std::vector<StoreLayer>& layers);
  absl::Status OpenAccountability(std::optional<accountability::v1::EpochStart> new_epoch);

  const Layout accountability_layout_;
  rpc::NetworkFacts facts_;
  MonotoneClock clock_;
  std::vector<std::unique_ptr<FolderLock>> locks_;
  std::map<std::string, Part> parts_;
  std::optional<accountability::NoteSigner> signer_;
  std::unique_ptr<accountability::Ledger> ledger_;
  std::unique_ptr<accountability::Rulebook> rulebook_;
  std::unique_ptr<accountability::Members> members_;
  std::unique_ptr<accountability::Recorder> recorder_;
  std::unique_ptr<accountability::StandingBook> standing_book_;
};

}  // namespace waterline::deployment
