#include "services/common/identity/spiffe.h"

#include <gtest/gtest.h>

#include "services/common/status/error.h"

namespace waterline::identity {
namespace {

TEST(Spiffe, ReadsWhatItWrites) {
  const std::string uri = "spiffe://sussex/org/ods-qnx/svc/registry";
  const auto id = ParseSpiffeId(uri, "sussex");
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(id->organisation, "ods-qnx");
  EXPECT_EQ(id->service, "registry");
  EXPECT_EQ(id->ToString(), uri);
}

TEST(Spiffe, EverythingElseIsRefused) {
  for (const char* uri : {"",
                          "spiffe://",
                          "spiffe://sussex",
                          "spiffe://sussex/",
                          "spiffe://kent/org/ods-qnx/svc/a",
                          "https://sussex/org/ods-qnx/svc/a",
                          "SPIFFE://sussex/org/ods-qnx/svc/a",
                          "spiffe://Sussex/org/ods-qnx/svc/a",
                          "spiffe://sussex:1/org/ods-qnx/svc/a",
                          "spiffe://u@sussex/org/ods-qnx/svc/a",
                          "spiffe://sussex/org/ods-qnx/svc/a/",
                          "spiffe://sussex/org/ods-qnx/svc/a/b",
                          "spiffe://sussex//org/ods-qnx/svc/a",
                          "spiffe://sussex/org/*/svc/a",
                          "spiffe://sussex/org/ods-qnx/svc/*",
                          "spiffe://sussex/org/ods-qnx/svc/a?b",
                          "spiffe://sussex/org/ods-qnx/svc/a#b",
                          "spiffe://sussex/org/ods%2dqnx/svc/a",
                          "spiffe://sussex/org/../svc/a",
                          "spiffe://sussex/org/ods-qnx/svc/",
                          "spiffe://sussex/org//svc/a",
                          "spiffe://sussex/org/ODS-QNX/svc/a",
                          " spiffe://sussex/org/ods-qnx/svc/a"})
    EXPECT_EQ(ReasonOf(ParseSpiffeId(uri, "sussex").status()), reason::kCertificateRefused.name)
        << uri;
  EXPECT_FALSE(
      ParseSpiffeId(std::string("spiffe://sussex/org/ods-qnx/svc/a\0", 34), "sussex").ok());
}

}  // namespace
}  // namespace waterline::identity
