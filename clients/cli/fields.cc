#include "clients/cli/fields.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/common/status/error.h"
#include "services/common/text/date.h"
#include "services/common/text/utf8.h"

namespace waterline::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// How a flag writes a message of several fields: the parts, and what stands between.
struct Shape {
  const char* type;
  const char* first;
  char separator;
  const char* second;
  bool second_required;
};

constexpr Shape kShapes[] = {
    {"ParticipationLevel", "scheme", ':', "code", true},
    {"Identifier", "scheme", ':', "value", true},
    {"RoleTally", "role", '=', "count", true},
    {"PartnerFunction", "function", '=', "organisation", true},
    {"ParticipantRole", "role", '@', "organisation", false},
    {"Relation", "kind", '=', "organisation", true},
};

const Shape* FindShape(const std::string& type) {
  const auto* found = std::find_if(std::begin(kShapes), std::end(kShapes),
                                   [&](const Shape& shape) { return type == shape.type; });
  return found == std::end(kShapes) ? nullptr : found;
}

// The prefix of the values of an enum: FED_BACK of STATE_FED_BACK.
std::string WithoutPrefix(const google::protobuf::EnumValueDescriptor& value) {
  std::string prefix;
  for (const char c : value.type()->name()) {
    if (c >= 'A' && c <= 'Z' && !prefix.empty()) prefix += '_';
    prefix += c;
  }
  prefix = text::ToUpper(prefix) + "_";
  return value.name().starts_with(prefix) ? value.name().substr(prefix.size()) : value.name();
}

std::string SetEnum(const std::string& given, const FieldDescriptor* field, Message* message) {
  std::string known;
  for (int i = 0; i < field->enum_type()->value_count(); ++i) {
    const auto* value = field->enum_type()->value(i);
    const std::string name = text::ToLower(WithoutPrefix(*value));
    if (name == given && value->number() != 0) {
      message->GetReflection()->SetEnum(message, field, value);
      return "";
    }
    if (value->number() != 0) known += (known.empty() ? "" : ", ") + name;
  }
  return "is none of " + known;
}

std::string SetUnsigned(const std::string& given, const FieldDescriptor* field, Message* message) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
  if (error != std::errc() || end != given.data() + given.size()) return "is not a whole number";
  message->GetReflection()->SetUInt32(message, field, number);
  return "";
}

std::string SetScalar(const std::string& given, const FieldDescriptor* field, Message* message) {
  const auto* reflection = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (field->is_repeated()) reflection->AddString(message, field, given);
      if (!field->is_repeated()) reflection->SetString(message, field, given);
      return "";
    case FieldDescriptor::CPPTYPE_UINT32:
      return SetUnsigned(given, field, message);
    case FieldDescriptor::CPPTYPE_BOOL:
      if (given != "true" && given != "false") return "is neither true nor false";
      reflection->SetBool(message, field, given == "true");
      return "";
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(given, field, message);
    default:
      return "cannot be given as a flag";
  }
}

std::string SetShaped(const std::string& given, Message* message) {
  const auto* type = message->GetDescriptor();
  const Shape* shape = FindShape(type->name());
  if (shape == nullptr) return "cannot be given as a flag";
  const size_t at = given.find(shape->separator);
  if (at == std::string::npos && shape->second_required) {
    return std::string("is not written ") + shape->first + shape->separator + shape->second;
  }
  std::string problem =
      SetScalar(given.substr(0, at), type->FindFieldByName(shape->first), message);
  if (!problem.empty() || at == std::string::npos) return problem;
  return SetScalar(given.substr(at + 1), type->FindFieldByName(shape->second), message);
}

std::string SetMessage(const std::string& given, const FieldDescriptor* field, Message* parent) {
  const auto* reflection = parent->GetReflection();
  Message* message = field->is_repeated() ? reflection->AddMessage(parent, field)
                                          : reflection->MutableMessage(parent, field);
  if (auto* timestamp = dynamic_cast<google::protobuf::Timestamp*>(message)) {
    const auto instant = text::ParseInstant(given);
    if (!instant) return "is not an instant such as 2026-03-02T10:00:00Z";
    *timestamp = text::ToTimestamp(*instant);
    return "";
  }
  return SetShaped(given, message);
}

