#include "services/common/data/code_lists.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "services/common/data/data_files.h"
#include "services/common/data/sections.h"

namespace waterline::data {
namespace {

std::string LabelOf(std::string code) {
  std::replace(code.begin(), code.end(), '_', ' ');
  return code;
}

std::vector<CodeList> Load() {
  const auto parsed = ParseSections(k_code_lists_file);
  if (!parsed.error.empty()) {
    std::fprintf(stderr, "code_lists.txt: %s\n", parsed.error.c_str());
    std::abort();
  }
  std::vector<CodeList> lists;
  for (const auto& section : parsed.sections) {
    CodeList list{section.id, section.Get("version"), section.Get("title"), {}};
    for (const auto& row : section.rows) {
      const auto field = [&row](size_t i) { return i < row.size() ? row[i] : std::string(); };
      list.codes.push_back(
          {row[0], field(1).empty() ? LabelOf(row[0]) : field(1), field(2), field(3), field(4)});
    }
    lists.push_back(std::move(list));
  }
  return lists;
}

bool HasFlag(std::string_view type, std::string_view flag) {
  const Code* code = FindCode("organisation_type", type);
  return code != nullptr && code->note.find(flag) != std::string::npos;
}

}  // namespace

const std::vector<CodeList>& AllCodeLists() {
  static const std::vector<CodeList> lists = Load();
  return lists;
}

const CodeList* FindCodeList(std::string_view id) {
  for (const auto& list : AllCodeLists()) {
    if (list.id == id) return &list;
  }
  return nullptr;
}

const Code* FindCode(std::string_view list_id, std::string_view code) {
  const CodeList* list = FindCodeList(list_id);
  if (list == nullptr) return nullptr;
  for (const auto& candidate : list->codes) {
    if (candidate.code == code) return &candidate;
  }
  return nullptr;
}

bool IsKnownCode(std::string_view list, std::string_view code) {
  return FindCode(list, code) != nullptr;
}

bool IsLegalEntityType(std::string_view type) { return !HasFlag(type, "no legal entity"); }
bool IsPublicAuthorityType(std::string_view type) { return HasFlag(type, "public authority"); }

}  // namespace waterline::data
