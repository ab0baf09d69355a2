#pragma once

// The pins in trust/<organisation>/ (services/common/identity/trust_store.h), as inviting and
// confirming change them, while servers read them. Each file is replaced in one step, the key set
// first: with a new key set and the authority of an invitation beside it, nobody is let in but for
// what is public. Thread safety: one thread; one process at a time.

#include <string>

#include "absl/status/statusor.h"

namespace waterline::cli {

struct Pins {
  std::string issuer_pem;
  std::string jwks;
};

enum class Pinned { kNobody, kInvited, kJoined };

// Of an organisation. What is there and cannot be read counts as joined: it is nobody's to replace.
Pinned WhatIsPinned(const std::string& trust, const std::string& organisation);

// ALREADY_EXISTS when anything is pinned, but with `again` an invitation is replaced.
absl::Status PinInvitation(const std::string& trust, const std::string& organisation,
                           const Pins& pins, bool again);

// In the place of an invitation. FAILED_PRECONDITION when there is none (nothing is changed), when
// the folder has a fault already, and when another organisation has the issuer of the tokens.
absl::Status PinPartner(const std::string& trust, const std::string& network,
                        const std::string& organisation, const Pins& pins);

}  // namespace waterline::cli
