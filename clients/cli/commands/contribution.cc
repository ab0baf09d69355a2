// contribution and reaction: what people said at an event, and how others reacted to it.

#include "clients/cli/commands/commands.h"
#include "clients/cli/resolve.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"
#include "waterline/events/v1/events_service.pb.h"

namespace waterline::cli {
namespace {

using events::v1::Contribution;

const std::vector<FieldFlag>& Flags() {
  static const auto* flags = new std::vector<FieldFlag>{
      {"--text", "text", "What was said; `-` reads standard input"},
      {"--source-id", "source_id", "Unique in the event; follows from the request id by default"},
      {"--language", "language", "e.g. en, cy"},
      {"--verbatim", "verbatim", "true or false: in their own words"},
      {"--sensitivity", "sensitivity", "Code of sensitivity"},
      {"--share-scope", "share_scope", "Code of share_scope"},
      {"--participant", "participant", "Who said it, when registered: name or id"},
      {"--informant", "informant", "A label within the event, otherwise"},
      {"--said-at", "said_at", "e.g. 2026-03-02T10:30:00Z"},
      {"--media-reference", "media_reference", "Where a recording lies"}};
  return *flags;
}

struct AddOptions {
  std::string event;
  FieldValues fields;
};
struct NameOptions {
  std::string name;
  std::string event;
};
struct ReviewOptions {
  NameOptions contribution;
  bool clean = false;
  bool redacted = false;
  bool quarantined = false;
  std::string text;
  std::string etag;
};
struct ListOptions {
  std::string event;
  bool superseded = false;
  size_t limit = 0;
};

absl::Status FillIn(Session* session, Contribution* contribution) {
  if (contribution->text() == "-") {
    WATERLINE_ASSIGN_OR_RETURN(*contribution->mutable_text(), ReadText("-"));
  }
  if (contribution->source_id().empty())
    contribution->set_source_id("request-" + session->request_id());
  const std::string& participant = contribution->participant();
  if (!participant.empty() && participant.find('/') == std::string::npos) {
    WATERLINE_ASSIGN_OR_RETURN(const std::string parent, session->Parent());
    contribution->set_participant(parent + "/participants/" + participant);
  }
  return absl::OkStatus();
}

absl::Status Add(Session* session, const AddOptions& options) {
  events::v1::RecordContributionsRequest request;
  google::protobuf::FieldMask mask;
  auto* contribution = request.add_contributions();
  WATERLINE_RETURN_IF_ERROR(SetFields(Flags(), options.fields, contribution, &mask));
  WATERLINE_RETURN_IF_ERROR(FillIn(session, contribution));
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), ResolveEvent(session, options.event));
  WATERLINE_ASSIGN_OR_RETURN(const auto recorded,
                             session->Get<events::v1::RecordContributionsResponse>(request));
  if (recorded.contributions().empty())
    return Error(reason::kUnexpected, "the server recorded the contribution but did not show it");
  if (recorded.report().unchanged() > 0)
    session->output().Hint("A contribution with this source id was there already; it was left.");
  return ShowRecord(session, recorded.contributions(0));
}

absl::StatusOr<std::string> NameOf(Session* session, const NameOptions& options) {
  if (options.name.find('/') != std::string::npos) return options.name;
  if (options.event.empty())
    return Error(reason::kInvalidFields, "an id is one of an event's: name the event with --event");
  WATERLINE_ASSIGN_OR_RETURN(const std::string event, ResolveEvent(session, options.event));
  return event + "/contributions/" + options.name;
}

absl::Status Get(Session* session, const NameOptions& options) {
  events::v1::GetContributionRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), NameOf(session, options));
  WATERLINE_ASSIGN_OR_RETURN(const auto found,
                             session->Get<events::v1::GetContributionResponse>(request));
  return ShowRecord(session, found.contribution());
}

absl::Status Review(Session* session, const ReviewOptions& options) {
  events::v1::ReviewContributionRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_name(), NameOf(session, options.contribution));
  request.set_redaction_state(options.clean      ? "clean"
                              : options.redacted ? "redacted"
                                                 : "quarantined");
  request.set_etag(options.etag);
  if (!options.text.empty()) {
    WATERLINE_ASSIGN_OR_RETURN(*request.mutable_redacted_text(), ReadText(options.text));
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto reviewed,
                             session->Get<events::v1::ReviewContributionResponse>(request));
  return ShowRecord(session, reviewed.contribution());
}

