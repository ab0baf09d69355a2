#include "services/common/status/error.h"

#include <gtest/gtest.h>

namespace waterline {
namespace {

TEST(Error, CarriesItsReasonAndMetadata) {
  auto status = Error(reason::kEtagMismatch, "the event has changed", {{"stored_etag", "\"7\""}});
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(status), "ETAG_MISMATCH");
  EXPECT_EQ(MetadataOf(status, "stored_etag"), "\"7\"");
  EXPECT_EQ(MetadataOf(status, "other"), std::nullopt);
}

TEST(Error, ListsEveryBadFieldAtOnce) {
  auto status = BadFields({{"event.title", "is empty"}, {"event.method", "is not a known code"}});
  auto violations = ViolationsOf(status);
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[1].field, "event.method");
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELDS");
}

TEST(Error, AStatusWithoutReasonHasNone) {
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), std::nullopt);
}

}  // namespace
}  // namespace waterline
