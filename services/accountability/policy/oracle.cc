#include "services/accountability/policy/oracle.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>

#include "services/common/data/code_lists.h"
#include "services/common/text/date.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability::oracle {
namespace {

using common::v1::Category;
using common::v1::ReleaseLevel;
using enum common::v1::Category;
using enum common::v1::ReleaseLevel;
using Strings = std::set<std::string>;

const std::set<int> kPersonal = {
    CATEGORY_PARTICIPANT_PROFILE, CATEGORY_CONTACT,     CATEGORY_EQUALITY_MONITORING,
    CATEGORY_ACCESS_NEEDS,        CATEGORY_PERMISSIONS, CATEGORY_ATTENDANCE,
    CATEGORY_CONTRIBUTION_TEXT,   CATEGORY_REACTION,    CATEGORY_INDICATOR_RESPONSE};
const std::set<int> kOperators = {CATEGORY_ORGANISATION, CATEGORY_EVENT, CATEGORY_LEDGER,
                                  CATEGORY_ESTIMATE};

Answer No(const std::string& reason) {
  Answer answer;
  answer.reason = reason;
  return answer;
}

ReleaseLevel Least(std::initializer_list<ReleaseLevel> levels) { return std::min(levels); }

template <class Repeated>
auto SetOf(const Repeated& repeated) {
  return std::set<typename Repeated::value_type>(repeated.begin(), repeated.end());
}

// A question, and the words of the decision about it.
struct Asked {
  const World& world;
  const v1::Question& question;
  int64_t now_ms;

