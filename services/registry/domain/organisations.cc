#include "services/registry/domain/organisations.h"

#include "services/common/data/code_lists.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/utf8.h"

namespace waterline::registry {
namespace {

constexpr size_t kTitleMax = 200;

void CheckDate(const std::string& field, const std::string& value,
               std::vector<FieldViolation>* violations) {
  if (!value.empty() && !text::ParseDate(value))
    violations->push_back({field, "is not a date of the calendar, written YYYY-MM-DD"});
}

void CheckIdentifiers(v1::Organisation* organisation, std::vector<FieldViolation>* violations) {
  if (organisation->identifiers().empty())
    violations->push_back({"organisation.identifiers", "needs at least one identifier"});
  for (int i = 0; i < organisation->identifiers_size(); ++i) {
    auto* identifier = organisation->mutable_identifiers(i);
    const std::string path = "organisation.identifiers[" + std::to_string(i) + "]";
    if (!data::IsKnownCode("identifier_scheme", identifier->scheme())) {
      violations->push_back({path + ".scheme", "is not ods, chc, coh, gss or local"});
      continue;
    }
    const auto normal = text::NormaliseIdentifier(identifier->scheme(), identifier->value());
    if (!normal)
      violations->push_back({path + ".value", "does not fit the scheme " + identifier->scheme()});
    if (normal) identifier->set_value(*normal);
    CheckDate(path + ".from", identifier->from(), violations);
    CheckDate(path + ".to", identifier->to(), violations);
    if (!identifier->from().empty() && !identifier->to().empty() &&
        identifier->to() < identifier->from()) {
      violations->push_back({path + ".to", "is before from"});
    }
  }
}

void CheckRelations(const v1::Organisation& organisation, std::vector<FieldViolation>* violations) {
  for (int i = 0; i < organisation.relations_size(); ++i) {
    const auto& relation = organisation.relations(i);
    const std::string path = "organisation.relations[" + std::to_string(i) + "]";
    if (relation.kind() == v1::Relation::KIND_UNSPECIFIED)
      violations->push_back({path + ".kind", "is required"});
    if (!text::MatchName(relation.organisation(), "organisations/*"))
      violations->push_back({path + ".organisation", "is not a name organisations/{id}"});
    if (relation.organisation() == organisation.name())
      violations->push_back({path + ".organisation", "is the organisation itself"});
  }
}

void CheckContacts(const v1::Organisation& organisation, std::vector<FieldViolation>* violations) {
  for (int i = 0; i < organisation.contacts_size(); ++i) {
    const auto& contact = organisation.contacts(i);
    const std::string path = "organisation.contacts[" + std::to_string(i) + "]";
    for (const auto& [name, value] :
         {std::pair{"function", &contact.function()}, std::pair{"full_name", &contact.full_name()},
          std::pair{"email", &contact.email()}, std::pair{"telephone", &contact.telephone()}}) {
      const std::string problem = text::TextProblem(*value, 0, kTitleMax);
      if (!problem.empty()) violations->push_back({path + "." + name, problem});
    }
  }
}

}  // namespace

std::string OrganisationIdOf(const v1::Identifier& identifier) {
  return identifier.scheme() + "-" + text::ToLower(identifier.value());
}

std::string OrganisationName(const std::string& id) { return "organisations/" + id; }
std::string PlaceName(const std::string& id) { return "places/" + id; }

std::vector<FieldViolation> CheckOrganisation(v1::Organisation* organisation) {
  std::vector<FieldViolation> violations;
  CheckIdentifiers(organisation, &violations);
  if (violations.empty())
    organisation->set_name(OrganisationName(OrganisationIdOf(organisation->identifiers(0))));
  const std::string title(text::Trim(organisation->title()));
  const std::string problem = text::TextProblem(title, 1, kTitleMax);
  if (!problem.empty()) violations.push_back({"organisation.title", problem});
  if (text::ToUpper(title) == "NULL")
    violations.push_back(
        {"organisation.title", "is the word NULL, which stands for a missing name"});
  organisation->set_title(title);
  if (!data::IsKnownCode("organisation_type", organisation->type())) {
    violations.push_back(
        {"organisation.type",
         "is not in the code list organisation_type; see `waterline codes organisation_type`"});
  } else {
    organisation->set_legal_entity(data::IsLegalEntityType(organisation->type()));
    organisation->set_public_authority(data::IsPublicAuthorityType(organisation->type()));
    if (!organisation->legal_entity() && organisation->accountable_body().empty()) {
      violations.push_back(
          {"organisation.accountable_body",
           "is required: this type is no legal entity, so another body answers for it"});
    }
  }
  if (!organisation->accountable_body().empty() &&
      !text::MatchName(organisation->accountable_body(), "organisations/*")) {
    violations.push_back({"organisation.accountable_body", "is not a name organisations/{id}"});
  }
  if (!organisation->postcode().empty()) {
    const auto postcode = text::NormalisePostcode(organisation->postcode());
    if (!postcode) violations.push_back({"organisation.postcode", "is not a postcode"});
    if (postcode) organisation->set_postcode(*postcode);
  }
  CheckDate("organisation.opened_on", organisation->opened_on(), &violations);
  CheckDate("organisation.closed_on", organisation->closed_on(), &violations);
  if (!organisation->opened_on().empty() && !organisation->closed_on().empty() &&
      organisation->closed_on() < organisation->opened_on()) {
    violations.push_back({"organisation.closed_on", "is before opened_on"});
  }
  CheckRelations(*organisation, &violations);
  CheckContacts(*organisation, &violations);
  organisation->set_state(organisation->closed_on().empty() ? v1::Organisation::STATE_ACTIVE
                                                            : v1::Organisation::STATE_CLOSED);
  return violations;
}

std::vector<FieldViolation> CheckPlace(v1::Place* place) {
  std::vector<FieldViolation> violations;
  const std::string title(text::Trim(place->title()));
  const std::string problem = text::TextProblem(title, 1, kTitleMax);
  if (!problem.empty()) violations.push_back({"place.title", problem});
  place->set_title(title);
  if (!text::MatchName(place->accountable_body(), "organisations/*")) {
    violations.push_back({"place.accountable_body",
                          "is required: a place is no legal person, so name the organisations/{id} "
                          "that answers for it"});
  }
  if (!place->gss_code().empty()) {
    const auto code = text::NormaliseGss(place->gss_code());
    if (!code) violations.push_back({"place.gss_code", "is not a GSS code such as E06000043"});
    if (code) place->set_gss_code(*code);
  }
  return violations;
}

bool IsPlaceMember(const v1::Place& place, const std::string& organisation) {
  for (const auto& membership : place.memberships()) {
    if (membership.organisation() == organisation && membership.left_on().empty()) return true;
  }
  return false;
}

}  // namespace waterline::registry
