#include <algorithm>
#include <map>
#include <set>

#include "google/protobuf/descriptor.h"
#include "services/accountability/domain/agreement_rules.h"
#include "services/accountability/domain/checks.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kTextMax = 500;
constexpr int kListMax = 50;
constexpr uint32_t kRateMax = 1'000'000;

// Those that differ from kTextMax and kListMax.
size_t TextMax(const std::string& field) {
  static const auto& max =
      *new std::map<std::string, size_t>{{"title", 200},
                                         {"text", 1000},
                                         {"benefits_to_people", 1000},
                                         {"item", 200},
                                         {"joint_controller_arrangement", 2000},
                                         {"transfers_outside_uk", 1000},
                                         {"successor_terms", 2000}};
  const auto found = max.find(field);
  return found == max.end() ? kTextMax : found->second;
}

int ListMax(const std::string& field) {
  return field == "scopes" || field == "access_roles" || field == "items" ? 200 : kListMax;
}

// What holds of every text, number of entries and enum value, whatever the field.
void CheckForm(const Message& message, const std::string& path, Checks* checks) {
  const auto* reflection = message.GetReflection();
  checks->If(reflection->GetUnknownFields(message).field_count() > 0, path,
             "has fields that this version does not know; nobody could sign them");
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    const std::string name = path + "." + field->name();
    const int size = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    checks->If(size > ListMax(field->name()), name,
               "has more than " + std::to_string(ListMax(field->name())) + " entries");
    for (int i = 0; i < size; ++i) {
      const std::string place = field->is_repeated() ? At(name, i) : name;
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
        const int value = field->is_repeated() ? reflection->GetRepeatedEnumValue(message, field, i)
                                               : reflection->GetEnumValue(message, field);
        checks->If(field->enum_type()->FindValueByNumber(value) == nullptr ||
                       (field->is_repeated() && value == 0),
                   place, "is not a value that this version knows");
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        CheckForm(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                       : reflection->GetMessage(message, field),
                  place, checks);
      }
    }
  }
}

void CheckTexts(const v1::AgreementTerms& terms, Checks* checks) {
  ForEachText(terms, "terms",
              [checks](const std::string& path, const std::string& field, const std::string& text) {
                checks->Text(path, text, path.back() == ']' ? 1 : 0, TextMax(field));
                checks->If(text::HoldsNhsNumber(text), path,
                           "looks like an NHS number, which no agreement holds");
              });
}

bool IsReference(const std::string& reference) {
  return !reference.empty() && reference.size() <= 40 &&
         std::all_of(reference.begin(), reference.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.';
         });
}

