#pragma once

// Release: what one record of an answer may show. Thread safety: values.

#include <string_view>

#include "waterline/common/v1/options.pb.h"

namespace waterline::accountability {

// v1::RecordRelease without memory of its own: an answer has as many as it has rows.
struct Release {
  common::v1::ReleaseLevel level = common::v1::RELEASE_LEVEL_NOTHING;
  bool text = false;        // Free text may leave.
  std::string_view reason;  // Code, a constant: why it is below the ceiling; empty when it is not.
};

}  // namespace waterline::accountability
