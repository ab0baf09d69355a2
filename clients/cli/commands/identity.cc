// identity: authorities, certificates and tokens that are thrown away, to try a network out. They
// are for development networks only, and carry a mark that every other one refuses.

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "clients/cli/commands/commands.h"
#include "clients/cli/credentials.h"
#include "clients/cli/new_file.h"
#include "clients/cli/partner_check.h"
#include "services/common/clock/clock.h"
#include "services/common/identity/certificate.h"
#include "services/common/identity/fingerprint.h"
#include "services/common/identity/throwaway.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/waterlined/deployment.h"

namespace waterline::cli {
namespace {

namespace fs = std::filesystem;
using identity::ThrowawayAuthority;
using identity::ThrowawayTokens;

constexpr int kDaysMax = 30;  // As long as the authority lives.

struct AuthorityOptions {
  std::string network;
  std::string out;
  std::string data;
};
struct CertificateOptions {
  std::string authority;
  std::string service;
  std::string out;
  std::string data;
  std::vector<std::string> dns;
  int days = kDaysMax;
};
struct TokenOptions {
  std::string authority;
  std::string certificate;
  std::string data;
  int minutes = 5;
};
struct ShowOptions {
  std::string file;
};

// An authority as it lies in its folder, and whom it is for.
struct Kept {
  ThrowawayAuthority authority;
  std::string network;
  std::string organisation;
  int64_t ends_at_ms = 0;
};

absl::Status CheckAllowed(const std::string& network, const std::string& data) {
  if (!text::IsResourceId(network) || !identity::IsDevelopmentName(network))
    return Error(reason::kStateForbids,
                 "the network is not for development: its id does not hold `dev`; there an "
                 "organisation brings certificates of its own (`waterline partner`)");
  return data.empty() ? absl::OkStatus() : deployment::CheckNoRealNetwork(data);
}

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return absl::OkStatus();
  return Error(reason::kUnavailable, "cannot make the folder " + folder + ": " + error.message());
}

absl::Status Keep(const std::string& path, const std::string& content,
                  NewFile::Readers readers = NewFile::Readers::kAll) {
  return WriteNewFile(path, content, NewFile::Existing::kKeep, readers);
}

absl::Status Authority(Session* session, const AuthorityOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const std::string organisation, session->OrganisationId());
  WATERLINE_RETURN_IF_ERROR(CheckAllowed(options.network, options.data));
  if (!text::IsResourceId(organisation))
    return BadFields({{"--org", "is no organisation id such as ods-qnx"}});
  for (const char* file : {"/issuer.pem", "/issuer.key", "/token.key", "/jwks.json"}) {
    if (fs::exists(options.out + file))
      return Error(reason::kAlreadyExists,
                   options.out + file + " is there already; nothing was overwritten");
  }
  identity::AuthorityOptions made{std::string(identity::kThrowawayMark),
                                  identity::OrganisationUri(options.network, organisation)};
  const ThrowawayAuthority authority(organisation, made);
  const ThrowawayTokens tokens(options.network, organisation);
  WATERLINE_RETURN_IF_ERROR(MakeFolder(options.out));
  WATERLINE_RETURN_IF_ERROR(
      Keep(options.out + "/issuer.key", authority.key_pem(), NewFile::Readers::kOwner));
  WATERLINE_RETURN_IF_ERROR(
      Keep(options.out + "/token.key", tokens.key_pem(), NewFile::Readers::kOwner));
  WATERLINE_RETURN_IF_ERROR(Keep(options.out + "/jwks.json", tokens.jwks() + "\n"));
  WATERLINE_RETURN_IF_ERROR(Keep(options.out + "/issuer.pem", authority.certificate_pem()));
  session->output().Hint("Made a throw-away authority for " + organisation + " in " + options.out +
                         ". Its issuer.pem and jwks.json go into the folder trust/" + organisation +
                         " of the network; the keys stay here.");
  return absl::OkStatus();
}

