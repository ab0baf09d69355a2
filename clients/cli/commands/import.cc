// import: file sets read into events.

#include <filesystem>

#include "clients/cli/commands/commands.h"
#include "clients/cli/resolve.h"
#include "clients/cli/upload.h"
#include "services/common/status/macros.h"
#include "waterline/events/v1/events_service.pb.h"

namespace waterline::cli {
namespace {

struct ImportOptions {
  std::string path;
  std::string event;
};
struct NameOptions {
  std::string name;
};
struct ListOptions {
  size_t limit = 0;
};

// The last part of a path, also of `folder/`.
std::string LabelOf(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::absolute(path).lexically_normal();
  return normal.has_filename() ? normal.filename().string()
                               : normal.parent_path().filename().string();
}

absl::Status Polis(Session* session, const ImportOptions& options) {
  FileImport import;
  import.kind = events::v1::Import::KIND_POLIS;
  import.label = LabelOf(options.path);
  WATERLINE_ASSIGN_OR_RETURN(import.files, PolisFiles(options.path));
  if (!options.event.empty()) {
    WATERLINE_ASSIGN_OR_RETURN(import.event, ResolveEvent(session, options.event));
  }
  return ImportFileSet(session, import);
}

absl::Status Responses(Session* session, const ImportOptions& options) {
  FileImport import;
  import.kind = events::v1::Import::KIND_RESPONSES;
  import.label = LabelOf(options.path);
  import.files["responses.csv"] = options.path;
  WATERLINE_ASSIGN_OR_RETURN(import.event, ResolveEvent(session, options.event));
  return ImportFileSet(session, import);
}

absl::StatusOr<std::string> ImportName(Session* session, const std::string& typed) {
  if (typed.find('/') != std::string::npos) return typed;
  WATERLINE_ASSIGN_OR_RETURN(const std::string parent, session->Parent());
  return parent + "/imports/" + typed;
}

absl::Status Get(Session* session, const NameOptions& options) {
  events::v1::GetImportRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ImportName(session, options.name));
  WATERLINE_ASSIGN_OR_RETURN(const auto found,
                             session->Get<events::v1::GetImportResponse>(request));
  ShowImport(session->output(), found.import());
  return absl::OkStatus();
}

absl::Status List(Session* session, const ListOptions& options) {
  events::v1::ListImportsRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), session->Parent());
  return session->Show(request, options.limit,
                       {"name", "kind", "state", "file_name", "event", "create_time"});
}

absl::Status Revert(Session* session, const NameOptions& options) {
  events::v1::RevertImportRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ImportName(session, options.name));
  WATERLINE_ASSIGN_OR_RETURN(const auto reverted,
                             session->Get<events::v1::RevertImportResponse>(request));
  return ShowRecord(session, reverted.import());
}

}  // namespace

void AddImportCommands(CLI::App* app, Invocation* invocation) {
  auto* family =
      AddFamily(app, "import", "Files read into events; the same file twice is one import");
  const auto import = std::make_shared<ImportOptions>();
  auto* command = AddCommand(family, invocation, "polis",
                             "The files of a Polis export: comments.csv, votes.csv, "
                             "participants-votes.csv, summary.csv",
                             import, Polis);
  command->add_option("folder", import->path, "Where the files lie")->required();
  command->add_option("--event", import->event,
                      "Name or title; without it a programme and an event are made");
  command = AddCommand(family, invocation, "responses",
                       "Answers to indicators, in the columns of `waterline form -o csv`", import,
                       Responses);
  command->add_option("file", import->path, "A CSV file")->required();
  command->add_option("--event", import->event, "Name or title")->required();
  const auto list = std::make_shared<ListOptions>();
  AddLimit(AddCommand(family, invocation, "list", "Those of your organisation", list, List),
           &list->limit);
  const auto name = std::make_shared<NameOptions>();
  AddCommand(family, invocation, "get", "Show one with its report", name, Get)
      ->add_option("import", name->name, "Name or id")
      ->required();
  AddCommand(family, invocation, "revert", "Take its rows out again; rows they replaced come back",
             name, Revert)
      ->add_option("import", name->name, "Name or id")
      ->required();
}

}  // namespace waterline::cli
