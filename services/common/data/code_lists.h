#pragma once

// The versioned code lists of files/code_lists.txt. Thread safety: read-only after first use.

#include <string>
#include <string_view>
#include <vector>

namespace waterline::data {

struct Code {
  std::string code;
  std::string label;
  std::string note;
  std::string from;  // ISO 8601 dates; empty: without limit.
  std::string to;
};

struct CodeList {
  std::string id;
  std::string version;
  std::string title;
  std::vector<Code> codes;
};

const std::vector<CodeList>& AllCodeLists();
const CodeList* FindCodeList(std::string_view id);  // nullptr when unknown.
const Code* FindCode(std::string_view list, std::string_view code);
bool IsKnownCode(std::string_view list, std::string_view code);

// Of the list organisation_type.
bool IsLegalEntityType(std::string_view type);
bool IsPublicAuthorityType(std::string_view type);

}  // namespace waterline::data
