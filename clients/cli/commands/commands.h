#pragma once

// The commands of `waterline`. Each Add function declares one family on the program and leaves, in
// `invocation`, what to do when the user called one of them. Thread safety: one thread.

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "clients/cli/fields.h"
#include "clients/cli/session.h"
#include "clients/cli/settings.h"

namespace waterline::cli {

// What the flags of the program said, and the command that was chosen.
struct Invocation {
  Values flags;  // Settings as flags, without the environment: what `context set` keeps.
  std::string context;
  std::string output;  // Empty: what the command writes by default.
  bool no_colour = false;
  bool receipt = false;
  std::string request_id;
  double timeout_seconds = 0;  // 0: not said.

  // Local commands get no contexts and call no server.
  bool local = false;
  bool html = false;  // The command can write -o html.
  std::function<absl::Status(Session*)> action;
};

void AddStatusCommands(CLI::App* app, Invocation* invocation);  // status, whoami, codes
void AddContextCommands(CLI::App* app, Invocation* invocation);
void AddOrganisationCommands(CLI::App* app, Invocation* invocation);
void AddPlaceCommands(CLI::App* app, Invocation* invocation);
void AddParticipantCommands(CLI::App* app, Invocation* invocation);
void AddProgrammeCommands(CLI::App* app, Invocation* invocation);
void AddEventCommands(CLI::App* app, Invocation* invocation);
void AddContributionCommands(CLI::App* app, Invocation* invocation);  // and reaction
void AddImportCommands(CLI::App* app, Invocation* invocation);
void AddMapCommands(CLI::App* app, Invocation* invocation);  // and form
void AddAgreementCommands(CLI::App* app, Invocation* invocation);
void AddVisibilityCommands(CLI::App* app, Invocation* invocation);  // can-share, who-can-see, ...
void AddAuditCommands(CLI::App* app, Invocation* invocation);
void AddPartnerCommands(CLI::App* app, Invocation* invocation);
void AddIdentityCommands(CLI::App* app, Invocation* invocation);
void AddAdminCommands(CLI::App* app, Invocation* invocation);

// -- Helpers of the families --

// A group of commands, one of which is required.
CLI::App* AddFamily(CLI::App* app, const std::string& name, const std::string& about);

// A command that talks to the server. `Options` are its options; they live as long as the program.
template <class Options>
CLI::App* AddCommand(CLI::App* family, Invocation* invocation, const std::string& name,
                     const std::string& about, std::shared_ptr<Options> options,
                     absl::Status (*run)(Session*, const Options&)) {
  CLI::App* command = family->add_subcommand(name, about);
  command->callback(
      [=] { invocation->action = [=](Session* session) { return run(session, *options); }; });
  return command;
}

// The same, for a command that needs neither settings nor server.
template <class Options>
CLI::App* AddLocalCommand(CLI::App* family, Invocation* invocation, const std::string& name,
                          const std::string& about, std::shared_ptr<Options> options,
                          absl::Status (*run)(Session*, const Options&)) {
  CLI::App* command = family->add_subcommand(name, about);
  command->callback([=] {
    invocation->local = true;
    invocation->action = [=](Session* session) { return run(session, *options); };
  });
  return command;
}

// One flag per field; repeated fields take their flag several times.
void AddFieldFlags(CLI::App* command, const std::vector<FieldFlag>& flags, FieldValues* values);

// --limit
void AddLimit(CLI::App* command, size_t* limit);

// SetFields and ResolveFields on a message that may hold values already: lists that are given
// replace what is there.
absl::Status ChangeFields(Session* session, const std::vector<FieldFlag>& flags,
                          const FieldValues& values, google::protobuf::Message* message,
                          google::protobuf::FieldMask* mask);

// Refuses an update that changes nothing.
absl::Status CheckAnyGiven(const google::protobuf::FieldMask& mask);

// A message and, in a table, a sentence before it.
absl::Status ShowRecord(Session* session, const google::protobuf::Message& message);

// The whole of a small file; `-` is standard input. NOT_FOUND when it cannot be read.
absl::StatusOr<std::string> ReadText(const std::string& path);

}  // namespace waterline::cli