// Also whether it may be used at all: its certificate says for which network it is.
absl::StatusOr<Kept> Load(const std::string& folder, const std::string& data) {
  WATERLINE_ASSIGN_OR_RETURN(const auto pem, ReadText(folder + "/issuer.pem"));
  WATERLINE_ASSIGN_OR_RETURN(const auto key, ReadText(folder + "/issuer.key"));
  auto authority = ThrowawayAuthority::Load(pem, key);
  const auto certificate = identity::Certificate::Parse(pem);
  const auto uri =
      certificate.ok() ? certificate->Uri() : absl::StatusOr<std::string>(certificate.status());
  if (!authority.ok() || !uri.ok() || !certificate->HasMark(identity::kThrowawayMark))
    return Error(reason::kStateForbids,
                 folder + " holds no authority made by `waterline identity authority`");
  // Any service name completes it.
  WATERLINE_ASSIGN_OR_RETURN(const auto name,
                             identity::ParseSpiffeId(*uri + "/svc/any", NetworkOf(*uri)));
  WATERLINE_RETURN_IF_ERROR(CheckAllowed(name.network, data));
  return Kept{*std::move(authority), name.network, name.organisation, certificate->Valid().until};
}

bool IsDnsName(const std::string& name) {
  return !name.empty() && name.size() < 254 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos;
}

// How long a certificate may hold: never longer than what signs it.
absl::StatusOr<std::chrono::seconds> LifeOf(const Kept& kept, int days) {
  const std::chrono::milliseconds left(kept.ends_at_ms - SystemClock().NowMs());
  if (left < std::chrono::seconds(1))
    return Error(reason::kStateForbids, "the authority ended at " +
                                            text::FormatInstant(kept.ends_at_ms) +
                                            "; make a new one (`waterline identity authority`)");
  return std::min<std::chrono::seconds>(std::chrono::hours(24) * days,
                                        std::chrono::floor<std::chrono::seconds>(left));
}

absl::Status Certificate(Session* session, const CertificateOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto kept, Load(options.authority, options.data));
  if (!text::IsResourceId(options.service))
    return BadFields({{"--service", "is not an id: lower case letters, digits and dashes"}});
  for (const auto& name : options.dns)
    if (!IsDnsName(name)) return BadFields({{"--dns", "is no name of a machine, in lower case"}});
  for (const char* file : {"/certificate.pem", "/key.pem"}) {
    if (fs::exists(options.out + file))
      return Error(reason::kAlreadyExists,
                   options.out + file + " is there already; nothing was overwritten");
  }
  const identity::SpiffeId name{kept.network, kept.organisation, options.service};
  identity::LeafOptions leaf;
  leaf.uris = {name.ToString()};
  leaf.dns = options.dns;
  WATERLINE_ASSIGN_OR_RETURN(leaf.ends, LifeOf(kept, options.days));
  const auto made = kept.authority.Issue(leaf);
  WATERLINE_RETURN_IF_ERROR(MakeFolder(options.out));
  WATERLINE_RETURN_IF_ERROR(Keep(options.out + "/key.pem", made.key_pem, NewFile::Readers::kOwner));
  WATERLINE_RETURN_IF_ERROR(Keep(options.out + "/certificate.pem", made.certificate_pem));
  WATERLINE_ASSIGN_OR_RETURN(const auto certificate,
                             identity::Certificate::Parse(made.certificate_pem));
  const bool is_cut = leaf.ends < std::chrono::hours(24) * options.days;
  session->output().Hint("Made a certificate of " + name.ToString() + " in " + options.out +
                         ". It ends at " + text::FormatInstant(certificate.Valid().until) +
                         (is_cut ? ", as its authority does." : "."));
  return absl::OkStatus();
}

absl::Status Token(Session* session, const TokenOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto kept, Load(options.authority, options.data));
  WATERLINE_ASSIGN_OR_RETURN(const auto pem, ReadText(options.certificate));
  WATERLINE_ASSIGN_OR_RETURN(const auto key_pem, ReadText(options.authority + "/token.key"));
  WATERLINE_RETURN_IF_ERROR(identity::Certificate::Parse(pem).status());
  auto key = crypto::PrivateKey::FromPem(key_pem);
  if (!key.ok())
    return Error(reason::kStateForbids, options.authority + "/token.key holds no private key");
  if (session->Setting("actor").empty() || session->Setting("role").empty())
    return Error(reason::kIdentityMissing, "an access token says who asks, and as what");
  const ThrowawayTokens tokens(kept.network, kept.organisation, *std::move(key));
  identity::AccessToken claims = tokens.Claims(pem, SystemClock().NowMs());
  claims.subject = session->Setting("actor");
  claims.role = session->Setting("role");
  claims.purpose = session->Setting("purpose");
  claims.expires_at = claims.issued_at + int64_t{60} * options.minutes;
  const std::string token = tokens.Sign(claims);
  // What a network would refuse is not handed out.
  WATERLINE_ASSIGN_OR_RETURN(const auto keys, identity::JwkSet::Parse(tokens.jwks()));
  WATERLINE_RETURN_IF_ERROR(identity::ReadAccessToken(token, keys, kept.network).status());
  session->output().Write(token + "\n");
  return absl::OkStatus();
}

