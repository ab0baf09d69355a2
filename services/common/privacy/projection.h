#pragma once

// Projection: what of a message may leave at a release level. Every scalar field of a response
// carries (waterline.common.v1.release); a field without it is never released. Containers follow
// their fields. Unknown fields are discarded. At the highest level everything annotated leaves, so
// a message whose type is fully annotated (test: every_field_annotated) passes untouched.
// Thread safety: pure functions over a cache of plans compiled once per message type.

#include <string>
#include <vector>

#include "google/protobuf/message.h"
#include "waterline/common/v1/options.pb.h"

namespace waterline::privacy {

// Removes what may not leave at `level`; the paths of what was removed, sorted, without row numbers
// (`events.title`), only of fields that were set.
std::vector<std::string> Project(google::protobuf::Message* message,
                                 common::v1::ReleaseLevel level);

// Paths of scalar fields without a release option, at any depth. Types under google.protobuf and
// accountability.v1.Receipt count as scalars.
std::vector<std::string> FieldsWithoutRelease(const google::protobuf::Descriptor* type);

// True for a field that is stored sealed.
bool IsPersonal(const google::protobuf::FieldDescriptor* field);

}  // namespace waterline::privacy
