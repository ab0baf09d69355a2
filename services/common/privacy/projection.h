#pragma once

// Projection: what of a message may leave at a release level. Every scalar field of a response
// carries (waterline.common.v1.release); a field without it is never released. Containers follow
// their fields. Unknown fields are discarded. At the highest level everything annotated leaves, so
// a message whose type is fully annotated (test: every_field_annotated) passes untouched and
// without an allocation. What each field looks like at each level is decided in
// services/decisions/0013-release-forms.md and listed in tests/data/release_levels.txt.
// Thread safety: pure functions over a cache of plans compiled once per message type.

#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/message.h"
#include "waterline/common/v1/options.pb.h"

namespace waterline::privacy {

// What one row of the answer may show.
struct RowRelease {
  // Never more than the answer's ceiling. NOTHING: the row is left out, is not counted, and leaves
  // no withheld path.
  common::v1::ReleaseLevel level = common::v1::RELEASE_LEVEL_NOTHING;
  // REVIEWED_TEXT may leave, at any level: reviewed (clean or redacted) and permitted.
  bool text = false;
};

// What an answer may show.
struct ReleasePlan {
  common::v1::ReleaseLevel level = common::v1::RELEASE_LEVEL_NOTHING;  // Ceiling of the answer.
  // 32 bytes when the level, or that of a row, is PSEUDONYMISED; else empty. Without it nothing
  // that needs a pseudonym leaves.
  std::string pseudonym_key;
  // Name of the repeated field of the message the rows stand in; empty: the message is one row.
  std::string rows_field;
  // One per row, in order; empty: no exceptions. Reviewed text then leaves at the highest level
  // and at no other.
  std::vector<RowRelease> rows;
};

// Removes or coarsens what may not leave as it is; the paths of what was removed, sorted, without
// row numbers (`events.title`), only of fields that were set. A container of which no field may
// leave at its level is removed whole, because a count of empty rows is a count. A plan that does
// not fit the message (another number of rows, no such field) lets nothing leave, and says so with
// the path `rows_field`, or `*` when it has none.
std::vector<std::string> Project(google::protobuf::Message* message, const ReleasePlan& plan);

// How a field leaves.
enum class Leaves {
  kWithheld,
  kAsIs,
  kPseudonym,     // pseudonym.h.
  kMonth,         // Dates: YYYY-MM. Instants: the first moment of the month, UTC.
  kOutward,       // The outward part of a postcode; the code of an LSOA as it is.
  kReviewedText,  // As it is where the row's text may leave, else withheld.
};

// What becomes of `field` at `level`. A form that does not fit the field's type is withheld.
Leaves LeavesAs(const google::protobuf::FieldDescriptor* field, common::v1::ReleaseLevel level);

// Paths of scalar fields without a release option, at any depth. Types under google.protobuf and
// accountability.v1.Receipt count as scalars.
std::vector<std::string> FieldsWithoutRelease(const google::protobuf::Descriptor* type);

// True for a field that is stored sealed.
bool IsPersonal(const google::protobuf::FieldDescriptor* field);

}  // namespace waterline::privacy
