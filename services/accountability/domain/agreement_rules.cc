#include "services/accountability/domain/agreement_rules.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

#include "services/accountability/domain/checks.h"
#include "services/common/data/code_lists.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

using common::v1::Category;
using common::v1::RELEASE_LEVEL_AGGREGATE;

constexpr uint32_t kNoticeDaysMax = 365;

// Lower case, one space between words: as phrases and functions are compared.
std::string Plain(const std::string& value) {
  std::string out;
  for (char c : text::ToLower(value)) {
    const bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!is_space) out += c;
    if (is_space && !out.empty() && out.back() != ' ') out += ' ';
  }
  return std::string(text::Trim(out));
}

bool IsProcessor(const v1::Party& party) {
  return party.role() == v1::PARTY_ROLE_PROCESSOR || party.role() == v1::PARTY_ROLE_SUB_PROCESSOR;
}

bool HasPurpose(const v1::AgreementTerms& terms, const std::string& purpose) {
  return std::any_of(terms.purposes().begin(), terms.purposes().end(),
                     [&](const auto& known) { return known.purpose() == purpose; });
}

bool HasOperation(const v1::AgreementTerms& terms, v1::Operation operation) {
  const auto& operations = terms.operations();
  return std::find(operations.begin(), operations.end(), operation) != operations.end();
}

// Whether an item of the category is needed for the purpose.
bool IsTied(const v1::CategoryTerms& category, const std::string& purpose) {
  for (const auto& item : category.items()) {
    if (std::find(item.purposes().begin(), item.purposes().end(), purpose) != item.purposes().end())
      return true;
  }
  return false;
}

bool IsPublicAuthority(const FactsOf& facts, const std::string& organisation) {
  const auto known = facts(organisation);
  return known && known->public_authority;
}

// Rule 28.
void CheckPartyRoles(const v1::AgreementTerms& terms, Checks* checks) {
  checks->If(terms.parties_size() < 2, "terms.parties", "needs at least two parties");
  int controllers = 0, joint = 0;
  bool has_provider = false, has_recipient = false;
  for (const auto& party : terms.parties()) {
    controllers += IsController(party);
    joint += party.role() == v1::PARTY_ROLE_JOINT_CONTROLLER;
    has_provider |= party.provides();
    has_recipient |= party.receives();
  }
  checks->If(controllers == 0, "terms.parties", "has no controller");
  checks->If(joint == 1, "terms.parties", "has one joint controller; it takes two");
  checks->If(!has_provider, "terms.parties", "has nobody who provides");
  checks->If(!has_recipient, "terms.parties", "has nobody who receives");
  if (joint > 0) {
    checks->Text("terms.joint_controller_arrangement", terms.joint_controller_arrangement(), 20,
                 2000);
  }
  const auto* lead = FindParty(terms, terms.lead());
  checks->If(lead != nullptr && !IsController(*lead), "terms.lead", "is not a controller");
}

void CheckInstruction(const v1::AgreementTerms& terms, int i, Checks* checks) {
  const auto& party = terms.parties(i);
  const std::string path = At("terms.parties", i) + ".instructing_controller";
  if (!IsProcessor(party)) {
    checks->If(!party.instructing_controller().empty(), path, "is of processors only");
    return;
  }
  const auto* controller = FindParty(terms, party.instructing_controller());
  checks->If(controller == nullptr || !IsController(*controller), path,
             "is not a controller among the parties; a processor needs one that instructs it");
}

