#include "services/waterlined/foundation.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/encoding.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"

namespace waterline::deployment {
namespace {

constexpr char kConfigHeader[] = "waterline-network v1";

absl::Status Refuse(const std::string& message) { return Error(reason::kStateForbids, message); }

// Where each service keeps sealed records, for the vault's check at start.
std::vector<std::string> SealedCollections(const std::string& service) {
  if (service == "registry") return {"participants"};
  if (service == "events") return {"contributions"};
  return {};
}

std::string Bool(bool value) { return value ? "true" : "false"; }

}  // namespace

Folders Folders::Find(const std::string& data) {
  const bool is_separate = std::filesystem::exists(Separate(data).Of("accountability").Config());
  return Folders(data, is_separate);
}

std::vector<Layout> Folders::All() const {
  if (!is_separate_) return {Layout(data_)};
  std::vector<Layout> all;
  for (const char* service : kServices) all.push_back(Of(service));
  return all;
}

absl::StatusOr<rpc::NetworkFacts> LoadNetwork(const Layout& layout) {
  std::ifstream file(layout.Config());
  std::string line;
  if (!file || !std::getline(file, line)) {
    return Refuse(layout.Config() +
                  " is missing: this is no data folder yet; run `waterline admin init --data " +
                  layout.data + "`");
  }
  if (line != kConfigHeader)
    return Refuse(layout.Config() + " does not start with `" + kConfigHeader + "`");
  rpc::NetworkFacts facts;
  while (std::getline(file, line)) {
    const size_t equals = line.find('=');
    const std::string key(text::Trim(line.substr(0, equals)));
    const std::string value(
        equals == std::string::npos ? "" : text::Trim(std::string_view(line).substr(equals + 1)));
    if (key == "network") facts.network = value;
    if (key == "host") facts.host = value;
    if (key == "development") facts.development = value == "true";
    if (key == "demonstration") facts.demonstration = value == "true";
    if (key == "ledger_key") facts.ledger_key = value;
  }
  if (!text::IsResourceId(facts.network) || !text::IsResourceId(facts.host))
    return Refuse(layout.Config() + " names no network or no host");
  return facts;
}

absl::Status SaveNetwork(const Layout& layout, const rpc::NetworkFacts& facts) {
  std::ofstream file(layout.Config());
  file << kConfigHeader << "\nnetwork = " << facts.network << "\nhost = " << facts.host
       << "\ndevelopment = " << Bool(facts.development)
       << "\ndemonstration = " << Bool(facts.demonstration) << '\n';
  if (!facts.ledger_key.empty()) file << "ledger_key = " << facts.ledger_key << '\n';
  file.close();
  if (!file) return Error(reason::kStorageFull, "could not write " + layout.Config());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(const Layout& layout) {
  const int file = open(layout.Lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0)
    return Refuse("cannot open " + layout.Lock() + "; does the folder exist, and is it yours?");
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    close(file);
    return Error(reason::kUnavailable, "the data folder " + layout.data +
                                           " is in use by another process; stop waterlined first");
  }
  return std::unique_ptr<FolderLock>(new FolderLock(file));
}

FolderLock::~FolderLock() { close(file_); }

absl::StatusOr<accountability::NoteSigner> LoadSigner(const Layout& layout,
                                                      const std::string& network) {
  const std::string path = layout.OriginKey();
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0)
    return Error(reason::kKeyMissing,
                 "the ledger's signing key " + path + " is missing; restore it");
  if ((info.st_mode & 077) != 0)
    return Error(reason::kKeyMissing, path + " can be read by others; chmod 600 it");
  std::ifstream file(path);
  std::string hex;
  std::getline(file, hex);
  auto seed = crypto::HexDecode(hex);
  auto key = seed.ok() ? crypto::Ed25519Key::FromSeed(*seed)
                       : absl::StatusOr<crypto::Ed25519Key>(seed.status());
  if (!key.ok())
    return Error(reason::kKeyMissing, path + " does not hold a seed of 64 hexadecimal digits");
  return accountability::NoteSigner(network + "/accountability", *std::move(key));
}

