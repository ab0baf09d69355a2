#pragma once

// The way from "no" to "please". Thread safety: pure functions.

#include <string>

#include "waterline/accountability/v1/agreement.pb.h"
#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::accountability {

// Terms that would allow just what was asked, and nothing wider: that purpose, operation and role,
// those categories and scopes, that level, from `controller` to `requester` (organisations/{org}).
// The requester leads it. What only people can say (reference, words of the purpose, legal bases,
// contacts, dates, retention) is left out; CheckTerms lists it. `question` is the refused one, as
// it was asked or as DecisionFacts keeps it. Of the names an answer belongs to the narrowest is
// taken; a question that names none asks for all of the controller's.
v1::AgreementTerms DraftFromRefusal(const v1::Question& question, const std::string& controller,
                                    const std::string& requester);

}  // namespace waterline::accountability
