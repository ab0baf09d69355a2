#pragma once

// The indicator catalogue of files/indicators.txt (domain.md section 2), version 1, and the one
// order of cells (architecture.md 7): practices trust, leadership, learning, partnership; elements
// materials, skills, meanings; cell = 3 * practice + element. Thread safety: read-only after first
// use.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace waterline::data {

inline constexpr std::array<std::string_view, 4> kPractices = {"trust", "leadership", "learning",
                                                               "partnership"};
inline constexpr std::array<std::string_view, 3> kElements = {"materials", "skills", "meanings"};
inline constexpr std::array<std::string_view, 4> kPerspectives = {"people", "clinicians",
                                                                  "commissioners", "community"};
inline constexpr int kCells = 12;

enum class Scale { kA5, kM5, kYN };

struct Indicator {
  std::string id;  // trust.skills.listening
  int version = 1;
  int practice = 0;  // Index into kPractices.
  int element = 0;   // Index into kElements.
  std::string wording;
  Scale scale = Scale::kA5;
  bool reverse = false;
  std::vector<std::string> groups;
  std::string inspired_by;
  bool short_form = false;

  int cell() const { return 3 * practice + element; }
  int categories() const { return scale == Scale::kYN ? 2 : 5; }
  bool Allows(std::string_view group) const;
};

std::string_view ScaleName(Scale scale);                      // A5, M5, YN
const std::vector<std::string>& CategoryLabels(Scale scale);  // In scale order.
std::string_view CatalogueVersion();
const std::vector<Indicator>& AllIndicators();
const Indicator* FindIndicator(std::string_view id);  // nullptr when unknown.

// Perspective 0..3 of a respondent group, or -1: SU LR people, CL clinicians, CM commissioners, VC
// community.
int PerspectiveOf(std::string_view group);

}  // namespace waterline::data