std::string SetOne(const std::string& given, const std::string& path, Message* message) {
  const size_t dot = path.find('.');
  const auto* field = message->GetDescriptor()->FindFieldByName(path.substr(0, dot));
  if (dot != std::string::npos) {
    return SetOne(given, path.substr(dot + 1),
                  message->GetReflection()->MutableMessage(message, field));
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
    return SetMessage(given, field, message);
  return SetScalar(given, field, message);
}

std::string MessageText(const Message& message) {
  if (const auto* timestamp = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    return text::FormatInstant(text::ToMs(*timestamp));
  }
  const Shape* shape = FindShape(message.GetDescriptor()->name());
  const std::string between = shape == nullptr ? ", " : std::string(1, shape->separator);
  std::string out;
  for (const auto& [path, value] : AllFields(message)) out += (out.empty() ? "" : between) + value;
  return out;
}

std::string NumberText(const Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(reflection->GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection->GetUInt32(message, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(reflection->GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection->GetUInt64(message, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(message, field) ? "yes" : "no";
    default:
      return std::to_string(reflection->GetDouble(message, field));
  }
}

std::string SingleText(const Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return MessageText(reflection->GetMessage(message, field));
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    return EnumText(*reflection->GetEnum(message, field));
  }
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return NumberText(message, field);
  const std::string value = reflection->GetString(message, field);
  if (field->type() != FieldDescriptor::TYPE_BYTES) return value;
  return std::to_string(value.size()) + " bytes";
}

std::string ElementText(const Message& message, const FieldDescriptor* field, int index) {
  const auto* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageText(reflection->GetRepeatedMessage(message, field, index));
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumText(*reflection->GetRepeatedEnum(message, field, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection->GetRepeatedUInt64(message, field, index));
    default:
      return reflection->GetRepeatedString(message, field, index);
  }
}

std::string TextOf(const Message& message, const FieldDescriptor* field) {
  if (!field->is_repeated()) return SingleText(message, field);
  std::string out;
  const int size = message.GetReflection()->FieldSize(message, field);
  for (int i = 0; i < size; ++i) out += (i == 0 ? "" : "; ") + ElementText(message, field, i);
  return out;
}

bool IsSet(const Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  return field->is_repeated() ? reflection->FieldSize(message, field) > 0
                              : reflection->HasField(message, field);
}

}  // namespace

std::string EnumText(const google::protobuf::EnumValueDescriptor& value) {
  std::string name = text::ToLower(WithoutPrefix(value));
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

absl::Status SetFields(const std::vector<FieldFlag>& flags, const FieldValues& values,
                       Message* message, google::protobuf::FieldMask* mask) {
  std::vector<FieldViolation> violations;
  for (const auto& flag : flags) {
    const auto found = values.find(flag.flag);
    if (found == values.end() || found->second.empty()) continue;
    const std::string path = flag.path;
    const std::string top = path.substr(0, path.find('.'));
    const auto& listed = mask->paths();
    if (std::find(listed.begin(), listed.end(), top) == listed.end()) mask->add_paths(top);
    for (const auto& given : found->second) {
      const std::string problem = SetOne(given, path, message);
      if (!problem.empty()) violations.push_back({flag.flag, problem});
    }
  }
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

std::string FieldText(const Message& message, const std::string& path) {
  const size_t dot = path.find('.');
  const auto* field = message.GetDescriptor()->FindFieldByName(path.substr(0, dot));
  if (field == nullptr) return "";
  // A number without presence says 0 (the first entry of a log) as any other.
  const bool plain_number = !field->has_presence() && !field->is_repeated() &&
                            field->cpp_type() != FieldDescriptor::CPPTYPE_STRING;
  if (!plain_number && !IsSet(message, field)) return "";
  if (dot == std::string::npos) return TextOf(message, field);
  return FieldText(message.GetReflection()->GetMessage(message, field), path.substr(dot + 1));
}

std::vector<std::pair<std::string, std::string>> AllFields(const Message& message) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (IsSet(message, field)) out.emplace_back(field->name(), TextOf(message, field));
  }
  return out;
}

}  // namespace waterline::cli
