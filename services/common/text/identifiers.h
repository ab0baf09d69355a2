#pragma once

// Identifiers of organisations and places (domain.md 4): each function gives the normal form, or
// nothing when the value does not fit. Outer spaces are dropped, inner ones are not.
// Thread safety: pure functions.

#include <optional>
#include <string>
#include <string_view>

namespace waterline::text {

std::optional<std::string> NormaliseOds(std::string_view value);      // ^[A-Z0-9]{3,12}$
std::optional<std::string> NormaliseCharity(std::string_view value);  // ^[0-9]{6,7}$
std::optional<std::string> NormaliseCompany(
    std::string_view value);                                        // ^([0-9]{8}|[A-Z]{2}[0-9]{6})$
std::optional<std::string> NormaliseGss(std::string_view value);    // ^[EWSN][0-9]{8}$
std::optional<std::string> NormaliseLocal(std::string_view value);  // ^[a-z0-9][a-z0-9-]{0,50}$

// Of one of the schemes ods, chc, coh, gss, local.
std::optional<std::string> NormaliseIdentifier(std::string_view scheme, std::string_view value);

// BS 7666, one space before the last three; GIR 0AA and the pseudo postcodes ZZ99 xxx are accepted.
std::optional<std::string> NormalisePostcode(std::string_view value);
// The outward code alone, e.g. BN1.
std::optional<std::string> NormaliseOutwardPostcode(std::string_view value);

// True when the text holds a run of ten digits (spaces and hyphens allowed) that is a valid NHS
// number (modulus 11), which must not be stored as text (domain.md rule 7).
bool HoldsNhsNumber(std::string_view text);

}  // namespace waterline::text
