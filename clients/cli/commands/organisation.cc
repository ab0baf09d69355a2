// org: organisations of the network and its members.

#include "clients/cli/commands/commands.h"
#include "clients/cli/resolve.h"
#include "clients/cli/upload.h"
#include "services/common/status/macros.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {
namespace {

using registry::v1::Organisation;

const std::vector<FieldFlag>& Flags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--title", "title", "Its name"},
      {"--identifier", "identifiers", "scheme:value, e.g. chc:1234567; the first names it"},
      {"--type", "type", "Code of organisation_type"},
      {"--accountable-body", "accountable_body", "Who answers for it; needed for no legal entity"},
      {"--relation", "relations", "kind=organisation, e.g. part_of=QNX"},
      {"--postcode", "postcode", "Of its seat"},
      {"--opened-on", "opened_on", "YYYY-MM-DD"},
      {"--closed-on", "closed_on", "YYYY-MM-DD"},
      {"--test", "test", "true: only to try the network out, for good"}};
  return *flags;
}

const std::vector<FieldFlag>& ContactFlags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--contact-function", "function", "Of a person to reach: dpo, involvement, ..."},
      {"--contact-name", "full_name", "Stored sealed"},
      {"--contact-email", "email", "Stored sealed"},
      {"--contact-telephone", "telephone", "Stored sealed"}};
  return *flags;
}

struct CreateOptions {
  FieldValues fields;
  FieldValues contact;
};
struct NameOptions {
  std::string name;
};
struct ListOptions {
  std::string type;
  std::string part_of;
  size_t limit = 0;
};

bool AnyGiven(const FieldValues& values) {
  return std::any_of(values.begin(), values.end(),
                     [](const auto& value) { return !value.second.empty(); });
}

absl::Status Create(Session* session, const CreateOptions& options) {
  registry::v1::CreateOrganisationRequest request;
  google::protobuf::FieldMask mask;
  auto* organisation = request.mutable_organisation();
  WATERLINE_RETURN_IF_ERROR(ChangeFields(session, Flags(), options.fields, organisation, &mask));
  if (AnyGiven(options.contact)) {
    WATERLINE_RETURN_IF_ERROR(
        SetFields(ContactFlags(), options.contact, organisation->add_contacts(), &mask));
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto made,
                             session->Get<registry::v1::CreateOrganisationResponse>(request));
  return ShowRecord(session, made.organisation());
}

absl::Status Get(Session* session, const NameOptions& options) {
  registry::v1::GetOrganisationRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveOrganisation(session, options.name));
  WATERLINE_ASSIGN_OR_RETURN(const auto found,
                             session->Get<registry::v1::GetOrganisationResponse>(request));
  return ShowRecord(session, found.organisation());
}

absl::Status List(Session* session, const ListOptions& options) {
  registry::v1::ListOrganisationsRequest request;
  request.set_type(options.type);
  if (!options.part_of.empty()) {
    WATERLINE_ASSIGN_OR_RETURN(*request.mutable_part_of(),
                               ResolveOrganisation(session, options.part_of));
  }
  return session->Show(request, options.limit, {"name", "title", "type", "state", "postcode"});
}

absl::Status Import(Session* session, const NameOptions& options) {
  return ImportOrganisationFile(session, options.name);
}

absl::Status AddMember(Session* session, const NameOptions& options) {
  registry::v1::AddMemberRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_organisation(),
                             ResolveOrganisation(session, options.name));
  WATERLINE_ASSIGN_OR_RETURN(const auto added,
                             session->Get<registry::v1::AddMemberResponse>(request));
  return ShowRecord(session, added.member());
}

absl::Status ListMembers(Session* session, const ListOptions& options) {
  return session->Show(registry::v1::ListMembersRequest(), options.limit,
                       {"organisation", "joined_at", "host"});
}

void AddMemberCommands(CLI::App* organisations, Invocation* invocation) {
  auto* family = AddFamily(organisations, "member", "Who may use this network");
  const auto name = std::make_shared<NameOptions>();
  AddCommand(family, invocation, "add", "Admit an organisation (the host's network_steward)", name,
             AddMember)
      ->add_option("organisation", name->name, "Name, code or title")
      ->required();
  const auto list = std::make_shared<ListOptions>();
  AddLimit(AddCommand(family, invocation, "list", "All members", list, ListMembers), &list->limit);
}

}  // namespace

void AddOrganisationCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "org", "Organisations and members");
  const auto create = std::make_shared<CreateOptions>();
  auto* command = AddCommand(family, invocation, "create", "Enter an organisation", create, Create);
  AddFieldFlags(command, Flags(), &create->fields);
  AddFieldFlags(command, ContactFlags(), &create->contact);
  const auto name = std::make_shared<NameOptions>();
  AddCommand(family, invocation, "get", "Show one", name, Get)
      ->add_option("organisation", name->name, "Name, code or title")
      ->required();
  const auto list = std::make_shared<ListOptions>();
  command = AddCommand(family, invocation, "list", "List them", list, List);
  command->add_option("--type", list->type, "Only of this type");
  command->add_option("--part-of", list->part_of, "Only those directly part of this one");
  AddLimit(command, &list->limit);
  AddCommand(family, invocation, "import", "Read a file of practices", name, Import)
      ->add_option("file", name->name, "A CSV file; `-` is not possible, it is read twice")
      ->required();
  AddMemberCommands(family, invocation);
}

}  // namespace waterline::cli