absl::StatusOr<std::unique_ptr<Foundation>> Foundation::Open(
    const Layout& layout, Clock* clock, std::optional<accountability::v1::EpochStart> new_epoch,
    const std::vector<StoreLayer>& layers) {
  return OpenServices(Folders::Find(layout.data), {std::begin(kServices), std::end(kServices)},
                      clock, std::move(new_epoch), layers);
}

absl::StatusOr<std::unique_ptr<Foundation>> Foundation::OpenServices(
    const Folders& folders, const std::vector<std::string>& services, Clock* clock,
    std::optional<accountability::v1::EpochStart> new_epoch,
    const std::vector<StoreLayer>& layers) {
  std::unique_ptr<Foundation> foundation(new Foundation(folders.Of("accountability"), clock));
  std::string locked;
  for (const auto& service : services) {
    const Layout layout = folders.Of(service);
    if (layout.data == std::exchange(locked, layout.data)) continue;
    WATERLINE_ASSIGN_OR_RETURN(foundation->facts_, LoadNetwork(layout));
    WATERLINE_ASSIGN_OR_RETURN(auto lock, FolderLock::Take(layout));
    foundation->locks_.push_back(std::move(lock));
  }
  for (const auto& service : services)
    WATERLINE_RETURN_IF_ERROR(foundation->OpenPart(folders.Of(service), service, layers));
  if (foundation->parts_.contains("accountability"))
    WATERLINE_RETURN_IF_ERROR(foundation->OpenAccountability(std::move(new_epoch)));
  return foundation;
}

absl::Status Foundation::OpenAccountability(
    std::optional<accountability::v1::EpochStart> new_epoch) {
  WATERLINE_ASSIGN_OR_RETURN(auto signer, LoadSigner(accountability_layout_, facts_.network));
  signer_.emplace(std::move(signer));
  storage::Store* const ledger_store = store("accountability");
  accountability::Ledger::Options options;
  options.store = ledger_store;
  options.anchor_path = accountability_layout_.Anchor();
  options.network = facts_.network;
  options.signer = &*signer_;
  options.clock = &clock_;
  options.new_epoch = std::move(new_epoch);
  WATERLINE_ASSIGN_OR_RETURN(ledger_, accountability::Ledger::Open(std::move(options)));
  facts_.ledger_key = ledger_->verifier().Vkey();
  WATERLINE_ASSIGN_OR_RETURN(
      rulebook_, accountability::Rulebook::Open(ledger_store, ledger_.get(), facts_.host));
  WATERLINE_ASSIGN_OR_RETURN(members_, accountability::Members::Open(ledger_store, ledger_.get()));
  recorder_ = std::make_unique<accountability::Recorder>(
      ledger_.get(), rulebook_.get(), ledger_store, vault("accountability"), &clock_, facts_);
  standing_book_ = std::make_unique<accountability::StandingBook>(ledger_.get(), rulebook_.get(),
                                                                  recorder_.get(), members_.get());
  return absl::OkStatus();
}

// The ledger stops first: its last group may still install a change of the rules.
Foundation::~Foundation() {
  ledger_.reset();
  standing_book_.reset();
  recorder_.reset();
  members_.reset();
  rulebook_.reset();
  parts_.clear();
}

absl::Status Foundation::OpenPart(const Layout& layout, const std::string& service,
                                  const std::vector<StoreLayer>& layers) {
  Part& part = parts_[service];
  storage::RocksDbStore::Options options;
  options.path = layout.Store(service);
  WATERLINE_ASSIGN_OR_RETURN(part.rocksdb, storage::RocksDbStore::Open(std::move(options)));
  for (const auto& layer : layers) part.layers.push_back(layer(service, part.store()));
  WATERLINE_ASSIGN_OR_RETURN(auto keys, privacy::MasterKeys::Load(layout.MasterKeys(service)));
  part.vault =
      std::make_unique<privacy::Vault>(part.store(), std::move(keys), SealedCollections(service));
  return coro::SyncWait(part.vault->CheckAtStart());
}

storage::Store* Foundation::store(const std::string& service) { return parts_.at(service).store(); }
privacy::Vault* Foundation::vault(const std::string& service) {
  return parts_.at(service).vault.get();
}

}  // namespace waterline::deployment
