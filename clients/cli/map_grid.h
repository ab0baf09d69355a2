#pragma once

// A practice map arranged along its conceptual map: a row per practice, a column per element, as
// many as there are. What table and picture have in common. Thread safety: pure functions; a grid
// points into the messages it was made of.

#include <string>
#include <vector>

#include "waterline/inference/v1/inference.pb.h"

namespace waterline::cli {

// One practice or one cell.
struct GridNode {
  std::string id;  // Empty: the conceptual map has no such cell.
  std::string title;
  std::string description;
  const inference::v1::Estimate* all = nullptr;        // nullptr: not scored.
  std::vector<const inference::v1::Estimate*> groups;  // As single perspectives see it.
};

struct GridRow {
  GridNode practice;
  std::vector<GridNode> cells;  // One per element.
};

struct MapGrid {
  std::vector<GridNode> elements;  // Titles and descriptions only.
  std::vector<GridRow> rows;
};

// In the order of the conceptual map's nodes. The cell of a practice and an element is the node
// `practice.element`.
MapGrid GridOf(const inference::v1::PracticeMap& map, const inference::v1::ConceptualMap& concepts);

// Whether numbers may be shown: never of a suppressed value, whatever the message holds.
bool HasNumbers(const inference::v1::Estimate& estimate);

// Some group's estimate and another's lie outside each other's 90% interval.
bool GroupsDiffer(const GridNode& node);
// What to list: the groups when they differ, and when the mean over them is not shown but a group
// is.
bool ShowsGroups(const GridNode& node);

// at risk; "not scored" without an estimate.
std::string StatusWord(const inference::v1::Estimate* estimate);
// patients and public, clinicians, commissioners, community organisations
std::string GroupName(const inference::v1::Estimate& estimate);
// about 40 people, 8 events
std::string BehindIt(const inference::v1::Estimate& estimate);
std::string WholeNumber(double value);
// "49 to 67". Precondition: HasNumbers.
std::string IntervalText(const inference::v1::Estimate& estimate);
// 2 March 2026; empty when not set.
std::string AsOfText(const inference::v1::PracticeMap& map);
// 2 March 2026 of 2026-03-02; anything else as it is.
std::string DayText(const std::string& iso_date);

// "from 3 May 2024 to 2 March 2026". Precondition: the surface has its days.
std::string PeriodText(const inference::v1::Surface& surface);

// The measures above the water line, words and what they are of: {"about 140", "people reached"}.
struct Measure {
  std::string value;
  std::string of;
};
std::vector<Measure> MeasuresOf(const inference::v1::Surface& surface);
// "Promised: Involve. Delivered: Consult. 5 events."
std::vector<std::string> LevelLines(const inference::v1::Surface& surface);

extern const char kDemonstration[];  // What every demonstration output says.
extern const char kCatchingUp[];
extern const char kIndexMeans[];  // What an index is, in one sentence.

}  // namespace waterline::cli
