#pragma once

// The one file that a host hands to an organisation it invites: where the network is, how to know
// it, and a certificate and token key that can do nothing but ask to join, for some days. Whoever
// has the file can ask in the organisation's name; what counts is the fingerprint that people
// compare. Thread safety: pure functions.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace waterline::cli {

inline constexpr int kInvitationDays = 14;

struct Invitation {
  std::string id;  // `sub` of its tokens.
  std::string network;
  std::string host;
  std::string organisation;
  std::string server;      // The setting.
  std::string tls_ca;      // PEM
  std::string ledger_key;  // C2SP vkey.
  std::string certificate;
  std::string key;
  std::string token_key;
  int64_t expires_at_ms = 0;
};

std::string FormatInvitation(const Invitation& invitation);
// INVALID_ARGUMENT saying what is missing, without a value.
absl::StatusOr<Invitation> ParseInvitation(std::string_view text);

// What a host pins and what it hands over, made together; the key of the authority is gone with the
// call. `facts` says id, network, host, organisation, server, tls_ca and ledger_key.
struct MadeInvitation {
  Invitation invitation;
  std::string issuer_pem;
  std::string jwks;
};
MadeInvitation MakeInvitation(Invitation facts, int64_t now_ms);

}  // namespace waterline::cli
