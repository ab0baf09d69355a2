#include "services/common/crypto/random.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"
#include "services/events/api/events_api.h"
#include "services/events/domain/rules.h"

namespace waterline::events {
namespace {

using gate::Operation;
using storage::v1::EventRecord;
using waterline::storage::Batch;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr auto kCategory = common::v1::CATEGORY_EVENT;

const std::vector<std::string>& FixedFields() {
  static const std::vector<std::string> fixed = {"name",         "state",          "cancel_reason",
                                                 "published_at", "made_by_import", "etag",
                                                 "create_time",  "update_time",    "demonstration"};
  return fixed;
}

v1::Event ToEvent(records::Stored<EventRecord> stored) {
  v1::Event event = std::move(*stored.record.mutable_public_());
  event.set_etag(records::EtagOf(stored.revision));
  return event;
}

absl::Status AbsentEvent() { return Error(reason::kNotFound, "there is no event of this name"); }

}  // namespace

coro::Task<absl::StatusOr<records::Stored<EventRecord>>> EventsApi::LoadEvent(EventRef event) {
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored,
      co_await records::Load<EventRecord>(parts_.store, event.partition(), Key(kEvents, event.id)));
  if (!stored) co_return AbsentEvent();
  co_return *std::move(stored);
}

coro::Task<absl::StatusOr<v1::Event>> EventsApi::ReadEvent(EventRef event) {
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await LoadEvent(event));
  co_return ToEvent(std::move(stored));
}

coro::Task<absl::Status> EventsApi::CheckEventReferences(const v1::Event& event) {
  std::vector<std::pair<std::string, std::string>> names;
  for (int i = 0; i < event.places_size(); ++i)
    names.emplace_back("event.places[" + std::to_string(i) + "]", event.places(i));
  WATERLINE_CO_RETURN_IF_ERROR(co_await CheckExist(std::move(names)));
  if (event.programme().empty()) co_return absl::OkStatus();
  const auto ids = text::MatchName(event.programme(), "organisations/*/programmes/*");
  const auto programme = co_await ReadProgramme((*ids)[0], (*ids)[1]);
  if (ReasonOf(programme.status()) == reason::kNotFound.name)
    co_return BadFields({{"event.programme", "names no programme of this organisation"}});
  co_return programme.status();
}

coro::Task<absl::StatusOr<EventFacts>> EventsApi::FactsOfEvent(const rpc::Call& call,
                                                               EventRef event) {
  EventFacts facts;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto stored,
      co_await records::Load<EventRecord>(parts_.store, event.partition(), Key(kEvents, event.id)));
  if (!stored) co_return facts;
  facts.scopes = ScopesOf(stored->record.public_());
  if (call.caller.organisation() == event.organisation) co_return facts;
  const auto programme =
      text::MatchName(stored->record.public_().programme(), "organisations/*/programmes/*");
  if (!programme) co_return facts;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto found, co_await records::Load<storage::v1::ProgrammeRecord>(
                            parts_.store, event.partition(), Key(kProgrammes, (*programme)[1])));
  if (!found) co_return facts;
  for (const auto& function : found->record.public_().functions()) {
    if (IdOf(function.organisation()) == call.caller.organisation()) facts.caller_is_partner = true;
  }
  co_return facts;
}