// The notes of 5.1 on parties: who answers for what at each controller, and who may sign.
void CheckParty(const v1::AgreementTerms& terms, int i, const FactsOf& facts, Checks* checks) {
  const auto& party = terms.parties(i);
  const std::string path = At("terms.parties", i);
  checks->If(party.role() == v1::PARTY_ROLE_UNSPECIFIED, path + ".role", "is required");
  CheckInstruction(terms, i, checks);
  checks->If(party.signatory_roles().empty(), path + ".signatory_roles",
             "needs at least one role that may sign");
  checks->If(party.role() == v1::PARTY_ROLE_RECIPIENT_OF_ANONYMOUS && party.provides(),
             path + ".provides", "contradicts its role, recipient of anonymous data");
  const auto known = facts(party.organisation());
  checks->If(known && known->public_authority != party.public_authority(),
             path + ".public_authority", "differs from the network's directory");
  checks->If(
      HasPurpose(terms, "safeguarding") && party.receives() && party.safeguarding_role().empty(),
      path + ".safeguarding_role", "is required of recipients for the purpose safeguarding");
  if (!IsController(party)) return;
  checks->Text(path + ".ico_registration", party.ico_registration(), 1, 8);
  checks->Text(path + ".dpo_contact", party.dpo_contact(), 1, 500);
  checks->Text(path + ".caldicott_or_ig_lead", party.caldicott_or_ig_lead(), 1, 500);
  checks->Text(path + ".siro", party.siro(), 1, 500);
}

// Rule 29: what for, in plain words.
void CheckPurposeWords(const std::string& path, const v1::PurposeTerms& purpose, Checks* checks) {
  checks->Text(path + ".text", purpose.text(), 60, 1000);
  checks->Text(path + ".benefits_to_people", purpose.benefits_to_people(), 20, 1000);
  static constexpr std::array<const char*, 8> kVague = {
      "any purpose",      "any other purpose", "all purposes", "other purposes",
      "various purposes", "as required",       "as needed",    "as necessary"};
  const std::string words = Plain(purpose.text());
  const bool is_vague = std::any_of(kVague.begin(), kVague.end(), [&](const char* phrase) {
    return words.find(phrase) != std::string::npos;
  });
  checks->If(is_vague, path + ".text", "is vague: say which purpose, not any or as required");
}

// Rule 29: minimisation. Each item names the purpose that needs it.
void CheckItems(const v1::AgreementTerms& terms, int i, Checks* checks) {
  const auto& category = terms.categories(i);
  const std::string path = At("terms.categories", i);
  checks->If(category.highest() == common::v1::RELEASE_LEVEL_UNSPECIFIED, path + ".highest",
             "is required");
  checks->If(category.items().empty() && category.highest() > common::v1::RELEASE_LEVEL_NOTHING,
             path + ".items", "needs at least one item, and the purpose that needs it");
  for (int k = 0; k < category.items_size(); ++k) {
    const auto& item = category.items(k);
    const std::string place = At(path + ".items", k);
    checks->Text(place + ".item", item.item(), 1, 200);
    checks->If(item.purposes().empty(), place + ".purposes",
               "is empty: name the purpose that needs this item");
    for (int p = 0; p < item.purposes_size(); ++p) {
      checks->If(!HasPurpose(terms, item.purposes(p)), At(place + ".purposes", p),
                 "is no purpose of this agreement");
    }
  }
}

// What may leave of a category at all, whatever the parties agree.
void CheckLevel(const v1::AgreementTerms& terms, int i, Checks* checks) {
  const auto& category = terms.categories(i);
  const std::string path = At("terms.categories", i);
  const bool is_monitoring = category.category() == common::v1::CATEGORY_EQUALITY_MONITORING;
  const bool is_needs = category.category() == common::v1::CATEGORY_ACCESS_NEEDS;
  const bool is_contact = category.category() == common::v1::CATEGORY_CONTACT;
  checks->If(is_monitoring && category.highest() > RELEASE_LEVEL_AGGREGATE, path + ".highest",
             "is above aggregate; monitoring answers leave only as aggregates");
  checks->If((is_needs || is_contact) && category.highest() > common::v1::RELEASE_LEVEL_NOTHING &&
                 category.highest() < common::v1::RELEASE_LEVEL_IDENTIFIABLE,
             path + ".highest", "is neither nothing nor identifiable; less is of no use");
  checks->If((is_monitoring || is_needs) && !category.special_category(),
             path + ".special_category", "is required: this category holds special category data");
}

