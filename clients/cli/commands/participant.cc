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

const std::vector<FieldFlag>& PermissionFlags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--kind", "kind", "Code of permission_kind"},
      {"--decision", "decision", "given, refused or withdrawn"},
      {"--given-at", "given_at", "When they said so, e.g. 2026-03-02T10:30:00Z"},
      {"--expires-at", "expires_at", "Of what is given"},
      {"--method", "method", "Code of permission_method"},
      {"--notice-version", "notice_version", "Of the privacy notice they were given"},
      {"--source-text", "source_text", "The words of the form; stored sealed"}};
  return *flags;
}

struct PermissionOptions {
  std::string participant;
  FieldValues fields;
};
struct StandingOptions {
  std::string participant;
  std::string kind;
  std::string reason;
  bool lift = false;
};
struct HistoryOptions {
  std::string participant;
  bool superseded = false;
  size_t limit = 0;
};
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

absl::StatusOr<std::string> NameOf(Session* session, const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  WATERLINE_ASSIGN_OR_RETURN(const std::string parent, session->Parent());
  return parent + "/participants/" + name;
}

absl::Status Get(Session* session, const NameOptions& options) {
  registry::v1::GetParticipantRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), NameOf(session, options.name));
  WATERLINE_ASSIGN_OR_RETURN(const auto found,
                             session->Get<registry::v1::GetParticipantResponse>(request));
  return ShowRecord(session, found.participant());
}

absl::Status SetPermission(Session* session, const PermissionOptions& options) {
  registry::v1::SetPermissionRequest request;
  google::protobuf::FieldMask mask;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_participant(), NameOf(session, options.participant));
  WATERLINE_RETURN_IF_ERROR(
      SetFields(PermissionFlags(), options.fields, request.mutable_permission(), &mask));
  WATERLINE_ASSIGN_OR_RETURN(const auto set,
                             session->Get<registry::v1::SetPermissionResponse>(request));
  return ShowRecord(session, set.permission());
}

absl::Status ListPermissions(Session* session, const HistoryOptions& options) {
  registry::v1::ListPermissionsRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), NameOf(session, options.participant));
  request.set_show_superseded(options.superseded);
  return session->Show(request, options.limit,
                       {"kind", "decision", "given_at", "expires_at", "method", "notice_version"});
}

absl::Status RecordStanding(Session* session, const StandingOptions& options) {
  registry::v1::RecordStandingRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_participant(), NameOf(session, options.participant));
  // Checked by the command line to be one of these.
  request.set_kind(options.kind == "objection"     ? registry::v1::Standing::KIND_OBJECTION
                   : options.kind == "restriction" ? registry::v1::Standing::KIND_RESTRICTION
                                                   : registry::v1::Standing::KIND_HOLD);
  request.set_lift(options.lift);
  request.set_reason(options.reason);
  WATERLINE_ASSIGN_OR_RETURN(const auto set,
                             session->Get<registry::v1::RecordStandingResponse>(request));
  return ShowRecord(session, set.standing());
}

absl::Status ListStanding(Session* session, const HistoryOptions& options) {
  registry::v1::ListStandingRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), NameOf(session, options.participant));
  request.set_show_superseded(options.superseded);
  return session->Show(request, options.limit, {"kind", "lifted", "reason", "create_time"});
}

absl::Status List(Session* session, const ListOptions& options) {
  registry::v1::ListParticipantsRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), session->Parent());
  return session->Show(request, options.limit,
                       {"name", "roles", "age_band", "outward_postcode", "state"});
}

CLI::App* AddHistory(CLI::App* command, const std::shared_ptr<HistoryOptions>& options) {
  command->add_option("participant", options->participant, "Name or id")->required();
  command->add_flag("--superseded", options->superseded, "Those that a later one replaced too");
  AddLimit(command, &options->limit);
  return command;
}

void AddPermissionCommands(CLI::App* family, Invocation* invocation) {
  auto* permission = AddFamily(family, "permission", "What a person allows");
  const auto set = std::make_shared<PermissionOptions>();
  auto* command =
      AddCommand(permission, invocation, "set", "Record what was said", set, SetPermission);
  command->add_option("participant", set->participant, "Name or id")->required();
  AddFieldFlags(command, PermissionFlags(), &set->fields);
  const auto permissions = std::make_shared<HistoryOptions>();
  AddHistory(
      AddCommand(permission, invocation, "list", "Those that count", permissions, ListPermissions),
      permissions);
  auto* standing = AddFamily(family, "standing", "Objection, restriction, legal hold");
  const auto record = std::make_shared<StandingOptions>();
  command =
      AddCommand(standing, invocation, "record", "Set one, or lift it", record, RecordStanding);
  command->add_option("participant", record->participant, "Name or id")->required();
  command->add_option("kind", record->kind, "objection, restriction or hold")
      ->required()
      ->check(CLI::IsMember({"objection", "restriction", "hold"}));
  command->add_option("--reason", record->reason, "Why; stored sealed")->required();
  command->add_flag("--lift", record->lift, "It no longer stands");
  const auto list = std::make_shared<HistoryOptions>();
  AddHistory(AddCommand(standing, invocation, "list", "What stands", list, ListStanding), list);
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
  AddPermissionCommands(family, invocation);
  const auto list = std::make_shared<ListOptions>();
  AddLimit(AddCommand(family, invocation, "list", "Those of your organisation", list, List),
           &list->limit);
}

}  // namespace waterline::cli