EventsApi::Answer<v1::CreateEventResponse> EventsApi::CreateEvent(
    const rpc::Call& call, const v1::CreateEventRequest& request) {
  v1::Event event = request.event();
  const auto ids = text::MatchName(request.parent(), "organisations/*");
  event.set_state(v1::Event::STATE_DRAFT);
  auto violations = CheckEvent(&event, ids ? (*ids)[0] : "");
  if (!ids) violations.push_back({"parent", "is not a name organisations/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  const Partition partition((*ids)[0]);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await Ask(call, Operation::OPERATION_WRITE, partition.id, kEvents,
                                  request.parent() + "/events", kCategory));
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry,
      co_await records::FindRetry(parts_.store, partition, &mutation, parts_.clock->NowMs()));
  const EventRef ref{partition.id, retry ? IdOf(retry->resource_name()) : crypto::RandomId('e')};
  if (!retry) {
    WATERLINE_CO_RETURN_IF_ERROR(co_await CheckEventReferences(event));
    const int64_t now = parts_.clock->NowMs();
    for (const auto* field : {"cancel_reason", "published_at", "made_by_import", "etag"}) {
      event.GetReflection()->ClearField(&event, event.GetDescriptor()->FindFieldByName(field));
    }
    event.set_name(ref.name());
    *event.mutable_create_time() = text::ToTimestamp(now);
    *event.mutable_update_time() = text::ToTimestamp(now);
    event.set_demonstration(parts_.network.demonstration);
    EventRecord record;
    *record.mutable_public_() = event;
    Batch batch;
    EvidenceHook hook(parts_.gate, &decision, ref.name());
    WATERLINE_CO_RETURN_IF_ERROR(co_await hook.Before(&batch));
    *record.mutable_receipt() = decision.position();
    batch.Put(Key(kEvents, ref.id), record.SerializeAsString());
    if (!event.programme().empty())
      batch.Put(Key(kProgrammeEvents, IdOf(event.programme()) + "/" + ref.id), "");
    records::Remember(&batch, mutation, ref.name(), decision.position(), now);
    WATERLINE_CO_RETURN_IF_ERROR(
        (co_await parts_.store->Commit(partition, std::move(batch))).status());
  }
  v1::CreateEventResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(*response.mutable_event(), co_await ReadEvent(ref));
  co_return gate::Draft<v1::CreateEventResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::GetEventResponse> EventsApi::GetEvent(const rpc::Call& call,
                                                            const v1::GetEventRequest& request) {
  const auto ids = text::MatchName(request.name(), "organisations/*/events/*");
  if (!ids) co_return BadFields({{"name", "is not a name organisations/{id}/events/{id}"}});
  const EventRef ref{(*ids)[0], (*ids)[1]};
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto stored,
      co_await records::Load<EventRecord>(parts_.store, ref.partition(), Key(kEvents, ref.id)));
  gate::Ask ask(Operation::OPERATION_READ, ref.organisation, kEvents, request.name(), {kCategory});
  ask.records.push_back(stored ? FactsOf(stored->record.public_()) : KeptByLead());
  if (stored) ask.scopes = ScopesOf(stored->record.public_());
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  if (!stored) co_return AbsentEvent();
  v1::GetEventResponse response;
  *response.mutable_event() = ToEvent(*std::move(stored));
  co_return gate::Draft<v1::GetEventResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::ListEventsResponse> EventsApi::ListEvents(
    const rpc::Call& call, const v1::ListEventsRequest& request) {
  const auto ids = text::MatchName(request.parent(), "organisations/*");
  if (!ids) co_return BadFields({{"parent", "is not a name organisations/{id}"}});
  const std::string arguments = request.parent() + "|" + request.programme();
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), arguments));
  const auto programme = text::MatchName(request.programme(), "organisations/*/programmes/*");
  if (!request.programme().empty() && !programme)
    co_return BadFields({{"programme", "is not a name organisations/{id}/programmes/{id}"}});
  const Partition partition((*ids)[0]);
  const std::string prefix = programme ? (*programme)[1] + "/" : "";
  gate::PageFill fill(page.limit, page.after);
  std::vector<records::Stored<EventRecord>> stored;
  std::vector<std::string> keys;
  gate::Decision decision;
  do {
    const std::string collection = programme ? kProgrammeEvents : kEvents;
    const records::Page some{fill.count(), fill.after()};
    const auto range = records::PageRange(collection, prefix, some);
    WATERLINE_CO_ASSIGN_OR_RETURN(
        const auto items, co_await parts_.store->Scan(partition, range, fill.count(),
                                                      waterline::storage::Direction::kForward));
    stored.clear();
    keys.clear();
    gate::Ask ask(Operation::OPERATION_SEARCH, partition.id, kEvents, request.parent() + "/events",
                  {kCategory});
    ask.rows_field = "events";
    ask.whole_collection = true;
    if (programme) ask.filter = "programme = " + request.programme();
    for (const auto& item : items) {
      const EventRef ref{partition.id, item.id.substr(prefix.size())};
      WATERLINE_CO_ASSIGN_OR_RETURN(auto event, co_await LoadEvent(ref));
      ask.records.push_back(FactsOf(event.record.public_()));
      stored.push_back(std::move(event));
      keys.push_back(item.id);
    }
    if (ask.records.empty()) ask.records.push_back(KeptByLead());
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Ask(call, ask));
  } while (!fill.Enough(keys, decision));
  v1::ListEventsResponse response;
  for (int i = 0; i < fill.rows(); ++i)
    *response.add_events() = ToEvent(std::move(stored[static_cast<size_t>(i)]));
  if (!fill.next().empty())
    response.set_next_page_token(records::NextPageToken(fill.next(), arguments));
  co_return gate::Draft<v1::ListEventsResponse>(std::move(response), std::move(decision));
}