// Rule 29: dates. review_due is 12 to 24 months after start, the end after it and within the
// platform's term.
void CheckDates(const v1::AgreementTerms& terms, const Platform& platform, Checks* checks) {
  checks->If(!terms.has_start(), "terms.start", "is required");
  checks->If(!terms.has_review_due(), "terms.review_due", "is required");
  checks->If(!terms.has_end(), "terms.end", "is required: no agreement is open-ended");
  const int64_t start = text::ToMs(terms.start());
  const int64_t review = text::ToMs(terms.review_due());
  const int64_t end = text::ToMs(terms.end());
  if (terms.has_start() && terms.has_review_due()) {
    checks->If(review < AddMonths(start, 12) || review > AddMonths(start, 24), "terms.review_due",
               "is not 12 to 24 months after start");
  }
  if (terms.has_end() && terms.has_review_due())
    checks->If(review > end, "terms.review_due", "is after end");
  if (!terms.has_start() || !terms.has_end()) return;
  checks->If(end <= start, "terms.end", "is not after start");
  checks->If(end > AddMonths(start, platform.term_months_max), "terms.end",
             "is over " + std::to_string(platform.term_months_max) + " months after start");
}

// Rule 29: how long it is kept, and what becomes of it.
void CheckRetention(const v1::Retention& retention, Checks* checks) {
  checks->Text("terms.retention.rule", retention.rule(), 1, 500);
  checks->If(retention.months() == 0, "terms.retention.months", "is not 1 to 1,200");
  checks->Text("terms.retention.disposal_method", retention.disposal_method(), 1, 500);
  checks->If(retention.on_termination() == v1::ON_TERMINATION_UNSPECIFIED,
             "terms.retention.on_termination", "is required");
  checks->If(!retention.has_termination_notice_days() ||
                 retention.termination_notice_days() > kNoticeDaysMax,
             "terms.retention.termination_notice_days", "is not 0 to 365");
}

// Rule 30: Article 6, for one controller and purpose.
void CheckArticle6(const std::string& path, const v1::LawfulBasis& basis, bool is_authority,
                   Checks* checks) {
  checks->If(basis.art6().empty(), path + ".art6", "is required");
  const bool is_own_task =
      is_authority && (!basis.has_own_public_task() || basis.own_public_task());
  checks->If(is_own_task && basis.art6() == "6_1_f_legitimate_interests", path + ".art6",
             "is no basis for the tasks of a public authority; say own_public_task: false if it is "
             "not one of its tasks");
  checks->If(is_own_task && basis.art6() == "6_1_ea_recognised_legitimate_interest", path + ".art6",
             "is no basis for a public authority's own task; say own_public_task: false if it is "
             "not one of its tasks");
  checks->If(!is_authority && basis.art6() == "6_1_e_public_task" && basis.delegated_task().empty(),
             path + ".delegated_task", "is required: which public task was delegated, and by whom");
  checks->If(
      is_authority && basis.art6() == "6_1_e_public_task" && basis.statutory_duties().empty(),
      path + ".statutory_duties", "is empty: name the duty that this task serves");
  const bool is_consent =
      basis.art6() == "6_1_a_consent" || basis.art9() == "9_2_a_explicit_consent";
  checks->If(is_consent && basis.withdrawal_route().empty(), path + ".withdrawal_route",
             "is required: how consent is withdrawn");
}

// Rule 30: Article 9 and Schedule 1. `is_special`: the purpose uses special category data.
void CheckArticle9(const std::string& path, const v1::LawfulBasis& basis, bool is_special,
                   Checks* checks) {
  checks->If(basis.art9().empty(), path + ".art9",
             "is required; none_no_special_category when there is none");
  checks->If(is_special && basis.art9() == "none_no_special_category", path + ".art9",
             "is none, but the purpose uses a category that may hold special category data");
  const std::string article(basis.art9(), 0, 5);
  const bool needs_schedule =
      article == "9_2_g" || article == "9_2_h" || article == "9_2_i" || article == "9_2_j";
  const auto* schedule = data::FindCode("dpa2018_schedule1", basis.schedule1());
  checks->If(needs_schedule && (schedule == nullptr || schedule->note != basis.art9()),
             path + ".schedule1", "is not a condition of Schedule 1 that goes with this Article 9");
  checks->If(article == "9_2_g" && basis.appropriate_policy_document().empty(),
             path + ".appropriate_policy_document", "is required with this condition");
}

