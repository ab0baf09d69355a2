// partner: how an organisation joins a network. The host invites and confirms; the partner asks and
// checks. What counts between the two is a fingerprint that people read to each other.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "clients/cli/commands/commands.h"
#include "clients/cli/credentials.h"
#include "clients/cli/invitation.h"
#include "clients/cli/new_file.h"
#include "clients/cli/partner_check.h"
#include "clients/cli/pinning.h"
#include "services/common/clock/clock.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/fingerprint.h"
#include "services/common/identity/joining.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/waterlined/deployment.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {
namespace {

namespace fs = std::filesystem;
using registry::v1::JoinRequest;

constexpr size_t kCaBytesMax = 24 * 1024;  // The whole invitation is read as at most 64 KiB.

struct InviteOptions {
  std::string organisation;
  std::string data;
  std::string trust;
  std::string out;
  bool again = false;
  const Invocation* invocation = nullptr;
};
struct JoinOptions {
  std::string invitation;
  std::string issuer;
  std::string jwks;
  std::string certificate;
  std::string key;
  std::vector<std::string> token_keys;
  std::string keep_ca;
};
struct ListOptions {
  std::string trust;
};
struct NameOptions {
  std::string organisation;
};
struct ConfirmOptions {
  std::string organisation;
  std::string fingerprint;
  std::string trust;
};
struct CheckOptions {
  std::string invitation;
  std::string ledger_key;
};

// ---- invite -------------------------------------------------------------------------------------

std::string Flag(const Invocation& invocation, const std::string& key) {
  const auto found = invocation.flags.find(key);
  return found == invocation.flags.end() ? "" : found->second;
}

absl::StatusOr<Invitation> FactsOf(const InviteOptions& options) {
  Invitation facts;
  facts.organisation = OrganisationIdFrom(options.organisation);
  facts.server = Flag(*options.invocation, "server");
  const std::string ca = Flag(*options.invocation, "tls-ca");
  std::vector<FieldViolation> violations;
  if (!text::IsResourceId(facts.organisation) || facts.organisation.find('-') == std::string::npos)
    violations.push_back({"organisation", "is no organisation id such as ods-qnx"});
  if (facts.server.empty())
    violations.push_back({"--server", "is needed: where the partner reaches the network"});
  if (ca.empty())
    violations.push_back({"--tls-ca", "is needed: what signs the server's certificate"});
  if (!violations.empty()) return BadFields(violations);
  WATERLINE_ASSIGN_OR_RETURN(facts.tls_ca, ReadFileOf(ca));
  if (facts.tls_ca.size() > kCaBytesMax || identity::Certificate::ParseAll(facts.tls_ca).empty())
    return BadFields({{"--tls-ca", "is not a file of certificates in PEM of at most 24 KiB"}});
  WATERLINE_ASSIGN_OR_RETURN(const auto network, deployment::Describe(options.data));
  facts.network = network.network;
  facts.host = network.host;
  facts.ledger_key = network.ledger_key;
  facts.id = crypto::RandomId('j');
  if (facts.organisation == facts.host) return BadFields({{"organisation", "is the host itself"}});
  return facts;
}

absl::Status Invite(Session* session, const InviteOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(auto facts, FactsOf(options));
  const std::string trust = options.trust.empty() ? options.data + "/trust" : options.trust;
  std::error_code unread;
  if (!fs::is_directory(trust, unread))
    return Error(reason::kNotFound, "there is no folder " + trust +
                                        "; name the one that the servers read with --trust");
  const auto made = MakeInvitation(std::move(facts), SystemClock().NowMs());
  const auto& invitation = made.invitation;
  // Before anything is pinned: an invitation that nobody has hurts nobody.
  WATERLINE_RETURN_IF_ERROR(WriteNewFile(options.out, FormatInvitation(invitation),
                                         NewFile::Existing::kKeep, NewFile::Readers::kOwner));
  const auto pinned =
      PinInvitation(trust, invitation.organisation, {made.issuer_pem, made.jwks}, options.again);
  if (!pinned.ok()) {
    std::error_code error;
    fs::remove(options.out, error);
    return pinned;
  }
  session->output().Hint("Invited " + invitation.organisation + " to " + invitation.network +
                         " until " + text::FormatInstant(invitation.expires_at_ms) + ". Hand " +
                         options.out +
                         " to the partner only; `waterline partner confirm` comes when they have "
                         "asked and read you their fingerprint.");
  return absl::OkStatus();
}

// ---- join ---------------------------------------------------------------------------------------

// Files for the time of a command, which nobody else reads.
class PrivateFolder {
 public:
  PrivateFolder() {
    std::string name = (fs::temp_directory_path() / "waterline-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~PrivateFolder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  absl::StatusOr<std::string> Keep(const std::string& name, const std::string& content) const {
    if (path_.empty())
      return Error(reason::kUnavailable, "cannot make a folder for temporary files");
    const std::string file = path_ + "/" + name;
    WATERLINE_RETURN_IF_ERROR(
        WriteNewFile(file, content, NewFile::Existing::kKeep, NewFile::Readers::kOwner));
    return file;
  }

 private:
  std::string path_;
};

absl::StatusOr<Values> SettingsOf(const Invitation& invitation, const PrivateFolder& folder) {
  Values out;
  out["server"] = invitation.server;
  out["actor"] = invitation.id;
  out["role"] = "partner_system";
  out["purpose"] = "system_administration";
  WATERLINE_ASSIGN_OR_RETURN(out["tls-certificate"],
                             folder.Keep("certificate.pem", invitation.certificate));
  WATERLINE_ASSIGN_OR_RETURN(out["tls-key"], folder.Keep("key.pem", invitation.key));
  WATERLINE_ASSIGN_OR_RETURN(out["tls-ca"], folder.Keep("ca.pem", invitation.tls_ca));
  WATERLINE_ASSIGN_OR_RETURN(out["token-key"], folder.Keep("token.key", invitation.token_key));
  return out;
}

absl::StatusOr<crypto::PrivateKey> ReadKey(const std::string& path, const std::string& flag) {
  WATERLINE_ASSIGN_OR_RETURN(const auto pem, ReadFileOf(path));
  auto key = crypto::PrivateKey::FromPem(pem);
  if (!key.ok())
    return BadFields({{flag, "is no private key (PKCS #8 in PEM) of Ed25519, P-256 or RSA"}});
  return key;
}

absl::StatusOr<registry::v1::RequestJoinRequest> RequestOf(const Invitation& invitation,
                                                           const JoinOptions& options) {
  identity::JoinPapers papers;
  papers.network = invitation.network;
  papers.organisation = invitation.organisation;
  papers.invitation = invitation.id;
  papers.signed_at = SystemClock().NowMs() / 1000;
  WATERLINE_ASSIGN_OR_RETURN(papers.issuer_pem, ReadFileOf(options.issuer));
  WATERLINE_ASSIGN_OR_RETURN(papers.jwks, ReadFileOf(options.jwks));
  std::vector<crypto::PrivateKey> keys;
  for (const auto& path : options.token_keys) {
    WATERLINE_ASSIGN_OR_RETURN(auto key, ReadKey(path, "--token-key"));
    keys.push_back(std::move(key));
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto certificate, ReadFirstCertificate(options.certificate));
  WATERLINE_ASSIGN_OR_RETURN(const auto key, ReadKey(options.key, "--key"));
  const auto proofs = identity::ProveJoin(papers, keys, certificate, key);
  if (!proofs.ok() && !ReasonOf(proofs.status()))
    return BadFields({{"--jwks", std::string(proofs.status().message())}});
  if (!proofs.ok()) return proofs.status();
  registry::v1::RequestJoinRequest request;
  request.set_issuer_pem(papers.issuer_pem);
  request.set_jwks(papers.jwks);
  request.mutable_signed_at()->set_seconds(papers.signed_at);
  request.mutable_key_proofs()->Add(proofs->key_proofs.begin(), proofs->key_proofs.end());
  request.set_certificate_pem(proofs->certificate_pem);
  request.set_certificate_proof(proofs->certificate_proof);
  return request;
}

absl::StatusOr<Invitation> ReadInvitation(const std::string& path) {
  WATERLINE_ASSIGN_OR_RETURN(const auto content, ReadFileOf(path));
  return ParseInvitation(content);
}

// Of the two files in a message that has them, whatever the server says of it.
template <class Files>
std::string FingerprintOf(const std::string& network, const std::string& organisation,
                          const Files& files) {
  identity::JoinPapers papers;
  papers.network = network;
  papers.organisation = organisation;
  papers.issuer_pem = files.issuer_pem();
  papers.jwks = files.jwks();
  return identity::JoinFingerprint(papers);
}

// That this is the network that the invitation is for.
absl::Status CheckNetwork(const registry::v1::WhoAmIResponse& answer,
                          const Invitation& invitation) {
  if (answer.network() == invitation.network && answer.ledger_key() == invitation.ledger_key)
    return absl::OkStatus();
  return absl::DataLossError(
      "what answers at " + invitation.server +
      " is not the network of the invitation: its name or the key of its ledger is another. "
      "Nothing was sent; ask the host");
}

absl::Status Join(Session* session, const JoinOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto invitation, ReadInvitation(options.invitation));
  if (SystemClock().NowMs() >= invitation.expires_at_ms)
    return absl::FailedPreconditionError(
        "the invitation ended at " + text::FormatInstant(invitation.expires_at_ms) +
        "; ask the host for a new one (`waterline partner invite --again`)");
  WATERLINE_ASSIGN_OR_RETURN(const auto request, RequestOf(invitation, options));
  const PrivateFolder folder;
  WATERLINE_ASSIGN_OR_RETURN(auto settings, SettingsOf(invitation, folder));
  Session invited({std::move(settings), "", {}, false}, &session->output());
  WATERLINE_ASSIGN_OR_RETURN(
      const auto met, MeetOrSayWhy(&invited,
                                   "The invitation was used or is void; ask the host for a new "
                                   "one (`waterline partner invite`)"));
  WATERLINE_RETURN_IF_ERROR(CheckNetwork(met.answer, invitation));
  WATERLINE_ASSIGN_OR_RETURN(const auto answer,
                             invited.Get<registry::v1::RequestJoinResponse>(request));
  const std::string fingerprint =
      FingerprintOf(invitation.network, invitation.organisation, request);
  if (answer.fingerprint() != crypto::HexEncode(fingerprint))
    return absl::DataLossError("the server has other papers than were sent; tell the host");
  if (!options.keep_ca.empty()) {
    WATERLINE_RETURN_IF_ERROR(WriteNewFile(options.keep_ca, invitation.tls_ca,
                                           NewFile::Existing::kReplace, NewFile::Readers::kAll));
  }
  session->output().Rows(
      {{"organisation", "network", "fingerprint"},
       {{invitation.organisation, invitation.network, identity::InGroups(fingerprint)}}});
  session->output().Hint("Read the fingerprint to " + invitation.host +
                         " by telephone, on a number you know. When they have confirmed it, "
                         "`waterline partner check` says whether everything works.");
  return absl::OkStatus();
}

// ---- list, show, confirm ------------------------------------------------------------------------

std::string PinnedText(const std::string& trust, const std::string& organisation) {
  if (trust.empty()) return "";
  switch (WhatIsPinned(trust, organisation)) {
    case Pinned::kNobody:
      return "nothing";
    case Pinned::kInvited:
      return "invitation";
    case Pinned::kJoined:
      return "confirmed";
  }
  return "";
}

std::string GroupsOf(const JoinRequest& request) {
  const auto bytes = crypto::HexDecode(request.fingerprint());
  return bytes.ok() ? identity::InGroups(*bytes) : "";
}

absl::Status List(Session* session, const ListOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto requests,
                             session->ListAll(registry::v1::ListJoinRequestsRequest()));
  WATERLINE_ASSIGN_OR_RETURN(const auto members,
                             session->ListAll(registry::v1::ListMembersRequest()));
  std::map<std::string, std::vector<std::string>> rows;
  for (const auto& item : members) {
    const auto& member = static_cast<const registry::v1::Member&>(*item);
    const std::string id = text::IdOf(member.organisation());
    rows[id] = {id, "member", PinnedText(options.trust, id), "", ""};
  }
  for (const auto& item : requests) {
    const auto& request = static_cast<const JoinRequest&>(*item);
    const std::string id = text::IdOf(request.organisation());
    rows[id] = {id, request.member() ? "member" : "asks to join", PinnedText(options.trust, id),
                text::FormatInstant(text::ToMs(request.request_time())), GroupsOf(request)};
  }
  Table table{{"organisation", "state", "pinned", "asked_at", "fingerprint"}, {}};
  for (auto& [id, row] : rows) table.rows.push_back(std::move(row));
  session->output().Rows(table);
  return absl::OkStatus();
}

