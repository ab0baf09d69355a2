// event: something that happens with people, and its life cycle.

#include "clients/cli/commands/commands.h"
#include "clients/cli/resolve.h"
#include "services/common/status/macros.h"
#include "waterline/events/v1/events_service.pb.h"

namespace waterline::cli {
namespace {

using events::v1::Event;

constexpr char kLifeCycle[] =
    "The order: draft -> publish -> open -> hold -> report; cancel is possible before hold.";

const std::vector<FieldFlag>& Flags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--title", "title", "Its name"},
      {"--programme", "programme", "Name or title of a programme"},
      {"--method", "method", "Code of engagement_method"},
      {"--mode", "mode", "Code of engagement_mode"},
      {"--starts-at", "starts_at", "e.g. 2026-03-02T10:00:00Z"},
      {"--ends-at", "ends_at", "e.g. 2026-03-02T12:00:00Z"},
      {"--time-zone", "time_zone", "e.g. Europe/London"},
      {"--venue", "venue.title", "Where"},
      {"--venue-postcode", "venue.postcode", "Of the venue"},
      {"--venue-need", "venue.accessibility", "Code of venue_need; several times"},
      {"--event-purpose", "purpose", "What it is for, in plain words (to publish: 30 or more)"},
      {"--question", "question", "What people are asked"},
      {"--open-point", "what_is_open", "What can still change; several times"},
      {"--decided-point", "what_is_decided", "What is decided already; several times"},
      {"--level-promised", "level_promised", "scheme:code, e.g. iap2:involve"},
      {"--level-delivered", "level_delivered", "scheme:code"},
      {"--capacity", "capacity", "How many can come"},
      {"--invited-count", "invited_count", "How many were invited"},
      {"--recruitment-route", "recruitment_route", "How people were reached"},
      {"--papers-sent-on", "papers_sent_on", "YYYY-MM-DD"},
      {"--topic", "topics", "Several times for several"},
      {"--place", "places", "Name or title of a place; several times"},
      {"--notice-version", "notice_version", "Of the privacy notice people were given"},
      {"--feedback-due-on", "feedback_due_on", "YYYY-MM-DD"},
      {"--tally", "tallies", "Who came: role=count, e.g. patient=14; several times"}};
  return *flags;
}

const std::vector<FieldFlag>& HoldFlags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--tally", "tallies", "Who came: role=count, e.g. patient=14; several times"},
      {"--level-delivered", "level_delivered", "scheme:code, e.g. iap2:involve"},
      {"--feedback-due-on", "feedback_due_on", "YYYY-MM-DD; by when people hear what came of it"}};
  return *flags;
}

struct FieldOptions {
  FieldValues fields;
  std::string name;
};
struct ListOptions {
  std::string programme;
  size_t limit = 0;
};
struct MoveOptions {
  std::string name;
  std::string reason;
};

absl::StatusOr<Event> Read(Session* session, const std::string& typed) {
  events::v1::GetEventRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveEvent(session, typed));
  WATERLINE_ASSIGN_OR_RETURN(auto found, session->Get<events::v1::GetEventResponse>(request));
  return std::move(*found.mutable_event());
}

absl::Status Create(Session* session, const FieldOptions& options) {
  events::v1::CreateEventRequest request;
  google::protobuf::FieldMask mask;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), session->Parent());
  WATERLINE_RETURN_IF_ERROR(
      ChangeFields(session, Flags(), options.fields, request.mutable_event(), &mask));
  WATERLINE_ASSIGN_OR_RETURN(const auto made,
                             session->Get<events::v1::CreateEventResponse>(request));
  return ShowRecord(session, made.event());
}

absl::Status Get(Session* session, const FieldOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const Event event, Read(session, options.name));
  return ShowRecord(session, event);
}

absl::Status List(Session* session, const ListOptions& options) {
  events::v1::ListEventsRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), session->Parent());
  if (!options.programme.empty()) {
    WATERLINE_ASSIGN_OR_RETURN(*request.mutable_programme(),
                               ResolveProgramme(session, options.programme));
  }
  return session->Show(request, options.limit, {"name", "title", "state", "starts_at", "method"});
}