absl::Status List(Session* session, const ListOptions& options) {
  events::v1::ListContributionsRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), ResolveEvent(session, options.event));
  return session->Show(request, options.limit,
                       {"name", "text", "moderation", "informant", "said_at"});
}

absl::Status ListReactions(Session* session, const ListOptions& options) {
  events::v1::ListReactionsRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), ResolveEvent(session, options.event));
  request.set_show_superseded(options.superseded);
  return session->Show(request, options.limit,
                       {"contribution", "informant", "value", "reacted_at", "superseded"});
}

std::vector<std::string> TallyRow(const std::string& label,
                                  const events::v1::ReactionTally& tally) {
  return {label, std::to_string(tally.agree()), std::to_string(tally.disagree()),
          std::to_string(tally.pass()), std::to_string(tally.superseded())};
}

absl::Status Tally(Session* session, const ListOptions& options) {
  events::v1::TallyReactionsRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), ResolveEvent(session, options.event));
  WATERLINE_ASSIGN_OR_RETURN(const auto answer,
                             session->Get<events::v1::TallyReactionsResponse>(request));
  const Format format = session->output().format();
  if (format == Format::kJson || format == Format::kNdjson) return ShowRecord(session, answer);
  Table table{{"contribution", "agree", "disagree", "pass", "superseded"}, {}};
  table.rows.push_back(TallyRow("all", answer.total()));
  for (const auto& tally : answer.tallies()) {
    const std::string& name = tally.contribution();
    const bool csv = format == Format::kCsv;
    table.rows.push_back(TallyRow(csv ? name : text::IdOf(name), tally));
  }
  session->output().Rows(table);
  return absl::OkStatus();
}

void AddEvent(CLI::App* command, std::string* event) {
  command->add_option("event", *event, "Name or title of the event")->required();
}

void AddReviewCommand(CLI::App* family, Invocation* invocation) {
  const auto review = std::make_shared<ReviewOptions>();
  auto* command =
      AddCommand(family, invocation, "review", "Say what of it others may read", review, Review);
  command->add_option("contribution", review->contribution.name, "Name, or id with --event")
      ->required();
  command->add_option("--event", review->contribution.event,
                      "Name or title of the event, for an id");
  auto* state = command->add_option_group("state", "One of");
  state->add_flag("--clean", review->clean, "Others may read it as it is");
  auto* redacted =
      state->add_flag("--redacted", review->redacted, "Others may read --text instead");
  state->add_flag("--quarantined", review->quarantined, "Others may read nothing of it");
  state->require_option(1);
  auto* text = command->add_option("--text", review->text,
                                   "File with the redacted text; `-`: standard input");
  text->needs(redacted);
  redacted->needs(text);
  command->add_option("--etag", review->etag, "Only if it has not changed since");
}

void AddReactionCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "reaction", "Agree, disagree, pass");
  const auto list = std::make_shared<ListOptions>();
  AddEvent(AddCommand(family, invocation, "tally", "Current reactions, counted", list, Tally),
           &list->event);
  auto* command =
      AddCommand(family, invocation, "list", "Reactions of an event", list, ListReactions);
  AddEvent(command, &list->event);
  command->add_flag("--superseded", list->superseded, "Those that a later one replaced too");
  AddLimit(command, &list->limit);
}

}  // namespace

void AddContributionCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "contribution", "What people said");
  const auto add = std::make_shared<AddOptions>();
  auto* command = AddCommand(family, invocation, "add",
                             "Record one at an event that is open or held", add, Add);
  AddEvent(command, &add->event);
  AddFieldFlags(command, Flags(), &add->fields);
  const auto name = std::make_shared<NameOptions>();
  command = AddCommand(family, invocation, "get", "Show one", name, Get);
  command->add_option("contribution", name->name, "Name, or id with --event")->required();
  command->add_option("--event", name->event, "Name or title of the event, for an id");
  AddReviewCommand(family, invocation);
  const auto list = std::make_shared<ListOptions>();
  command = AddCommand(family, invocation, "list", "Those of an event", list, List);
  AddEvent(command, &list->event);
  AddLimit(command, &list->limit);
  AddReactionCommands(app, invocation);
}

}  // namespace waterline::cli
