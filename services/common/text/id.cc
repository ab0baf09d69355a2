#include "services/common/text/id.h"

#include <algorithm>

namespace waterline::text {
namespace {

constexpr size_t kIdMax = 63;
constexpr size_t kRequestIdMax = 64;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

bool IsResourceId(std::string_view id) {
  if (id.empty() || id.size() > kIdMax || !IsLower(id.front()) || id.back() == '-') return false;
  return std::all_of(id.begin(), id.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

std::optional<std::vector<std::string>> MatchName(std::string_view name, std::string_view pattern) {
  const auto parts = Split(name);
  const auto expected = Split(pattern);
  if (parts.size() != expected.size()) return std::nullopt;
  std::vector<std::string> ids;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (expected[i] == "*") {
      if (!IsResourceId(parts[i])) return std::nullopt;
      ids.emplace_back(parts[i]);
    } else if (parts[i] != expected[i]) {
      return std::nullopt;
    }
  }
  return ids;
}

std::string IdOf(std::string_view name) {
  const size_t slash = name.rfind('/');
  return std::string(slash == std::string_view::npos ? name : name.substr(slash + 1));
}

bool IsRequestId(std::string_view id) { return IsVisibleAscii(id, kRequestIdMax); }

std::string Slug(std::string_view title) {
  std::string slug;
  for (char c : title) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (IsLower(c) || IsDigit(c)) {
      slug.push_back(c);
    } else if (!slug.empty() && slug.back() != '-') {
      slug.push_back('-');
    }
  }
  slug.resize(std::min(slug.size(), kIdMax));
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return IsResourceId(slug) ? slug : "";
}

}  // namespace waterline::text
