// context: named sets of settings, kept in a file.

#include "clients/cli/commands/commands.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"

namespace waterline::cli {
namespace {

struct ContextOptions {
  std::string name;
  bool use = false;
  const Invocation* invocation = nullptr;
};

absl::Status NoContext(const std::string& name, const Contexts& contexts) {
  return Settle({}, contexts, name).status();
}

absl::Status CheckValues(const Values& values) {
  for (const auto& [key, value] : values) {
    if (!text::TextProblem(value, 0, 500).empty() || value.find('\n') != std::string::npos)
      return Error(reason::kInvalidFields, "--" + key + " is not plain text on one line");
  }
  return absl::OkStatus();
}

absl::Status Set(Session* session, const ContextOptions& options) {
  if (!text::IsResourceId(options.name)) {
    return Error(reason::kInvalidFields, "\"" + options.name +
                                             "\" is not a context name: lower case letters, digits "
                                             "and dashes, starting with a letter");
  }
  const Values& given = options.invocation->flags;
  if (given.contains(kJustification))
    return BadFields({{"--justification", "is of one command; no context keeps it"}});
  if (given.empty()) {
    return Error(reason::kInvalidFields,
                 "nothing to keep was given: --server, --org, --actor, --role, --purpose or "
                 "--agreement");
  }
  WATERLINE_RETURN_IF_ERROR(CheckValues(given));
  WATERLINE_ASSIGN_OR_RETURN(auto contexts, LoadContexts(ContextPath()));
  Values& kept = contexts.contexts[options.name];
  for (const auto& [key, value] : given) kept[key] = value;
  if (options.use || contexts.in_use.empty()) contexts.in_use = options.name;
  WATERLINE_RETURN_IF_ERROR(SaveContexts(ContextPath(), contexts));
  session->output().Hint("context " + options.name + " kept in " + ContextPath() +
                         (contexts.in_use == options.name ? "; it is in use" : ""));
  return absl::OkStatus();
}

absl::Status Use(Session* session, const ContextOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(auto contexts, LoadContexts(ContextPath()));
  if (!contexts.contexts.contains(options.name)) return NoContext(options.name, contexts);
  contexts.in_use = options.name;
  WATERLINE_RETURN_IF_ERROR(SaveContexts(ContextPath(), contexts));
  session->output().Hint("context " + options.name + " is in use");
  return absl::OkStatus();
}

Table ToTable(const Contexts& contexts) {
  Table table{{"context", "in_use"}, {}};
  for (const char* key : kSettingKeys) table.headers.emplace_back(key);
  for (const auto& [name, values] : contexts.contexts) {
    auto& row = table.rows.emplace_back();
    row = {name, name == contexts.in_use ? "yes" : "no"};
    for (const char* key : kSettingKeys) {
      const auto found = values.find(key);
      row.push_back(found == values.end() ? "" : found->second);
    }
  }
  return table;
}

absl::Status List(Session* session, const ContextOptions& /*options*/) {
  WATERLINE_ASSIGN_OR_RETURN(const auto contexts, LoadContexts(ContextPath()));
  session->output().Rows(ToTable(contexts));
  if (contexts.contexts.empty())
    session->output().Hint("none yet: `waterline context set NAME --server ... --org ...`");
  return absl::OkStatus();
}

// What a command would use now: flags, environment and context together.
absl::Status Show(Session* session, const ContextOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto contexts, LoadContexts(ContextPath()));
  Table table{{"setting", "value"}, {}};
  if (options.name.empty()) {
    table.rows.push_back({"context", contexts.in_use});
    for (const char* key : kSettingKeys) table.rows.push_back({key, session->Setting(key)});
    session->output().Rows(table);
    return absl::OkStatus();
  }
  if (!contexts.contexts.contains(options.name)) return NoContext(options.name, contexts);
  for (const auto& [key, value] : contexts.contexts.at(options.name))
    table.rows.push_back({key, value});
  session->output().Rows(table);
  return absl::OkStatus();
}

}  // namespace

void AddContextCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "context", "Where to call and as whom, kept under a name");
  const auto options = std::make_shared<ContextOptions>();
  options->invocation = invocation;
  auto* set =
      AddLocalCommand(family, invocation, "set",
                      "Keep --server --org --actor --role --purpose --agreement", options, Set);
  set->add_option("name", options->name, "e.g. local")->required();
  set->add_flag("--use", options->use, "Use it from now on; so is the first one");
  AddLocalCommand(family, invocation, "use", "Use a context from now on", options, Use)
      ->add_option("name", options->name)
      ->required();
  AddLocalCommand(family, invocation, "list", "All contexts", options, List);
  AddCommand(family, invocation, "show", "What a command would use now, or one context", options,
             Show)
      ->add_option("name", options->name);
}

}  // namespace waterline::cli
