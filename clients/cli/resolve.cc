#include "clients/cli/resolve.h"

#include <algorithm>

#include "clients/cli/fields.h"
#include "google/protobuf/descriptor.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/utf8.h"
#include "waterline/events/v1/events_service.pb.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using text::IdOf;

constexpr const char* kSchemes[] = {"ods", "chc", "coh", "gss", "local"};

absl::Status NothingCalled(const std::string& typed, const std::string& what,
                           const std::vector<Candidate>& candidates) {
  std::vector<std::string> titles;
  for (const auto& candidate : candidates) titles.push_back(candidate.title);
  std::sort(titles.begin(), titles.end());
  titles.erase(std::unique(titles.begin(), titles.end()), titles.end());
  const std::string near = text::Suggestion(typed, titles);
  return Error(reason::kNotFound, "there is no " + what + " called \"" + typed + "\"" +
                                      (near.empty() ? "" : "; did you mean " + near + "?"));
}

absl::StatusOr<std::vector<Candidate>> CandidatesOf(Session* session, const Message& list) {
  WATERLINE_ASSIGN_OR_RETURN(const OwnedMessages items, session->ListAll(list));
  std::vector<Candidate> out;
  for (const auto& item : items) {
    out.push_back({FieldText(*item, "name"), FieldText(*item, "title")});
  }
  return out;
}

absl::StatusOr<std::vector<Candidate>> Places(Session* session) {
  return CandidatesOf(session, registry::v1::ListPlacesRequest());
}

template <class ListRequest>
absl::StatusOr<std::vector<Candidate>> Own(Session* session) {
  ListRequest request;
  WATERLINE_ASSIGN_OR_RETURN(*request.mutable_parent(), session->Parent());
  return CandidatesOf(session, request);
}

// Looks for an organisation by the ids that `typed` may be, then by title.
absl::StatusOr<Candidate> FindOrganisation(Session* session, const std::string& typed) {
  for (const auto& id : OrganisationIdsFor(typed)) {
    registry::v1::GetOrganisationRequest request;
    request.set_name("organisations/" + id);
    const auto found = session->Get<registry::v1::GetOrganisationResponse>(request);
    if (found.ok()) return Candidate{found->organisation().name(), found->organisation().title()};
    if (!absl::IsNotFound(found.status())) return found.status();
  }
  WATERLINE_ASSIGN_OR_RETURN(const auto all,
                             CandidatesOf(session, registry::v1::ListOrganisationsRequest()));
  return Choose(typed, "organisation", all);
}

template <class Response>
absl::StatusOr<Candidate> TitleOf(Session* session, const Message& request) {
  WATERLINE_ASSIGN_OR_RETURN(const auto response, session->Get<Response>(request));
  const auto* field = response.GetDescriptor()->field(0);
  const Message& found = response.GetReflection()->GetMessage(response, field);
  return Candidate{FieldText(found, "name"), FieldText(found, "title")};
}

// `typed` is a resource name: what it names, with its title.
absl::StatusOr<Candidate> NamedScope(Session* session, const std::string& typed) {
  if (text::MatchName(typed, "organisations/*")) {
    registry::v1::GetOrganisationRequest request;
    request.set_name(typed);
    return TitleOf<registry::v1::GetOrganisationResponse>(session, request);
  }
  if (text::MatchName(typed, "places/*")) {
    registry::v1::GetPlaceRequest request;
    request.set_name(typed);
    return TitleOf<registry::v1::GetPlaceResponse>(session, request);
  }
  if (text::MatchName(typed, "organisations/*/events/*")) {
    events::v1::GetEventRequest request;
    request.set_name(typed);
    return TitleOf<events::v1::GetEventResponse>(session, request);
  }
  if (text::MatchName(typed, "organisations/*/programmes/*")) {
    events::v1::GetProgrammeRequest request;
    request.set_name(typed);
    return TitleOf<events::v1::GetProgrammeResponse>(session, request);
  }
  return Error(reason::kInvalidFields, "\"" + typed +
                                           "\" is not the name of an organisation, a place, a "
                                           "programme or an event");
}

bool SameText(std::string_view a, std::string_view b) {
  return text::ToLower(a) == text::ToLower(b);
}

bool Fits(const std::string& typed, const Candidate& candidate) {
  return candidate.name == typed || IdOf(candidate.name) == typed ||
         SameText(candidate.title, text::Trim(typed));
}

absl::StatusOr<std::string> NameOf(absl::StatusOr<Candidate> found) {
  if (!found.ok()) return found.status();
  return found->name;
}

using Resolver = absl::StatusOr<std::string> (*)(Session*, const std::string&);

// How the values of a field are resolved; nothing for a field that names nothing.
Resolver ResolverOf(const std::string& field) {
  if (field == "organisation" || field == "accountable_body") return ResolveOrganisation;
  if (field == "places") return ResolvePlace;
  if (field == "programme") return ResolveProgramme;
  return nullptr;
}