// Z and 7 letters or digits.
bool IsIcoRegistration(const std::string& value) {
  return value.size() == 8 && value[0] == 'Z' &&
         std::all_of(value.begin(), value.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

// ISO 3166: a country, or a part of one: GB, GB-ENG.
bool IsCountry(const std::string& value) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (value.size() < 2 || !is_upper(value[0]) || !is_upper(value[1])) return false;
  if (value.size() == 2) return true;
  return value.size() >= 4 && value.size() <= 6 && value[2] == '-' &&
         std::all_of(value.begin() + 3, value.end(),
                     [&](char c) { return is_upper(c) || (c >= '0' && c <= '9'); });
}

void CheckHead(const v1::AgreementTerms& terms, Checks* checks) {
  checks->If(!IsReference(terms.reference()), "terms.reference",
             "is not 1 to 40 letters, digits, - and .");
  checks->If(terms.version() == 0, "terms.version", "counts from 1");
  checks->Text("terms.title", terms.title(), 1, 200);
  checks->If(FindParty(terms, terms.lead()) == nullptr, "terms.lead",
             "is none of the parties; the lead controller is one of them");
  const bool is_first = terms.version() <= 1;
  checks->If(!terms.supersedes().empty() && !text::MatchName(terms.supersedes(), "agreements/*"),
             "terms.supersedes", "is not a name agreements/{id}");
  checks->If(is_first && !terms.supersedes().empty(), "terms.supersedes",
             "is for later versions; the first one supersedes nothing");
  checks->If(!is_first && terms.supersedes().empty(), "terms.supersedes",
             "is required of a later version: the agreement it takes the place of");
}

void CheckRole(const std::string& field, const std::string& role, bool required, Checks* checks) {
  checks->Code(field, "actor_role", role, required);
  checks->If(role == "platform_admin", field,
             "is platform_admin, who runs the platform and sees no content");
}

void CheckParty(const std::string& path, const v1::Party& party, Checks* checks) {
  checks->Organisation(path + ".organisation", party.organisation());
  if (!party.instructing_controller().empty())
    checks->Organisation(path + ".instructing_controller", party.instructing_controller());
  checks->If(!party.ico_registration().empty() && !IsIcoRegistration(party.ico_registration()),
             path + ".ico_registration", "is not Z and 7 capital letters or digits");
  for (int i = 0; i < party.signatory_roles_size(); ++i)
    CheckRole(At(path + ".signatory_roles", i), party.signatory_roles(i), true, checks);
  CheckRole(path + ".safeguarding_role", party.safeguarding_role(), false, checks);
}

void CheckBasis(const std::string& path, const v1::LawfulBasis& basis, Checks* checks) {
  checks->Organisation(path + ".organisation", basis.organisation());
  checks->Code(path + ".art6", "lawful_basis_art6", basis.art6(), false);
  checks->Code(path + ".art9", "lawful_basis_art9", basis.art9(), false);
  checks->Code(path + ".schedule1", "dpa2018_schedule1", basis.schedule1(), false);
  checks->Code(path + ".cldc_basis", "cldc_basis", basis.cldc_basis(), false);
  for (int i = 0; i < basis.statutory_duties_size(); ++i) {
    checks->Code(At(path + ".statutory_duties", i), "statutory_duty", basis.statutory_duties(i),
                 true);
  }
}

// Adds a violation for every value that stood before.
template <class Values, class Key>
void CheckUnique(const std::string& path, const std::string& field, const Values& values,
                 const Key& key, Checks* checks) {
  std::set<std::string> seen;
  for (int i = 0; i < values.size(); ++i)
    checks->If(!seen.insert(key(values[i])).second, At(path, i) + field, "stands there twice");
}

void CheckNothingTwice(const v1::AgreementTerms& terms, Checks* checks) {
  const auto itself = [](const std::string& value) { return value; };
  const auto number = [](int value) { return std::to_string(value); };
  CheckUnique(
      "terms.parties", ".organisation", terms.parties(),
      [](const v1::Party& party) { return party.organisation(); }, checks);
  CheckUnique(
      "terms.purposes", ".purpose", terms.purposes(),
      [](const v1::PurposeTerms& purpose) { return purpose.purpose(); }, checks);
  CheckUnique(
      "terms.categories", ".category", terms.categories(),
      [&](const v1::CategoryTerms& category) { return number(category.category()); }, checks);
  CheckUnique("terms.operations", "", terms.operations(), number, checks);
  CheckUnique("terms.scopes", "", terms.scopes(), itself, checks);
  CheckUnique(
      "terms.access_roles", "", terms.access_roles(),
      [](const v1::AccessRole& role) { return role.organisation() + " " + role.role(); }, checks);
  for (int i = 0; i < terms.purposes_size(); ++i) {
    CheckUnique(
        At("terms.purposes", i) + ".bases", ".organisation", terms.purposes(i).bases(),
        [](const v1::LawfulBasis& basis) { return basis.organisation(); }, checks);
  }
}

void CheckScopes(const v1::AgreementTerms& terms, Checks* checks) {
  for (int i = 0; i < terms.scopes_size(); ++i) {
    const std::string& scope = terms.scopes(i);
    const bool is_known = text::MatchName(scope, "places/*") ||
                          text::MatchName(scope, "organisations/*") ||
                          text::MatchName(scope, "organisations/*/programmes/*") ||
                          text::MatchName(scope, "organisations/*/events/*");
    checks->If(!is_known, At("terms.scopes", i),
               "is not the name of a place, a programme, an event or an organisation");
  }
}

void CheckAccessRoles(const v1::AgreementTerms& terms, Checks* checks) {
  for (int i = 0; i < terms.access_roles_size(); ++i) {
    const auto& access = terms.access_roles(i);
    const std::string path = At("terms.access_roles", i);
    checks->If(FindParty(terms, access.organisation()) == nullptr, path + ".organisation",
               "is none of the parties");
    CheckRole(path + ".role", access.role(), true, checks);
    for (int k = 0; k < access.purposes_size(); ++k)
      checks->Code(At(path + ".purposes", k), "purpose", access.purposes(k), true);
  }
}

void CheckPurposesAndItems(const v1::AgreementTerms& terms, Checks* checks) {
  for (int i = 0; i < terms.purposes_size(); ++i) {
    const std::string path = At("terms.purposes", i);
    checks->Code(path + ".purpose", "purpose", terms.purposes(i).purpose(), true);
    for (int k = 0; k < terms.purposes(i).bases_size(); ++k)
      CheckBasis(At(path + ".bases", k), terms.purposes(i).bases(k), checks);
  }
  for (int i = 0; i < terms.categories_size(); ++i) {
    const auto& category = terms.categories(i);
    const std::string path = At("terms.categories", i);
    checks->If(!category.has_category() || category.category() == 0, path + ".category",
               "is required");
    for (int k = 0; k < category.items_size(); ++k) {
      for (int p = 0; p < category.items(k).purposes_size(); ++p) {
        checks->Code(At(At(path + ".items", k) + ".purposes", p), "purpose",
                     category.items(k).purposes(p), true);
      }
    }
  }
}

void CheckTimes(const v1::AgreementTerms& terms, Checks* checks) {
  const std::tuple<const char*, bool, const google::protobuf::Timestamp*> times[] = {
      {"terms.start", terms.has_start(), &terms.start()},
      {"terms.review_due", terms.has_review_due(), &terms.review_due()},
      {"terms.end", terms.has_end(), &terms.end()}};
  for (const auto& [path, is_set, time] : times) {
    const bool is_instant = time->nanos() >= 0 && time->nanos() < 1'000'000'000 &&
                            time->seconds() >= 946'684'800 &&  // 2000-01-01
                            text::ParseDate(text::FormatDate(text::DayOf(text::ToMs(*time))));
    checks->If(is_set && !is_instant, path, "is not between the years 2000 and 2199");
  }
}

void CheckRest(const v1::AgreementTerms& terms, Checks* checks) {
  for (int i = 0; i < terms.data_subjects_size(); ++i)
    checks->Code(At("terms.data_subjects", i), "data_subject", terms.data_subjects(i), true);
  checks->Code("terms.ndoo_status", "ndoo_status", terms.ndoo_status(), false);
  checks->Code("terms.transport", "transport", terms.transport(), false);
  checks->If(!terms.storage_location().empty() && !IsCountry(terms.storage_location()),
             "terms.storage_location", "is not a code of ISO 3166, such as GB or GB-ENG");
  checks->If(!terms.privacy_notice_url().empty() &&
                 (terms.privacy_notice_url().rfind("https://", 0) != 0 ||
                  terms.privacy_notice_url().size() < 12),
             "terms.privacy_notice_url", "does not begin with https://");
  checks->If(terms.retention().months() > 1200, "terms.retention.months", "is not 1 to 1,200");
  checks->If(terms.breach_notify_hours() > 24, "terms.breach_notify_hours",
             "is over 24; the regulator must be told within 72 hours");
  checks->If(terms.decisions_per_minute() > kRateMax, "terms.decisions_per_minute",
             "is over 1,000,000; 0 sets no cap");
}

}  // namespace

std::vector<FieldViolation> CheckDraft(const v1::AgreementTerms& terms) {
  Checks checks;
  CheckForm(terms, "terms", &checks);
  CheckTexts(terms, &checks);
  CheckHead(terms, &checks);
  for (int i = 0; i < terms.parties_size(); ++i)
    CheckParty(At("terms.parties", i), terms.parties(i), &checks);
  CheckNothingTwice(terms, &checks);
  CheckScopes(terms, &checks);
  CheckAccessRoles(terms, &checks);
  CheckPurposesAndItems(terms, &checks);
  CheckTimes(terms, &checks);
  CheckRest(terms, &checks);
  return checks.Take();
}

}  // namespace waterline::accountability