  std::string caller() const { return question.caller().organisation(); }
  std::string caller_name() const { return "organisations/" + caller(); }
  std::string controller_name() const { return "organisations/" + question.controller(); }
  std::string role() const { return question.caller().role(); }
  bool is_own() const { return !caller().empty() && caller() == question.controller(); }
  bool is(v1::Operation operation) const { return question.operation() == operation; }
  bool for_purpose(const char* purpose) const { return question.purpose() == purpose; }
  bool asks(Category category) const { return SetOf(question.categories()).count(category) > 0; }
  bool asks_only_the_whole_person() const {
    return asks(CATEGORY_CONTACT) || asks(CATEGORY_ACCESS_NEEDS);
  }
  ReleaseLevel level() const {
    if (question.asked() == RELEASE_LEVEL_UNSPECIFIED) return RELEASE_LEVEL_IDENTIFIABLE;
    return Least({question.asked(), RELEASE_LEVEL_IDENTIFIABLE});
  }
};

// ---- Steps 1 to 3 -------------------------------------------------------------------------------

std::string Step1(const Asked& asked) {
  const auto& question = asked.question;
  if (!data::IsKnownCode("purpose", question.purpose())) return "PURPOSE_REQUIRED";
  if (asked.for_purpose("research") && question.approval().empty()) return "APPROVAL_REQUIRED";
  const size_t said = text::CodePoints(question.justification());
  if (asked.for_purpose("safeguarding") && (said < 20 || said > 500))
    return "JUSTIFICATION_REQUIRED";
  if (question.operation() == v1::OPERATION_UNSPECIFIED ||
      !v1::Operation_IsValid(question.operation()))
    return "OPERATION_NOT_COVERED";
  return "";
}

bool IsPartyOfTheNamed(const Asked& asked) {
  for (const auto& agreement : asked.world.agreements) {
    if (agreement.name() != asked.question.agreement()) continue;
    for (const auto& party : agreement.terms().parties())
      if (party.organisation() == asked.caller_name()) return true;
  }
  return false;
}

Answer PermitAs(const Asked& asked, const std::string& basis) {
  Answer answer;
  answer.result = v1::RESULT_PERMIT;
  answer.level = asked.level();
  answer.basis = basis;
  return answer;
}

Answer Network(const Asked& asked) {
  const bool is_host = asked.caller() == asked.world.host;
  if (!asked.question.agreement().empty() && !IsPartyOfTheNamed(asked))
    return No("AGREEMENT_NOT_FOUND");
  if (asked.is(v1::OPERATION_WRITE)) {
    return is_host && asked.role() == "network_steward" ? PermitAs(asked, "NETWORK_STEWARD")
                                                        : No("ROLE_NOT_PERMITTED");
  }
  return is_host || asked.question.caller_is_member() ? PermitAs(asked, "NETWORK_DIRECTORY")
                                                      : No("NOT_MEMBER");
}

Answer Agreements(const Asked& asked) {
  if (!asked.question.agreement().empty() && !IsPartyOfTheNamed(asked))
    return No("AGREEMENT_NOT_FOUND");
  if (!asked.question.caller_is_party()) return No("NOT_CONTROLLER");
  if (asked.role() == "platform_admin") return No("ROLE_NOT_PERMITTED");
  return PermitAs(asked, "AGREEMENT_PARTY");
}

Answer Own(const Asked& asked) {
  if (asked.role() == "platform_admin") return No("ROLE_NOT_PERMITTED");
  if (asked.for_purpose("system_administration")) {
    if (asked.question.categories().empty()) return No("ROLE_NOT_PERMITTED");
    for (const int category : asked.question.categories())
      if (kOperators.count(category) == 0) return No("ROLE_NOT_PERMITTED");
  }
  if (!asked.question.agreement().empty() && !IsPartyOfTheNamed(asked))
    return No("AGREEMENT_NOT_FOUND");
  return PermitAs(asked, "OWN_RECORDS");
}

// ---- Step 5 -------------------------------------------------------------------------------------

const v1::Party* PartyOf(const v1::Agreement& agreement, const std::string& organisation) {
  for (const auto& party : agreement.terms().parties())
    if (party.organisation() == organisation) return &party;
  return nullptr;
}

bool Reached(const Asked& asked, const v1::Agreement& agreement, const v1::RecordFacts* record) {
  const auto scopes = SetOf(agreement.terms().scopes());
  if (scopes.count(asked.controller_name()) > 0) return true;
  const bool of_its_own = record != nullptr && !record->scopes().empty();
  for (const auto& scope : of_its_own ? record->scopes() : asked.question.scopes())
    if (scopes.count(scope) > 0) return true;
  return false;
}

int RecordsReached(const Asked& asked, const v1::Agreement& agreement) {
  int reached = 0;
  for (const auto& record : asked.question.records())
    reached += Reached(asked, agreement, &record) ? 1 : 0;
  return reached;
}

ReleaseLevel HighestOf(const v1::Agreement& agreement, int category) {
  for (const auto& terms : agreement.terms().categories()) {
    if (terms.category() != category) continue;
    return category == CATEGORY_EQUALITY_MONITORING
               ? Least({terms.highest(), RELEASE_LEVEL_AGGREGATE})
               : terms.highest();
  }
  return RELEASE_LEVEL_NOTHING;
}

ReleaseLevel CapOf(const Asked& asked, const v1::Agreement& agreement) {
  ReleaseLevel cap = asked.level();
  for (const int category : asked.question.categories())
    cap = Least({cap, HighestOf(agreement, category)});
  const bool anonymous =
      PartyOf(agreement, asked.caller_name())->role() == v1::PARTY_ROLE_RECIPIENT_OF_ANONYMOUS;
  const bool onward_in_aggregate =
      asked.is(v1::OPERATION_ONWARD) &&
      agreement.terms().onward_sharing() == v1::ONWARD_SHARING_AGGREGATE_ONLY;
  const bool computed = asked.is(v1::OPERATION_COUNT) || asked.is(v1::OPERATION_INFER);
  return anonymous || onward_in_aggregate || computed ? Least({cap, RELEASE_LEVEL_AGGREGATE}) : cap;
}

bool State(const v1::Agreement& agreement) {
  Strings signed_by;
  for (const auto& signature : agreement.signatures()) signed_by.insert(signature.organisation());
  for (const auto& party : agreement.terms().parties())
    if (signed_by.count(party.organisation()) == 0) return false;
  return agreement.state() == v1::AGREEMENT_STATE_AGREED &&
         agreement.assessment().dpia_approved() && agreement.assessment().dpo_advice_recorded();
}

bool Dates(const Asked& asked, const v1::AgreementTerms& terms) {
  return text::ToMs(terms.start()) <= asked.now_ms && asked.now_ms < text::ToMs(terms.end()) &&
         asked.now_ms < text::ToMs(terms.review_due());
}

bool Purpose(const Asked& asked, const v1::AgreementTerms& terms) {
  for (const auto& purpose : terms.purposes())
    if (purpose.purpose() == asked.question.purpose()) return true;
  return false;
}

bool Operation(const Asked& asked, const v1::AgreementTerms& terms) {
  if (asked.is(v1::OPERATION_ONWARD) && terms.onward_sharing() == v1::ONWARD_SHARING_NAMED_PARTIES)
    return false;
  return SetOf(terms.operations()).count(asked.question.operation()) > 0;
}

bool Role(const Asked& asked, const v1::AgreementTerms& terms) {
  if (asked.role() == "platform_admin") return false;
  bool none_named = true;
  for (const auto& access : terms.access_roles()) {
    if (access.organisation() != asked.caller_name()) continue;
    none_named = false;
    if (access.role() != asked.role()) continue;
    if (access.purposes().empty()) return true;
    if (SetOf(access.purposes()).count(asked.question.purpose()) > 0) return true;
  }
  return none_named;
}

bool Categories(const Asked& asked, const v1::Agreement& agreement) {
  if (asked.question.categories().empty()) return false;
  for (const int category : asked.question.categories())
    if (HighestOf(agreement, category) <= RELEASE_LEVEL_NOTHING) return false;
  return !asked.asks_only_the_whole_person() ||
         CapOf(asked, agreement) == RELEASE_LEVEL_IDENTIFIABLE;
}

bool Approval(const Asked& asked, const v1::AgreementTerms& terms) {
  return !asked.for_purpose("research") || terms.research_approval() == asked.question.approval();
}

bool Level(const Asked& asked, const v1::Agreement& agreement) {
  const bool rows = !asked.is(v1::OPERATION_COUNT) && !asked.is(v1::OPERATION_INFER) &&
                    !asked.is(v1::OPERATION_WRITE);
  bool personal = false;
  for (const int category : asked.question.categories())
    personal = personal || kPersonal.count(category) > 0;
  return !(rows && personal && CapOf(asked, agreement) <= RELEASE_LEVEL_AGGREGATE);
}

bool Scope(const Asked& asked, const v1::Agreement& agreement) {
  const int records = asked.question.records_size();
  if (asked.is(v1::OPERATION_WRITE) && records > 0)
    return RecordsReached(asked, agreement) == records;
  if (asked.question.whole_collection() && !asked.is(v1::OPERATION_WRITE)) return true;
  return records == 0 ? Reached(asked, agreement, nullptr) : RecordsReached(asked, agreement) > 0;
}

// How many conditions held before the first that failed, and that one's code.
std::pair<int, std::string> Progress(const Asked& asked, const v1::Agreement& agreement) {
  const auto& terms = agreement.terms();
  if (!State(agreement)) return {0, "AGREEMENT_NOT_ACTIVE"};
  if (!Dates(asked, terms)) return {1, "AGREEMENT_NOT_ACTIVE"};
  if (!Purpose(asked, terms)) return {2, "PURPOSE_NOT_COVERED"};
  if (!Operation(asked, terms)) return {3, "OPERATION_NOT_COVERED"};
  if (!Role(asked, terms)) return {4, "ROLE_NOT_COVERED"};
  if (!Categories(asked, agreement)) return {5, "CATEGORY_NOT_COVERED"};
  if (!Approval(asked, terms)) return {6, "APPROVAL_REQUIRED"};
  if (!Level(asked, agreement)) return {7, "LEVEL_NOT_COVERED"};
  if (!Scope(asked, agreement)) return {8, "NOT_COVERED"};
  return {9, ""};
}

// ---- Steps 4 and 6 ------------------------------------------------------------------------------

std::vector<const v1::Agreement*> Candidates(const Asked& asked) {
  std::vector<const v1::Agreement*> candidates;
  for (const auto& agreement : asked.world.agreements) {
    const auto* provider = PartyOf(agreement, asked.controller_name());
    const auto* recipient = PartyOf(agreement, asked.caller_name());
    if (agreement.state() == v1::AGREEMENT_STATE_DRAFT ||
        agreement.state() == v1::AGREEMENT_STATE_IN_REVIEW)
      continue;
    if (provider == nullptr || recipient == nullptr || provider == recipient) continue;
    if (!provider->provides() || !recipient->receives()) continue;
    if (!asked.question.agreement().empty() && asked.question.agreement() != agreement.name())
      continue;
    candidates.push_back(&agreement);
  }
  return candidates;
}

// Less is better.
auto Rank(const Asked& asked, const v1::Agreement& agreement) {
  const auto& terms = agreement.terms();
  const bool reaches_none =
      !asked.question.records().empty() && RecordsReached(asked, agreement) == 0;
  return std::make_tuple(reaches_none, -static_cast<int>(CapOf(asked, agreement)),
                         terms.scopes_size(), terms.categories_size(), terms.purposes_size(),
                         terms.operations_size(), terms.reference(),
                         -static_cast<int64_t>(terms.version()), agreement.name());
}

// ---- Steps 7 to 9 -------------------------------------------------------------------------------

v1::StandingValue Said(const Person& person, v1::StandingItem item, int64_t now_ms) {
  const auto found = person.said.find(item);
  if (found == person.said.end()) return v1::STANDING_VALUE_UNSPECIFIED;
  const auto ends = person.ends_ms.find(item);
  const bool ran_out = ends != person.ends_ms.end() && ends->second <= now_ms;
  if (ran_out && found->second == v1::STANDING_VALUE_GIVEN) return v1::STANDING_VALUE_WITHDRAWN;
  return found->second;
}

v1::StandingValue Sharing(const Person& person, int64_t now_ms) {
  const std::set<v1::StandingValue> either = {
      Said(person, v1::STANDING_ITEM_SHARE_WITH_NAMED_PARTNERS, now_ms),
      Said(person, v1::STANDING_ITEM_SHARE_WITH_ANY_ICS_PARTNER, now_ms)};
  for (const auto value :
       {v1::STANDING_VALUE_GIVEN, v1::STANDING_VALUE_WITHDRAWN, v1::STANDING_VALUE_REFUSED})
    if (either.count(value) > 0) return value;
  return v1::STANDING_VALUE_UNSPECIFIED;
}

bool RestsOnNoConsent(const Asked& asked, const v1::Agreement& agreement) {
  for (const auto& purpose : agreement.terms().purposes()) {
    if (purpose.purpose() != asked.question.purpose()) continue;
    auto approvers = SetOf(purpose.consent_independent_approved_by());
    approvers.erase("");
    return purpose.consent_independent() && approvers.size() >= 2;
  }
  return false;
}

struct Cap {
  ReleaseLevel level;
  std::string reason;
};

bool StandingCounts(const Asked& asked) {
  if (asked.is(v1::OPERATION_WRITE)) return false;
  if (asked.for_purpose("safeguarding") || asked.for_purpose("rights_request")) return false;
  const auto categories = SetOf(asked.question.categories());
  return !(categories.size() == 1 && categories.count(CATEGORY_PERMISSIONS) > 0);
}

// Every cap a person's standing sets; the lowest counts, of equal ones the first.
std::vector<Cap> PersonCaps(const Asked& asked, const Person& person,
                            const v1::Agreement* agreement) {
  std::vector<Cap> caps;
  if (person.objection) caps.push_back({RELEASE_LEVEL_NOTHING, "OBJECTION"});
  if (person.restriction) caps.push_back({RELEASE_LEVEL_NOTHING, "RESTRICTION"});
  if (agreement == nullptr) return caps;
  if (person.hold) caps.push_back({RELEASE_LEVEL_NOTHING, "HOLD"});
  const auto refusal =
      RestsOnNoConsent(asked, *agreement) ? RELEASE_LEVEL_PSEUDONYMISED : RELEASE_LEVEL_NOTHING;
  const auto sharing = Sharing(person, asked.now_ms);
  if (sharing == v1::STANDING_VALUE_REFUSED) caps.push_back({refusal, "PERMISSION_REFUSED"});
  if (sharing == v1::STANDING_VALUE_WITHDRAWN) caps.push_back({refusal, "PERMISSION_WITHDRAWN"});
  if (sharing == v1::STANDING_VALUE_UNSPECIFIED)
    caps.push_back({RELEASE_LEVEL_PSEUDONYMISED, "PERMISSION_UNKNOWN"});
  const auto reuse = Said(person, v1::STANDING_ITEM_REUSE_FOR_RESEARCH_CONTACT, asked.now_ms);
  if (asked.for_purpose("research") && reuse != v1::STANDING_VALUE_GIVEN)
    caps.push_back({RELEASE_LEVEL_PSEUDONYMISED, "PERMISSION_UNKNOWN"});
  if (!asked.asks_only_the_whole_person()) return caps;
  for (auto& cap : caps) cap.level = RELEASE_LEVEL_NOTHING;
  return caps;
}

bool OpensFlagged(const Asked& asked, const v1::Agreement* agreement) {
  if (!asked.for_purpose("safeguarding")) return false;
  if (agreement == nullptr) return asked.role() == "safeguarding_lead";
  const std::string role = PartyOf(*agreement, asked.caller_name())->safeguarding_role();
  return !role.empty() && role == asked.role();
}

bool FlagHides(const Asked& asked, const v1::RecordFacts& record, const v1::Agreement* agreement) {
  if (!record.safeguarding() || OpensFlagged(asked, agreement)) return false;
  if (agreement != nullptr) return true;
  return asked.asks(CATEGORY_CONTRIBUTION_TEXT) && !asked.is(v1::OPERATION_WRITE);
}

std::vector<Cap> RecordCaps(const Asked& asked, const v1::RecordFacts& record,
                            const v1::Agreement* agreement) {
  std::vector<Cap> caps;
  if (agreement != nullptr && !Reached(asked, *agreement, &record))
    caps.push_back({RELEASE_LEVEL_NOTHING, "NOT_COVERED"});
  if (agreement != nullptr && record.lead_only())
    caps.push_back({RELEASE_LEVEL_NOTHING, "LEAD_ONLY"});
  if (FlagHides(asked, record, agreement)) caps.push_back({RELEASE_LEVEL_NOTHING, "SAFEGUARDING"});
  if (record.subject() == 0 || !StandingCounts(asked)) return caps;
  const auto place = static_cast<int>(record.subject()) - 1;
  if (place < 0 || place >= asked.question.subject_ids_size() ||
      asked.question.subject_ids(place).size() != 16) {
    caps.push_back({RELEASE_LEVEL_NOTHING, "NOT_COVERED"});
    return caps;
  }
  const auto found = asked.world.people.find(asked.question.subject_ids(place));
  const Person person = found == asked.world.people.end() ? Person() : found->second;
  for (const auto& cap : PersonCaps(asked, person, agreement)) caps.push_back(cap);
  return caps;
}

bool TextLeaves(const Asked& asked, const v1::RecordFacts& record, const v1::Agreement* agreement) {
  if (agreement == nullptr) return true;
  if (record.safeguarding() && OpensFlagged(asked, agreement)) return true;
  if (!record.text_reviewed()) return false;
  const auto place = static_cast<int>(record.subject()) - 1;
  if (place < 0 || place >= asked.question.subject_ids_size()) return true;
  const auto found = asked.world.people.find(asked.question.subject_ids(place));
  if (found == asked.world.people.end()) return true;
  const auto quoting = Said(found->second, v1::STANDING_ITEM_QUOTE_ANONYMOUSLY, asked.now_ms);
  return quoting != v1::STANDING_VALUE_REFUSED && quoting != v1::STANDING_VALUE_WITHDRAWN;
}

Release ReleaseOf(const Asked& asked, const v1::RecordFacts& record, ReleaseLevel ceiling,
                  const v1::Agreement* agreement) {
  Release release;
  release.level = ceiling;
  for (const auto& cap : RecordCaps(asked, record, agreement)) {
    if (cap.level >= release.level) continue;
    release.level = cap.level;
    release.reason = cap.reason;
  }
  release.text =
      release.level >= RELEASE_LEVEL_PSEUDONYMISED && TextLeaves(asked, record, agreement);
  return release;
}

// ---- Step 10 ------------------------------------------------------------------------------------

Answer Whole(const Asked& asked, Answer answer, const v1::Agreement* agreement) {
  const bool about_persons =
      asked.question.records().empty() && !asked.question.subject_ids().empty();
  for (const auto& record : asked.question.records())
    answer.records.push_back(ReleaseOf(asked, record, answer.level, agreement));
  for (int i = 0; about_persons && i < asked.question.subject_ids_size(); ++i) {
    v1::RecordFacts person;
    person.set_subject(static_cast<uint32_t>(i) + 1);
    answer.records.push_back(ReleaseOf(asked, person, answer.level, agreement));
  }
  bool lowered = false;
  for (const auto& release : answer.records) lowered = lowered || release.level < answer.level;
  if (about_persons || asked.is(v1::OPERATION_READ) || asked.is(v1::OPERATION_WRITE))
    for (const auto& release : answer.records) answer.level = Least({answer.level, release.level});
  if (about_persons) answer.records.clear();
  if (answer.level <= RELEASE_LEVEL_NOTHING) return No("NOT_COVERED");
  const bool below = answer.level < asked.level();
  answer.reason = below ? "LEVEL_NOT_COVERED" : lowered ? "NOT_COVERED" : "";
  answer.result = below || lowered ? v1::RESULT_REDUCED : v1::RESULT_PERMIT;
  return answer;
}

v1::SmallNumberPolicy Stricter(v1::SmallNumberPolicy policy) {
  const bool is_the_platforms = policy == v1::SMALL_NUMBER_POLICY_UNSPECIFIED ||
                                policy == v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5;
  return is_the_platforms ? v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5
                          : v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY;
}

Answer Shared(const Asked& asked) {
  const auto candidates = Candidates(asked);
  if (candidates.empty())
    return No(asked.question.agreement().empty() ? "NOT_CONTROLLER" : "AGREEMENT_NOT_FOUND");
  const v1::Agreement* best = nullptr;
  std::pair<int, std::string> nearest = {-1, ""};
  for (const auto* candidate : candidates) {
    const auto progress = Progress(asked, *candidate);
    if (progress.first > nearest.first) nearest = progress;
    if (progress.first < 9) continue;
    if (best == nullptr || Rank(asked, *candidate) < Rank(asked, *best)) best = candidate;
  }
  if (best == nullptr) return No(nearest.second);
  Answer answer = PermitAs(asked, "AGREEMENT");
  answer.level = CapOf(asked, *best);
  answer.agreement = best->name();
  answer.small_numbers = Stricter(best->terms().small_numbers());
  answer.decisions_per_minute = best->terms().decisions_per_minute();
  return Whole(asked, answer, best);
}

}  // namespace

Answer Decide(const World& world, const v1::Question& question, int64_t now_ms) {
  const Asked asked{world, question, now_ms};
  const std::string stop = Step1(asked);
  if (!stop.empty()) return No(stop);
  if (!asked.is_own() && question.controller() != "network" &&
      question.controller() != "agreements")
    return Shared(asked);
  Answer answer = question.controller() == "network"      ? Network(asked)
                  : question.controller() == "agreements" ? Agreements(asked)
                                                          : Own(asked);
  if (answer.result == v1::RESULT_DENY) return answer;
  if (question.controller() != asked.caller() && answer.level <= RELEASE_LEVEL_NOTHING)
    return No("NOT_COVERED");
  return asked.is_own() ? Whole(asked, answer, nullptr) : answer;
}

}  // namespace waterline::accountability::oracle
