#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/data/code_lists.h"
#include "services/common/identity/identity.h"
#include "services/common/identity/spiffe.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/registry/domain/organisations.h"
#include "services/registry/store/keys.h"
#include "services/registry/store/organisation_writer.h"
#include "services/waterlined/deployment.h"
#include "services/waterlined/foundation.h"

namespace waterline::deployment {
namespace {

namespace fs = std::filesystem;
using accountability::AppendRequest;

constexpr char kHostType[] = "icb";  // Code list organisation_type.

absl::Status CheckOptions(const InitOptions& options) {
  std::vector<FieldViolation> violations;
  if (options.data.empty())
    violations.push_back({"data", "is required: the folder for keys and stores"});
  if (!text::IsResourceId(options.network))
    violations.push_back(
        {"network", "is not an id: lower case letters, digits and dashes, starting with a letter"});
  if (options.development && !identity::IsDevelopmentName(options.network)) {
    violations.push_back({"network",
                          "must hold `dev` with --development, so that its ledger can never be "
                          "taken for a real one"});
  }
  if (!options.development && identity::IsDevelopmentName(options.network)) {
    violations.push_back({"network", "holds `dev`, which is kept for --development"});
  }
  if (!text::IsResourceId(options.host) || options.host.find('-') == std::string::npos) {
    violations.push_back(
        {"host", "is not an organisation id such as ods-qnx or local-demonstration-board"});
  }
  if (options.administrator.empty())
    violations.push_back({"administrator", "is required: who may change the network first"});
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

absl::Status WriteOriginKey(const Layout& layout) {
  const int file = open(layout.OriginKey().c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (file < 0)
    return Error(reason::kAlreadyExists,
                 layout.OriginKey() + " is there already; nothing was changed");
  const std::string text = crypto::HexEncode(crypto::RandomBytes(crypto::kEd25519SeedBytes)) + "\n";
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  close(file);
  return written ? absl::OkStatus()
                 : Error(reason::kStorageFull, "could not write " + layout.OriginKey());
}

absl::Status MakeFolders(const Layout& layout) {
  std::error_code error;
  fs::create_directories(layout.Stores(), error);
  if (!error) fs::create_directories(layout.Keys(), error);
  if (!error) fs::permissions(layout.Keys(), fs::perms::owner_all, error);
  if (error)
    return Error(reason::kUnavailable,
                 "cannot make the folder " + layout.data + ": " + error.message());
  return absl::OkStatus();
}

registry::v1::Organisation HostOrganisation(const InitOptions& options, int64_t now) {
  registry::v1::Organisation host;
  auto* identifier = host.add_identifiers();
  const size_t dash = options.host.find('-');
  identifier->set_scheme(options.host.substr(0, dash));
  identifier->set_value(options.host.substr(dash + 1));
  host.set_title(options.host_title.empty() ? options.host : options.host_title);
  host.set_type(kHostType);
  host.set_demonstration(options.demonstration);
  *host.mutable_create_time() = text::ToTimestamp(now);
  *host.mutable_update_time() = text::ToTimestamp(now);
  return host;
}

// Who vouches for the first administrator: as in every later call, unless the host's key set names
// another issuer.
std::string IssuerOf(const rpc::NetworkFacts& facts) {
  if (facts.development) return std::string(identity::kDevelopmentIssuer);
  return identity::OrganisationUri(facts.network, facts.host);
}

// The entry that says what this network is; its position is the receipt of the first records.
coro::Task<absl::StatusOr<common::v1::LedgerPosition>> RecordStart(Foundation* foundation,
                                                                   std::string administrator) {
  const auto& facts = foundation->facts();
  AppendRequest request;
  request.entry.set_entry_id(crypto::RandomBytes(32));
  auto* start = request.entry.mutable_network_start();
  start->set_network(facts.network);
  start->set_host("organisations/" + facts.host);
  start->set_development(facts.development);
  start->set_demonstration(facts.demonstration);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      *start->mutable_first_administrator(),
      co_await foundation->recorder()->ActorHandle(facts.host, IssuerOf(facts), administrator));
  request.organisations = {facts.host};
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto appended,
                                co_await foundation->ledger()->Append(std::move(request)));
  co_return appended.position;
}

// What agreements must know of the host.
coro::Task<absl::Status> TellOfHost(Foundation* foundation, const InitOptions& options) {
  accountability::v1::SetMemberRequest request;
  request.mutable_caller()->set_organisation(options.host);
  request.mutable_caller()->set_issuer(IssuerOf(foundation->facts()));
  request.mutable_caller()->set_actor(options.administrator);
  request.mutable_caller()->set_role("network_steward");
  auto* member = request.mutable_member();
  member->set_organisation("organisations/" + options.host);
  member->set_legal_entity(data::IsLegalEntityType(kHostType));
  member->set_public_authority(data::IsPublicAuthorityType(kHostType));
  auto told = co_await foundation->standing_book()->SetMember(std::move(request));
  co_return told.status();
}

coro::Task<absl::Status> WriteHost(Foundation* foundation, InitOptions options) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto position,
                                co_await RecordStart(foundation, options.administrator));
  const int64_t now = foundation->clock()->NowMs();
  registry::storage::v1::OrganisationRecord record;
  *record.mutable_public_() = HostOrganisation(options, now);
  const auto violations = registry::CheckOrganisation(record.mutable_public_());
  if (!violations.empty()) co_return BadFields(violations);
  *record.mutable_receipt() = position;
  registry::storage::v1::MemberRecord member;
  member.mutable_public_()->set_organisation("organisations/" + options.host);
  member.mutable_public_()->set_host(true);
  *member.mutable_public_()->mutable_joined_at() = text::ToTimestamp(now);
  *member.mutable_receipt() = position;
  storage::Batch batch;
  registry::PutOrganisation(record, nullptr, &batch);
  batch.Put(storage::Key(registry::kMembers, options.host), member.SerializeAsString());
  auto committed = co_await foundation->store("registry")
                       ->Commit(registry::NetworkPartition(), std::move(batch));
  if (!committed.ok()) co_return committed.status();
  co_return co_await TellOfHost(foundation, options);
}

