#include "services/events/domain/rules.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "services/common/data/code_lists.h"
#include "services/common/data/indicators.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/personal.h"
#include "services/common/text/utf8.h"

namespace waterline::events {
namespace {

using Violations = std::vector<FieldViolation>;
using google::protobuf::FieldDescriptor;

constexpr size_t kListMax = 50;
constexpr size_t kFunctionsMax = 200;
constexpr uint64_t kCountMax = 1'000'000;

void CheckText(const std::string& field, const std::string& value, size_t min, size_t max,
               Violations* violations) {
  const std::string problem = text::TextProblem(value, min, max);
  if (!problem.empty()) violations->push_back({field, problem});
}

template <class Strings>
void CheckTexts(const std::string& field, const Strings& values, size_t max,
                Violations* violations) {
  if (static_cast<size_t>(values.size()) > kListMax)
    violations->push_back({field, "has more than 50 entries"});
  for (int i = 0; i < values.size(); ++i)
    CheckText(field + "[" + std::to_string(i) + "]", values[i], 1, max, violations);
}

void CheckCode(const std::string& field, const std::string& list, const std::string& code,
               bool required, Violations* violations) {
  if (code.empty() ? required : !data::IsKnownCode(list, code)) {
    violations->push_back(
        {field, "is not in the code list " + list + "; see `waterline codes " + list + "`"});
  }
}

void CheckDate(const std::string& field, const std::string& value, Violations* violations) {
  if (!value.empty() && !text::ParseDate(value))
    violations->push_back({field, "is not a date of the calendar, written YYYY-MM-DD"});
}

void CheckLevel(const std::string& field, const v1::ParticipationLevel& level,
                Violations* violations) {
  const std::string list = "participation_level_" + level.scheme();
  if (data::FindCodeList(list) == nullptr) {
    violations->push_back({field + ".scheme", "is not iap2, nhs_ladder or arnstein"});
  } else {
    CheckCode(field + ".code", list, level.code(), true, violations);
  }
}

void CheckTimes(const v1::Event& event, Violations* violations) {
  for (const auto& [name, set, time] :
       {std::tuple{"event.starts_at", event.has_starts_at(), &event.starts_at()},
        std::tuple{"event.ends_at", event.has_ends_at(), &event.ends_at()}}) {
    if (!set) {
      violations->push_back({name, "is required"});
    } else if (!text::ParseDate(text::FormatDate(text::DayOf(text::ToMs(*time))))) {
      violations->push_back({name, "is not between the years 2000 and 2199"});
    }
  }
  if (event.has_starts_at() && event.has_ends_at() &&
      text::ToMs(event.ends_at()) <= text::ToMs(event.starts_at())) {
    violations->push_back({"event.ends_at", "is not after starts_at"});
  }
}

void CheckVenue(v1::Event* event, Violations* violations) {
  if (!event->has_venue()) return;
  auto* venue = event->mutable_venue();
  CheckText("event.venue.title", venue->title(), 1, 200, violations);
  if (!venue->postcode().empty()) {
    const auto postcode = text::NormalisePostcode(venue->postcode());
    if (!postcode) violations->push_back({"event.venue.postcode", "is not a postcode"});
    if (postcode) venue->set_postcode(*postcode);
  }
  for (int i = 0; i < venue->accessibility_size(); ++i) {
    CheckCode("event.venue.accessibility[" + std::to_string(i) + "]", "venue_need",
              venue->accessibility(i), true, violations);
  }
}

void CheckTallies(const v1::Event& event, Violations* violations) {
  for (int i = 0; i < event.tallies_size(); ++i) {
    const std::string path = "event.tallies[" + std::to_string(i) + "]";
    CheckCode(path + ".role", "participant_role", event.tallies(i).role(), true, violations);
    if (event.tallies(i).count() > kCountMax)
      violations->push_back({path + ".count", "is more than 1,000,000"});
  }
}

void CheckFunction(const std::string& path, v1::PartnerFunction* function, Violations* violations) {
  CheckCode(path + ".function", "partner_function", function->function(), true, violations);
  if (!text::MatchName(function->organisation(), "organisations/*"))
    violations->push_back({path + ".organisation", "is not a name organisations/{id}"});
  if (function->accountable_body().empty())
    function->set_accountable_body(function->organisation());
  if (!text::MatchName(function->accountable_body(), "organisations/*"))
    violations->push_back({path + ".accountable_body", "is not a name organisations/{id}"});
  CheckDate(path + ".from", function->from(), violations);
  CheckDate(path + ".to", function->to(), violations);
  if (!function->from().empty() && !function->to().empty() && function->to() < function->from())
    violations->push_back({path + ".to", "is before from"});
}

bool NeedsVenue(const v1::Event& event) {
  return event.mode() != "online" && event.mode() != "postal" && event.mode() != "telephone";
}

bool IsTimeZone(const std::string& zone) {
  return zone.size() <= 64 && std::all_of(zone.begin(), zone.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '-' || c == '+';
         });
}

}  // namespace

