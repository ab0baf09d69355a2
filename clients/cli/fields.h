#pragma once

// Fields of messages as text, and flags as fields: one table of flags serves `create` and `update`
// alike. Paths are dotted field names (`venue.title`). Thread safety: pure functions.
//
// Values of message fields, as a flag and as text:
//     Timestamp             2026-03-02T10:00:00Z
//     ParticipationLevel    iap2:involve
//     Identifier            chc:1234567
//     RoleTally             patient=14
//     PartnerFunction       commissions=ods-qnx
//     ParticipantRole       carer, or carer@ods-qnx
//     Relation              part_of=ods-qnx

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/message.h"

namespace waterline::cli {

struct FieldFlag {
  const char* flag;  // --title
  const char* path;  // title
  const char* help;
};

// Flag -> what was given for it.
using FieldValues = std::map<std::string, std::vector<std::string>>;

// Sets the fields that `values` names and lists their top-level names in `mask`. INVALID_ARGUMENT
// with every flag that does not fit.
absl::Status SetFields(const std::vector<FieldFlag>& flags, const FieldValues& values,
                       google::protobuf::Message* message, google::protobuf::FieldMask* mask);

// The field at `path`; empty when it is not set. Lists are joined with "; ".
std::string FieldText(const google::protobuf::Message& message, const std::string& path);

// Every set field, in the order of the message.
std::vector<std::pair<std::string, std::string>> AllFields(
    const google::protobuf::Message& message);

// STATE_FED_BACK of State -> `fed back`.
std::string EnumText(const google::protobuf::EnumValueDescriptor& value);

}  // namespace waterline::cli