Table RowsOf(const std::vector<identity::Certificate>& certificates) {
  Table table{{"kind", "name", "days_left", "subject", "fingerprint"}, {}};
  for (const auto& certificate : certificates) {
    const int64_t left = certificate.Valid().until - SystemClock().NowMs();
    const auto uri = certificate.Uri();
    std::string names = uri.ok() ? *uri : "";
    for (const auto& dns : certificate.DnsNames()) names += (names.empty() ? "" : ",") + dns;
    table.rows.push_back({"certificate", names, std::to_string(DaysLeft(left)),
                          certificate.Subject(), identity::InGroups(certificate.thumbprint())});
  }
  return table;
}

Table RowsOf(const identity::JwkSet& keys) {
  Table table{{"kind", "name", "algorithm", "issuer", "fingerprint"}, {}};
  for (const auto& key : keys.keys()) {
    table.rows.push_back({"key", key.kid(), std::string(identity::AlgorithmName(key.algorithm())),
                          keys.issuer().value_or(""), identity::InGroups(key.Thumbprint())});
  }
  return table;
}

absl::Status Show(Session* session, const ShowOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto content, ReadText(options.file));
  const auto certificates = identity::Certificate::ParseAll(content);
  const auto keys = identity::JwkSet::Parse(content);
  if (certificates.empty() && !keys.ok())
    return Error(reason::kInvalidFields, options.file +
                                             " holds neither certificates in PEM nor a key set: " +
                                             std::string(keys.status().message()));
  session->output().Rows(certificates.empty() ? RowsOf(*keys) : RowsOf(certificates));
  return absl::OkStatus();
}

void AddData(CLI::App* command, std::string* data) {
  command->add_option("--data", *data, "A data folder at hand: refused when its network is real");
}

void AddAuthority(CLI::App* family, Invocation* invocation) {
  const auto options = std::make_shared<AuthorityOptions>();
  auto* command = AddCommand(family, invocation, "authority",
                             "An authority and a token key for --org: issuer.pem, jwks.json, keys",
                             options, Authority);
  command->add_option("--network", options->network, "Its id, which must hold `dev`")->required();
  command->add_option("--out", options->out, "The folder for the files")->required();
  AddData(command, &options->data);
}

void AddCertificate(CLI::App* family, Invocation* invocation) {
  const auto options = std::make_shared<CertificateOptions>();
  auto* command = AddCommand(family, invocation, "certificate",
                             "A certificate by such an authority: certificate.pem, key.pem",
                             options, Certificate);
  command->add_option("--authority", options->authority, "The folder of the authority")->required();
  command->add_option("--service", options->service, "For whom: registry, cli, ...")->required();
  command->add_option("--out", options->out, "The folder for the files")->required();
  command->add_option("--days", options->days, "How long it holds, or as long as the authority")
      ->check(CLI::Range(1, kDaysMax))
      ->capture_default_str();
  command->add_option("--dns", options->dns, "A name of the machine beyond localhost")
      ->allow_extra_args(false);
  AddData(command, &options->data);
}

void AddToken(CLI::App* family, Invocation* invocation) {
  const auto options = std::make_shared<TokenOptions>();
  auto* command = AddCommand(family, invocation, "token",
                             "An access token for --actor, --role and --purpose", options, Token);
  command->add_option("--authority", options->authority, "The folder of the authority")->required();
  command->add_option("--certificate", options->certificate, "With which it may be used (PEM)")
      ->required();
  command->add_option("--minutes", options->minutes, "How long it holds")
      ->check(CLI::Range(1, 5))
      ->capture_default_str();
  AddData(command, &options->data);
}

}  // namespace

void AddIdentityCommands(CLI::App* app, Invocation* invocation) {
  auto* family =
      AddFamily(app, "identity", "Certificates and tokens to throw away, for trying out");
  AddAuthority(family, invocation);
  AddCertificate(family, invocation);
  AddToken(family, invocation);
  const auto options = std::make_shared<ShowOptions>();
  AddLocalCommand(family, invocation, "show", "What is in a file of certificates, or a key set",
                  options, Show)
      ->add_option("file", options->file, "PEM or JSON")
      ->required();
}

}  // namespace waterline::cli
