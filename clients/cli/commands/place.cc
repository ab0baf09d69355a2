// place: areas in which organisations work together.

#include "clients/cli/commands/commands.h"
#include "clients/cli/resolve.h"
#include "services/common/status/macros.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {
namespace {

const std::vector<FieldFlag>& Flags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--accountable-body", "accountable_body", "Who answers for it: name, code or title"},
      {"--gss-code", "gss_code", "e.g. E06000043"}};
  return *flags;
}

struct CreateOptions {
  std::string title;
  std::string id;
  FieldValues fields;
};
struct NameOptions {
  std::string name;
};
struct ListOptions {
  size_t limit = 0;
};
struct MemberOptions {
  std::string place;
  std::string organisation;
  std::string on;
};

absl::Status Create(Session* session, const CreateOptions& options) {
  registry::v1::CreatePlaceRequest request;
  google::protobuf::FieldMask mask;
  request.mutable_place()->set_title(options.title);
  request.set_place_id(options.id);
  WATERLINE_RETURN_IF_ERROR(
      ChangeFields(session, Flags(), options.fields, request.mutable_place(), &mask));
  WATERLINE_ASSIGN_OR_RETURN(const auto made,
                             session->Get<registry::v1::CreatePlaceResponse>(request));
  return ShowRecord(session, made.place());
}

absl::Status Get(Session* session, const NameOptions& options) {
  registry::v1::GetPlaceRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ResolvePlace(session, options.name));
  WATERLINE_ASSIGN_OR_RETURN(const auto found,
                             session->Get<registry::v1::GetPlaceResponse>(request));
  return ShowRecord(session, found.place());
}

absl::Status List(Session* session, const ListOptions& options) {
  return session->Show(registry::v1::ListPlacesRequest(), options.limit,
                       {"name", "title", "accountable_body", "gss_code"});
}

absl::Status Join(Session* session, const MemberOptions& options) {
  registry::v1::JoinPlaceRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ResolvePlace(session, options.place));
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_organisation(),
                             ResolveOrganisation(session, options.organisation));
  request.set_joined_on(options.on);
  WATERLINE_ASSIGN_OR_RETURN(const auto joined,
                             session->Get<registry::v1::JoinPlaceResponse>(request));
  return ShowRecord(session, joined.place());
}

absl::Status Leave(Session* session, const MemberOptions& options) {
  registry::v1::LeavePlaceRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ResolvePlace(session, options.place));
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_organisation(),
                             ResolveOrganisation(session, options.organisation));
  request.set_left_on(options.on);
  WATERLINE_ASSIGN_OR_RETURN(const auto left,
                             session->Get<registry::v1::LeavePlaceResponse>(request));
  return ShowRecord(session, left.place());
}

void AddMemberFlags(CLI::App* command, MemberOptions* options) {
  command->add_option("place", options->place, "Name or title")->required();
  command->add_option("organisation", options->organisation, "Name, code or title")->required();
  command->add_option("--on", options->on, "YYYY-MM-DD; today by default");
}

}  // namespace

void AddPlaceCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "place", "Places: areas in which organisations work together");
  const auto create = std::make_shared<CreateOptions>();
  auto* command = AddCommand(family, invocation, "create", "Make a place", create, Create);
  command->add_option("title", create->title, "Its name")->required();
  command->add_option("--id", create->id, "Made from the title by default");
  AddFieldFlags(command, Flags(), &create->fields);
  const auto name = std::make_shared<NameOptions>();
  AddCommand(family, invocation, "get", "Show one with its members", name, Get)
      ->add_option("place", name->name, "Name or title")
      ->required();
  const auto list = std::make_shared<ListOptions>();
  AddLimit(AddCommand(family, invocation, "list", "List them", list, List), &list->limit);
  const auto member = std::make_shared<MemberOptions>();
  AddMemberFlags(
      AddCommand(family, invocation, "join", "An organisation works there", member, Join),
      member.get());
  AddMemberFlags(
      AddCommand(family, invocation, "leave",
                 "An organisation works there no longer; its time there is kept", member, Leave),
      member.get());
}

}  // namespace waterline::cli
