#pragma once

// The policy before agreements exist (contracts.md 3): a pure function of the question and what the
// network is. The controller is the organisation of the partition, never a request field.
// Thread safety: pure.

#include <string>
#include <string_view>

#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::accountability {

struct Verdict {
  v1::Result result = v1::RESULT_DENY;
  common::v1::ReleaseLevel level = common::v1::RELEASE_LEVEL_NOTHING;
  std::string reason;  // Code; empty for a permit.
  std::string basis;   // Of a permit: OWN_RECORDS, NETWORK_DIRECTORY, NETWORK_STEWARD.
};

// `host` is the host organisation's id. In order:
//   1. purpose missing or unknown                     PURPOSE_REQUIRED
//   2. an agreement is named                          AGREEMENT_NOT_FOUND
//   3. research, safeguarding, rights_request         PURPOSE_NOT_AVAILABLE
//   4. partition `network`: reads by members, writes by the host's network_steward
//                                                     NOT_MEMBER, ROLE_NOT_PERMITTED
//   5. the caller is the controller: everything, for every role but platform_admin
//                                                     ROLE_NOT_PERMITTED
//   6. otherwise                                      NOT_CONTROLLER
Verdict Evaluate(const v1::Question& question, std::string_view host);

}  // namespace waterline::accountability