// Rule 31: the common law duty of confidentiality.
void CheckConfidentiality(const std::string& path, const v1::LawfulBasis& basis,
                          bool is_above_aggregate, Checks* checks) {
  checks->If(basis.cldc_basis().empty(), path + ".cldc_basis", "is required");
  checks->If(basis.cldc_basis() == "implied_consent_direct_care", path + ".cldc_basis",
             "is refused: involvement is no direct care");
  checks->If(basis.cldc_basis() == "section_251" && basis.section_251_reference().empty(),
             path + ".section_251_reference", "is required");
  checks->If(basis.cldc_basis() == "anonymised" && is_above_aggregate, path + ".cldc_basis",
             "is anonymised, but the purpose uses a category above aggregate");
}

// Rules 30 and 31 for one purpose.
void CheckBases(const v1::AgreementTerms& terms, int i, const FactsOf& facts, Checks* checks) {
  const auto& purpose = terms.purposes(i);
  bool is_special = false, is_criminal = false, is_above_aggregate = false;
  for (const auto& category : terms.categories()) {
    if (!IsTied(category, purpose.purpose())) continue;
    is_special |= category.special_category();
    is_criminal |= category.criminal_offence();
    is_above_aggregate |= category.highest() > RELEASE_LEVEL_AGGREGATE;
  }
  std::set<std::string> stated;
  for (int k = 0; k < purpose.bases_size(); ++k) {
    const auto& basis = purpose.bases(k);
    const std::string path = At(At("terms.purposes", i) + ".bases", k);
    const auto* party = FindParty(terms, basis.organisation());
    checks->If(party == nullptr || !IsController(*party), path + ".organisation",
               "is not a controller among the parties");
    stated.insert(basis.organisation());
    CheckArticle6(path, basis, IsPublicAuthority(facts, basis.organisation()), checks);
    CheckArticle9(path, basis, is_special, checks);
    checks->If(is_criminal && basis.art10_condition().empty(), path + ".art10_condition",
               "is required: the purpose uses a category that may hold criminal-offence data");
    CheckConfidentiality(path, basis, is_above_aggregate, checks);
  }
  for (int p = 0; p < terms.parties_size(); ++p) {
    checks->If(IsController(terms.parties(p)) && stated.count(terms.parties(p).organisation()) == 0,
               At("terms.purposes", i) + ".bases",
               "has none for the controller terms.parties[" + std::to_string(p) + "]");
  }
}

// A purpose whose basis does not rest on the person's agreement.
// The functions that approved it, as they are compared.
std::set<std::string> ApproversOf(const v1::PurposeTerms& purpose) {
  std::set<std::string> approvers;
  for (const auto& approver : purpose.consent_independent_approved_by())
    approvers.insert(Plain(approver));
  approvers.erase("");
  return approvers;
}

void CheckConsentIndependence(const std::string& path, const v1::PurposeTerms& purpose,
                              Checks* checks) {
  if (!purpose.consent_independent()) return;
  checks->If(!IsConsentIndependent(purpose), path + ".consent_independent_approved_by",
             "needs two functions that are not the same");
  for (int k = 0; k < purpose.bases_size(); ++k) {
    const auto& basis = purpose.bases(k);
    checks->If(basis.art6() == "6_1_a_consent" || basis.art9() == "9_2_a_explicit_consent" ||
                   basis.cldc_basis() == "explicit_consent",
               path + ".consent_independent", "contradicts " + At("bases", k) + ", consent");
  }
}