// On what was read just now: its etag guards against a change in between.
absl::Status Update(Session* session, const FieldOptions& options) {
  events::v1::UpdateEventRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_event(), Read(session, options.name));
  WATERLINE_RETURN_IF_ERROR(ChangeFields(session, Flags(), options.fields, request.mutable_event(),
                                         request.mutable_update_mask()));
  WATERLINE_RETURN_IF_ERROR(CheckAnyGiven(request.update_mask()));
  WATERLINE_ASSIGN_OR_RETURN(const auto changed,
                             session->Get<events::v1::UpdateEventResponse>(request));
  return ShowRecord(session, changed.event());
}

template <class Request, class Response>
absl::Status Move(Session* session, const std::string& typed, Request request) {
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), ResolveEvent(session, typed));
  WATERLINE_ASSIGN_OR_RETURN(const Response moved, session->Get<Response>(request));
  return ShowRecord(session, moved.event());
}

absl::Status Publish(Session* session, const MoveOptions& options) {
  return Move<events::v1::PublishEventRequest, events::v1::PublishEventResponse>(session,
                                                                                 options.name, {});
}

absl::Status Open(Session* session, const MoveOptions& options) {
  return Move<events::v1::OpenEventRequest, events::v1::OpenEventResponse>(session, options.name,
                                                                           {});
}

absl::Status Hold(Session* session, const FieldOptions& options) {
  events::v1::HoldEventRequest request;
  google::protobuf::FieldMask mask;
  WATERLINE_RETURN_IF_ERROR(SetFields(HoldFlags(), options.fields, &request, &mask));
  return Move<events::v1::HoldEventRequest, events::v1::HoldEventResponse>(session, options.name,
                                                                           request);
}

absl::Status Report(Session* session, const MoveOptions& options) {
  return Move<events::v1::ReportEventRequest, events::v1::ReportEventResponse>(session,
                                                                               options.name, {});
}

absl::Status Cancel(Session* session, const MoveOptions& options) {
  events::v1::CancelEventRequest request;
  request.set_reason(options.reason);
  return Move<events::v1::CancelEventRequest, events::v1::CancelEventResponse>(
      session, options.name, request);
}

void AddName(CLI::App* command, std::string* name) {
  command->add_option("event", *name, "Name or title")->required();
}

void AddMoves(CLI::App* family, Invocation* invocation) {
  const auto move = std::make_shared<MoveOptions>();
  AddName(AddCommand(family, invocation, "publish", "draft -> published", move, Publish),
          &move->name);
  AddName(AddCommand(family, invocation, "open", "published -> open: people may say things", move,
                     Open),
          &move->name);
  const auto held = std::make_shared<FieldOptions>();
  auto* hold = AddCommand(family, invocation, "hold", "open -> held", held, Hold);
  AddName(hold, &held->name);
  AddFieldFlags(hold, HoldFlags(), &held->fields);
  AddName(AddCommand(family, invocation, "report", "held -> reported", move, Report), &move->name);
  auto* cancel =
      AddCommand(family, invocation, "cancel", "Any state before held -> cancelled", move, Cancel);
  AddName(cancel, &move->name);
  cancel->add_option("--reason", move->reason, "Why, for the people who were invited")->required();
}

}  // namespace

void AddEventCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "event", "Events and their life cycle");
  family->footer(kLifeCycle);
  const auto options = std::make_shared<FieldOptions>();
  AddFieldFlags(AddCommand(family, invocation, "create", "Make one, as a draft", options, Create),
                Flags(), &options->fields);
  AddName(AddCommand(family, invocation, "get", "Show one", options, Get), &options->name);
  const auto list = std::make_shared<ListOptions>();
  auto* command = AddCommand(family, invocation, "list", "Those of your organisation", list, List);
  command->add_option("--programme", list->programme, "Only of this programme");
  AddLimit(command, &list->limit);
  auto* update = AddCommand(family, invocation, "update",
                            "Change what is given; lists are replaced", options, Update);
  AddName(update, &options->name);
  AddFieldFlags(update, Flags(), &options->fields);
  AddMoves(family, invocation);
}

}  // namespace waterline::cli