absl::StatusOr<JoinRequest> RequestFrom(Session* session, const std::string& organisation) {
  registry::v1::GetJoinRequestRequest request;
  request.set_name("join_requests/" + OrganisationIdFrom(organisation));
  WATERLINE_ASSIGN_OR_RETURN(auto answer,
                             session->Get<registry::v1::GetJoinRequestResponse>(request));
  return std::move(*answer.mutable_join_request());
}

absl::Status Show(Session* session, const NameOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(auto request, RequestFrom(session, options.organisation));
  request.set_fingerprint(GroupsOf(request));
  return ShowRecord(session, request);
}

void SayNextStep(Session* session, const JoinRequest& request) {
  const std::string id = text::IdOf(request.organisation());
  std::string next = "Confirmed: " + id + " is known by its own certificates and keys now.";
  if (!request.member()) {
    next += " Next: ";
    if (!request.known()) next += "`waterline org create`, for the directory lacks it, and then ";
    next += "`waterline org member add " + id + "`.";
  }
  session->output().Hint(next);
}

absl::Status Confirm(Session* session, const ConfirmOptions& options) {
  const std::string heard = identity::FingerprintFrom(options.fingerprint);
  if (heard.empty())
    return BadFields({{"--fingerprint",
                       "is not whole: sixteen groups of four digits and letters "
                       "from a to f; have it read again"}});
  WATERLINE_ASSIGN_OR_RETURN(const auto met, Meet(session));
  WATERLINE_ASSIGN_OR_RETURN(const auto request, RequestFrom(session, options.organisation));
  if (FingerprintOf(met.answer.network(), text::IdOf(request.organisation()), request) != heard)
    return BadFields({{"--fingerprint",
                       "is not that of what was handed in; nothing was changed. Have it read "
                       "again; if it still differs, somebody else has asked in their name: "
                       "`waterline partner invite --again` makes their invitation void"}});
  WATERLINE_RETURN_IF_ERROR(PinPartner(options.trust, met.answer.network(),
                                       text::IdOf(request.organisation()),
                                       {request.issuer_pem(), request.jwks()}));
  SayNextStep(session, request);
  return absl::OkStatus();
}

