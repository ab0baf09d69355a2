#include "clients/demonstration/generator.h"

#include <algorithm>
#include <map>

#include "clients/demonstration/answers.h"
#include "clients/demonstration/directory.h"
#include "clients/demonstration/statements.h"
#include "fmt/format.h"
#include "services/common/data/indicators.h"
#include "services/common/text/date.h"

namespace waterline::demonstration {
namespace {

using data::Indicator;
using events::v1::Event;

constexpr int64_t kHourMs = 3'600'000;
constexpr int kFeedbackDays = 21;  // Not more than the age of the newest event.
constexpr int kTrust = 0;
constexpr int kLeadership = 1;
constexpr int kPartnership = 3;
constexpr int kMaterials = 0;

// What an event is like: how many of each group come, and how they answer.
enum class Kind { kSurvey, kWorkshop };

struct Group {
  const char* code;  // Respondent group.
  const char* role;  // For the tally of who came.
  int workshop_low, workshop_high;
  int survey_low, survey_high;
};

constexpr Group kGroups[] = {
    {"SU", "patient", 5, 7, 22, 45},
    {"LR", "lay_representative", 2, 2, 9, 16},
    {"CL", "clinician", 3, 5, 10, 17},
    {"CM", "manager", 2, 3, 9, 13},
    {"VC", "vcse_representative", 2, 3, 8, 11},
};

// A run of events of one programme in one place. Weeks are counted back from `as_of`.
struct Series {
  const char* key;
  const char* programme;
  const char* place;  // Id.
  const char* short_title;
  int first_week, last_week, step;
  Quality (*quality)(int week, int perspective, int practice, int element);
};

Quality ShiftFor(int perspective, Quality quality) {
  if (perspective == 0 || quality == Quality::kStrong) return quality;
  return static_cast<Quality>(static_cast<int>(quality) + 1);
}

// Trust is strong for a year, then goes down; the rest stays good.
Quality DecayQuality(int week, int perspective, int practice, int) {
  if (practice != kTrust) return practice == kPartnership ? Quality::kGood : Quality::kStrong;
  if (week >= 52) return Quality::kStrong;
  if (week >= 41) return Quality::kGood;
  if (week >= 30) return ShiftFor(perspective, Quality::kWeak);
  return ShiftFor(perspective, Quality::kBad);
}

// All well, but clinicians and people do not meet the same partnership.
Quality GapQuality(int, int perspective, int practice, int element) {
  if (practice != kPartnership || element == kMaterials)
    return practice == kLeadership ? Quality::kGood : Quality::kStrong;
  constexpr Quality kSeen[] = {Quality::kBad, Quality::kStrong, Quality::kGood, Quality::kMixed};
  return kSeen[perspective];
}

constexpr Series kSeries[] = {
    {"before", kBeforeProgramme, "samphire-quay", "Front Door", 102, 42, 4, DecayQuality},
    {"after", kAfterProgramme, "samphire-quay", "Next Steps", 39, 3, 4, DecayQuality},
    {"letters", kGapProgramme, "larkhollow", "Letters", 101, 4, 5, GapQuality},
};

constexpr const char* kSubjects[] = {"the first words",     "the waiting room",    "who calls back",
                                     "reading it aloud",    "the second visit",    "after hours",
                                     "coming with a carer", "what the screen says"};
constexpr const char* kWorkshopMethods[] = {"co_design_workshop", "focus_group",
                                            "community_conversation", "lived_experience_panel"};

// Monday to Friday of the week that many weeks before the last Friday up to as_of.
int64_t DayIn(int64_t as_of, int week, int weekday) {
  const int64_t friday = as_of - ((as_of - 1) % 7 + 7) % 7;  // 1970-01-02 was a Friday.
  return friday - int64_t{7} * week - (4 - weekday);
}

std::string PlaceTitle(const std::string& place) {
  if (place == "samphire-quay") return kDecayPlace;
  return place == "larkhollow" ? kGapPlace : kThinPlace;
}

void SetLevel(const char* code, events::v1::ParticipationLevel* level) {
  level->set_scheme("iap2");
  level->set_code(code);
}

void SetWords(const std::string& subject, Event* event) {
  event->set_purpose("To find out with those concerned how " + subject +
                     " can be made to work for everyone. Invented for a demonstration.");
  event->set_question("What would make " + subject + " work for you?");
  event->add_what_is_open("How " + subject + " is done, and in which words");
  event->add_what_is_decided("The money there is for this year");
  event->set_recruitment_route("Invitation through the partners of the programme");
  event->set_notice_version("demonstration-1");
}

void SetVenue(const std::string& place, Event* event) {
  event->mutable_venue()->set_title((place.empty() ? "Saltmarsh" : PlaceTitle(place)) +
                                    " Hall (invented)");
  event->mutable_venue()->add_accessibility("step_free");
  event->mutable_venue()->add_accessibility("hearing_loop");
}

// What a named person is asked, and leaves out.
struct Form {
  bool (*asks)(int seat, const Indicator& indicator);
  bool (*is_left_out)(int seat, const Indicator& indicator);
};

bool Never(int, const Indicator&) { return false; }
bool AsksShortForm(int, const Indicator& indicator) { return indicator.short_form; }
// Six of the twelve: neighbours answer the other six, so that an evening is not all forms.
bool AsksHalf(int seat, const Indicator& indicator) {
  return indicator.short_form && (seat + indicator.cell()) % 2 == 0;
}

// One event being made. Its numbers come from a stream of its own.
class Maker {
 public:
  Maker(const Plan& plan, std::string key)
      : as_of_(plan.as_of), random_(Random::Of(plan.seed, key)) {
    planned_.key = std::move(key);
    mood_ = DrawMood(&random_);
  }

