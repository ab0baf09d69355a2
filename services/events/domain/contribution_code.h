#pragma once

// The code a contributor is given to ask about a contribution later. Thread safety: pure functions.

#include <string>

namespace waterline::events {

// A contribution code that can be read out over the telephone: 35 random bits as seven letters of
// Crockford's base 32 (no I, L, O, U) and a check letter (weighted sum modulo 31), e.g. 7K4M-2QXT.
// `random` holds at least 5 bytes. Pure function.
std::string ContributionCode(const std::string& random);
bool IsContributionCode(const std::string& code);

}  // namespace waterline::events
