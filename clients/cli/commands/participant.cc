// participant: people who take part. Names and contact lie sealed under their own key.

#include "clients/cli/commands/commands.h"
#include "clients/cli/resolve.h"
#include "services/common/status/macros.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {
namespace {

const std::vector<FieldFlag>& Flags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--participant-role", "roles", "Code of participant_role, or code@organisation"},
      {"--age-band", "age_band", "Code of age_band"},
      {"--outward-postcode", "outward_postcode", "e.g. BN1; never more"},
      {"--state", "state", "invited, active, dormant, ..."},
      {"--full-name", "full_name", "Stored sealed"},
      {"--email", "email", "Stored sealed"},
      {"--telephone", "telephone", "Stored sealed"},
      {"--postal-address", "postal_address", "Stored sealed"},
      {"--preferred-contact-method", "preferred_contact_method", "Code of contact_method"},
      {"--source-id", "source_id", "Id in the system it comes from; unique"},
      {"--guardian-relation", "guardian_permission.given_by_relation",
       "Who permitted it for a child, e.g. parent"},
      {"--guardian-given-on", "guardian_permission.given_on", "YYYY-MM-DD"},
      {"--competence-note", "competence_note", "For 13 to 15 without a guardian's permission"}};
  return *flags;
}

struct RegisterOptions {
  FieldValues fields;
};
struct NameOptions {
  std::string name;
};
struct ListOptions {
  size_t limit = 0;
};

absl::Status Register(Session* session, const RegisterOptions& options) {
  registry::v1::RegisterParticipantRequest request;
  google::protobuf::FieldMask mask;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), session->Parent());
  WATERLINE_RETURN_IF_ERROR(
      ChangeFields(session, Flags(), options.fields, request.mutable_participant(), &mask));
  WATERLINE_ASSIGN_OR_RETURN(const auto made,
                             session->Get<registry::v1::RegisterParticipantResponse>(request));
  return ShowRecord(session, made.participant());
}

absl::Status Get(Session* session, const NameOptions& options) {
  registry::v1::GetParticipantRequest request;
  request.set_name(options.name);
  if (options.name.find('/') == std::string::npos) {
    WATERLINE_ASSIGN_OR_RETURN(const std::string parent, session->Parent());
    request.set_name(parent + "/participants/" + options.name);
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto found,
                             session->Get<registry::v1::GetParticipantResponse>(request));
  return ShowRecord(session, found.participant());
}

absl::Status List(Session* session, const ListOptions& options) {
  registry::v1::ListParticipantsRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), session->Parent());
  return session->Show(request, options.limit,
                       {"name", "roles", "age_band", "outward_postcode", "state"});
}

}  // namespace

void AddParticipantCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "participant", "People who take part, by pseudonymous id");
  const auto fields = std::make_shared<RegisterOptions>();
  AddFieldFlags(AddCommand(family, invocation, "register", "Register a person", fields, Register),
                Flags(), &fields->fields);
  const auto name = std::make_shared<NameOptions>();
  AddCommand(family, invocation, "get", "Show one", name, Get)
      ->add_option("participant", name->name, "Name or id")
      ->required();
  const auto list = std::make_shared<ListOptions>();
  AddLimit(AddCommand(family, invocation, "list", "Those of your organisation", list, List),
           &list->limit);
}

}  // namespace waterline::cli