coro::Task<absl::StatusOr<v1::Event>> EventsApi::ChangeEvent(
    const rpc::Call& call, const google::protobuf::Message& request, EventRef event,
    std::string etag, gate::Decision* decision, Change change) {
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry, co_await records::FindRetry(parts_.store, event.partition(), &mutation,
                                                    parts_.clock->NowMs()));
  if (!retry) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await LoadEvent(event));
    WATERLINE_CO_RETURN_IF_ERROR(records::CheckEtag(etag, stored.revision));
    const std::string old_programme = stored.record.public_().programme();
    auto* record = stored.record.mutable_public_();
    WATERLINE_CO_RETURN_IF_ERROR(change(record));
    WATERLINE_CO_RETURN_IF_ERROR(co_await CheckEventReferences(*record));
    const int64_t now = parts_.clock->NowMs();
    *record->mutable_update_time() = text::ToTimestamp(now);
    Batch batch;
    EvidenceHook hook(parts_.gate, decision, event.name());
    WATERLINE_CO_RETURN_IF_ERROR(co_await hook.Before(&batch));
    *stored.record.mutable_receipt() = decision->position();
    const Key key(kEvents, event.id);
    batch.RequireRevision(key, stored.revision).Put(key, stored.record.SerializeAsString());
    if (old_programme != record->programme()) {
      if (!old_programme.empty())
        batch.Delete(Key(kProgrammeEvents, IdOf(old_programme) + "/" + event.id));
      if (!record->programme().empty())
        batch.Put(Key(kProgrammeEvents, IdOf(record->programme()) + "/" + event.id), "");
    }
    records::Remember(&batch, mutation, event.name(), decision->position(), now);
    WATERLINE_CO_RETURN_IF_ERROR(
        (co_await parts_.store->Commit(event.partition(), std::move(batch))).status());
  }
  auto result = co_await ReadEvent(event);
  co_return result;
}

EventsApi::Answer<v1::UpdateEventResponse> EventsApi::UpdateEvent(
    const rpc::Call& call, const v1::UpdateEventRequest& request) {
  std::vector<FieldViolation> violations;
  const auto ids = text::MatchName(request.event().name(), "organisations/*/events/*");
  if (!ids) violations.push_back({"event.name", "is not a name organisations/{id}/events/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  const EventRef ref{(*ids)[0], (*ids)[1]};
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await Ask(call, Operation::OPERATION_WRITE, ref.organisation, kEvents,
                                  ref.name(), kCategory));
  Change change = [&](v1::Event* event) {
    WATERLINE_RETURN_IF_ERROR(CheckEditable(*event));
    auto problems = ApplyMask(request.update_mask(), request.event(), FixedFields(), event);
    if (problems.empty()) problems = CheckEvent(event, ref.organisation);
    if (problems.empty() && event->state() != v1::Event::STATE_DRAFT)
      problems = CheckPublishable(*event);
    return problems.empty() ? absl::OkStatus() : BadFields(problems);
  };
  v1::UpdateEventResponse response;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      *response.mutable_event(),
      co_await ChangeEvent(call, request, ref, request.event().etag(), &decision, change));
  co_return gate::Draft<v1::UpdateEventResponse>(std::move(response), std::move(decision));
}

