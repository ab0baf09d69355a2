#include "services/registry/domain/participants.h"

#include "services/common/data/code_lists.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/utf8.h"

namespace waterline::registry {
namespace {

struct TextField {
  const char* name;
  const std::string* value;
  size_t max;
};

void CheckTexts(const v1::Participant& participant, std::vector<FieldViolation>* violations) {
  const TextField fields[] = {{"full_name", &participant.full_name(), 200},
                              {"email", &participant.email(), 320},
                              {"telephone", &participant.telephone(), 40},
                              {"postal_address", &participant.postal_address(), 500},
                              {"source_id", &participant.source_id(), 128},
                              {"competence_note", &participant.competence_note(), 1000},
                              {"guardian_permission.given_by_relation",
                               &participant.guardian_permission().given_by_relation(), 200}};
  for (const auto& field : fields) {
    const std::string problem = text::TextProblem(*field.value, 0, field.max);
    if (!problem.empty())
      violations->push_back({std::string("participant.") + field.name, problem});
    if (text::HoldsNhsNumber(*field.value)) {
      violations->push_back(
          {std::string("participant.") + field.name,
           "looks like an NHS number, which is not kept here; use the id of your own system"});
    }
  }
  if (!participant.email().empty() && participant.email().find('@') == std::string::npos) {
    violations->push_back({"participant.email", "is not an e-mail address"});
  }
}

void CheckRoles(const v1::Participant& participant, std::vector<FieldViolation>* violations) {
  if (participant.roles().empty())
    violations->push_back(
        {"participant.roles", "needs at least one role; see `waterline codes participant_role`"});
  for (int i = 0; i < participant.roles_size(); ++i) {
    const auto& role = participant.roles(i);
    const std::string path = "participant.roles[" + std::to_string(i) + "]";
    if (!data::IsKnownCode("participant_role", role.role()))
      violations->push_back({path + ".role", "is not in the code list participant_role"});
    if (!role.organisation().empty() && !text::MatchName(role.organisation(), "organisations/*"))
      violations->push_back({path + ".organisation", "is not a name organisations/{id}"});
    for (const auto& [name, value] :
         {std::pair{"from", &role.from()}, std::pair{"to", &role.to()}}) {
      if (!value->empty() && !text::ParseDate(*value))
        violations->push_back(
            {path + "." + name, "is not a date of the calendar, written YYYY-MM-DD"});
    }
  }
}

// Rule 8.
void CheckAge(const v1::Participant& participant, std::vector<FieldViolation>* violations) {
  const std::string& given_on = participant.guardian_permission().given_on();
  if (!given_on.empty() && !text::ParseDate(given_on))
    violations->push_back({"participant.guardian_permission.given_on",
                           "is not a date of the calendar, written YYYY-MM-DD"});
  const std::string& band = participant.age_band();
  if (!band.empty() && !data::IsKnownCode("age_band", band))
    violations->push_back({"participant.age_band", "is not in the code list age_band"});
  if (band == "under_13" && !participant.has_guardian_permission()) {
    violations->push_back({"participant.guardian_permission", "is required under 13"});
  }
  if (band == "13_15" && !participant.has_guardian_permission() &&
      participant.competence_note().empty()) {
    violations->push_back({"participant.competence_note",
                           "is required from 13 to 15 without a guardian's permission"});
  }
}

}  // namespace

std::vector<FieldViolation> CheckParticipant(v1::Participant* participant) {
  std::vector<FieldViolation> violations;
  CheckTexts(*participant, &violations);
  CheckRoles(*participant, &violations);
  CheckAge(*participant, &violations);
  if (!participant->outward_postcode().empty()) {
    const auto outward = text::NormaliseOutwardPostcode(participant->outward_postcode());
    if (!outward)
      violations.push_back({"participant.outward_postcode",
                            "is not the first part of a postcode, such as BN1; never send more"});
    if (outward) participant->set_outward_postcode(*outward);
  }
  if (!participant->preferred_contact_method().empty() &&
      !data::IsKnownCode("contact_method", participant->preferred_contact_method())) {
    violations.push_back(
        {"participant.preferred_contact_method", "is not in the code list contact_method"});
  }
  return violations;
}

}  // namespace waterline::registry