  Random& random() { return random_; }
  Event& event() { return planned_.event; }

  void Place(const std::string& programme, const std::string& place, const std::string& title,
             int week, Kind kind) {
    planned_.programme = programme;
    planned_.is_reported = week >= 8;
    event().set_title(title);
    if (!place.empty()) event().add_places("places/" + place);
    const bool is_survey = kind == Kind::kSurvey;
    event().set_method(is_survey ? "survey_online"
                                 : kWorkshopMethods[random_.Below(std::size(kWorkshopMethods))]);
    event().set_mode(is_survey ? "online" : "in_person");
    if (!is_survey) SetVenue(place, &event());
    const int64_t day = DayIn(as_of_, week, random_.Below(5));
    const int64_t start = day * 24 * kHourMs + random_.Between(9, 17) * kHourMs;
    *event().mutable_starts_at() = text::ToTimestamp(start);
    *event().mutable_ends_at() =
        text::ToTimestamp(start + (is_survey ? int64_t{7} * 24 : 2) * kHourMs);
    planned_.hold.set_feedback_due_on(text::FormatDate(day + kFeedbackDays));
    start_ = start;
    day_ = day;
  }

  void Promise(const char* promised, const char* delivered, int notice_low, int notice_high) {
    SetLevel(promised, event().mutable_level_promised());
    SetLevel(delivered, planned_.hold.mutable_level_delivered());
    const int notice = random_.Between(notice_low, notice_high);
    event().set_papers_sent_on(text::FormatDate(day_ - notice));
  }

  void Tally(const char* role, int count) {
    auto* tally = planned_.hold.add_tallies();
    tally->set_role(role);
    tally->set_count(static_cast<uint32_t>(count));
    reach_ += count;
  }

  // `seats` people of the group, each with a label, who are asked some questions and leave some of
  // them out. Seats count from 1.
  template <class QualityOf>
  void Named(const char* group, int seats, QualityOf quality, const Form& form) {
    for (int i = 0; i < seats; ++i) {
      const std::string label = fmt::format("seat-{:02}", ++seats_);
      const int person_mood = DrawMood(&random_);
      for (const auto& indicator : data::AllIndicators()) {
        if (!indicator.Allows(group) || !form.asks(seats_, indicator)) continue;
        auto* response = AddResponse(indicator, group, label);
        response->set_informant(label);
        if (form.is_left_out(seats_, indicator)) {
          response->set_missing("prefer_not_to_say");
        } else {
          response->set_value(
              DrawValue(indicator, quality(indicator), mood_, person_mood, &random_));
        }
      }
    }
  }

  // Counts per category of `people` who gave no name.
  template <class QualityOf, class Asks>
  void Anonymous(const char* group, int people, QualityOf quality, Asks asks) {
    for (const auto& indicator : data::AllIndicators()) {
      if (!indicator.Allows(group) || !asks(indicator)) continue;
      std::vector<uint64_t> counts(static_cast<size_t>(indicator.categories()));
      for (int person = 0; person < people; ++person)
        ++counts[DrawValue(indicator, quality(indicator), mood_, DrawMood(&random_), &random_)];
      auto* response = AddResponse(indicator, group, "all");
      for (const uint64_t count : counts) response->add_counts(count);
    }
  }

  // `praise` of a hundred statements about each practice find it good.
  template <class PraiseOf>
  void Statements(int count, PraiseOf praise) {
    std::map<std::string_view, bool> said;
    for (int tries = 0; static_cast<int>(said.size()) < count && tries < 100; ++tries) {
      const int practice = random_.Below(4);
      const bool is_praise = random_.Percent(praise(practice));
      const auto& choice = is_praise ? Praise(practice) : Fault(practice);
      const auto text = choice[static_cast<size_t>(random_.Below(kStatementsEach))];
      if (said.emplace(text, is_praise).second) AddStatement(std::string(text));
    }
  }

