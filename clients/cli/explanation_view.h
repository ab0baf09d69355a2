#pragma once

// Why something was decided, for people:
//
//   REFUSED  council (engagement_lead) asked board to read contribution_text for service_planning
//     asked identifiable, given nothing: PURPOSE_NOT_COVERED
//     rules of revision 88213, ledger position 1/1182733, 2026-11-25 10:00:00 UTC
//     ISA-0042 v7  state ok | dates ok | purpose FAIL (has service_design) | ... | cap ...
//     nearest: ISA-0042, 1 condition
//     would help: an agreement that also has the purpose service_planning
//
// Thread safety: pure functions.

#include <string>

#include "waterline/accountability/v1/explanation.pb.h"

namespace waterline::cli {

std::string ExplanationText(const accountability::v1::Explanation& explanation);

// An explanation is wanted of `<epoch>/<index>` or `<index>` of the current epoch, as receipts and
// `audit list` show it. False when it is neither.
bool ParsePosition(const std::string& typed, common::v1::LedgerPosition* position);

}  // namespace waterline::cli