// ---- check --------------------------------------------------------------------------------------

void Put(const Output& output, const std::vector<CheckLine>& lines, const std::string& fault) {
  Table table{{"check", "state", "what"}, {}};
  for (const auto& line : lines)
    table.rows.push_back({line.check, line.warning ? "warning" : "ok", line.what});
  if (output.format() != Format::kTable) {
    if (!fault.empty()) table.rows.push_back({"fault", "fault", fault});
    output.Rows(table);
    return;
  }
  constexpr int kGreen = 32;
  constexpr int kYellow = 33;
  constexpr size_t kWidth = 13;
  for (const auto& row : table.rows) {
    const bool ok = row[1] == "ok";
    std::string name = row[0];
    name.resize(std::max(name.size(), kWidth), ' ');
    output.Write(Paint(ok ? "ok      " : "warning ", ok ? kGreen : kYellow, output.colour()) +
                 name + row[2] + "\n");
  }
}

absl::Status Check(Session* session, const CheckOptions& options) {
  std::string ledger_key = options.ledger_key;
  if (!options.invitation.empty()) {
    WATERLINE_ASSIGN_OR_RETURN(const auto invitation, ReadInvitation(options.invitation));
    ledger_key = invitation.ledger_key;
  }
  std::vector<CheckLine> lines;
  const auto status = CheckPartner(session, ledger_key, &lines);
  Put(session->output(), lines, std::string(status.message()));
  return status;
}

