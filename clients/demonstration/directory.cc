#include "clients/demonstration/directory.h"

#include "clients/demonstration/generator.h"
#include "fmt/format.h"
#include "services/common/text/date.h"

namespace waterline::demonstration {
namespace {

using registry::v1::Relation;

struct OrganisationRow {
  const char* code;
  const char* title;
  const char* type;
  const char* accountable;  // Code of the body that answers for it; empty for a legal entity.
  const char* part_of;      // Code; empty for none.
  bool is_member;
};

// Each after those it names.
constexpr OrganisationRow kOrganisations[] = {
    {"samphire-quay-hospitals", "Samphire Quay Hospitals (invented trust)", "nhs_trust", "", "",
     true},
    {"larkhollow-community-care", "Larkhollow Community Care (invented trust)",
     "nhs_foundation_trust", "", "", true},
    {"eelgrass-lane", "Eelgrass Lane Surgery (invented)", "gp_practice", "", "", false},
    {"windmill-lark", "Windmill Lark Surgery (invented)", "gp_practice", "", "", false},
    {"saltmarsh-gp-network", "Saltmarsh GP Network (invented)", "pcn", "eelgrass-lane", "", false},
    {"saltdown-council", "Saltdown County Council (invented)", "local_authority_upper_tier", "", "",
     true},
    {"drovers-edge-council", "Drovers Edge District Council (invented)", "local_authority_district",
     "", "", true},
    {"saltdown-scrutiny", "Saltdown Health Scrutiny Committee (invented)",
     "health_scrutiny_committee", "saltdown-council", "saltdown-council", false},
    {"quayside-carers", "Quayside Carers Circle (invented charity)", "vcse", "", "", true},
    {"edge-neighbours", "Edge Neighbours (invented charity)", "vcse", "", "", false},
    {"larkhollow-voices", "Larkhollow Voices (invented user-led group)", "user_led_organisation",
     "", "", true},
};

struct PlaceRow {
  const char* id;
  const char* title;
  const char* members[6];
};

constexpr PlaceRow kPlaces[] = {
    {"samphire-quay",
     kDecayPlace,
     {"samphire-quay-hospitals", "eelgrass-lane", "saltmarsh-gp-network", "saltdown-council",
      "quayside-carers"}},
    {"larkhollow",
     kGapPlace,
     {"larkhollow-community-care", "windmill-lark", "saltdown-council", "larkhollow-voices"}},
    {"drovers-edge",
     kThinPlace,
     {"larkhollow-community-care", "drovers-edge-council", "edge-neighbours"}},
};

struct FunctionRow {
  const char* function;
  const char* organisation;  // Code; empty for the board.
};

struct ProgrammeRow {
  const char* title;
  const char* description;
  const char* topics[3];
  FunctionRow functions[5];
};

constexpr ProgrammeRow kProgrammes[] = {
    {kBeforeProgramme,
     "People and staff shape how one arrives at Samphire Quay Hospitals: signs, desk and first "
     "words.",
     {"urgent care", "access"},
     {{"commissions", ""},
      {"provides", "samphire-quay-hospitals"},
      {"involves", "quayside-carers"},
      {"funds", "saltdown-council"}}},
    {kAfterProgramme,
     "What came of Front Door Together: the building work, and how people hear about it.",
     {"urgent care", "feedback"},
     {{"commissions", ""},
      {"provides", "samphire-quay-hospitals"},
      {"hosts", "saltmarsh-gp-network"},
      {"scrutinises", "saltdown-scrutiny"}}},
    {kGapProgramme,
     "Letters and calls before an outpatient visit, written again with those who get them.",
     {"outpatients", "communication"},
     {{"commissions", ""},
      {"provides", "larkhollow-community-care"},
      {"involves", "larkhollow-voices"},
      {"hosts", "windmill-lark"}}},
    {kThinProgramme,
     "A beginning: what people at Drovers Edge would like to be asked about.",
     {"rural access"},
     {{"commissions", ""}, {"hosts", "edge-neighbours"}, {"represents", "drovers-edge-council"}}},
    {kSmallProgramme,
     "Small workshops on single questions, to see what a small event can and cannot say.",
     {"methods"},
     {{"commissions", ""}, {"involves", "larkhollow-voices"}}},
};

constexpr const char* kFirstNames[] = {"Ada",  "Bram", "Cora",  "Devi", "Edwin", "Farah",
                                       "Gwen", "Hari", "Imani", "Joss", "Kemi",  "Leif"};
constexpr const char* kSurnames[] = {"Saltander", "Larkover", "Withymere"};
constexpr const char* kRoles[] = {"patient",
                                  "carer",
                                  "lay_representative",
                                  "member_of_public",
                                  "lived_experience_partner",
                                  "vcse_representative"};
constexpr const char* kAgeBands[] = {"18_24", "25_34", "35_44", "45_54",
                                     "55_64", "65_74", "75_84", "85_plus"};
constexpr int kJoinedDaysAgo = 730;

std::string NameOrHost(const std::string& code) {
  return code.empty() ? std::string("organisations/") + kHost : OrganisationNameOf(code);
}

events::v1::Programme ProgrammeOf(const ProgrammeRow& row, const Edition& edition) {
  events::v1::Programme programme;
  programme.set_title(row.title);
  programme.set_description(std::string(row.description) + "\n" + FormatEdition(edition));
  for (const char* topic : row.topics) {
    if (topic != nullptr) programme.add_topics(topic);
  }
  for (const auto& from : row.functions) {
    if (from.function == nullptr) continue;
    auto* function = programme.add_functions();
    function->set_function(from.function);
    function->set_organisation(NameOrHost(from.organisation));
    if (std::string(from.organisation) == "saltmarsh-gp-network")
      function->set_accountable_body(OrganisationNameOf("eelgrass-lane"));
    if (std::string(from.organisation) == "saltdown-scrutiny")
      function->set_accountable_body(OrganisationNameOf("saltdown-council"));
    function->set_from(text::FormatDate(edition.as_of - kJoinedDaysAgo));
  }
  return programme;
}

}  // namespace

std::string OrganisationNameOf(const std::string& code) { return "organisations/local-" + code; }

void AddOrganisations(Plan* plan) {
  for (const auto& row : kOrganisations) {
    auto& organisation = plan->organisations.emplace_back();
    organisation.set_title(row.title);
    organisation.set_type(row.type);
    auto* identifier = organisation.add_identifiers();
    identifier->set_scheme("local");
    identifier->set_value(row.code);
    const std::string accountable = row.accountable;
    if (!accountable.empty()) organisation.set_accountable_body(OrganisationNameOf(accountable));
    const std::string part_of = row.part_of;
    if (!part_of.empty()) {
      auto* relation = organisation.add_relations();
      relation->set_kind(Relation::KIND_PART_OF);
      relation->set_organisation(OrganisationNameOf(part_of));
    }
    if (row.is_member) plan->members.push_back(OrganisationNameOf(row.code));
  }
}

void AddPlaces(Plan* plan) {
  for (const auto& row : kPlaces) {
    auto& planned = plan->places.emplace_back();
    planned.id = row.id;
    planned.place.set_title(row.title);
    planned.place.set_accountable_body(NameOrHost(""));
    for (const char* member : row.members) {
      if (member == nullptr) continue;
      auto& membership = planned.memberships.emplace_back();
      membership.set_organisation(OrganisationNameOf(member));
      membership.set_joined_on(text::FormatDate(plan->as_of - kJoinedDaysAgo));
    }
  }
}

void AddProgrammes(Plan* plan) {
  for (const auto& row : kProgrammes)
    plan->programmes.push_back(ProgrammeOf(row, {plan->seed, plan->as_of}));
}

std::string ParticipantSource(int index) {
  return fmt::format("demonstration-person-{:02}", index + 1);
}

void AddParticipants(Plan* plan) {
  for (int i = 0; i < kParticipants; ++i) {
    Random random = Random::Of(plan->seed, ParticipantSource(i));
    const std::string first = kFirstNames[static_cast<size_t>(i) % std::size(kFirstNames)];
    const std::string last = kSurnames[static_cast<size_t>(i) / std::size(kFirstNames)];
    auto& participant = plan->participants.emplace_back();
    participant.set_source_id(ParticipantSource(i));
    participant.set_full_name(first + " " + last);
    participant.set_email(fmt::format("person-{:02}@demonstration.invalid", i + 1));
    participant.set_preferred_contact_method(random.Percent(60) ? "email" : "letter");
    participant.set_age_band(kAgeBands[random.Below(static_cast<int>(std::size(kAgeBands)))]);
    auto* role = participant.add_roles();
    role->set_role(kRoles[random.Below(static_cast<int>(std::size(kRoles)))]);
    role->set_from(text::FormatDate(plan->as_of - random.Between(400, 720)));
  }
}

}  // namespace waterline::demonstration