absl::Status ResolveStrings(Session* session, Resolver resolver, const FieldDescriptor* field,
                            Message* message) {
  const auto* reflection = message->GetReflection();
  if (field->is_repeated()) {
    for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
      WATERLINE_ASSIGN_OR_RETURN(
          std::string name, resolver(session, reflection->GetRepeatedString(*message, field, i)));
      reflection->SetRepeatedString(message, field, i, std::move(name));
    }
    return absl::OkStatus();
  }
  const std::string typed = reflection->GetString(*message, field);
  if (typed.empty()) return absl::OkStatus();
  WATERLINE_ASSIGN_OR_RETURN(std::string name, resolver(session, typed));
  reflection->SetString(message, field, std::move(name));
  return absl::OkStatus();
}

absl::Status ResolveMessages(Session* session, const FieldDescriptor* field, Message* message) {
  const auto* reflection = message->GetReflection();
  if (!field->is_repeated()) {
    return ResolveFields(session, reflection->MutableMessage(message, field));
  }
  for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
    WATERLINE_RETURN_IF_ERROR(
        ResolveFields(session, reflection->MutableRepeatedMessage(message, field, i)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Candidate> Choose(const std::string& typed, const std::string& what,
                                 const std::vector<Candidate>& candidates) {
  for (const auto& candidate : candidates) {
    if (candidate.name == typed || IdOf(candidate.name) == typed) return candidate;
  }
  std::vector<Candidate> fitting;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(fitting),
               [&typed](const Candidate& candidate) { return Fits(typed, candidate); });
  if (fitting.size() == 1) return fitting[0];
  if (fitting.empty()) return NothingCalled(typed, what, candidates);
  std::string names;
  for (const auto& candidate : fitting) names += (names.empty() ? "" : ", ") + candidate.name;
  return Error(reason::kInvalidFields, "more than one " + what + " is called \"" + typed +
                                           "\"; give one of these names: " + names);
}

std::vector<std::string> OrganisationIdsFor(const std::string& typed) {
  std::vector<std::string> out;
  for (const std::string scheme : kSchemes) {
    const std::string prefix = scheme + "-";
    if (text::IsResourceId(typed) && typed.starts_with(prefix)) return {typed};
    const bool code = scheme != "local" && text::NormaliseIdentifier(scheme, typed).has_value();
    if (code) out.push_back(prefix + text::ToLower(text::Trim(typed)));
  }
  return out;
}

absl::StatusOr<std::string> ResolveOrganisation(Session* session, const std::string& typed) {
  if (text::MatchName(typed, "organisations/*")) return typed;
  return NameOf(FindOrganisation(session, typed));
}

absl::StatusOr<std::string> ResolvePlace(Session* session, const std::string& typed) {
  if (text::MatchName(typed, "places/*")) return typed;
  WATERLINE_ASSIGN_OR_RETURN(const auto all, Places(session));
  return NameOf(Choose(typed, "place", all));
}

absl::StatusOr<std::string> ResolveEvent(Session* session, const std::string& typed) {
  if (text::MatchName(typed, "organisations/*/events/*")) return typed;
  WATERLINE_ASSIGN_OR_RETURN(const auto all, Own<events::v1::ListEventsRequest>(session));
  return NameOf(Choose(typed, "event of your organisation", all));
}

absl::StatusOr<std::string> ResolveProgramme(Session* session, const std::string& typed) {
  if (text::MatchName(typed, "organisations/*/programmes/*")) return typed;
  WATERLINE_ASSIGN_OR_RETURN(const auto all, Own<events::v1::ListProgrammesRequest>(session));
  return NameOf(Choose(typed, "programme of your organisation", all));
}

absl::StatusOr<Candidate> ResolveScope(Session* session, const std::string& typed) {
  if (typed.starts_with("organisations/") || typed.starts_with("places/")) {
    return NamedScope(session, typed);
  }
  WATERLINE_ASSIGN_OR_RETURN(auto all, Places(session));
  WATERLINE_ASSIGN_OR_RETURN(auto programmes, Own<events::v1::ListProgrammesRequest>(session));
  WATERLINE_ASSIGN_OR_RETURN(auto own, Own<events::v1::ListEventsRequest>(session));
  all.insert(all.end(), programmes.begin(), programmes.end());
  all.insert(all.end(), own.begin(), own.end());
  const bool any = std::any_of(all.begin(), all.end(),
                               [&](const Candidate& candidate) { return Fits(typed, candidate); });
  const auto chosen = Choose(typed, "place, programme or event", all);
  if (any) return chosen;
  auto organisation = FindOrganisation(session, typed);
  if (organisation.ok() || !absl::IsNotFound(organisation.status())) return organisation;
  WATERLINE_ASSIGN_OR_RETURN(const auto organisations,
                             CandidatesOf(session, registry::v1::ListOrganisationsRequest()));
  all.insert(all.end(), organisations.begin(), organisations.end());
  return Choose(typed, "place, programme, event or organisation", all);
}

absl::Status ResolveFields(Session* session, Message* message) {
  std::vector<const FieldDescriptor*> fields;
  message->GetReflection()->ListFields(*message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      WATERLINE_RETURN_IF_ERROR(ResolveMessages(session, field, message));
    } else if (const Resolver resolver = ResolverOf(field->name())) {
      WATERLINE_RETURN_IF_ERROR(ResolveStrings(session, resolver, field, message));
    }
  }
  return absl::OkStatus();
}

}  // namespace waterline::cli
