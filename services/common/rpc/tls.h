#pragma once

// Mutual TLS: the files a process shows itself with and the certificates it lets in. The files are
// watched: a new certificate, key or trust file counts for the next connection, without restart.
// gRPC ends the process when it finds an empty file, so they must be replaced in one step,
// certificate and key together: waterlined/own_certificate.h does that.
// Thread safety: values and pure functions.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace waterline::rpc {

inline constexpr std::chrono::seconds kTlsFilesLookedAtEvery{1};

// Paths of PEM files. `trust` holds every issuer whose certificates are let in at all: the union of
// the pinned issuers. Which issuer may name which organisation is the identity provider's to check.
struct TlsFiles {
  std::string certificate;  // The own certificate, then its intermediates.
  std::string key;
  std::string trust;
};

// A client without a certificate of a trusted issuer gets no connection. FAILED_PRECONDITION naming
// the file that cannot be read.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentialsOf(const TlsFiles& files);

// An access token for one call: called when it begins, on a thread of gRPC, so that it must be
// quick. An error ends the call before it is sent.
using TokenSource = std::function<absl::StatusOr<std::string>()>;

// The server's certificate is checked against `trust` and the name in the channel's target. With
// `tokens`, each call of the channel has a token of its own in `authorization`.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ClientCredentialsOf(
    const TlsFiles& files, TokenSource tokens = nullptr);

// The same for a server that is known by the one URI name of its certificate (spiffe.h), whatever
// its address is called.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> LinkCredentialsOf(
    const TlsFiles& files, const std::string& server_uri);

}  // namespace waterline::rpc
