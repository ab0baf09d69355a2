// map and form: what lies below the water line, and the questions that tell.

#include <algorithm>

#include "clients/cli/commands/commands.h"
#include "clients/cli/form.h"
#include "clients/cli/map_svg.h"
#include "clients/cli/map_view.h"
#include "clients/cli/new_file.h"
#include "clients/cli/resolve.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "waterline/events/v1/events_service.pb.h"
#include "waterline/inference/v1/inference_service.pb.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {
namespace {

struct MapOptions {
  std::string scope;
  std::string svg;
};
struct FormCommandOptions {
  std::string event;
  std::string file;
  bool short_form = false;
  FormOptions form;
};

absl::Status WriteTo(Session* session, const std::string& path, NewFile::Existing existing,
                     const std::string& content) {
  if (path.empty() || path == "-") {
    session->output().Write(content);
    return absl::OkStatus();
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto file, NewFile::Open(path, existing));
  WATERLINE_RETURN_IF_ERROR(file->Write(content));
  WATERLINE_RETURN_IF_ERROR(file->Finish());
  session->output().Hint("written to " + path);
  return absl::OkStatus();
}

absl::StatusOr<inference::v1::PracticeMap> ReadMap(Session* session, const std::string& scope) {
  inference::v1::GetPracticeMapRequest request;
  request.set_scope(scope);
  WATERLINE_ASSIGN_OR_RETURN(auto answer,
                             session->Get<inference::v1::GetPracticeMapResponse>(request));
  return std::move(*answer.mutable_map());
}

absl::StatusOr<inference::v1::ConceptualMap> ReadConcepts(Session* session,
                                                          const std::string& version) {
  inference::v1::GetConceptualMapRequest request;
  request.set_version(version);
  WATERLINE_ASSIGN_OR_RETURN(auto answer,
                             session->Get<inference::v1::GetConceptualMapResponse>(request));
  return std::move(*answer.mutable_map());
}

// Line feeds inside JSON are between its tokens only: those within strings are escaped.
std::string OnOneLine(const std::string& json) {
  std::string out;
  for (size_t at = 0; at < json.size();) {
    const size_t end = std::min(json.find('\n', at), json.size());
    const size_t begin = std::min(json.find_first_not_of(' ', at), end);
    out.append(json, begin, end - begin);
    at = end + 1;
  }
  return out + "\n";
}

bool IsAsked(const std::vector<events::v1::Indicator>& indicators, const std::string& group) {
  return std::any_of(indicators.begin(), indicators.end(), [&](const auto& indicator) {
    const auto& groups = indicator.respondent_groups();
    return std::find(groups.begin(), groups.end(), group) != groups.end();
  });
}

absl::Status Map(Session* session, const MapOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const Candidate scope, ResolveScope(session, options.scope));
  WATERLINE_ASSIGN_OR_RETURN(const auto map, ReadMap(session, scope.name));
  const auto& output = session->output();
  if (options.svg.empty() && output.format() != Format::kTable) {
    if (output.format() == Format::kJson) output.Write(MapJson(map));
    if (output.format() == Format::kNdjson) output.Write(OnOneLine(MapJson(map)));
    if (output.format() == Format::kCsv) output.Rows(MapRows(map));
    return absl::OkStatus();
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto concepts, ReadConcepts(session, map.map_version()));
  WATERLINE_ASSIGN_OR_RETURN(
      const auto me, session->Get<registry::v1::WhoAmIResponse>(registry::v1::WhoAmIRequest()));
  const MapTitles titles{scope.title, me.network()};
  if (!options.svg.empty())
    return WriteTo(session, options.svg, NewFile::Existing::kReplace,
                   MapSvg(map, concepts, titles));
  output.Write(MapTable(map, concepts, titles, output.colour()));
  return absl::OkStatus();
}

absl::Status Form(Session* session, const FormCommandOptions& options) {
  const Format format = session->output().format();
  if (format != Format::kHtml && format != Format::kCsv)
    return Error(reason::kInvalidFields, "a form is written as -o html or -o csv");
  events::v1::GetEventRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveEvent(session, options.event));
  WATERLINE_ASSIGN_OR_RETURN(const auto event, session->Get<events::v1::GetEventResponse>(request));
  WATERLINE_ASSIGN_OR_RETURN(const auto catalogue,
                             session->Get<events::v1::GetIndicatorCatalogueResponse>(
                                 events::v1::GetIndicatorCatalogueRequest()));
  const std::vector<events::v1::Indicator> indicators(catalogue.indicators().begin(),
                                                      catalogue.indicators().end());
  const auto& group = options.form.respondent_group;
  if (!group.empty() && !IsAsked(indicators, group))
    return Error(reason::kInvalidFields, "no question is asked of the group " + group +
                                             "; `waterline codes respondent_group` lists groups");
  const bool html = format == Format::kHtml;
  // A form may have been filled in since: it is never written over.
  return WriteTo(session, options.file, NewFile::Existing::kKeep,
                 html ? FormHtml(event.event(), indicators, options.form)
                      : FormCsv(event.event(), indicators, options.form));
}

void AddFormCommand(CLI::App* app, Invocation* invocation) {
  const auto options = std::make_shared<FormCommandOptions>();
  auto* command = app->add_subcommand("form",
                                      "The questions of an event, to print (-o html) or to "
                                      "type answers into (-o csv)");
  command->callback([=] {
    invocation->html = true;
    if (invocation->output.empty()) invocation->output = "html";
    invocation->action = [=](Session* session) { return Form(session, *options); };
  });
  command->add_option("event", options->event, "Name or title")->required();
  auto* full = command->add_flag("--full", options->form.full, "All 48 questions");
  command->add_flag("--short", options->short_form, "The 12 of the short form; by default")
      ->excludes(full);
  command->add_option("--group", options->form.respondent_group,
                      "Only what this group is asked; `waterline codes respondent_group`");
  command->add_option("--to", options->file, "Write to this file; standard output by default");
}

}  // namespace

void AddMapCommands(CLI::App* app, Invocation* invocation) {
  const auto options = std::make_shared<MapOptions>();
  auto* command =
      AddCommand(app, invocation, "map", "What lies below the water line, from your own evidence",
                 options, Map);
  command
      ->add_option("scope", options->scope,
                   "A place, a programme or an event of yours, or an organisation: name, code or "
                   "title, looked for in this order")
      ->required();
  command->add_option("--svg", options->svg, "Draw it into this file instead");
  AddFormCommand(app, invocation);
}

}  // namespace waterline::cli