  PlannedEvent Finish() {
    event().set_invited_count(static_cast<uint32_t>(reach_ + reach_ / 2));
    event().set_capacity(static_cast<uint32_t>(reach_ + 10));
    return std::move(planned_);
  }

 private:
  events::v1::IndicatorResponse* AddResponse(const Indicator& indicator, const char* group,
                                             const std::string& who) {
    auto& response = planned_.responses.emplace_back();
    response.set_indicator(indicator.id);
    response.set_respondent_group(group);
    response.set_source_id(fmt::format("{}/{}/{}/{}", planned_.key, group, who, indicator.id));
    return &response;
  }

  void AddStatement(const std::string& text) {
    const size_t index = planned_.contributions.size();
    auto& planned = planned_.contributions.emplace_back();
    auto& contribution = planned.contribution;
    contribution.set_text(text);
    contribution.set_source_id(fmt::format("{}/statement-{}", planned_.key, index + 1));
    contribution.set_verbatim(true);
    contribution.set_redaction_state("clean");
    const int64_t said = start_ + random_.Between(10, 60) * 60'000;
    *contribution.mutable_said_at() = text::ToTimestamp(said);
    if (random_.Percent(50)) {
      planned.participant = ParticipantSource(random_.Below(kParticipants));
    } else {
      contribution.set_informant(fmt::format("seat-{:02}", random_.Between(1, 6)));
    }
    AddReactions(index, said);
  }

