#include "clients/cli/invitation.h"

#include <chrono>
#include <utility>
#include <vector>

#include "services/common/identity/certificate.h"
#include "services/common/identity/json.h"
#include "services/common/identity/throwaway.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"

namespace waterline::cli {
namespace {

constexpr char kFormat[] = "waterline-invitation";
constexpr char kExpires[] = "expires_at";
constexpr int64_t kVersion = 1;

using Member = std::string Invitation::*;
constexpr std::pair<const char*, Member> kMembers[] = {{"id", &Invitation::id},
                                                       {"network", &Invitation::network},
                                                       {"host", &Invitation::host},
                                                       {"organisation", &Invitation::organisation},
                                                       {"server", &Invitation::server},
                                                       {"tls_ca", &Invitation::tls_ca},
                                                       {"ledger_key", &Invitation::ledger_key},
                                                       {"certificate", &Invitation::certificate},
                                                       {"key", &Invitation::key},
                                                       {"token_key", &Invitation::token_key}};

}  // namespace

std::string FormatInvitation(const Invitation& invitation) {
  std::string out = "{\n  " + identity::JsonQuote(kFormat) + ": " + std::to_string(kVersion);
  const auto add = [&out](const char* name, const std::string& value) {
    out += ",\n  " + identity::JsonQuote(name) + ": " + identity::JsonQuote(value);
  };
  for (const auto& [name, member] : kMembers) add(name, invitation.*member);
  add(kExpires, text::FormatInstant(invitation.expires_at_ms));
  return out + "\n}\n";
}

absl::StatusOr<Invitation> ParseInvitation(std::string_view text) {
  const auto json = identity::Json::ParseObject(text);
  const auto* version = json.ok() ? json->Find(kFormat) : nullptr;
  if (version == nullptr)
    return Error(reason::kInvalidFields, "the file is no invitation of `waterline partner invite`");
  if (version->Integer() != kVersion)
    return Error(reason::kFormatTooNew, "the invitation is of another version of Waterline");
  Invitation out;
  std::vector<FieldViolation> missing;
  for (const auto& [name, member] : kMembers) {
    out.*member = json->StringOf(name).value_or("");
    if ((out.*member).empty()) missing.push_back({name, "is missing in the invitation"});
  }
  const auto expires = text::ParseInstant(json->StringOf(kExpires).value_or(""));
  if (!expires) missing.push_back({kExpires, "is missing in the invitation"});
  if (!missing.empty()) return BadFields(missing);
  out.expires_at_ms = *expires;
  return out;
}

MadeInvitation MakeInvitation(Invitation facts, int64_t now_ms) {
  constexpr std::chrono::hours kLasts(24 * kInvitationDays);
  identity::AuthorityOptions options;
  options.mark = std::string(identity::kInvitationMark);
  options.uri = identity::OrganisationUri(facts.network, facts.organisation);
  options.ends = kLasts;
  const identity::ThrowawayAuthority authority(facts.organisation, options);
  const identity::ThrowawayTokens tokens(facts.network, facts.organisation);
  const identity::SpiffeId name{facts.network, facts.organisation,
                                std::string(identity::kJoinService)};
  identity::LeafOptions leaf;
  leaf.uris = {name.ToString()};
  leaf.ends = kLasts;
  leaf.usage = "clientAuth";
  const auto made = authority.Issue(leaf);
  MadeInvitation out;
  out.invitation = std::move(facts);
  out.invitation.certificate = made.certificate_pem;
  out.invitation.key = made.key_pem;
  out.invitation.token_key = tokens.key_pem();
  out.invitation.expires_at_ms = now_ms + std::chrono::milliseconds(kLasts).count();
  out.issuer_pem = authority.certificate_pem();
  out.jwks = tokens.jwks() + "\n";
  return out;
}

}  // namespace waterline::cli
