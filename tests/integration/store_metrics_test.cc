// /metrics shows how long the store takes, by service and operation.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace waterline::testing {
namespace {

std::string FetchMetrics(int port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
  EXPECT_EQ(write(connection, request.data(), request.size()),
            static_cast<ssize_t>(request.size()));
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(connection, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  close(connection);
  return text;
}

TEST(StoreMetrics, ShowTheTimeOfEveryOperationOfEveryService) {
  Network network;
  network.Stop();
  deployment::ServeOptions options;
  options.data = network.folder().string();
  options.listen = {"127.0.0.1:0"};
  options.metrics = "127.0.0.1:0";
  auto server = deployment::Waterlined::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string metrics = FetchMetrics((*server)->metrics_port());
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