// Rules 35 and 36, as far as terms can say it, and what operations need.
void CheckOperations(const v1::AgreementTerms& terms, Checks* checks) {
  checks->If(terms.operations().empty(), "terms.operations", "needs at least one operation");
  checks->If(HasOperation(terms, v1::OPERATION_ONWARD) &&
                 terms.onward_sharing() <= v1::ONWARD_SHARING_PROHIBITED,
             "terms.onward_sharing", "prohibits the operation onward");
  checks->If(HasOperation(terms, v1::OPERATION_LINK) && !terms.linkage_allowed(),
             "terms.linkage_allowed", "is false, but the operation link is named");
  checks->If(terms.linkage_allowed() && terms.linkage_with().empty(), "terms.linkage_with",
             "is required: with what records may be linked");
  checks->If(HasOperation(terms, v1::OPERATION_INFER) && !terms.profiling(), "terms.profiling",
             "is false, but the operation infer is named");
  checks->If(terms.profiling() && terms.model_cards().empty(), "terms.model_cards",
             "is empty: name the card of each model that may use the data");
  for (int i = 0; i < terms.access_roles_size(); ++i) {
    const auto& access = terms.access_roles(i);
    const auto* party = FindParty(terms, access.organisation());
    checks->If(party != nullptr && !party->receives(),
               At("terms.access_roles", i) + ".organisation", "is a party that does not receive");
    for (int k = 0; k < access.purposes_size(); ++k) {
      checks->If(!HasPurpose(terms, access.purposes(k)),
                 At(At("terms.access_roles", i) + ".purposes", k),
                 "is no purpose of this agreement");
    }
  }
}

void CheckScopes(const v1::AgreementTerms& terms, Checks* checks) {
  checks->If(terms.scopes().empty(), "terms.scopes",
             "needs at least one place, programme, event "
             "or organisation");
  for (int i = 0; i < terms.scopes_size(); ++i) {
    const auto parts = terms.scopes(i).rfind("organisations/", 0) == 0
                           ? terms.scopes(i).find('/', sizeof("organisations/") - 1)
                           : 0;
    if (parts == 0) continue;
    const auto* party = FindParty(terms, terms.scopes(i).substr(0, parts));
    checks->If(party == nullptr || !party->provides(), At("terms.scopes", i),
               "is of an organisation that provides nothing here");
  }
}

bool ListsSubject(const v1::AgreementTerms& terms, const std::string& subject) {
  const auto& subjects = terms.data_subjects();
  return std::find(subjects.begin(), subjects.end(), subject) != subjects.end();
}

void CheckSubjects(const v1::AgreementTerms& terms, Checks* checks) {
  checks->If(terms.data_subjects().empty(), "terms.data_subjects", "needs at least one code");
  checks->If(!terms.has_children(), "terms.children", "is required: true or false");
  checks->If(!terms.has_adults_at_risk(), "terms.adults_at_risk", "is required: true or false");
  checks->If(terms.has_children() && !terms.children() && ListsSubject(terms, "child"),
             "terms.children", "is false, but data_subjects names child");
  checks->If(
      terms.has_adults_at_risk() && !terms.adults_at_risk() && ListsSubject(terms, "adult_at_risk"),
      "terms.adults_at_risk", "is false, but data_subjects names adult_at_risk");
}

// What 5.1 requires and no other rule speaks of.
void CheckRequired(const v1::AgreementTerms& terms, Checks* checks) {
  const std::pair<const char*, const std::string*> required[] = {
      {"dpia_reference", &terms.dpia_reference()},
      {"ndoo_status", &terms.ndoo_status()},
      {"privacy_notice_url", &terms.privacy_notice_url()},
      {"storage_location", &terms.storage_location()},
      {"transfers_outside_uk", &terms.transfers_outside_uk()},
      {"frequency", &terms.frequency()},
      {"transport", &terms.transport()},
      {"rights_contact", &terms.rights_contact()},
      {"complaints_contact", &terms.complaints_contact()},
      {"breach_contact", &terms.breach_contact()}};
  for (const auto& [name, value] : required)
    checks->If(value->empty(), std::string("terms.") + name, "is required");
  checks->If(terms.breach_notify_hours() == 0, "terms.breach_notify_hours", "is not 1 to 24");
  checks->If(!terms.storage_location().empty() && terms.storage_location().rfind("GB", 0) != 0 &&
                 Plain(terms.transfers_outside_uk()) == "none",
             "terms.transfers_outside_uk", "is none, but the data are stored outside the UK");
  checks->If(HasPurpose(terms, "research") && terms.research_approval().empty(),
             "terms.research_approval", "is required for the purpose research");
  ForEachText(terms, "terms",
              [checks](const std::string& path, const std::string&, const std::string& value) {
                const size_t open = value.find('<');
                checks->If(open != std::string::npos && value.find('>', open) != std::string::npos,
                           path, "still holds a <placeholder>");
              });
}

}  // namespace

