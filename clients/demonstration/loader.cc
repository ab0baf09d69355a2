#include "clients/demonstration/loader.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "clients/demonstration/generator.h"
#include "fmt/format.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "waterline/events/v1/events_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::demonstration {
namespace {

using events::v1::Event;
using events::v1::EventsService;
using registry::v1::RegistryService;
using Events = EventsService::Stub;
using Registry = RegistryService::Stub;

constexpr uint64_t kDefaultSeed = 1;
constexpr int kPageSize = 1000;
constexpr size_t kRowsPerRequest = 1000;
constexpr std::chrono::seconds kDeadline{30};

const std::string kParent = std::string("organisations/") + kHost;

// Calls a unary method of a stub.
template <class Stub, class Request, class Response>
absl::Status Call(Stub* stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, Response* response, const Identity& who) {
  grpc::ClientContext context;
  context.AddMetadata("waterline-organisation", kHost);
  context.AddMetadata("waterline-actor", who.actor);
  context.AddMetadata("waterline-role", who.role);
  context.AddMetadata("waterline-purpose", who.purpose);
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  return rpc::FromGrpc((stub->*method)(&context, request, response));
}

// Every page of a list.
template <class Stub, class Request, class Response, class Visit>
absl::Status ForAll(Stub* stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    Request request, const Identity& who, Visit visit) {
  request.set_page_size(kPageSize);
  do {
    Response response;
    WATERLINE_RETURN_IF_ERROR(Call(stub, method, request, &response, who));
    visit(response);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

struct KnownEvent {
  std::string name;
  Event::State state = Event::STATE_UNSPECIFIED;
};

// What the network holds already.
struct Known {
  std::set<std::string> organisations;                  // Names.
  std::set<std::string> members;                        // Organisation names.
  std::map<std::string, std::set<std::string>> places;  // Name -> members now or once.
  std::map<std::string, std::string> programmes;        // Title -> name.
  std::map<std::string, std::string> participants;      // Source id -> name.
  std::map<std::string, KnownEvent> events;             // By title.
};

// Rows are sent while the event is open, so an event that is held has all of them.
bool IsDone(const PlannedEvent& planned, Event::State state) {
  switch (state) {
    case Event::STATE_DRAFT:
    case Event::STATE_PUBLISHED:
    case Event::STATE_OPEN:
    case Event::STATE_UNSPECIFIED:
      return false;
    case Event::STATE_HELD:
      return !planned.is_reported;
    default:
      return true;
  }
}

absl::Status Refused(const std::string& why) { return Error(reason::kStateForbids, why); }

class Loader {
 public:
  Loader(const Channels& channels, const LoadOptions& options)
      : options_(options),
        registry_(RegistryService::NewStub(channels.lead_registry)),
        directory_(RegistryService::NewStub(channels.steward_registry)),
        events_(EventsService::NewStub(channels.lead_events)) {}

  absl::StatusOr<LoadReport> Run() {
    WATERLINE_RETURN_IF_ERROR(CheckNetwork());
    WATERLINE_ASSIGN_OR_RETURN(const auto edition, Settle());
    report_.plan = Generate(edition.seed, edition.as_of);
    prefix_ = fmt::format("demo1-{}-{}-", edition.seed, text::FormatDate(edition.as_of));
    WATERLINE_RETURN_IF_ERROR(Look());
    total_ = CountMissing();
    report_.was_complete = total_ == 0;
    if (!report_.was_complete) {
      WATERLINE_RETURN_IF_ERROR(LoadDirectory());
      WATERLINE_RETURN_IF_ERROR(LoadProgrammes());
      WATERLINE_RETURN_IF_ERROR(LoadParticipants());
      WATERLINE_RETURN_IF_ERROR(LoadEvents());
    }
    for (const auto& [title, name] : known_.programmes) report_.scopes[title] = name;
    for (const auto& [title, event] : known_.events) report_.scopes[title] = event.name;
    return std::move(report_);
  }

 private:
  const Plan& plan() const { return report_.plan; }

  absl::Status CheckNetwork() {
    registry::v1::WhoAmIResponse who;
    WATERLINE_RETURN_IF_ERROR(
        Call(registry_.get(), &Registry::WhoAmI, registry::v1::WhoAmIRequest(), &who, kLead));
    if (!who.demonstration()) {
      return Refused("the network " + who.network() +
                     " is no demonstration; nothing was written. Invented stories are told only in "
                     "a network made with `waterline admin init --development --demonstration`");
    }
    if (who.host() != kHost) {
      return Refused("the host of the network is " + who.host() + ", not " + kHost +
                     "; nothing was written. Make the network with --host " + kHost);
    }
    report_.network = who.network();
    report_.host = who.host();
    return absl::OkStatus();
  }

  // The arguments: those of the network when it has been begun, else those given.
  absl::StatusOr<Edition> Settle() {
    std::optional<Edition> begun;
    bool is_other_version = false;
    events::v1::ListProgrammesRequest request;
    request.set_parent(kParent);
    WATERLINE_RETURN_IF_ERROR(ForAll(events_.get(), &Events::ListProgrammes, request, kLead,
                                     [&](const events::v1::ListProgrammesResponse& page) {
                                       for (const auto& programme : page.programmes()) {
                                         if (!IsDemonstrationProgramme(programme)) continue;
                                         Edition edition;
                                         const bool is_ours =
                                             ParseEdition(programme.description(), &edition);
                                         is_other_version = is_other_version || !is_ours;
                                         if (is_ours) begun = edition;
                                         known_.programmes[programme.title()] = programme.name();
                                       }
                                     }));
    if (is_other_version) {
      return Refused(
          "another version of this program began the network; finish it with that version, or make "
          "a new network");
    }
    if (begun) return SameAsGiven(*begun);
    const Edition edition = {options_.seed.value_or(kDefaultSeed),
                             options_.as_of.value_or(options_.today)};
    if (edition.as_of > options_.today)
      return BadFields({{"as_of", "is later than today: no event may be held before it starts"}});
    return edition;
  }

  absl::StatusOr<Edition> SameAsGiven(const Edition& begun) const {
    if (options_.seed.value_or(begun.seed) != begun.seed ||
        options_.as_of.value_or(begun.as_of) != begun.as_of) {
      return Refused(fmt::format(
          "the network was made with --seed {} --as-of {}; leave both out to complete it, or make "
          "a new network",
          begun.seed, text::FormatDate(begun.as_of)));
    }
    return begun;
  }

  absl::Status Look() {
    WATERLINE_RETURN_IF_ERROR(LookAtDirectory());
    registry::v1::ListParticipantsRequest participants;
    participants.set_parent(kParent);
    WATERLINE_RETURN_IF_ERROR(ForAll(registry_.get(), &Registry::ListParticipants, participants,
                                     kLead, [this](const auto& page) {
                                       for (const auto& one : page.participants())
                                         known_.participants[one.source_id()] = one.name();
                                     }));
    events::v1::ListEventsRequest events;
    events.set_parent(kParent);
    return ForAll(events_.get(), &Events::ListEvents, events, kLead, [this](const auto& page) {
      for (const auto& one : page.events())
        known_.events[one.title()] = KnownEvent{one.name(), one.state()};
    });
  }

  absl::Status LookAtDirectory() {
    WATERLINE_RETURN_IF_ERROR(ForAll(registry_.get(), &Registry::ListOrganisations,
                                     registry::v1::ListOrganisationsRequest(), kLead,
                                     [this](const auto& page) {
                                       for (const auto& one : page.organisations())
                                         known_.organisations.insert(one.name());
                                     }));
    WATERLINE_RETURN_IF_ERROR(ForAll(registry_.get(), &Registry::ListMembers,
                                     registry::v1::ListMembersRequest(), kLead,
                                     [this](const auto& page) {
                                       for (const auto& one : page.members())
                                         known_.members.insert(one.organisation());
                                     }));
    return ForAll(registry_.get(), &Registry::ListPlaces, registry::v1::ListPlacesRequest(), kLead,
                  [this](const auto& page) {
                    for (const auto& one : page.places()) {
                      auto& members = known_.places[one.name()];
                      for (const auto& membership : one.memberships())
                        members.insert(membership.organisation());
                    }
                  });
  }

  bool IsKnown(const registry::v1::Organisation& organisation) const {
    return known_.organisations.contains("organisations/local-" +
                                         organisation.identifiers(0).value());
  }
  bool IsMember(const PlannedPlace& place, const registry::v1::PlaceMembership& membership) const {
    const auto known = known_.places.find("places/" + place.id);
    return known != known_.places.end() && known->second.contains(membership.organisation());
  }
  bool IsDoneAlready(const PlannedEvent& planned) const {
    const auto known = known_.events.find(planned.event.title());
    return known != known_.events.end() && IsDone(planned, known->second.state);
  }

  size_t CountMissing() const {
    size_t missing = 0;
    for (const auto& one : plan().organisations) missing += !IsKnown(one);
    for (const auto& one : plan().members) missing += !known_.members.contains(one);
    for (const auto& place : plan().places) {
      missing += !known_.places.contains("places/" + place.id);
      for (const auto& one : place.memberships) missing += !IsMember(place, one);
    }
    for (const auto& one : plan().programmes) missing += !known_.programmes.contains(one.title());
    for (const auto& one : plan().participants)
      missing += !known_.participants.contains(one.source_id());
    for (const auto& one : plan().events) missing += !IsDoneAlready(one);
    return missing;
  }

  void Step(const std::string& what) {
    std::lock_guard lock(mutex_);
    ++done_;
    if (options_.progress) options_.progress(what, done_, total_);
  }

  std::string RequestId(const std::string& step) const { return prefix_ + step; }

  absl::Status LoadDirectory() {
    for (const auto& organisation : plan().organisations) {
      if (IsKnown(organisation)) continue;
      registry::v1::CreateOrganisationRequest request;
      *request.mutable_organisation() = organisation;
      request.set_request_id(RequestId("o-" + organisation.identifiers(0).value()));
      registry::v1::CreateOrganisationResponse response;
      WATERLINE_RETURN_IF_ERROR(
          Call(directory_.get(), &Registry::CreateOrganisation, request, &response, kSteward));
      Step("organisations");
    }
    for (const auto& member : plan().members) {
      if (known_.members.contains(member)) continue;
      registry::v1::AddMemberRequest request;
      request.set_organisation(member);
      request.set_request_id(RequestId("m-" + member.substr(member.rfind('/') + 1)));
      registry::v1::AddMemberResponse response;
      WATERLINE_RETURN_IF_ERROR(
          Call(directory_.get(), &Registry::AddMember, request, &response, kSteward));
      Step("members");
    }
    for (const auto& place : plan().places) WATERLINE_RETURN_IF_ERROR(LoadPlace(place));
    return absl::OkStatus();
  }

  absl::Status LoadPlace(const PlannedPlace& planned) {
    if (!known_.places.contains("places/" + planned.id)) {
      registry::v1::CreatePlaceRequest request;
      *request.mutable_place() = planned.place;
      request.set_place_id(planned.id);
      request.set_request_id(RequestId("p-" + planned.id));
      registry::v1::CreatePlaceResponse response;
      WATERLINE_RETURN_IF_ERROR(
          Call(directory_.get(), &Registry::CreatePlace, request, &response, kSteward));
      Step("places");
    }
    int number = 0;
    for (const auto& membership : planned.memberships) {
      ++number;
      if (IsMember(planned, membership)) continue;
      registry::v1::JoinPlaceRequest request;
      request.set_name("places/" + planned.id);
      request.set_organisation(membership.organisation());
      request.set_joined_on(membership.joined_on());
      request.set_request_id(RequestId(fmt::format("j-{}-{}", planned.id, number)));
      registry::v1::JoinPlaceResponse response;
      WATERLINE_RETURN_IF_ERROR(
          Call(directory_.get(), &Registry::JoinPlace, request, &response, kSteward));
      Step("places");
    }
    return absl::OkStatus();
  }

  absl::Status LoadProgrammes() {
    int number = 0;
    for (const auto& programme : plan().programmes) {
      ++number;
      if (known_.programmes.contains(programme.title())) continue;
      events::v1::CreateProgrammeRequest request;
      request.set_parent(kParent);
      *request.mutable_programme() = programme;
      request.set_request_id(RequestId(fmt::format("programme-{}", number)));
      events::v1::CreateProgrammeResponse response;
      WATERLINE_RETURN_IF_ERROR(
          Call(events_.get(), &Events::CreateProgramme, request, &response, kLead));
      known_.programmes[programme.title()] = response.programme().name();
      Step("programmes");
    }
    return absl::OkStatus();
  }

  absl::Status LoadParticipants() {
    for (const auto& participant : plan().participants) {
      if (known_.participants.contains(participant.source_id())) continue;
      registry::v1::RegisterParticipantRequest request;
      request.set_parent(kParent);
      *request.mutable_participant() = participant;
      request.set_request_id(RequestId(participant.source_id()));
      registry::v1::RegisterParticipantResponse response;
      WATERLINE_RETURN_IF_ERROR(
          Call(registry_.get(), &Registry::RegisterParticipant, request, &response, kLead));
      known_.participants[participant.source_id()] = response.participant().name();
      Step("participants");
    }
    return absl::OkStatus();
  }

  // Several at once, about in order of time; the first error ends all.
  absl::Status LoadEvents() {
    std::atomic<size_t> next{0};
    std::atomic<bool> failed{false};
    absl::Status first;
    const auto work = [&] {
      for (size_t i = next++; i < plan().events.size() && !failed; i = next++) {
        const auto status = LoadEvent(plan().events[i]);
        if (status.ok()) continue;
        std::lock_guard lock(mutex_);
        if (!failed.exchange(true)) first = status;
      }
    };
    std::vector<std::thread> workers;
    for (int i = 0; i < options_.workers; ++i) workers.emplace_back(work);
    for (auto& worker : workers) worker.join();
    return first;
  }

  KnownEvent Find(const std::string& title) {
    std::lock_guard lock(mutex_);
    const auto found = known_.events.find(title);
    return found == known_.events.end() ? KnownEvent() : found->second;
  }

  absl::Status LoadEvent(const PlannedEvent& planned) {
    KnownEvent event = Find(planned.event.title());
    if (IsDone(planned, event.state)) return absl::OkStatus();
    if (event.state == Event::STATE_UNSPECIFIED)
      WATERLINE_RETURN_IF_ERROR(CreateEvent(planned, &event));
    if (event.state == Event::STATE_DRAFT) {
      WATERLINE_RETURN_IF_ERROR(
          (Move<events::v1::PublishEventRequest, events::v1::PublishEventResponse>(
              &Events::PublishEvent, planned.key, "publish", {}, &event)));
    }
    if (event.state == Event::STATE_PUBLISHED) {
      WATERLINE_RETURN_IF_ERROR((Move<events::v1::OpenEventRequest, events::v1::OpenEventResponse>(
          &Events::OpenEvent, planned.key, "open", {}, &event)));
    }
    if (event.state == Event::STATE_OPEN) {
      WATERLINE_RETURN_IF_ERROR(RecordStatements(planned, event.name));
      WATERLINE_RETURN_IF_ERROR(RecordResponses(planned, event.name));
      WATERLINE_RETURN_IF_ERROR((Move<events::v1::HoldEventRequest, events::v1::HoldEventResponse>(
          &Events::HoldEvent, planned.key, "hold", planned.hold, &event)));
    }
    if (event.state == Event::STATE_HELD && planned.is_reported) {
      WATERLINE_RETURN_IF_ERROR(
          (Move<events::v1::ReportEventRequest, events::v1::ReportEventResponse>(
              &Events::ReportEvent, planned.key, "report", {}, &event)));
    }
    {
      std::lock_guard lock(mutex_);
      known_.events[planned.event.title()] = event;
    }
    Step("events");
    return absl::OkStatus();
  }

  absl::Status CreateEvent(const PlannedEvent& planned, KnownEvent* event) {
    events::v1::CreateEventRequest request;
    request.set_parent(kParent);
    *request.mutable_event() = planned.event;
    request.mutable_event()->set_programme(known_.programmes.at(planned.programme));
    request.set_request_id(RequestId(planned.key + "-create"));
    events::v1::CreateEventResponse response;
    WATERLINE_RETURN_IF_ERROR(Call(events_.get(), &Events::CreateEvent, request, &response, kLead));
    *event = {response.event().name(), response.event().state()};
    return absl::OkStatus();
  }

  template <class Request, class Response>
  absl::Status Move(grpc::Status (Events::*method)(grpc::ClientContext*, const Request&, Response*),
                    const std::string& key, const std::string& step, Request request,
                    KnownEvent* event) {
    request.set_name(event->name);
    request.set_request_id(RequestId(key + "-" + step));
    Response response;
    WATERLINE_RETURN_IF_ERROR(Call(events_.get(), method, request, &response, kLead));
    event->state = response.event().state();
    return absl::OkStatus();
  }

  absl::Status RecordStatements(const PlannedEvent& planned, const std::string& event) {
    if (planned.contributions.empty()) return absl::OkStatus();
    events::v1::RecordContributionsRequest request;
    request.set_parent(event);
    request.set_request_id(RequestId(planned.key + "-statements"));
    for (const auto& one : planned.contributions) {
      auto* contribution = request.add_contributions();
      *contribution = one.contribution;
      if (!one.participant.empty())
        contribution->set_participant(known_.participants.at(one.participant));
    }
    events::v1::RecordContributionsResponse recorded;
    WATERLINE_RETURN_IF_ERROR(
        Call(events_.get(), &Events::RecordContributions, request, &recorded, kLead));
    if (recorded.contributions_size() != request.contributions_size())
      return Error(reason::kUnexpected, "the server answered with other contributions than sent");
    return RecordReactions(planned, event, recorded);
  }

  absl::Status RecordReactions(const PlannedEvent& planned, const std::string& event,
                               const events::v1::RecordContributionsResponse& recorded) {
    if (planned.reactions.empty()) return absl::OkStatus();
    events::v1::RecordReactionsRequest request;
    request.set_parent(event);
    request.set_request_id(RequestId(planned.key + "-reactions"));
    for (const auto& one : planned.reactions) {
      auto* reaction = request.add_reactions();
      *reaction = one.reaction;
      reaction->set_contribution(recorded.contributions(static_cast<int>(one.contribution)).name());
    }
    events::v1::RecordReactionsResponse response;
    return Call(events_.get(), &Events::RecordReactions, request, &response, kLead);
  }

  absl::Status RecordResponses(const PlannedEvent& planned, const std::string& event) {
    for (size_t begin = 0; begin < planned.responses.size(); begin += kRowsPerRequest) {
      const size_t end = std::min(planned.responses.size(), begin + kRowsPerRequest);
      events::v1::RecordResponsesRequest request;
      request.set_parent(event);
      request.set_request_id(RequestId(fmt::format("{}-responses-{}", planned.key, begin)));
      for (size_t i = begin; i < end; ++i) *request.add_responses() = planned.responses[i];
      events::v1::RecordResponsesResponse response;
      WATERLINE_RETURN_IF_ERROR(
          Call(events_.get(), &Events::RecordResponses, request, &response, kLead));
    }
    return absl::OkStatus();
  }

  const LoadOptions& options_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Registry> directory_;  // As steward, who writes it.
  std::unique_ptr<Events> events_;
  LoadReport report_;
  std::string prefix_;  // Of request ids.
  std::mutex mutex_;
  Known known_;  // While events are loaded: `events` under mutex_, the rest only read.
  size_t done_ = 0;
  size_t total_ = 0;
};

}  // namespace

absl::StatusOr<LoadReport> Load(const Channels& channels, const LoadOptions& options) {
  return Loader(channels, options).Run();
}

absl::StatusOr<LoadReport> Load(const std::shared_ptr<grpc::Channel>& channel,
                                const LoadOptions& options) {
  const Channels channels{channel, channel, channel};
  return Load(channels, options);
}

std::string StoriesInWords(const LoadReport& report) {
  std::string out;
  for (const auto& story : report.plan.stories) {
    out += story.title + "\n";
    for (const auto& look : story.looks) {
      const auto scope = report.scopes.find(look.title);
      const std::string argument =
          scope == report.scopes.end() ? "\"" + look.title + "\"" : scope->second;
      out += "  waterline map " + argument + "\n      " + look.title + ": " + look.shows + "\n";
    }
  }
  return out;
}

}  // namespace waterline::demonstration