// ---- The commands -------------------------------------------------------------------------------

void AddInvite(CLI::App* family, Invocation* invocation) {
  const auto options = std::make_shared<InviteOptions>();
  options->invocation = invocation;
  auto* command = AddLocalCommand(family, invocation, "invite",
                                  "Host: make the one file with which an organisation may ask, "
                                  "with --server and --tls-ca for the partner",
                                  options, Invite);
  command->add_option("organisation", options->organisation, "Its id or code")->required();
  command->add_option("--data", options->data, "The data folder of the network")->required();
  command->add_option("--trust", options->trust, "The folder of pins; DATA/trust by default");
  command->add_option("--out", options->out, "The file to hand over")->required();
  command->add_flag("--again", options->again, "Makes an invitation that is pending void");
}

void AddJoin(CLI::App* family, Invocation* invocation) {
  const auto options = std::make_shared<JoinOptions>();
  auto* command =
      AddLocalCommand(family, invocation, "join",
                      "Partner: hand in your authorities and keys, and get the fingerprint to read "
                      "to the host",
                      options, Join);
  command->add_option("--invitation", options->invitation, "The file from the host")->required();
  command->add_option("--issuer", options->issuer, "Your authorities (PEM)")->required();
  command->add_option("--jwks", options->jwks, "Your token keys (JSON)")->required();
  command->add_option("--certificate", options->certificate, "A client certificate by them (PEM)")
      ->required();
  command->add_option("--key", options->key, "Its private key (PEM)")->required();
  command
      ->add_option("--token-key", options->token_keys,
                   "The private key (PEM) of every key in the key set")
      ->required()
      ->allow_extra_args(false);
  command->add_option("--keep-ca", options->keep_ca,
                      "Keeps what signs the server's certificate here, for --tls-ca");
}

