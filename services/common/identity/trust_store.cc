#include "services/common/identity/trust_store.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "services/common/crypto/hash.h"
#include "services/common/identity/jwt.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"

namespace waterline::identity {
namespace {

namespace fs = std::filesystem;

absl::Status Fault(const std::string& path, absl::string_view what) {
  return Error(reason::kStateForbids, path + ": " + std::string(what), {{"file", path}});
}

// Nothing when it is not there.
absl::StatusOr<std::optional<std::string>> ReadFile(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error) && !error) return std::optional<std::string>();
  std::ifstream file(path, std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(file), {});
  if (!file || content.empty()) return Fault(path, "is empty or may not be read by this process");
  if (content.size() > kTrustFileBytesMax) return Fault(path, "has more than 1 MiB");
  return std::optional(std::move(content));
}

absl::StatusOr<std::string> ReadNeeded(const std::string& path) {
  WATERLINE_ASSIGN_OR_RETURN(auto content, ReadFile(path));
  if (!content) return Fault(path, "is missing");
  return *std::move(content);
}

// What is said of the files of one organisation, each with its length before it.
std::string DigestOf(std::initializer_list<std::string_view> files) {
  std::string all;
  for (const auto file : files) all += std::to_string(file.size()) + ":" + std::string(file);
  return crypto::Sha256(all);
}

// In one step, if it holds anything else.
absl::Status ReplaceFile(const std::string& path, const std::string& content) {
  {
    std::ifstream file(path, std::ios::binary);
    const std::string held(std::istreambuf_iterator<char>(file), {});
    if (file && held == content) return absl::OkStatus();
  }
  const std::string temporary = path + ".new";
  const bool written = (std::ofstream(temporary, std::ios::binary) << content).flush().good();
  if (!written || std::rename(temporary.c_str(), path.c_str()) != 0)
    return Error(reason::kUnavailable, "cannot write " + path, {{"file", path}});
  return absl::OkStatus();
}

}  // namespace

const TrustedOrganisation* Trust::Find(std::string_view organisation) const {
  const auto found = organisations_.find(organisation);
  return found == organisations_.end() ? nullptr : found->second.get();
}

const TrustedOrganisation* Trust::FindIssuer(std::string_view issuer) const {
  const auto found = organisation_of_.find(issuer);
  return found == organisation_of_.end() ? nullptr : Find(found->second);
}

std::string Trust::Bundle() const {
  std::string out;
  for (const auto& [id, organisation] : organisations_) {
    out += organisation->authorities_pem;
    if (!out.ends_with('\n')) out += '\n';
  }
  return out;
}

absl::StatusOr<std::shared_ptr<const TrustedOrganisation>> TrustStore::ReadOne(
    const std::string& id, std::shared_ptr<const TrustedOrganisation> before) const {
  const std::string stem = folder_ + "/" + id + "/";
  WATERLINE_ASSIGN_OR_RETURN(const auto issuers, ReadNeeded(stem + "issuer.pem"));
  WATERLINE_ASSIGN_OR_RETURN(const auto jwks, ReadNeeded(stem + "jwks.json"));
  WATERLINE_ASSIGN_OR_RETURN(const auto list, ReadFile(stem + "crl.pem"));
  if (!list && before != nullptr && before->authorities.has_revocation_lists())
    return Fault(stem + "crl.pem", "is gone, and would make revoked certificates good again");
  const std::string digest = DigestOf({issuers, jwks, list.value_or("")});
  if (before != nullptr && before->digest == digest) return before;
  auto authorities = PinnedIssuers::Of(issuers, list.value_or(""));
  if (!authorities.ok()) return Fault(stem + "issuer.pem, crl.pem", authorities.status().message());
  bool is_invited = false;
  for (const auto& authority : Certificate::ParseAll(issuers)) {
    is_invited |= authority.HasMark(kInvitationMark);
    if (authority.HasMark(kThrowawayMark) && !IsDevelopmentName(network_))
      return Fault(stem + "issuer.pem",
                   "is a throw-away authority of `waterline identity`, which is for development "
                   "networks only");
  }
  auto keys = JwkSet::Parse(jwks);
  if (!keys.ok()) return Fault(stem + "jwks.json", keys.status().message());
  const std::string own = OrganisationUri(network_, id);
  const std::string issuer = keys->issuer().value_or(own);
  if (issuer.starts_with("spiffe://") && issuer != own)
    return Fault(stem + "jwks.json", "`issuer` is the name of another organisation");
  return std::make_shared<const TrustedOrganisation>(TrustedOrganisation{
      id, issuer, *std::move(authorities), *std::move(keys), issuers, digest, is_invited});
}

