// can-share, who-can-see, what-can-see: what agreements mean for one thing, before anybody asks.

#include <fmt/format.h>

#include "clients/cli/commands/commands.h"
#include "clients/cli/explanation_view.h"
#include "clients/cli/resolve.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "waterline/accountability/v1/accountability_service.pb.h"
#include "waterline/events/v1/events_service.pb.h"

namespace waterline::cli {
namespace {

namespace v1 = accountability::v1;

struct CanShareOptions {
  std::string thing;
  std::string with;
  std::string role;
};
struct WhoOptions {
  std::string thing;
  size_t limit = 0;
};
struct WhatOptions {
  std::string organisation;
  std::string role;
  size_t limit = 0;
};

// What a thing of the caller's belongs to, and what kinds of data it holds.
struct Thing {
  std::vector<std::string> scopes;
  std::vector<common::v1::Category> categories;
};

void AddEvent(const events::v1::Event& event, Thing* thing) {
  thing->scopes.push_back(event.name());
  if (!event.programme().empty()) thing->scopes.push_back(event.programme());
  for (const auto& place : event.places()) thing->scopes.push_back(place);
}

// An event with what was said there, a programme, or a place.
absl::StatusOr<Thing> Describe(Session* session, const std::string& typed) {
  WATERLINE_ASSIGN_OR_RETURN(const auto scope, ResolveScope(session, typed));
  Thing thing;
  thing.categories = {common::v1::CATEGORY_EVENT, common::v1::CATEGORY_CONTRIBUTION_TEXT,
                      common::v1::CATEGORY_INDICATOR_RESPONSE, common::v1::CATEGORY_REACTION};
  if (scope.name.find("/events/") == std::string::npos) {
    thing.scopes = {scope.name};
    return thing;
  }
  events::v1::GetEventRequest request;
  request.set_name(scope.name);
  WATERLINE_ASSIGN_OR_RETURN(const auto found, session->Get<events::v1::GetEventResponse>(request));
  AddEvent(found.event(), &thing);
  return thing;
}

absl::StatusOr<v1::Explanation> Ask(Session* session, const CanShareOptions& options,
                                    const Thing& thing, common::v1::Category category,
                                    v1::Operation operation) {
  v1::SimulateRequest request;
  auto* question = request.mutable_request();
  WATERLINE_ASSIGN_OR_RETURN(*question->mutable_controller(), session->Parent());
  WATERLINE_ASSIGN_OR_RETURN(*question->mutable_organisation(),
                             ResolveOrganisation(session, options.with));
  question->set_role(options.role.empty() ? session->Setting("role") : options.role);
  question->set_purpose(session->Setting("purpose"));
  question->set_operation(operation);
  question->add_categories(category);
  for (const auto& scope : thing.scopes) question->add_scopes(scope);
  WATERLINE_ASSIGN_OR_RETURN(auto simulated, session->Get<v1::SimulateResponse>(request));
  return std::move(*simulated.mutable_explanation());
}

// One line per kind of data: would it be released to them, for the purpose of the call?
absl::Status CanShare(Session* session, const CanShareOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto thing, Describe(session, options.thing));
  Table table{{"category", "operation", "answer", "level", "reason", "agreement"}, {}};
  for (const auto category : thing.categories) {
    for (const auto operation : {v1::OPERATION_READ, v1::OPERATION_COUNT}) {
      WATERLINE_ASSIGN_OR_RETURN(const auto answer,
                                 Ask(session, options, thing, category, operation));
      table.rows.push_back(
          {EnumText(*common::v1::Category_descriptor()->FindValueByNumber(category)),
           EnumText(*v1::Operation_descriptor()->FindValueByNumber(operation)),
           answer.result() == v1::RESULT_DENY ? "no" : "yes",
           EnumText(*common::v1::ReleaseLevel_descriptor()->FindValueByNumber(answer.given())),
           fmt::format("{}", fmt::join(answer.reasons(), ", ")), answer.relied_on()});
    }
  }
  session->output().Rows(table);
  session->output().Hint(fmt::format(
      "For the purpose {}; nothing was released. The standing of people can lower it further.",
      session->Setting("purpose")));
  return absl::OkStatus();
}

const std::vector<std::string>& VisibilityColumns() {
  static const auto* columns = new std::vector<std::string>{
      "organisation", "controller", "reference", "agreement", "categories", "highest",
      "purposes",     "operations", "roles",     "scopes",    "end"};
  return *columns;
}

absl::Status WhoCanSee(Session* session, const WhoOptions& options) {
  v1::WhoCanSeeRequest request;
  if (!options.thing.empty()) {
    WATERLINE_ASSIGN_OR_RETURN(const auto thing, Describe(session, options.thing));
    for (const auto& scope : thing.scopes) request.add_scopes(scope);
  }
  return session->Show(request, options.limit, VisibilityColumns());
}

absl::Status WhatCanSee(Session* session, const WhatOptions& options) {
  v1::WhatCanSeeRequest request;
  if (!options.organisation.empty()) {
    WATERLINE_ASSIGN_OR_RETURN(*request.mutable_organisation(),
                               ResolveOrganisation(session, options.organisation));
  }
  request.set_role(options.role);
  return session->Show(request, options.limit, VisibilityColumns());
}

}  // namespace

void AddVisibilityCommands(CLI::App* app, Invocation* invocation) {
  const auto share = std::make_shared<CanShareOptions>();
  auto* command = AddCommand(app, invocation, "can-share",
                             "May an organisation see this thing of yours?", share, CanShare);
  command->add_option("thing", share->thing, "Event, programme or place: name or title")
      ->required();
  command->add_option("--with", share->with, "Name, code or title")->required();
  command->add_option("--role", share->role, "Who would ask there; your own role by default");
  const auto who = std::make_shared<WhoOptions>();
  command = AddCommand(app, invocation, "who-can-see",
                       "Who can see your records, and under what agreement", who, WhoCanSee);
  command->add_option("thing", who->thing, "Only of this event, programme or place");
  AddLimit(command, &who->limit);
  const auto what = std::make_shared<WhatOptions>();
  command =
      AddCommand(app, invocation, "what-can-see",
                 "What your organisation can see of others, or another of yours", what, WhatCanSee);
  command->add_option("organisation", what->organisation, "Name, code or title");
  command->add_option("--role", what->role, "Only what this role can see");
  AddLimit(command, &what->limit);
}

}  // namespace waterline::cli