void AddConfirm(CLI::App* family, Invocation* invocation) {
  const auto options = std::make_shared<ConfirmOptions>();
  auto* command =
      AddCommand(family, invocation, "confirm",
                 "Host: pin what was handed in, by the fingerprint you heard", options, Confirm);
  command->add_option("organisation", options->organisation, "Its id or code")->required();
  command->add_option("--fingerprint", options->fingerprint, "As it was read to you")->required();
  command->add_option("--trust", options->trust, "The folder of pins of the network")->required();
}

void AddCheck(CLI::App* family, Invocation* invocation) {
  const auto options = std::make_shared<CheckOptions>();
  auto* command = AddCommand(family, invocation, "check",
                             "Partner: whether everything works, or the one thing that does not",
                             options, Check);
  command->add_option("--invitation", options->invitation, "To compare the ledger's key with");
  command->add_option("--ledger-key", options->ledger_key, "The same, without the invitation");
}

}  // namespace

void AddPartnerCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "partner", "How an organisation joins a network");
  AddInvite(family, invocation);
  AddJoin(family, invocation);
  const auto list = std::make_shared<ListOptions>();
  AddCommand(family, invocation, "list", "Host: who asks to join, and who has joined", list, List)
      ->add_option("--trust", list->trust, "The folder of pins, to show what is pinned");
  const auto name = std::make_shared<NameOptions>();
  AddCommand(family, invocation, "show", "Host: what an organisation handed in", name, Show)
      ->add_option("organisation", name->organisation, "Its id or code")
      ->required();
  AddConfirm(family, invocation);
  AddCheck(family, invocation);
}

}  // namespace waterline::cli
