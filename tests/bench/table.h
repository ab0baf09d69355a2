#pragma once

// From the samples of the rounds to the report, and the report as a table. Thread safety: pure.

#include <map>
#include <string>
#include <vector>

#include "tests/bench/load.h"
#include "tests/bench/report.pb.h"

namespace waterline::bench {

// By measure name, one sample per round, all of one length.
using Samples = std::map<std::string, std::vector<Sample>>;

// Adds measures and ratios; a ratio whose measures were left out is left out.
void AddResults(const Samples& samples, v1::Report* report);

// The middle one, the lowest and the highest of at least one.
v1::Spread SpreadOf(std::vector<double> values);

std::string ToTable(const v1::Report& report);

}  // namespace waterline::bench
