// /metrics shows how long the store takes, by service and operation.

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"
#include "tests/integration/http.h"

namespace waterline::testing {
namespace {

TEST(StoreMetrics, ShowTheTimeOfEveryOperationOfEveryService) {
  Network network;
  network.Stop();
  deployment::ServeOptions options;
  options.data = network.folder().string();
  options.listen = {"127.0.0.1:0"};
  options.metrics = "127.0.0.1:0";
  auto server = deployment::Waterlined::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string metrics = HttpGet((*server)->metrics_port(), "/metrics");
  for (const char* service : {"accountability", "registry", "events", "inference"}) {
    EXPECT_THAT(metrics, ::testing::ContainsRegex(
                             std::string("waterline_store_call_duration_seconds_count\\{[^}]*") +
                             "service=\"" + service + "\""));
  }
  EXPECT_THAT(metrics, ::testing::ContainsRegex("operation=\"get\""));
  EXPECT_THAT(metrics, ::testing::ContainsRegex("code=\"OK\""));
}

}  // namespace
}  // namespace waterline::testing
