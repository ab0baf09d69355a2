#include "services/common/log/log.h"

#include <gtest/gtest.h>

namespace waterline::log {
namespace {

TEST(Log, WritesFixedKeysFirstAndEscapes) {
  EXPECT_EQ(Format(Level::kInfo, "call",
                   {{"method", std::string("a\"b\n")}, {"latency_us", int64_t{7}}, {"ok", true}}),
            "\"level\":\"info\",\"event\":\"call\",\"method\":\"a\\\"b\\u000a\",\"latency_us\":7,"
            "\"ok\":true}");
}

}  // namespace
}  // namespace waterline::log
