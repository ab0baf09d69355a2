#include "services/inference/domain/values.h"

namespace waterline::inference {

int CellValue(int cell, int perspective) { return kPerNode * cell + 1 + perspective; }

int PracticeValue(int practice, int perspective) {
  return kCellValues + kPerNode * practice + 1 + perspective;
}

ValueId ValueOf(int value) {
  ValueId id;
  id.perspective = value % kPerNode - 1;
  const int node = value / kPerNode;
  if (value >= kCellValues) {
    id.practice = node - data::kCells;
  } else {
    id.practice = node / kElementCount;
    id.element = node % kElementCount;
  }
  return id;
}

std::vector<int> ValuesTouchedBy(int cell, int perspective) {
  const int practice = cell / kElementCount;
  return {CellValue(cell, kAllPerspectives), CellValue(cell, perspective),
          PracticeValue(practice, kAllPerspectives), PracticeValue(practice, perspective)};
}

std::vector<std::vector<int>> AddendsOf(int value) {
  const ValueId id = ValueOf(value);
  const bool is_all = id.perspective == kAllPerspectives;
  std::vector<std::vector<int>> sets;
  if (is_all) {
    auto& groups = sets.emplace_back();
    for (int r = 0; r < kPerspectiveCount; ++r) {
      groups.push_back(id.is_practice() ? PracticeValue(id.practice, r) : CellValue(id.cell(), r));
    }
  }
  if (id.is_practice()) {
    auto& cells = sets.emplace_back();
    for (int e = 0; e < kElementCount; ++e) {
      cells.push_back(CellValue(kElementCount * id.practice + e, id.perspective));
    }
  }
  return sets;
}

std::string NodeOf(const ValueId& id) {
  std::string node(data::kPractices[static_cast<size_t>(id.practice)]);
  if (!id.is_practice()) {
    node += '.';
    node += data::kElements[static_cast<size_t>(id.element)];
  }
  return node;
}

std::string PerspectiveName(int perspective) {
  if (perspective == kAllPerspectives) return "all";
  return std::string(data::kPerspectives[static_cast<size_t>(perspective)]);
}

}  // namespace waterline::inference
