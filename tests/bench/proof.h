#pragma once

// How the benchmark's client and server prove who they are to each other, when that is measured: an
// authority of the host, thrown away with its folder. Thread safety: one thread.

#include <memory>
#include <string>

#include "services/common/identity/throwaway.h"
#include "services/common/rpc/tls.h"
#include "services/waterlined/admission.h"

namespace waterline::bench {

class Proof {
 public:
  // Writes certificates, keys and what the server trusts below `folder`.
  explicit Proof(std::string folder);

  deployment::TlsOptions server() const;
  std::string trust() const { return folder_ + "/trust"; }
  std::shared_ptr<grpc::ChannelCredentials> client() const;
  // The same with a new token for each call, as writes need it. The proof outlives it.
  std::shared_ptr<grpc::ChannelCredentials> writer() const;
  // An access token of the benchmark's caller; good for 5 minutes of reads.
  std::string Bearer() const;

 private:
  rpc::TlsFiles client_files() const;
  std::string Write(const std::string& name, const std::string& text) const;

  const std::string folder_;
  const identity::ThrowawayTokens tokens_;
  std::string certificate_;  // The client's.
  std::string issuer_file_;
};

}  // namespace waterline::bench
