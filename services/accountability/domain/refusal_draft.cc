#include "services/accountability/domain/refusal_draft.h"

#include <algorithm>
#include <set>

#include "services/common/data/code_lists.h"
#include "services/common/text/id.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

using common::v1::Category;
using common::v1::ReleaseLevel;

constexpr size_t kScopesMax = 200;

// CATEGORY_CONTRIBUTION_TEXT -> contribution_text, as in the code list data_category.
std::string CategoryCode(Category category) {
  constexpr size_t kPrefix = sizeof("CATEGORY_") - 1;
  return text::ToLower(common::v1::Category_Name(category).substr(kPrefix));
}

std::string Label(const std::string& list, const std::string& code) {
  const auto* known = data::FindCode(list, code);
  return known == nullptr ? code : known->label;
}

// Counts and monitoring answers leave only as aggregates, whatever was asked.
ReleaseLevel LevelOf(Category category, const v1::Question& question) {
  const auto wanted = question.asked() == common::v1::RELEASE_LEVEL_UNSPECIFIED
                          ? common::v1::RELEASE_LEVEL_IDENTIFIABLE
                          : question.asked();
  const bool aggregate_only = category == common::v1::CATEGORY_EQUALITY_MONITORING ||
                              question.operation() == v1::OPERATION_COUNT;
  return aggregate_only ? std::min(wanted, common::v1::RELEASE_LEVEL_AGGREGATE) : wanted;
}

void AddCategories(const v1::Question& question, v1::AgreementTerms* terms) {
  std::set<int> seen;
  for (int value : question.categories()) {
    const auto category = static_cast<Category>(value);
    if (!seen.insert(value).second) continue;
    auto* added = terms->add_categories();
    added->set_category(category);
    added->set_highest(LevelOf(category, question));
    if (category == common::v1::CATEGORY_EQUALITY_MONITORING ||
        category == common::v1::CATEGORY_ACCESS_NEEDS) {
      added->set_special_category(true);
    }
    auto* item = added->add_items();
    item->set_item(Label("data_category", CategoryCode(category)));
    item->add_purposes(question.purpose());
  }
}

// How narrow a scope is: an event, a programme, a place, an organisation.
int Narrowness(const std::string& scope) {
  if (text::MatchName(scope, "organisations/*/events/*")) return 3;
  if (text::MatchName(scope, "organisations/*/programmes/*")) return 2;
  return text::MatchName(scope, "places/*") ? 1 : 0;
}

// The narrowest of the names an answer belongs to: any one of them would cover it.
template <class Names>
std::set<std::string> Narrowest(const Names& names) {
  std::set<std::string> narrowest;
  int best = -1;
  for (const auto& name : names) {
    if (Narrowness(name) > best) narrowest.clear();
    best = std::max(best, Narrowness(name));
    if (Narrowness(name) == best) narrowest.insert(name);
  }
  return narrowest;
}

// The question's own scopes; where those are the controller as a whole, those of its records, if
// each names one; else the controller.
std::set<std::string> ScopesOf(const v1::Question& question, const std::string& controller) {
  const auto asked = Narrowest(question.scopes());
  if (!asked.empty() && Narrowness(*asked.begin()) > 0) return asked;
  std::set<std::string> scopes;
  for (const auto& record : question.records()) {
    const auto own = Narrowest(record.scopes());
    if (own.empty()) return {controller};
    scopes.insert(own.begin(), own.end());
  }
  if (scopes.empty() || scopes.size() > kScopesMax) return {controller};
  return scopes;
}

void AddParties(const v1::Question& question, const std::string& controller,
                const std::string& requester, v1::AgreementTerms* terms) {
  auto* provider = terms->add_parties();
  provider->set_organisation(controller);
  provider->set_role(v1::PARTY_ROLE_CONTROLLER);
  provider->set_provides(true);
  auto* recipient = terms->add_parties();
  recipient->set_organisation(requester);
  recipient->set_role(v1::PARTY_ROLE_CONTROLLER);
  recipient->set_receives(true);
  auto* access = terms->add_access_roles();
  access->set_organisation(requester);
  access->set_role(question.caller().role());
  access->add_purposes(question.purpose());
}

}  // namespace

v1::AgreementTerms DraftFromRefusal(const v1::Question& question, const std::string& controller,
                                    const std::string& requester) {
  v1::AgreementTerms terms;
  terms.set_version(1);
  terms.set_title(Label("purpose", question.purpose()) + ": what was asked and refused");
  terms.set_lead(requester);
  AddParties(question, controller, requester, &terms);
  auto* purpose = terms.add_purposes();
  purpose->set_purpose(question.purpose());
  purpose->add_bases()->set_organisation(controller);
  purpose->add_bases()->set_organisation(requester);
  AddCategories(question, &terms);
  terms.add_operations(question.operation());
  for (const auto& scope : ScopesOf(question, controller)) terms.add_scopes(scope);
  terms.set_research_approval(question.purpose() == "research" ? question.approval() : "");
  if (terms.research_approval().empty()) terms.clear_research_approval();
  terms.set_onward_sharing(v1::ONWARD_SHARING_PROHIBITED);
  return terms;
}

}  // namespace waterline::accountability