// Where the keys are, in words.
std::string KeyFolders(const Folders& folders) {
  std::string text;
  for (const Layout& layout : folders.All()) text += (text.empty() ? "" : ", ") + layout.Keys();
  return text;
}

std::string Report(const InitOptions& options, const Folders& folders, const std::string& vkey) {
  std::string text = "Made the network " + options.network + " with host organisations/" +
                     options.host + " in " + folders.data() + ".\n";
  if (options.separate) text += "Each service has a folder of its own there.\n";
  if (options.demonstration) text += "It is a DEMONSTRATION network: every output says so.\n";
  if (options.development)
    text += "It uses DEVELOPMENT identity: callers are believed, on this machine only.\n";
  if (!options.development) {
    text += "Callers prove who they are: put the host's issuer.pem and jwks.json into\n" +
            folders.Of("accountability").Trust() + "/" + options.host +
            "/ and start with --tls-certificate and --tls-key.\n";
  }
  text += "Give this key to everyone who verifies the ledger: " + vkey + "\n";
  text +=
      "Keep copies of " + KeyFolders(folders) +
      " apart from the data. If the *.keys files are lost, names, contact details and what people\n"
      "said can never be read again; if origin.key is lost, the ledger cannot go on.\n";
  return text;
}

}  // namespace

absl::StatusOr<std::string> Init(const InitOptions& options) {
  WATERLINE_RETURN_IF_ERROR(CheckOptions(options));
  for (const auto& folders : {Folders::One(options.data), Folders::Separate(options.data)}) {
    for (const Layout& layout : folders.All()) {
      if (fs::exists(layout.Config()) || fs::exists(layout.OriginKey()))
        return Error(reason::kAlreadyExists,
                     layout.data + " holds a network already; nothing was changed");
    }
  }
  const Folders folders =
      options.separate ? Folders::Separate(options.data) : Folders::One(options.data);
  for (const Layout& layout : folders.All()) WATERLINE_RETURN_IF_ERROR(MakeFolders(layout));
  WATERLINE_RETURN_IF_ERROR(WriteOriginKey(folders.Of("accountability")));
  for (const char* service : kServices)
    WATERLINE_RETURN_IF_ERROR(privacy::MasterKeys::Create(folders.Of(service).MasterKeys(service)));
  rpc::NetworkFacts facts{options.network, options.host, options.development, options.demonstration,
                          ""};
  WATERLINE_ASSIGN_OR_RETURN(const auto signer,
                             LoadSigner(folders.Of("accountability"), facts.network));
  if (options.separate) facts.ledger_key = signer.verifier().Vkey();
  for (const Layout& layout : folders.All()) WATERLINE_RETURN_IF_ERROR(SaveNetwork(layout, facts));
  SystemClock clock;
  WATERLINE_ASSIGN_OR_RETURN(auto foundation, Foundation::Open(Layout(options.data), &clock));
  WATERLINE_RETURN_IF_ERROR(coro::SyncWait(WriteHost(foundation.get(), options)));
  return Report(options, folders, signer.verifier().Vkey());
}

}  // namespace waterline::deployment
