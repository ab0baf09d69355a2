// waterline: the command line client. README.md beside this file says how it is used.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "clients/cli/commands/commands.h"
#include "clients/cli/errors.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"

namespace waterline::cli {
namespace {

constexpr char kFooter[] =
    "Flags may be set in the environment: WATERLINE_ORG for --org, and so on.\n"
    "Exit codes: 0 done, 1 other failure, 2 wrong usage, 3 not found, 4 refused, 5 invalid\n"
    "input, 6 conflict with what is there, 7 not available (try again), 8 verification failed.";
constexpr double kTimeoutMax = 86'400;
constexpr size_t kWidth = 34;

std::string EnvironmentName(const std::string& flag) {
  std::string name = "WATERLINE_" + text::ToUpper(flag);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// Settings are read from the environment by Given(), so that `context set` keeps flags alone.
void AddSetting(CLI::App* app, Invocation* invocation, const std::string& key,
                const std::string& about) {
  app->add_option_function<std::string>(
      "--" + key, [invocation, key](const std::string& value) { invocation->flags[key] = value; },
      about);
}

void AddGlobalFlags(CLI::App* app, Invocation* invocation) {
  AddSetting(app, invocation, "server",
             "host:port or unix:/path (127.0.0.1:50600); of each service: registry=...,events=...");
  AddSetting(app, invocation, "org", "Your organisation: ods-qnx or QNX");
  AddSetting(app, invocation, "actor", "Who you are there");
  AddSetting(app, invocation, "role", "As what you ask; `waterline codes actor_role`");
  AddSetting(app, invocation, "purpose", "Why you ask; `waterline codes purpose`");
  AddSetting(app, invocation, "agreement", "The sharing agreement you rely on");
  // Of one command: neither a context nor the environment has it, so that a reason is never given
  // by habit.
  AddSetting(app, invocation, kJustification,
             "Of the purpose safeguarding: why, 20 to 500 characters of printable ASCII; the "
             "controller reads it");
  AddSetting(app, invocation, "tls-certificate", "Your client certificate (PEM)");
  AddSetting(app, invocation, "tls-key", "Its private key (PEM)");
  AddSetting(app, invocation, "tls-ca", "Authorities that sign the server's certificate (PEM)");
  AddSetting(app, invocation, "token-key", "Private key (PEM) that signs your access tokens");
  app->add_option("--context", invocation->context, "Settings kept by `waterline context set`");
  app->add_option("-o,--output", invocation->output, "table, json, ndjson or csv (form: html, csv)")
      ->check(CLI::IsMember({"table", "json", "ndjson", "csv", "html"}));
  app->add_flag("--no-colour", invocation->no_colour, "No colours; so does NO_COLOR");
  app->add_flag("--receipt", invocation->receipt, "Show the receipt of every answer");
  app->add_option("--request-id", invocation->request_id,
                  "Of a change; sent again, nothing happens twice");
  app->add_option("--timeout", invocation->timeout_seconds,
                  "Seconds to wait: 30 by default, for imports and exports without end")
      ->check(CLI::Range(0.001, kTimeoutMax));
}

// Every long flag of every command that has no variable of its own, but a justification.
void AddEnvironment(CLI::App* app) {
  for (auto* option : app->get_options()) {
    const bool setting =
        std::any_of(std::begin(kSettingKeys), std::end(kSettingKeys),
                    [option](const char* key) { return option->check_lname(key); });
    const auto& names = option->get_lnames();
    if (names.empty() || names[0] == "help" || names[0] == "version" || setting) continue;
    if (names[0] == kJustification) continue;
    option->envname(EnvironmentName(names[0]));
  }
  for (auto* command : app->get_subcommands({})) AddEnvironment(command);
}

std::unique_ptr<CLI::App> MakeProgram(Invocation* invocation) {
  auto app = std::make_unique<CLI::App>(
      "waterline: share data on patient and public engagement, with a receipt for every answer",
      "waterline");
  app->require_subcommand(1);
  app->fallthrough();
  app->footer(kFooter);
  app->get_formatter()->column_width(kWidth);
  AddGlobalFlags(app.get(), invocation);
  AddStatusCommands(app.get(), invocation);
  AddContextCommands(app.get(), invocation);
  AddOrganisationCommands(app.get(), invocation);
  AddPlaceCommands(app.get(), invocation);
  AddParticipantCommands(app.get(), invocation);
  AddProgrammeCommands(app.get(), invocation);
  AddEventCommands(app.get(), invocation);
  AddContributionCommands(app.get(), invocation);
  AddImportCommands(app.get(), invocation);
  AddMapCommands(app.get(), invocation);
  AddAgreementCommands(app.get(), invocation);
  AddVisibilityCommands(app.get(), invocation);
  AddAuditCommands(app.get(), invocation);
  AddPartnerCommands(app.get(), invocation);
  AddIdentityCommands(app.get(), invocation);
  AddAdminCommands(app.get(), invocation);
  AddEnvironment(app.get());
  return app;
}

// The command that was reached: `waterline org member` of `waterline org member addd X`.
const CLI::App* Reached(const CLI::App* app) {
  const auto parsed = app->get_subcommands();
  return parsed.empty() ? app : Reached(parsed.front());
}

std::string PathOf(const CLI::App* app) {
  return app->get_parent() == nullptr ? app->get_name()
                                      : PathOf(app->get_parent()) + " " + app->get_name();
}

// The word that is no command, or empty when the mistake is another one.
std::string UnknownCommand(const CLI::App* reached, const CLI::App* program) {
  if (reached->get_subcommands([](const CLI::App*) { return true; }).empty()) return "";
  for (const auto& word : program->remaining(true)) {
    if (!word.starts_with('-')) return word;
  }
  return "";
}

std::string NoSuchCommand(const CLI::App* reached, const std::string& word) {
  std::vector<std::string> names;
  std::string all;
  for (const auto* command : reached->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
    all += (all.empty() ? "" : ", ") + command->get_name();
  }
  const std::string near = text::Suggestion(word, names);
  return "there is no command \"" + word + "\"" +
         (near.empty() ? "; there are " + all : "; did you mean " + near + "?");
}

int UsageError(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help
  const CLI::App* reached = Reached(&app);
  const std::string word = UnknownCommand(reached, &app);
  const std::string what = word.empty() ? error.what() : NoSuchCommand(reached, word);
  std::fprintf(stderr, "waterline: %s\n  next: `%s --help` shows what there is\n", what.c_str(),
               PathOf(reached).c_str());
  return kExitUsage;
}

absl::StatusOr<Format> FormatOf(const Invocation& invocation) {
  if (invocation.output == "json") return Format::kJson;
  if (invocation.output == "ndjson") return Format::kNdjson;
  if (invocation.output == "csv") return Format::kCsv;
  if (invocation.output == "html") {
    if (invocation.html) return Format::kHtml;
    return Error(reason::kInvalidFields, "only `waterline form` writes html");
  }
  return Format::kTable;
}

bool WantsColour(const Invocation& invocation) {
  const char* no_color = std::getenv("NO_COLOR");
  return !invocation.no_colour && (no_color == nullptr || *no_color == '\0') &&
         isatty(STDOUT_FILENO) == 1;
}

// What flags said, then the environment.
Values Given(const Invocation& invocation) {
  Values given = invocation.flags;
  for (const char* key : kSettingKeys) {
    const char* value = std::getenv(EnvironmentName(key).c_str());
    if (value != nullptr) given.emplace(key, value);
  }
  return given;
}

absl::StatusOr<SessionOptions> Options(const Invocation& invocation) {
  SessionOptions options;
  options.request_id = invocation.request_id;
  options.receipt = invocation.receipt;
  if (invocation.timeout_seconds > 0) {
    options.timeout =
        std::chrono::milliseconds(static_cast<int64_t>(invocation.timeout_seconds * 1000));
  }
  if (!invocation.request_id.empty() && !text::IsRequestId(invocation.request_id)) {
    return Error(reason::kInvalidFields,
                 "--request-id is not 1 to 64 visible ASCII characters without spaces");
  }
  if (invocation.local) return options;
  WATERLINE_ASSIGN_OR_RETURN(const auto contexts, LoadContexts(ContextPath()));
  WATERLINE_ASSIGN_OR_RETURN(options.settings,
                             Settle(Given(invocation), contexts, invocation.context));
  return options;
}

absl::Status Run(const Invocation& invocation, std::string* server) {
  WATERLINE_ASSIGN_OR_RETURN(const Format format, FormatOf(invocation));
  WATERLINE_ASSIGN_OR_RETURN(auto options, Options(invocation));
  *server = options.settings["server"];
  const Output output(format, WantsColour(invocation), isatty(STDERR_FILENO) == 1);
  Session session(std::move(options), &output);
  return invocation.action(&session);
}

int Main(int argc, char** argv) {
  Invocation invocation;
  const auto app = MakeProgram(&invocation);
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return UsageError(*app, error);
  }
  std::string server;
  const absl::Status status = Run(invocation, &server);
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!status.ok()) {
    std::fputs(Explain(status, server).c_str(), stderr);
    return ExitCodeOf(status);
  }
  if (written) return kExitDone;
  std::fprintf(stderr, "waterline: cannot write the output; is the disk full?\n");
  return kExitOther;
}

}  // namespace
}  // namespace waterline::cli

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", 0);  // Our own sentences say what is wrong.
  return waterline::cli::Main(argc, argv);
}
