// programme: what involvement is about, and which partner has which function in it.

#include "clients/cli/commands/commands.h"
#include "clients/cli/resolve.h"
#include "services/common/status/macros.h"
#include "waterline/events/v1/events_service.pb.h"

namespace waterline::cli {
namespace {

const std::vector<FieldFlag>& Flags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--title", "title", "Its name"},
      {"--description", "description", "What it is about"},
      {"--topic", "topics", "Several times for several"},
      {"--function", "functions", "function=organisation, e.g. commissions=QNX; several times"}};
  return *flags;
}

struct FieldOptions {
  FieldValues fields;
  std::string name;
};
struct ListOptions {
  size_t limit = 0;
};

absl::StatusOr<events::v1::Programme> Read(Session* session, const std::string& typed) {
  events::v1::GetProgrammeRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveProgramme(session, typed));
  WATERLINE_ASSIGN_OR_RETURN(auto found, session->Get<events::v1::GetProgrammeResponse>(request));
  return std::move(*found.mutable_programme());
}

absl::Status Create(Session* session, const FieldOptions& options) {
  events::v1::CreateProgrammeRequest request;
  google::protobuf::FieldMask mask;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), session->Parent());
  WATERLINE_RETURN_IF_ERROR(
      ChangeFields(session, Flags(), options.fields, request.mutable_programme(), &mask));
  WATERLINE_ASSIGN_OR_RETURN(const auto made,
                             session->Get<events::v1::CreateProgrammeResponse>(request));
  return ShowRecord(session, made.programme());
}

absl::Status Get(Session* session, const FieldOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto programme, Read(session, options.name));
  return ShowRecord(session, programme);
}

absl::Status List(Session* session, const ListOptions& options) {
  events::v1::ListProgrammesRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), session->Parent());
  return session->Show(request, options.limit, {"name", "title", "topics", "functions"});
}

// On what was read just now: its etag guards against a change in between.
absl::Status Update(Session* session, const FieldOptions& options) {
  events::v1::UpdateProgrammeRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_programme(), Read(session, options.name));
  WATERLINE_RETURN_IF_ERROR(ChangeFields(session, Flags(), options.fields,
                                         request.mutable_programme(),
                                         request.mutable_update_mask()));
  WATERLINE_RETURN_IF_ERROR(CheckAnyGiven(request.update_mask()));
  WATERLINE_ASSIGN_OR_RETURN(const auto changed,
                             session->Get<events::v1::UpdateProgrammeResponse>(request));
  return ShowRecord(session, changed.programme());
}

}  // namespace

void AddProgrammeCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "programme", "Programmes of involvement");
  const auto options = std::make_shared<FieldOptions>();
  AddFieldFlags(AddCommand(family, invocation, "create", "Make one", options, Create), Flags(),
                &options->fields);
  AddCommand(family, invocation, "get", "Show one", options, Get)
      ->add_option("programme", options->name, "Name or title")
      ->required();
  const auto list = std::make_shared<ListOptions>();
  AddLimit(AddCommand(family, invocation, "list", "Those of your organisation", list, List),
           &list->limit);
  auto* update = AddCommand(family, invocation, "update",
                            "Change what is given; lists are replaced", options, Update);
  update->add_option("programme", options->name, "Name or title")->required();
  AddFieldFlags(update, Flags(), &options->fields);
}

}  // namespace waterline::cli