template <class Response, class Request>
EventsApi::Answer<Response> EventsApi::Move(const rpc::Call& call, const Request& request,
                                            Change change) {
  std::vector<FieldViolation> violations;
  const auto ids = text::MatchName(request.name(), "organisations/*/events/*");
  if (!ids) violations.push_back({"name", "is not a name organisations/{id}/events/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  if (!violations.empty()) co_return BadFields(violations);
  const EventRef ref{(*ids)[0], (*ids)[1]};
  auto decision = co_await Ask(call, Operation::OPERATION_WRITE, ref.organisation, kEvents,
                               ref.name(), kCategory);
  if (!decision.ok()) co_return decision.status();
  auto event = co_await ChangeEvent(call, request, ref, request.etag(), &*decision, change);
  if (!event.ok()) co_return event.status();
  Response response;
  *response.mutable_event() = *std::move(event);
  co_return gate::Draft<Response>(std::move(response), *std::move(decision));
}

EventsApi::Answer<v1::PublishEventResponse> EventsApi::PublishEvent(
    const rpc::Call& call, const v1::PublishEventRequest& request) {
  Change change = [this](v1::Event* event) {
    const int64_t now = parts_.clock->NowMs();
    WATERLINE_RETURN_IF_ERROR(CheckTransition(*event, v1::Event::STATE_PUBLISHED, now));
    event->set_state(v1::Event::STATE_PUBLISHED);
    auto problems = CheckPublishable(*event);
    const auto others =
        CheckEvent(event, IdOf(event->name().substr(0, event->name().find("/events/"))));
    problems.insert(problems.end(), others.begin(), others.end());
    if (!problems.empty()) return BadFields(problems);
    *event->mutable_published_at() = text::ToTimestamp(now);
    return absl::OkStatus();
  };
  return Move<v1::PublishEventResponse>(call, request, std::move(change));
}

EventsApi::Answer<v1::OpenEventResponse> EventsApi::OpenEvent(const rpc::Call& call,
                                                              const v1::OpenEventRequest& request) {
  Change change = [this](v1::Event* event) {
    WATERLINE_RETURN_IF_ERROR(
        CheckTransition(*event, v1::Event::STATE_OPEN, parts_.clock->NowMs()));
    event->set_state(v1::Event::STATE_OPEN);
    return absl::OkStatus();
  };
  return Move<v1::OpenEventResponse>(call, request, std::move(change));
}

EventsApi::Answer<v1::HoldEventResponse> EventsApi::HoldEvent(const rpc::Call& call,
                                                              const v1::HoldEventRequest& request) {
  Change change = [this, &request](v1::Event* event) {
    WATERLINE_RETURN_IF_ERROR(
        CheckTransition(*event, v1::Event::STATE_HELD, parts_.clock->NowMs()));
    event->set_state(v1::Event::STATE_HELD);
    if (!request.tallies().empty()) event->mutable_tallies()->CopyFrom(request.tallies());
    if (request.has_level_delivered())
      *event->mutable_level_delivered() = request.level_delivered();
    if (!request.feedback_due_on().empty()) event->set_feedback_due_on(request.feedback_due_on());
    auto problems =
        CheckEvent(event, IdOf(event->name().substr(0, event->name().find("/events/"))));
    if (event->feedback_due_on().empty())
      problems.push_back(
          {"feedback_due_on",
           "is required once an event is held: when will people hear what came of it?"});
    return problems.empty() ? absl::OkStatus() : BadFields(problems);
  };
  return Move<v1::HoldEventResponse>(call, request, std::move(change));
}

EventsApi::Answer<v1::ReportEventResponse> EventsApi::ReportEvent(
    const rpc::Call& call, const v1::ReportEventRequest& request) {
  Change change = [this](v1::Event* event) {
    WATERLINE_RETURN_IF_ERROR(
        CheckTransition(*event, v1::Event::STATE_REPORTED, parts_.clock->NowMs()));
    event->set_state(v1::Event::STATE_REPORTED);
    return absl::OkStatus();
  };
  return Move<v1::ReportEventResponse>(call, request, std::move(change));
}

EventsApi::Answer<v1::CancelEventResponse> EventsApi::CancelEvent(
    const rpc::Call& call, const v1::CancelEventRequest& request) {
  Change change = [this, &request](v1::Event* event) {
    const std::string problem = text::TextProblem(request.reason(), 1, 500);
    if (!problem.empty()) return BadFields({{"reason", problem}});
    WATERLINE_RETURN_IF_ERROR(
        CheckTransition(*event, v1::Event::STATE_CANCELLED, parts_.clock->NowMs()));
    event->set_state(v1::Event::STATE_CANCELLED);
    event->set_cancel_reason(request.reason());
    return absl::OkStatus();
  };
  return Move<v1::CancelEventResponse>(call, request, std::move(change));
}

}  // namespace waterline::events
