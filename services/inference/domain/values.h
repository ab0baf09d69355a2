#pragma once

// The values of a practice map and their one order: 80 numbers, so that counts, suppression and
// estimates speak of the same thing. For each of the 12 cells: the mean over perspectives (`all`),
// then each of the 4 perspectives; then the same for each of the 4 practices.
//
//   0..59    cell c: 5 c + 1 + r; `all` at 5 c
//   60..79   practice p: 60 + 5 p + 1 + r; `all` at 60 + 5 p
//
// A published mean and its addends (all on the latent scale, equal weights):
//   cell all          = mean of the cell's perspectives
//   practice, group r = mean of its 3 cells for r
//   practice all      = mean of its 3 cells' `all` = mean of the practice's perspectives
// Thread safety: pure functions.

#include <string>
#include <vector>

#include "services/common/data/indicators.h"

namespace waterline::inference {

inline constexpr int kPracticeCount = static_cast<int>(data::kPractices.size());
inline constexpr int kElementCount = static_cast<int>(data::kElements.size());
inline constexpr int kPerspectiveCount = static_cast<int>(data::kPerspectives.size());
inline constexpr int kPerNode = 1 + kPerspectiveCount;
inline constexpr int kCellValues = data::kCells * kPerNode;
inline constexpr int kValues = kCellValues + kPracticeCount * kPerNode;
inline constexpr int kAllPerspectives = -1;

struct ValueId {
  int practice = 0;
  int element = -1;                    // -1: of the whole practice.
  int perspective = kAllPerspectives;  // Or 0..3.

  bool is_practice() const { return element < 0; }
  int cell() const { return kElementCount * practice + element; }  // Of a cell's value.
};

// `perspective` is kAllPerspectives or 0..3.
int CellValue(int cell, int perspective);
int PracticeValue(int practice, int perspective);
ValueId ValueOf(int value);

// Values that an answer of this cell and perspective touches: 4 of them.
std::vector<int> ValuesTouchedBy(int cell, int perspective);

// The sets of addends of a mean; empty for a cell's value of one perspective.
std::vector<std::vector<int>> AddendsOf(int value);

// trust.materials, trust
std::string NodeOf(const ValueId& id);
// people, ..., or `all`.
std::string PerspectiveName(int perspective);

}  // namespace waterline::inference
