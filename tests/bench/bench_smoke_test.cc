// waterline-bench runs to its end and reports every measure. It says nothing about speed.

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/bench/report.pb.h"

namespace waterline::bench {
namespace {

v1::Report RunOnce() {
  const auto json = std::filesystem::path(::testing::TempDir()) /
                    ("waterline-bench-" + std::to_string(getpid()) + ".json");
  const std::string command = std::string(WATERLINE_BENCH_PROGRAM) +
                              " --seconds 0.1 --rounds 1 --import-rows 2000 --json " +
                              json.string();
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::ifstream file(json);
  std::stringstream text;
  text << file.rdbuf();
  std::filesystem::remove(json);
  v1::Report report;
  const auto parsed = google::protobuf::util::JsonStringToMessage(text.str(), &report);
  EXPECT_TRUE(parsed.ok()) << parsed.ToString() << '\n' << text.str();
  return report;
}

TEST(BenchSmokeTest, EveryMeasureAndRatioIsThereAndNotZero) {
  const v1::Report report = RunOnce();
  EXPECT_GT(report.response_bytes(), 100u);
  std::vector<std::string> names;
  for (const auto& measure : report.measures()) {
    SCOPED_TRACE(measure.name());
    names.push_back(measure.name());
    EXPECT_GT(measure.counted(), 0u);
    EXPECT_GT(measure.per_second().low(), 0);
    EXPECT_GT(measure.cpu_us().low(), 0);
    EXPECT_GT(measure.per_second_and_core().low(), 0);
    if (measure.name() != "parse_responses") {
      EXPECT_GT(measure.client_cpu_us().low(), 0);
    }
    if (measure.unit() == "rows") continue;
    EXPECT_GT(measure.p50_ms().low(), 0);
    EXPECT_GE(measure.p99_ms().low(), measure.p50_ms().low());
  }
  EXPECT_THAT(
      names, ::testing::ElementsAre("echo", "echo_again", "read", "read_tls", "write", "null_write",
                                    "import_responses", "import_polis", "parse_responses"));
  EXPECT_EQ(report.ratios_size(), 8);
  EXPECT_GT(report.restart_ms().low(), 0);
  EXPECT_GT(report.ledger_entries(), 0u);
  for (const auto& ratio : report.ratios()) EXPECT_GT(ratio.value().low(), 0) << ratio.name();
}

}  // namespace
}  // namespace waterline::bench