bool IsController(const v1::Party& party) {
  return party.role() == v1::PARTY_ROLE_CONTROLLER ||
         party.role() == v1::PARTY_ROLE_JOINT_CONTROLLER;
}

const v1::Party* FindParty(const v1::AgreementTerms& terms, const std::string& organisation) {
  for (const auto& party : terms.parties()) {
    if (!organisation.empty() && party.organisation() == organisation) return &party;
  }
  return nullptr;
}

int64_t AddMonths(int64_t time_ms, int months) {
  using std::chrono::days, std::chrono::milliseconds, std::chrono::floor;
  const std::chrono::sys_time<milliseconds> time{milliseconds(time_ms)};
  const auto day = floor<days>(time);
  auto date = std::chrono::year_month_day(day) + std::chrono::months(months);
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  return (std::chrono::sys_days(date) + (time - day)).time_since_epoch().count();
}

std::vector<FieldViolation> CheckTerms(const v1::AgreementTerms& terms, const FactsOf& facts,
                                       const Platform& platform) {
  Checks checks;
  for (auto& violation : CheckDraft(terms)) checks.Add(violation.field, violation.description);
  CheckPartyRoles(terms, &checks);
  for (int i = 0; i < terms.parties_size(); ++i) CheckParty(terms, i, facts, &checks);
  checks.If(terms.purposes().empty(), "terms.purposes", "needs at least one purpose");
  for (int i = 0; i < terms.purposes_size(); ++i) {
    const std::string path = At("terms.purposes", i);
    CheckPurposeWords(path, terms.purposes(i), &checks);
    CheckBases(terms, i, facts, &checks);
    CheckConsentIndependence(path, terms.purposes(i), &checks);
  }
  checks.If(terms.categories().empty(), "terms.categories", "needs at least one category");
  for (int i = 0; i < terms.categories_size(); ++i) {
    CheckItems(terms, i, &checks);
    CheckLevel(terms, i, &checks);
  }
  CheckOperations(terms, &checks);
  CheckScopes(terms, &checks);
  checks.If(!IsAtLeastAsStrict(terms.small_numbers(), platform.small_numbers),
            "terms.small_numbers", "shows more than the platform allows");  // Rule 33.
  CheckRetention(terms.retention(), &checks);
  CheckDates(terms, platform, &checks);
  CheckSubjects(terms, &checks);
  CheckRequired(terms, &checks);
  return checks.Take();
}

bool IsConsentIndependent(const v1::PurposeTerms& purpose) {
  return purpose.consent_independent() && ApproversOf(purpose).size() >= 2;
}

absl::Status CheckParties(const v1::AgreementTerms& terms, const FactsOf& facts) {
  for (const auto& party : terms.parties()) {
    const std::string& organisation = party.organisation();
    const auto known = facts(organisation);
    const char* problem = !known                 ? " is no organisation of this network"
                          : !known->legal_entity ? " is no legal person; its accountable body can "
                                                   "be a party"
                          : known->closed        ? " is closed; its successor can be a party"
                                                 : nullptr;
    if (problem != nullptr)
      return Error(reason::kNotParty, organisation + problem, {{"organisation", organisation}});
  }
  return absl::OkStatus();
}

std::vector<FieldViolation> CheckSuccessor(const v1::AgreementTerms& terms,
                                           const v1::AgreementTerms& before) {
  Checks checks;
  checks.If(terms.reference() != before.reference(), "terms.reference",
            "differs from the version it supersedes");
  checks.If(terms.version() != before.version() + 1, "terms.version",
            "is not the next after the version it supersedes");
  checks.If(FindParty(before, terms.lead()) == nullptr, "terms.lead",
            "was no party of the version it supersedes");
  return checks.Take();
}

}  // namespace waterline::accountability