std::vector<FieldViolation> CheckProgramme(v1::Programme* programme) {
  Violations violations;
  programme->set_title(std::string(text::Trim(programme->title())));
  CheckText("programme.title", programme->title(), 1, 200, &violations);
  CheckText("programme.description", programme->description(), 0, 2000, &violations);
  CheckTexts("programme.topics", programme->topics(), 100, &violations);
  if (static_cast<size_t>(programme->functions_size()) > kFunctionsMax)
    violations.push_back({"programme.functions", "has more than 200 entries"});
  for (int i = 0; i < programme->functions_size(); ++i) {
    CheckFunction("programme.functions[" + std::to_string(i) + "]", programme->mutable_functions(i),
                  &violations);
  }
  return violations;
}

std::vector<FieldViolation> CheckEvent(v1::Event* event, const std::string& organisation) {
  Violations violations;
  event->set_title(std::string(text::Trim(event->title())));
  CheckText("event.title", event->title(), 1, 200, &violations);
  CheckCode("event.method", "engagement_method", event->method(), true, &violations);
  CheckCode("event.mode", "engagement_mode", event->mode(), true, &violations);
  CheckTimes(*event, &violations);
  if (event->time_zone().empty()) event->set_time_zone("Europe/London");
  if (!IsTimeZone(event->time_zone()))
    violations.push_back({"event.time_zone", "is not an IANA time zone such as Europe/London"});
  CheckVenue(event, &violations);
  CheckText("event.purpose", event->purpose(), 0, 1000, &violations);
  CheckText("event.question", event->question(), 0, 1000, &violations);
  CheckTexts("event.what_is_open", event->what_is_open(), 500, &violations);
  CheckTexts("event.what_is_decided", event->what_is_decided(), 500, &violations);
  if (event->has_level_promised())
    CheckLevel("event.level_promised", event->level_promised(), &violations);
  if (event->has_level_delivered())
    CheckLevel("event.level_delivered", event->level_delivered(), &violations);
  const auto& promise = event->level_promised().code();
  if ((promise == "empower" || promise == "collaborate") && event->what_is_open().empty() &&
      event->state() != v1::Event::STATE_DRAFT) {
    violations.push_back(
        {"event.what_is_open", "is required when the promise is to collaborate or empower"});
  }
  CheckText("event.recruitment_route", event->recruitment_route(), 0, 500, &violations);
  CheckText("event.notice_version", event->notice_version(), 0, 100, &violations);
  CheckTexts("event.topics", event->topics(), 100, &violations);
  CheckDate("event.papers_sent_on", event->papers_sent_on(), &violations);
  CheckDate("event.feedback_due_on", event->feedback_due_on(), &violations);
  CheckTallies(*event, &violations);
  for (int i = 0; i < event->places_size(); ++i) {
    if (!text::MatchName(event->places(i), "places/*"))
      violations.push_back(
          {"event.places[" + std::to_string(i) + "]", "is not a name places/{id}"});
  }
  if (!event->programme().empty()) {
    const auto ids = text::MatchName(event->programme(), "organisations/*/programmes/*");
    if (!ids || (*ids)[0] != organisation)
      violations.push_back(
          {"event.programme", "is not a programme of the event's own organisation"});
  }
  return violations;
}

