#include "services/common/data/indicators.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

#include "services/common/data/code_lists.h"
#include "services/common/data/data_files.h"
#include "services/common/data/sections.h"

namespace waterline::data {
namespace {

struct Catalogue {
  std::string version;
  std::vector<Indicator> indicators;
  std::map<std::string, size_t, std::less<>> by_id;
};

[[noreturn]] void Broken(const std::string& what) {
  std::fprintf(stderr, "indicators.txt: %s\n", what.c_str());
  std::abort();
}

template <size_t N>
int IndexIn(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) Broken("unknown node " + std::string(name));
  return static_cast<int>(found - names.begin());
}

Indicator FromRow(const std::vector<std::string>& row) {
  if (row.size() < 7) Broken("a row is too short: " + row[0]);
  Indicator indicator;
  indicator.id = row[0];
  const size_t first = row[0].find('.');
  const size_t second = row[0].find('.', first + 1);
  indicator.practice = IndexIn(kPractices, std::string_view(row[0]).substr(0, first));
  indicator.element =
      IndexIn(kElements, std::string_view(row[0]).substr(first + 1, second - first - 1));
  indicator.wording = row[1];
  indicator.scale = row[2] == "YN" ? Scale::kYN : row[2] == "M5" ? Scale::kM5 : Scale::kA5;
  indicator.reverse = row[3] == "reverse";
  std::istringstream groups(row[4]);
  for (std::string group; groups >> group;) {
    if (PerspectiveOf(group) < 0) Broken("unknown respondent group in " + row[0]);
    indicator.groups.push_back(group);
  }
  indicator.short_form = row[5] == "short";
  indicator.inspired_by = row[6];
  return indicator;
}

Catalogue Load() {
  const auto parsed = ParseSections(k_indicators_file);
  if (!parsed.error.empty()) Broken(parsed.error);
  Catalogue catalogue;
  for (const auto& section : parsed.sections) {
    catalogue.version = section.Get("version");
    for (const auto& row : section.rows) catalogue.indicators.push_back(FromRow(row));
  }
  for (size_t i = 0; i < catalogue.indicators.size(); ++i)
    catalogue.by_id[catalogue.indicators[i].id] = i;
  return catalogue;
}

const Catalogue& Get() {
  static const Catalogue catalogue = Load();
  return catalogue;
}

}  // namespace

bool Indicator::Allows(std::string_view group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

std::string_view ScaleName(Scale scale) {
  if (scale == Scale::kYN) return "YN";
  return scale == Scale::kM5 ? "M5" : "A5";
}

const std::vector<std::string>& CategoryLabels(Scale scale) {
  static const std::vector<std::string> a5 = {"not at all", "a little", "partly", "mostly",
                                              "completely"};
  static const std::vector<std::string> m5 = {"absent", "ad hoc", "started", "in place",
                                              "in place and reviewed"};
  static const std::vector<std::string> yn = {"no", "yes"};
  if (scale == Scale::kYN) return yn;
  return scale == Scale::kM5 ? m5 : a5;
}

std::string_view CatalogueVersion() { return Get().version; }
const std::vector<Indicator>& AllIndicators() { return Get().indicators; }

const Indicator* FindIndicator(std::string_view id) {
  const auto found = Get().by_id.find(id);
  return found == Get().by_id.end() ? nullptr : &Get().indicators[found->second];
}

int PerspectiveOf(std::string_view group) {
  if (group == "SU" || group == "LR") return 0;
  if (group == "CL") return 1;
  if (group == "CM") return 2;
  if (group == "VC") return 3;
  return -1;
}

}  // namespace waterline::data
