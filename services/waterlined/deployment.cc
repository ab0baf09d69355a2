#include "services/waterlined/deployment.h"

#include <algorithm>
#include <filesystem>

#include "services/accountability/ledger/verify.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/events/store/state_lines.h"
#include "services/registry/store/state_lines.h"
#include "services/waterlined/archive.h"
#include "services/waterlined/foundation.h"

namespace waterline::deployment {
namespace {

namespace fs = std::filesystem;

std::string DataTar(const std::string& folder) { return folder + "/waterline.data.tar"; }
std::string KeysTar(const std::string& folder) { return folder + "/waterline.keys.tar"; }

absl::Status Unpack(const std::string& from, const Layout& layout) {
  for (const std::string& tar : {KeysTar(from), DataTar(from)}) {
    if (!fs::exists(tar))
      return Error(reason::kStateForbids, tar +
                                              " is missing; a backup is two files, the keys and "
                                              "the data: put both into one folder");
    WATERLINE_RETURN_IF_ERROR(ReadTar(tar, layout.data));
  }
  return absl::OkStatus();
}

absl::Status BeginRestoredEpoch(const Layout& layout, const std::string& reason_text) {
  accountability::v1::EpochStart start;
  start.set_reason(reason_text);
  SystemClock clock;
  return Foundation::Open(layout, &clock, std::move(start)).status();
}

// What of a network stands in its folder, apart from the lock.
std::vector<std::string> PartsOf(const Layout& layout) {
  return {layout.Config(), layout.Stores(), layout.Keys(), layout.Trust()};
}

// Every folder in which a network under `data` could stand.
std::vector<Layout> AnyLayout(const std::string& data) {
  std::vector<Layout> layouts = Folders::Separate(data).All();
  layouts.emplace_back(data);
  return layouts;
}

bool HoldsAnyPart(const std::string& data) {
  for (const Layout& layout : AnyLayout(data)) {
    for (const auto& part : PartsOf(layout))
      if (fs::exists(part)) return true;
  }
  return false;
}

// A restore that failed leaves nothing that could be taken for a network.
void Discard(const std::string& data, bool with_folder) {
  std::error_code error;
  for (const Layout& layout : AnyLayout(data)) {
    for (const auto& part : PartsOf(layout)) fs::remove_all(part, error);
    fs::remove(layout.Lock(), error);
    if (layout.data != data || with_folder) fs::remove(layout.data, error);  // When empty.
  }
}

// Every file of every store is as it was written.
absl::Status CheckStores(const Folders& folders) {
  for (const char* service : kServices) {
    storage::RocksDbStore::Options options;
    options.path = folders.Of(service).Store(service);
    options.read_only = true;
    WATERLINE_ASSIGN_OR_RETURN(const auto store, storage::RocksDbStore::Open(std::move(options)));
    WATERLINE_RETURN_IF_ERROR(store->VerifyChecksums());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Description> Describe(const std::string& data) {
  const Layout layout = Folders::Find(data).Of("accountability");
  WATERLINE_ASSIGN_OR_RETURN(const auto facts, LoadNetwork(layout));
  WATERLINE_ASSIGN_OR_RETURN(const auto signer, LoadSigner(layout, facts.network));
  return Description{facts.network, facts.host, signer.verifier().Vkey()};
}

absl::Status CheckNoRealNetwork(const std::string& data) {
  for (const Layout& layout : AnyLayout(data)) {
    if (!fs::exists(layout.Config())) continue;
    WATERLINE_ASSIGN_OR_RETURN(const auto facts, LoadNetwork(layout));
    if (!facts.development)
      return Error(reason::kStateForbids,
                   layout.Config() + " is that of a real network: nothing is thrown away there",
                   {{"file", layout.Config()}});
  }
  return absl::OkStatus();
}

absl::Status Backup(const std::string& data, const std::string& to) {
  const Folders folders = Folders::Find(data);
  std::vector<std::unique_ptr<FolderLock>> locks;
  std::vector<std::string> keys;
  std::vector<std::string> rest;
  for (const Layout& layout : folders.All()) {
    WATERLINE_RETURN_IF_ERROR(LoadNetwork(layout).status());
    WATERLINE_ASSIGN_OR_RETURN(auto lock, FolderLock::Take(layout));
    locks.push_back(std::move(lock));
    const std::string inside = layout.data == data ? "" : layout.data.substr(data.size() + 1) + "/";
    keys.push_back(inside + "keys");
    if (fs::exists(layout.Trust())) keys.push_back(inside + "trust");
    rest.push_back(inside + "network.conf");
    rest.push_back(inside + "stores");
  }
  std::error_code error;
  fs::create_directories(to, error);
  if (error)
    return Error(reason::kUnavailable, "cannot make the folder " + to + ": " + error.message());
  if (fs::exists(DataTar(to)) || fs::exists(KeysTar(to)))
    return Error(reason::kAlreadyExists, to + " holds a backup already; nothing was overwritten");
  WATERLINE_RETURN_IF_ERROR(WriteTar(KeysTar(to), data, keys));
  return WriteTar(DataTar(to), data, rest);
}

absl::Status Restore(const std::string& from, const std::string& data,
                     const std::string& reason_text) {
  const Layout layout(data);
  if (reason_text.empty())
    return BadFields({{"reason", "is required: it stands in the ledger for everyone to read"}});
  if (HoldsAnyPart(data)) {
    return Error(
        reason::kAlreadyExists,
        data + " holds a network, or a part of one, already; restore into an empty folder");
  }
  const bool is_new = !fs::exists(data);
  std::error_code error;
  fs::create_directories(data, error);
  if (error)
    return Error(reason::kUnavailable, "cannot make the folder " + data + ": " + error.message());
  auto restored = Unpack(from, layout);
  if (restored.ok()) restored = CheckStores(Folders::Find(data));
  if (restored.ok()) restored = BeginRestoredEpoch(layout, reason_text);
  if (!restored.ok()) Discard(data, is_new);
  return restored;
}

absl::StatusOr<std::string> StateDigest(const std::string& data) {
  SystemClock clock;
  WATERLINE_ASSIGN_OR_RETURN(auto foundation, Foundation::Open(Layout(data), &clock));
  std::map<std::string, std::string> participants;
  WATERLINE_ASSIGN_OR_RETURN(auto lines, coro::SyncWait(registry::StateLines(
                                             foundation->store("registry"),
                                             foundation->vault("registry"), &participants)));
  WATERLINE_ASSIGN_OR_RETURN(const auto more, coro::SyncWait(events::StateLines(
                                                  foundation->store("events"),
                                                  foundation->vault("events"), participants)));
  lines.insert(lines.end(), more.begin(), more.end());
  std::sort(lines.begin(), lines.end());
  crypto::Sha256Stream digest;
  for (const auto& line : lines) digest.Update(crypto::Sha256(line));
  return crypto::HexEncode(digest.Finish());
}

absl::StatusOr<std::string> Verify(const std::string& data) {
  const Folders folders = Folders::Find(data);
  std::vector<std::unique_ptr<FolderLock>> locks;
  for (const Layout& layout : folders.All()) {
    WATERLINE_RETURN_IF_ERROR(LoadNetwork(layout).status());
    WATERLINE_ASSIGN_OR_RETURN(auto lock, FolderLock::Take(layout));
    locks.push_back(std::move(lock));
  }
  const Layout layout = folders.Of("accountability");
  WATERLINE_ASSIGN_OR_RETURN(const auto facts, LoadNetwork(layout));
  WATERLINE_ASSIGN_OR_RETURN(const auto signer, LoadSigner(layout, facts.network));
  WATERLINE_ASSIGN_OR_RETURN(
      const auto summary,
      accountability::VerifyFolder(layout.Store("accountability"), layout.Anchor(), facts.network,
                                   signer.verifier()));
  WATERLINE_RETURN_IF_ERROR(CheckStores(folders));
  return "Every store is as it was written. The ledger verifies: " +
         std::to_string(summary.entries) + " entries in " + std::to_string(summary.epochs) +
         (summary.epochs == 1 ? " epoch." : " epochs.");
}

}  // namespace waterline::deployment