std::vector<FieldViolation> CheckPublishable(const v1::Event& event) {
  Violations violations;
  CheckText("event.purpose", event.purpose(), 30, 1000, &violations);
  CheckText("event.question", event.question(), 1, 1000, &violations);
  CheckText("event.recruitment_route", event.recruitment_route(), 1, 500, &violations);
  CheckText("event.notice_version", event.notice_version(), 1, 100, &violations);
  if (event.what_is_open().empty() && event.what_is_decided().empty()) {
    violations.push_back(
        {"event.what_is_open",
         "is required, or what_is_decided: people must know what can still change"});
  }
  if (!event.has_level_promised())
    violations.push_back(
        {"event.level_promised", "is required: it is what the organisation will be held to"});
  if (NeedsVenue(event) && !event.has_venue())
    violations.push_back(
        {"event.venue", "is required unless the mode is online, telephone or postal"});
  return violations;
}

std::string StateName(v1::Event::State state) {
  std::string name = text::ToLower(v1::Event::State_Name(state).substr(6));
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

absl::Status CheckTransition(const v1::Event& event, v1::Event::State to, int64_t now_ms) {
  using E = v1::Event;
  const auto from = event.state();
  const bool before_held =
      from == E::STATE_DRAFT || from == E::STATE_PUBLISHED || from == E::STATE_OPEN;
  const bool allowed = (to == E::STATE_PUBLISHED && from == E::STATE_DRAFT) ||
                       (to == E::STATE_OPEN && from == E::STATE_PUBLISHED) ||
                       (to == E::STATE_HELD && from == E::STATE_OPEN) ||
                       (to == E::STATE_REPORTED && from == E::STATE_HELD) ||
                       (to == E::STATE_CANCELLED && before_held);
  if (!allowed) {
    return Error(reason::kStateForbids,
                 "an event that is " + StateName(from) + " cannot become " + StateName(to),
                 {{"state", StateName(from)}});
  }
  if (to == E::STATE_HELD && text::ToMs(event.starts_at()) > now_ms) {
    return Error(reason::kStateForbids, "an event cannot be held before it starts",
                 {{"state", StateName(from)}});
  }
  return absl::OkStatus();
}

absl::Status CheckEditable(const v1::Event& event) {
  const auto state = event.state();
  if (state == v1::Event::STATE_DRAFT || state == v1::Event::STATE_PUBLISHED ||
      state == v1::Event::STATE_OPEN || state == v1::Event::STATE_HELD)
    return absl::OkStatus();
  return Error(reason::kStateForbids, "an event that is " + StateName(state) + " cannot be changed",
               {{"state", StateName(state)}});
}

absl::Status CheckRecording(const v1::Event& event) {
  if (event.state() == v1::Event::STATE_OPEN || event.state() == v1::Event::STATE_HELD)
    return absl::OkStatus();
  return Error(
      reason::kStateForbids,
      "an event takes records while it is open or held; this one is " + StateName(event.state()),
      {{"state", StateName(event.state())}});
}

std::vector<FieldViolation> ApplyMask(const google::protobuf::FieldMask& mask,
                                      const google::protobuf::Message& from,
                                      const std::vector<std::string>& fixed,
                                      google::protobuf::Message* to) {
  Violations violations;
  if (mask.paths().empty())
    violations.push_back({"update_mask", "is required: the fields to change, or *"});
  const auto is_fixed = [&fixed](const std::string& name) {
    return std::find(fixed.begin(), fixed.end(), name) != fixed.end();
  };
  std::vector<const FieldDescriptor*> fields;
  const auto* type = from.GetDescriptor();
  for (const auto& path : mask.paths()) {
    if (path == "*") {
      for (int i = 0; i < type->field_count(); ++i) {
        if (!is_fixed(type->field(i)->name())) fields.push_back(type->field(i));
      }
      continue;
    }
    const auto* field = type->FindFieldByName(path);
    if (field == nullptr) {
      violations.push_back(
          {"update_mask", "names no field of the resource: give top-level field names"});
    } else if (is_fixed(path)) {
      violations.push_back(
          {"update_mask", path + " is set by the service and cannot be changed this way"});
    } else {
      fields.push_back(field);
    }
  }
  if (!violations.empty()) return violations;
  std::unique_ptr<google::protobuf::Message> source(from.New());
  source->CopyFrom(from);
  for (const auto* field : fields) {
    to->GetReflection()->ClearField(to, field);
    std::vector<const FieldDescriptor*> keep = {field};
    std::unique_ptr<google::protobuf::Message> one(from.New());
    one->GetReflection()->SwapFields(one.get(), source.get(), keep);
    to->MergeFrom(*one);
  }
  return violations;
}

std::vector<FieldViolation> CheckContribution(const std::string& path,
                                              v1::Contribution* contribution) {
  Violations violations;
  CheckText(path + ".source_id", contribution->source_id(), 1, 128, &violations);
  CheckText(path + ".text", contribution->text(), contribution->media_reference().empty() ? 1 : 0,
            10'000, &violations);
  if (!contribution->text().empty() && text::Trim(contribution->text()).empty())
    violations.push_back({path + ".text", "holds nothing but spaces"});
  CheckText(path + ".media_reference", contribution->media_reference(), 0, 500, &violations);
  CheckText(path + ".informant", contribution->informant(), 0, 128, &violations);
  if (text::HoldsNhsNumber(contribution->source_id()) ||
      text::HoldsNhsNumber(contribution->informant())) {
    violations.push_back({path + ".source_id", "looks like an NHS number, which is not kept here"});
  }
  CheckCode(path + ".sensitivity", "sensitivity", contribution->sensitivity(), false, &violations);
  CheckCode(path + ".share_scope", "share_scope", contribution->share_scope(), false, &violations);
  CheckCode(path + ".redaction_state", "redaction_state", contribution->redaction_state(), false,
            &violations);
  if (!contribution->participant().empty() &&
      !text::MatchName(contribution->participant(), "organisations/*/participants/*")) {
    violations.push_back(
        {path + ".participant", "is not a name organisations/{id}/participants/{id}"});
  }
  if (contribution->sensitivity().empty()) contribution->set_sensitivity("normal");
  if (contribution->share_scope().empty()) contribution->set_share_scope("lead_only");
  if (contribution->redaction_state().empty()) contribution->set_redaction_state("unreviewed");
  if (contribution->language().empty()) contribution->set_language("en");
  if (contribution->sensitivity() == "safeguarding" && contribution->share_scope() != "lead_only") {
    violations.push_back(
        {path + ".share_scope", "must be lead_only for a safeguarding contribution"});
  }
  const bool claims_review =
      contribution->redaction_state() == "clean" || contribution->redaction_state() == "redacted";
  if (text::HoldsNhsNumber(contribution->text())) {
    contribution->set_redaction_state("quarantined");
  } else if (claims_review && !text::FindPersonal(contribution->text()).empty()) {
    violations.push_back({path + ".redaction_state",
                          "says that the text was reviewed, but it tells who somebody is"});
  }
  return violations;
}

std::vector<FieldViolation> CheckReview(const std::string& redaction_state,
                                        const std::string& redacted_text) {
  Violations violations;
  const bool redacted = redaction_state == "redacted";
  if (!redacted && redaction_state != "clean" && redaction_state != "quarantined")
    violations.push_back({"redaction_state", "is not clean, redacted or quarantined"});
  if (redacted) {
    CheckText("redacted_text", redacted_text, 1, 10'000, &violations);
    if (!redacted_text.empty() && text::Trim(redacted_text).empty())
      violations.push_back({"redacted_text", "holds nothing but spaces"});
  } else if (!redacted_text.empty()) {
    violations.push_back({"redacted_text", "belongs to the state redacted alone"});
  }
  return violations;
}

absl::Status ApplyReview(const std::string& redaction_state, const std::string& redacted_text,
                         v1::Contribution* contribution) {
  if (contribution->withdrawn() || contribution->text().empty()) {
    return Error(reason::kStateForbids, "there is no text to review: it was erased or withdrawn",
                 {{"name", contribution->name()}, {"wanted", redaction_state}});
  }
  const auto found =
      redaction_state == "quarantined"
          ? std::vector<std::string>()
          : text::FindPersonal(redaction_state == "clean" ? contribution->text() : redacted_text);
  if (!found.empty()) {
    return Error(reason::kPersonalDataFound,
                 "the text tells who somebody is; redact it, or quarantine it",
                 {{"found", absl::StrJoin(found, ",")}});
  }
  contribution->set_redaction_state(redaction_state);
  contribution->clear_redacted_text();
  if (redaction_state == "redacted") contribution->set_redacted_text(redacted_text);
  return absl::OkStatus();
}

std::vector<FieldViolation> CheckReaction(const std::string& path, const v1::Reaction& reaction) {
  Violations violations;
  if (reaction.contribution().empty())
    violations.push_back({path + ".contribution", "is required"});
  CheckText(path + ".informant", reaction.informant(), 1, 128, &violations);
  if (reaction.value() == v1::Reaction::VALUE_UNSPECIFIED ||
      !v1::Reaction::Value_IsValid(reaction.value()))
    violations.push_back({path + ".value", "is not agree, disagree or pass"});
  if (!reaction.has_reacted_at())
    violations.push_back(
        {path + ".reacted_at",
         "is required: a later reaction of the same person supersedes an earlier one"});
  return violations;
}

std::vector<FieldViolation> CheckResponse(const std::string& path,
                                          const v1::IndicatorResponse& response) {
  Violations violations;
  CheckText(path + ".source_id", response.source_id(), 1, 128, &violations);
  CheckText(path + ".informant", response.informant(), 0, 128, &violations);
  if (text::HoldsNhsNumber(response.source_id()) || text::HoldsNhsNumber(response.informant())) {
    violations.push_back({path + ".source_id", "looks like an NHS number, which is not kept here"});
  }
  CheckDate(path + ".collected_on", response.collected_on(), &violations);
  const auto* indicator = data::FindIndicator(response.indicator());
  if (indicator == nullptr) {
    violations.push_back(
        {path + ".indicator", "is not in the catalogue; see `waterline codes indicators`"});
    return violations;
  }
  if (response.has_indicator_version() &&
      static_cast<int>(response.indicator_version()) != indicator->version) {
    violations.push_back({path + ".indicator_version", "is not a live version of this indicator"});
  }
  if (!indicator->Allows(response.respondent_group())) {
    violations.push_back(
        {path + ".respondent_group", "is not one of the groups this indicator is asked of"});
  }
  const int given = response.has_value() + !response.missing().empty() + !response.counts().empty();
  if (given != 1)
    violations.push_back({path + ".value", "exactly one of value, missing and counts is required"});
  if (response.has_value() && response.value() >= static_cast<uint32_t>(indicator->categories())) {
    violations.push_back({path + ".value", "is outside the scale: 0 to " +
                                               std::to_string(indicator->categories() - 1)});
  }
  CheckCode(path + ".missing", "missing", response.missing(), false, &violations);
  if (!response.counts().empty()) {
    const uint64_t sum =
        std::accumulate(response.counts().begin(), response.counts().end(), uint64_t{0});
    const bool too_many = std::any_of(response.counts().begin(), response.counts().end(),
                                      [](uint64_t c) { return c > kCountMax; });
    if (response.counts_size() != indicator->categories())
      violations.push_back({path + ".counts", "needs one count per category of the scale: " +
                                                  std::to_string(indicator->categories())});
    if (too_many || sum == 0)
      violations.push_back({path + ".counts", "counts nothing, or more than 1,000,000 answers"});
    if (!response.informant().empty())
      violations.push_back(
          {path + ".informant", "stands beside counts, which are of several people"});
  }
  return violations;
}

}  // namespace waterline::events
