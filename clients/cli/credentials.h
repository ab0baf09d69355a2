#pragma once

// How a command shows itself to a server of a real network: with a client certificate, and with a
// short access token for each call that it signs itself with its organisation's token key. The
// certificate says which network and organisation that is. Settings, all files in PEM:
//
//   tls-certificate  the certificate, then its intermediates
//   tls-key          its private key
//   tls-ca           the authorities that may sign the server's certificate
//   token-key        the private key (PKCS #8) whose public half is in the organisation's
//                    jwks.json, under the thumbprint of the key as `kid` (RFC 7638)
//
// Thread safety: pure functions; a TokenSource from any thread.

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "clients/cli/settings.h"
#include "services/common/clock/clock.h"
#include "services/common/rpc/tls.h"

namespace waterline::cli {

// Whether any of the settings is given: then nothing travels unencrypted.
bool WantsTls(const Values& settings);

// Without TLS: insecure ones. INVALID_FIELDS naming the settings that are missing or wrong;
// IDENTITY_MISSING when a token is to be signed and --actor or --role is not said;
// FAILED_PRECONDITION naming a file.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(const Values& settings);

// A new token for each call of who the settings say. Nothing without a token-key. `clock` outlives
// it.
absl::StatusOr<rpc::TokenSource> TokenSourceOf(const Values& settings, Clock* clock);

// NETWORK of a name spiffe://NETWORK/...; empty when it is none.
std::string NetworkOf(std::string_view uri);

// The whole of a file. FAILED_PRECONDITION naming it when it is missing, empty or not readable.
absl::StatusOr<std::string> ReadFileOf(const std::string& path);
// The first certificate of a file in PEM, the own one of a chain.
absl::StatusOr<std::string> ReadFirstCertificate(const std::string& path);

}  // namespace waterline::cli