absl::StatusOr<TrustStore::Organisations> TrustStore::Read(const Trust& before,
                                                           std::vector<std::string>* faults) const {
  std::error_code error;
  Organisations out;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string id = entry->path().filename().string();
    std::error_code unread;
    if (id.starts_with('.') || !entry->is_directory(unread)) continue;
    if (!text::IsResourceId(id)) {
      faults->push_back(folder_ + "/" + id + ": is no organisation id such as ods-qnx");
      continue;
    }
    const auto held = before.organisations_.find(id);
    const auto known = held == before.organisations_.end() ? nullptr : held->second;
    auto organisation = ReadOne(id, known);
    if (!organisation.ok()) faults->push_back(std::string(organisation.status().message()));
    if (organisation.ok() || known != nullptr) out.emplace(id, organisation.value_or(known));
  }
  if (error) return Fault(folder_, "cannot be read: " + error.message());
  return out;
}

TrustStore::Organisations TrustStore::NameIssuers(Organisations read, const Trust& before,
                                                  std::vector<std::string>* faults) const {
  // Whoever goes back to what it had may meet one that has just taken its issuer; that one then
  // gives way. Nobody gives way twice.
  while (true) {
    std::map<std::string, std::vector<std::string>> claims;
    for (const auto& [id, organisation] : read) claims[organisation->issuer].push_back(id);
    bool unique = true;
    for (const auto& [issuer, ids] : claims) {
      if (ids.size() == 1) continue;
      unique = false;
      const auto* holder = before.FindIssuer(issuer);
      const bool held = holder != nullptr && std::count(ids.begin(), ids.end(), holder->id) > 0;
      const std::string& first = held ? holder->id : ids.front();
      for (const auto& id : ids) {
        if (id != first)
          faults->push_back(folder_ + "/" + id + "/jwks.json: `issuer` is that of " + first +
                            " too; until one of the two is changed, " +
                            (held ? "this folder keeps" : "both folders keep") + " what was held");
        if (held && id == first) continue;
        const auto known = before.organisations_.find(id);
        if (known == before.organisations_.end()) {
          read.erase(id);
        } else {
          read[id] = known->second;
        }
      }
    }
    if (unique) return read;
  }
}

TrustStore::Reload TrustStore::ReloadIfChanged() {
  std::lock_guard reading(reading_);
  const auto before = Now();
  auto trust = std::make_shared<Trust>();
  Reload reload;
  auto organisations = Read(*before, &reload.faults);
  if (organisations.ok()) {
    trust->organisations_ = NameIssuers(*std::move(organisations), *before, &reload.faults);
  } else {
    trust->organisations_ = before->organisations_;
    reload.faults.emplace_back(organisations.status().message());
  }
  for (const auto& [id, organisation] : trust->organisations_)
    trust->organisation_of_.emplace(organisation->issuer, id);
  // What did not change is the same object.
  const bool changed = trust->organisations_ != before->organisations_;
  std::sort(reload.faults.begin(), reload.faults.end());
  trust->generation_ = before->generation_ + 1;
  std::lock_guard lock(mutex_);
  reload.trust_changed = changed;
  reload.changed = changed || reload.faults != faults_;
  faults_ = reload.faults;
  if (changed) now_ = std::move(trust);
  return reload;
}

absl::StatusOr<std::unique_ptr<TrustStore>> TrustStore::Open(std::string folder,
                                                             std::string network) {
  std::unique_ptr<TrustStore> store(new TrustStore(std::move(folder), std::move(network)));
  const Reload first = store->ReloadIfChanged();
  if (!first.faults.empty())
    return Error(reason::kStateForbids, first.faults.front(), {{"folder", store->folder_}});
  return store;
}

std::shared_ptr<const Trust> TrustStore::Now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

absl::Status TrustStore::WriteBundle(const std::string& path) const {
  return ReplaceFile(path, Now()->Bundle());
}

absl::Status TrustStore::WriteAuthorities(const std::string& organisation,
                                          const std::string& path) const {
  const auto trust = Now();
  const auto* found = trust->Find(organisation);
  return ReplaceFile(path, found == nullptr ? "" : found->authorities_pem);
}

TrustWatch::TrustWatch(TrustStore* store, std::string bundle_path, OnChange on_change,
                       std::chrono::milliseconds period)
    : store_(store), bundle_path_(std::move(bundle_path)), on_change_(std::move(on_change)) {
  thread_ = std::thread([this, period] {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, period, [this] { return stopping_; })) {
      lock.unlock();
      Look();
      lock.lock();
    }
  });
}

TrustWatch::~TrustWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void TrustWatch::Look() {
  auto reload = store_->ReloadIfChanged();
  const auto written = store_->WriteBundle(bundle_path_);
  const std::string fault(written.message());
  if (!fault.empty()) reload.faults.push_back(fault);
  if (reload.changed || fault != bundle_fault_) on_change_(reload);
  bundle_fault_ = fault;
}

}  // namespace waterline::identity