  void AddReactions(size_t contribution, int64_t said) {
    const int agree = random_.Between(45, 85);
    for (int seat = 1; seat <= 8; ++seat) {
      if (random_.Percent(35)) continue;
      auto& planned = planned_.reactions.emplace_back();
      planned.contribution = contribution;
      auto& reaction = planned.reaction;
      reaction.set_informant(fmt::format("seat-{:02}", seat));
      reaction.set_source_id(
          fmt::format("{}/reaction-{}-seat-{:02}", planned_.key, contribution + 1, seat));
      reaction.set_value(random_.Percent(agree) ? events::v1::Reaction::VALUE_AGREE
                         : random_.Percent(60)  ? events::v1::Reaction::VALUE_DISAGREE
                                                : events::v1::Reaction::VALUE_PASS);
      *reaction.mutable_reacted_at() = text::ToTimestamp(said + random_.Between(1, 30) * 60'000);
    }
  }

  int64_t as_of_;
  Random random_;
  PlannedEvent planned_;
  int mood_ = 0;
  int seats_ = 0;
  int reach_ = 0;
  int64_t start_ = 0;
  int64_t day_ = 0;
};

int PraisePercent(Quality quality) { return 10 + 20 * static_cast<int>(quality); }

// Who comes to one event, and what they answer: at a workshop people by name, staff and partners on
// paper; in a survey everyone without a name.
template <class QualityOf>
void AddGroup(const Group& group, Kind kind, int number, QualityOf quality, Maker* maker) {
  const bool is_survey = kind == Kind::kSurvey;
  const int people = is_survey ? maker->random().Between(group.survey_low, group.survey_high)
                               : maker->random().Between(group.workshop_low, group.workshop_high);
  maker->Tally(group.role, people);
  if (!is_survey && data::PerspectiveOf(group.code) == 0) {
    maker->Named(group.code, people, quality, {AsksHalf, Never});
  } else if (is_survey) {
    // Every second question, the others next time.
    size_t index = static_cast<size_t>(number / 2 % 2);
    maker->Anonymous(group.code, people, quality,
                     [&index](const Indicator&) { return ++index % 2 == 0; });
  } else {
    maker->Anonymous(group.code, people, quality,
                     [](const Indicator& indicator) { return indicator.short_form; });
  }
}

PlannedEvent MakeOfSeries(const Plan& plan, const Series& series, int number, int week) {
  Maker maker(plan, fmt::format("{}-{:02}", series.key, number));
  const Kind kind = number % 2 == 1 ? Kind::kWorkshop : Kind::kSurvey;
  const std::string subject = kSubjects[static_cast<size_t>(number) % std::size(kSubjects)];
  maker.Place(series.programme, series.place,
              fmt::format("{} {} {:02}: {}", series.short_title,
                          kind == Kind::kSurvey ? "survey" : "workshop", number, subject),
              week, kind);
  SetWords(subject, &maker.event());
  const bool is_late = std::string(series.key) == "after";
  maker.Promise(is_late ? "involve" : "collaborate", is_late ? "consult" : "involve",
                is_late ? 1 : 9, is_late ? 5 : 18);
  for (const auto& group : kGroups) {
    const int perspective = data::PerspectiveOf(group.code);
    const auto quality = [&](const Indicator& indicator) {
      return series.quality(week, perspective, indicator.practice, indicator.element);
    };
    AddGroup(group, kind, number, quality, &maker);
  }
  maker.Statements(maker.random().Between(3, 5), [&](int practice) {
    return PraisePercent(series.quality(week, 0, practice, 2));
  });
  return maker.Finish();
}

// A few people, long ago and lately: not enough to say much, and shown so.
PlannedEvent MakeThin(const Plan& plan, int number, int week, const char* title, int people) {
  Maker maker(plan, fmt::format("thin-{:02}", number));
  maker.Place(kThinProgramme, "drovers-edge", title, week, Kind::kWorkshop);
  SetWords("getting about", &maker.event());
  maker.Promise("consult", "consult", 6, 12);
  maker.Tally("member_of_public", people);
  const auto quality = [](const Indicator&) { return Quality::kMixed; };
  // Only what the evening was about was asked.
  const auto asks_first = [](int, const Indicator& indicator) {
    return indicator.short_form && indicator.practice < 2;
  };
  const auto asks_later = [](int, const Indicator& indicator) {
    return indicator.short_form && indicator.practice == kPartnership;
  };
  Form form = {asks_later, Never};
  if (number == 1) form.asks = asks_first;
  maker.Named("LR", people, quality, form);
  maker.Statements(2, [](int) { return 50; });
  return maker.Finish();
}

// Nine people from anywhere answer, of no place. Three of them leave two questions out.
PlannedEvent MakeSmall(const Plan& plan) {
  Maker maker(plan, "nine-01");
  maker.Place(kSmallProgramme, "", kSmallEvent, 4, Kind::kWorkshop);
  SetWords("the first question at the door", &maker.event());
  maker.Promise("involve", "involve", 10, 10);
  maker.Tally("patient", 6);
  maker.Tally("lay_representative", 3);
  const auto quality = [](const Indicator& indicator) {
    constexpr Quality kSeen[] = {Quality::kGood, Quality::kWeak, Quality::kStrong, Quality::kMixed};
    return kSeen[indicator.practice];
  };
  const auto is_left_out = [](int seat, const Indicator& indicator) {
    return seat >= 7 && (indicator.id == "trust.meanings.valued_as_peer" ||
                         indicator.id == "leadership.meanings.set_from_centre");
  };
  const Form form = {AsksShortForm, is_left_out};
  maker.Named("SU", 6, quality, form);
  maker.Named("LR", 3, quality, form);
  maker.Statements(4, [](int practice) { return practice == 1 ? 20 : 70; });
  return maker.Finish();
}

std::vector<Story> Stories() {
  return {
      {"A practice that decays",
       {{kBeforeProgramme, "while it ran, trust was strong; its evidence is fading now"},
        {kAfterProgramme, "since then, trust goes down as people see it"},
        {kDecayPlace, "the place as a whole: trust is in danger, the rest is well"}}},
      {"A gap between clinicians and people",
       {{kGapPlace,
         "partnership: clinicians say it works, people say it does not; the rest is well"}}},
      {"A place with too little evidence",
       {{kThinPlace, "three small evenings in two years: mostly not shown, and why"}}},
      {"A workshop of nine people",
       {{kSmallEvent,
         "what nine answered is shown with wide intervals; what six answered is not"}}},
  };
}

}  // namespace

Plan Generate(uint64_t seed, int64_t as_of) {
  Plan plan;
  plan.seed = seed;
  plan.as_of = as_of;
  AddOrganisations(&plan);
  AddPlaces(&plan);
  AddProgrammes(&plan);
  AddParticipants(&plan);
  for (const auto& series : kSeries) {
    int number = 0;
    for (int week = series.first_week; week >= series.last_week; week -= series.step)
      plan.events.push_back(MakeOfSeries(plan, series, ++number, week));
  }
  plan.events.push_back(MakeThin(plan, 1, 90, "Edge evening 01: the bus", 9));
  plan.events.push_back(MakeThin(plan, 2, 47, "Edge evening 02: the lift home", 3));
  plan.events.push_back(MakeThin(plan, 3, 9, "Edge evening 03: after dark", 4));
  plan.events.push_back(MakeSmall(plan));
  // In order of time, as they would have come: the projector then never goes back.
  std::stable_sort(plan.events.begin(), plan.events.end(), [](const auto& a, const auto& b) {
    return text::ToMs(a.event.starts_at()) < text::ToMs(b.event.starts_at());
  });
  plan.stories = Stories();
  return plan;
}

}  // namespace waterline::demonstration
