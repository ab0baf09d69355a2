#include "clients/cli/pinning.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "clients/cli/new_file.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/spiffe.h"
#include "services/common/identity/trust_store.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::cli {
namespace {

namespace fs = std::filesystem;

absl::Status Write(const std::string& folder, const Pins& pins) {
  const auto write = [&](const char* name, const std::string& content) {
    return WriteNewFile(folder + "/" + name, content, NewFile::Existing::kReplace,
                        NewFile::Readers::kAll);
  };
  WATERLINE_RETURN_IF_ERROR(write("jwks.json", pins.jwks));
  return write("issuer.pem", pins.issuer_pem);
}

absl::Status CannotMake(const std::string& folder, const std::error_code& error) {
  return Error(reason::kUnavailable, "cannot make the folder " + folder + ": " + error.message());
}

// The folder appears with both files in it. TrustStore reads over names that begin with a dot.
absl::Status PinFirst(const std::string& trust, const std::string& organisation, const Pins& pins) {
  const std::string folder = trust + "/" + organisation;
  const std::string making = trust + "/." + crypto::RandomId('p');
  std::error_code error;
  fs::create_directories(making, error);
  if (error) return CannotMake(making, error);
  absl::Status status = Write(making, pins);
  if (status.ok()) fs::rename(making, folder, error);
  if (error) status = CannotMake(folder, error);
  if (!status.ok()) fs::remove_all(making, error);
  return status;
}

}  // namespace

Pinned WhatIsPinned(const std::string& trust, const std::string& organisation) {
  const std::string folder = trust + "/" + organisation;
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return Pinned::kNobody;
  std::ifstream file(folder + "/issuer.pem", std::ios::binary);
  const std::string pem(std::istreambuf_iterator<char>(file), {});
  const auto authorities = identity::Certificate::ParseAll(pem);
  const bool invited =
      !authorities.empty() &&
      std::all_of(authorities.begin(), authorities.end(), [](const identity::Certificate& one) {
        return one.HasMark(identity::kInvitationMark);
      });
  return invited ? Pinned::kInvited : Pinned::kJoined;
}

absl::Status PinInvitation(const std::string& trust, const std::string& organisation,
                           const Pins& pins, bool again) {
  const Pinned pinned = WhatIsPinned(trust, organisation);
  if (pinned == Pinned::kNobody) return PinFirst(trust, organisation, pins);
  if (pinned == Pinned::kInvited && again) return Write(trust + "/" + organisation, pins);
  return Error(reason::kAlreadyExists,
               trust + "/" + organisation +
                   (pinned == Pinned::kJoined
                        ? " is that of a partner that has joined; nothing was changed"
                        : " holds an invitation already; --again makes it void and a new one"));
}

absl::Status PinPartner(const std::string& trust, const std::string& network,
                        const std::string& organisation, const Pins& pins) {
  if (WhatIsPinned(trust, organisation) != Pinned::kInvited)
    return Error(reason::kStateForbids, trust + "/" + organisation +
                                            " holds no pending invitation: `waterline partner "
                                            "invite` comes first; nothing was changed");
  WATERLINE_ASSIGN_OR_RETURN(const auto store, identity::TrustStore::Open(trust, network));
  WATERLINE_ASSIGN_OR_RETURN(const auto keys, identity::JwkSet::Parse(pins.jwks));
  const std::string issuer =
      keys.issuer().value_or(identity::OrganisationUri(network, organisation));
  const auto held = store->Now();
  const auto* holder = held->FindIssuer(issuer);
  if (holder != nullptr && holder->id != organisation)
    return Error(reason::kStateForbids, "the issuer of its tokens is that of " + holder->id +
                                            " already; nothing was changed");
  return Write(trust + "/" + organisation, pins);
}

}  // namespace waterline::cli
