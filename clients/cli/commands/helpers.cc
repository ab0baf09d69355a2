#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "clients/cli/commands/commands.h"
#include "clients/cli/resolve.h"
#include "google/protobuf/descriptor.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::cli {
namespace {

// Empties the field at `path` when it is a list.
void ClearList(const std::string& path, google::protobuf::Message* message) {
  const size_t dot = path.find('.');
  const auto* field = message->GetDescriptor()->FindFieldByName(path.substr(0, dot));
  if (dot == std::string::npos) {
    if (field->is_repeated()) message->GetReflection()->ClearField(message, field);
    return;
  }
  ClearList(path.substr(dot + 1), message->GetReflection()->MutableMessage(message, field));
}

}  // namespace

CLI::App* AddFamily(CLI::App* app, const std::string& name, const std::string& about) {
  CLI::App* family = app->add_subcommand(name, about);
  family->require_subcommand(1);
  return family;
}

void AddFieldFlags(CLI::App* command, const std::vector<FieldFlag>& flags, FieldValues* values) {
  for (const auto& flag : flags) {
    command->add_option(flag.flag, (*values)[flag.flag], flag.help)->allow_extra_args(false);
  }
}

void AddLimit(CLI::App* command, size_t* limit) {
  command->add_option("--limit", *limit, "At most so many; 0 is all")->capture_default_str();
}

absl::Status ChangeFields(Session* session, const std::vector<FieldFlag>& flags,
                          const FieldValues& values, google::protobuf::Message* message,
                          google::protobuf::FieldMask* mask) {
  for (const auto& flag : flags) {
    const auto found = values.find(flag.flag);
    if (found != values.end() && !found->second.empty()) ClearList(flag.path, message);
  }
  WATERLINE_RETURN_IF_ERROR(SetFields(flags, values, message, mask));
  return ResolveFields(session, message);
}

absl::Status CheckAnyGiven(const google::protobuf::FieldMask& mask) {
  if (mask.paths_size() > 0) return absl::OkStatus();
  return Error(reason::kInvalidFields, "nothing to change was given; --help lists the flags");
}

absl::Status ShowRecord(Session* session, const google::protobuf::Message& message) {
  session->output().Record(message);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::ostringstream content;
  if (path == "-") {
    content << std::cin.rdbuf();
    return content.str();
  }
  std::ifstream file(path, std::ios::binary);
  if (!file || !(content << file.rdbuf())) {
    return Error(reason::kNotFound, "cannot read the file " + path);
  }
  return content.str();
}

}  // namespace waterline::cli
