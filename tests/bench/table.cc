#include "tests/bench/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace waterline::bench {
namespace {

struct MeasureKind {
  const char* name;
  const char* unit;
};
constexpr MeasureKind kMeasures[] = {
    {"echo", "requests"},         {"echo_again", "requests"}, {"read", "requests"},
    {"read_tls", "requests"},     {"write", "requests"},      {"null_write", "requests"},
    {"import_responses", "rows"}, {"import_polis", "rows"},   {"parse_responses", "rows"},
};

struct RatioKind {
  const char* above;
  const char* below;
  double wanted;  // architecture.md 9.
};
constexpr RatioKind kRatios[] = {
    {"echo_again", "echo", 0},     {"read", "echo", 0.50},     {"write", "echo", 0.35},
    {"write", "null_write", 0.60}, {"read_tls", "read", 0.65}, {"import_responses", "echo", 2},
    {"import_polis", "echo", 2},
};
constexpr double kCsvRowsPerCore = 50'000;

double PerSecond(const Sample& sample) {
  return static_cast<double>(sample.count) / std::max(sample.seconds, 1e-9);
}
double CpuMicroseconds(const Sample& sample) {
  return 1e6 * sample.cpu_seconds / static_cast<double>(std::max<uint64_t>(sample.count, 1));
}
double ClientMicroseconds(const Sample& sample) {
  return 1e6 * sample.client_cpu_seconds / static_cast<double>(std::max<uint64_t>(sample.count, 1));
}
// What per second would be if nothing but the CPU time of both sides counted, up to a factor.
double PerCpuOfBoth(const Sample& sample) {
  return static_cast<double>(sample.count) /
         std::max(sample.cpu_seconds + sample.client_cpu_seconds, 1e-9);
}
double PerCore(const Sample& sample) {
  return static_cast<double>(sample.count) / std::max(sample.cpu_seconds, 1e-9);
}

v1::Spread SpreadOver(const std::vector<Sample>& rounds,
                      const std::function<double(const Sample&)>& value) {
  std::vector<double> values;
  for (const auto& sample : rounds) values.push_back(value(sample));
  return SpreadOf(std::move(values));
}

void AddMeasure(const MeasureKind& kind, const std::vector<Sample>& rounds, v1::Report* report) {
  auto* measure = report->add_measures();
  measure->set_name(kind.name);
  measure->set_unit(kind.unit);
  for (const auto& sample : rounds) measure->set_counted(measure->counted() + sample.count);
  *measure->mutable_per_second() = SpreadOver(rounds, PerSecond);
  *measure->mutable_cpu_us() = SpreadOver(rounds, CpuMicroseconds);
  *measure->mutable_client_cpu_us() = SpreadOver(rounds, ClientMicroseconds);
  *measure->mutable_per_second_and_core() = SpreadOver(rounds, PerCore);
  if (measure->unit() == "rows") return;
  *measure->mutable_p50_ms() = SpreadOver(rounds, [](const Sample& s) { return s.p50_ms; });
  *measure->mutable_p99_ms() = SpreadOver(rounds, [](const Sample& s) { return s.p99_ms; });
}

v1::Ratio* AddRatio(const std::string& name, v1::Spread value, double wanted, v1::Report* report) {
  auto* ratio = report->add_ratios();
  ratio->set_name(name);
  ratio->set_wanted(wanted);
  ratio->set_reached(value.median() >= wanted);
  *ratio->mutable_value() = std::move(value);
  return ratio;
}

// Round by round, so that what slowed a whole round cancels.
v1::Spread Quotient(const std::vector<Sample>& above, const std::vector<Sample>& below,
                    double (*value)(const Sample&)) {
  std::vector<double> values;
  for (size_t i = 0; i < above.size(); ++i)
    values.push_back(value(above[i]) / std::max(value(below[i]), 1e-9));
  return SpreadOf(std::move(values));
}

std::string Cell(const v1::Spread& spread, int digits) {
  return fmt::format("{:.{}f} [{:.{}f}-{:.{}f}]", spread.median(), digits, spread.low(), digits,
                     spread.high(), digits);
}

}  // namespace

v1::Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  v1::Spread spread;
  spread.set_median(values.size() % 2 == 1 ? values[middle]
                                           : (values[middle - 1] + values[middle]) / 2);
  spread.set_low(values.front());
  spread.set_high(values.back());
  return spread;
}

void AddResults(const Samples& samples, v1::Report* report) {
  for (const auto& kind : kMeasures) {
    if (const auto found = samples.find(kind.name); found != samples.end())
      AddMeasure(kind, found->second, report);
  }
  for (const auto& kind : kRatios) {
    const auto above = samples.find(kind.above);
    const auto below = samples.find(kind.below);
    if (above == samples.end() || below == samples.end()) continue;
    auto* ratio = AddRatio(std::string(kind.above) + " / " + kind.below,
                           Quotient(above->second, below->second, PerSecond), kind.wanted, report);
    *ratio->mutable_by_cpu() = Quotient(above->second, below->second, PerCpuOfBoth);
  }
  if (const auto found = samples.find("import_responses"); found != samples.end())
    AddRatio("import_responses rows per second and core", SpreadOver(found->second, PerCore),
             kCsvRowsPerCore, report);
}

std::string ToTable(const v1::Report& report) {
  std::string out = fmt::format(
      "{} build, {} cores, {} rounds of {} s, {} in flight on {} connections, answers of {} bytes, "
      "imports of {} rows\nmedian over rounds [lowest-highest]\n\n",
      report.build(), report.cores(), report.rounds(), report.seconds_per_round(),
      report.in_flight(), report.connections(), report.response_bytes(), report.import_rows());
  out += fmt::format("{:<17}{:>24}{:>20}{:>22}{:>22}{:>22}\n", "measure", "per second", "p50 ms",
                     "p99 ms", "server CPU us", "client CPU us");
  for (const auto& one : report.measures()) {
    out += fmt::format("{:<17}{:>24}{:>20}{:>22}{:>22}{:>22}\n", one.name(),
                       Cell(one.per_second(), 0), one.has_p50_ms() ? Cell(one.p50_ms(), 1) : "",
                       one.has_p99_ms() ? Cell(one.p99_ms(), 1) : "", Cell(one.cpu_us(), 1),
                       Cell(one.client_cpu_us(), 1));
  }
  out += fmt::format("\n{:<41}{:>24}{:>8}  {:<10}{:>20}\n", "ratio", "value", "wanted", "",
                     "by CPU time");
  for (const auto& one : report.ratios()) {
    const int digits = one.value().median() > 1000 ? 0 : 2;
    const bool noise = one.wanted() == 0;
    out += fmt::format("{:<41}{:>24}{:>8}  {:<10}{:>20}\n", one.name(), Cell(one.value(), digits),
                       noise ? "-" : fmt::format("{:g}", one.wanted()),
                       noise           ? "the noise"
                       : one.reached() ? "reached"
                                       : "short",
                       one.has_by_cpu() ? Cell(one.by_cpu(), 2) : "");
  }
  if (report.has_restart_ms()) {
    out +=
        fmt::format("\nkilled and started again, ledger of {} entries: {} ms without an answer\n",
                    report.ledger_entries(), Cell(report.restart_ms(), 0));
  }
  return out;
}

}  // namespace waterline::bench
