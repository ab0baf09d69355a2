#pragma once

// Certificate authorities and certificates that are thrown away: for tests and for trying out.
// Whoever uses them proves nothing to a real network. Keys are P-256.
// Thread safety: values.

#include <chrono>
#include <string>
#include <vector>

#include "services/common/crypto/public_key.h"

namespace waterline::identity {

struct LeafOptions {
  // URI names, e.g. spiffe://sussex/org/ods-qnx/svc/registry; a good certificate has one.
  std::vector<std::string> uris;
  std::chrono::seconds begins{-60};  // From now.
  std::chrono::seconds ends{3600};
};

struct ThrowawayCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

class ThrowawayAuthority {
 public:
  explicit ThrowawayAuthority(const std::string& common_name);

  const std::string& certificate_pem() const { return certificate_pem_; }
  // For client and server, also named localhost and 127.0.0.1.
  ThrowawayCertificate Issue(const LeafOptions& options) const;

 private:
  crypto::PrivateKey key_;
  std::string certificate_pem_;
};

}  // namespace waterline::identity
