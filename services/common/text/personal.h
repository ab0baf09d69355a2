#pragma once

// Finders of what tells who somebody is, in text that is to be read by others (domain.md rule 18):
// e-mail addresses, telephone numbers of ten or eleven digits after 0 or +44, full postcodes, NHS
// numbers, and names where text introduces them ("my name is", "Dr", "Mrs") or a common first name
// stands before a word with a capital. They do not know every name: a person reviews, these catch
// what slips through. Thread safety: pure functions.

#include <string>
#include <string_view>
#include <vector>

namespace waterline::text {

// The kinds that were found, in this order, each once: name, email, telephone, nhs_number,
// postcode. Never the values.
std::vector<std::string> FindPersonal(std::string_view text);

}  // namespace waterline::text
