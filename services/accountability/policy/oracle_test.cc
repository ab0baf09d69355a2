// The evaluator against the oracle, on random worlds and questions: most are a step or two away
// from a permit, so that each rule decides often. WATERLINE_SEED repeats a run,
// WATERLINE_ORACLE_CASES makes it longer. A failure prints the whole case.

#include "services/accountability/policy/oracle.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>

#include "services/accountability/policy/evaluate.h"
#include "services/common/testing/random.h"
#include "services/common/text/date.h"

namespace waterline::accountability {
namespace {

using common::v1::Category;
using common::v1::ReleaseLevel;
using enum common::v1::Category;
using enum common::v1::ReleaseLevel;

constexpr int64_t kNow = 1'800'000'000'000;
constexpr int64_t kDay = 86'400'000;
constexpr int kCases = 50'000;

using Words = std::vector<std::string>;
const Words kOrganisations = {"chc-1", "ods-qnx", "gss-e1"};
const Words kPurposes = {"service_planning", "research", "safeguarding", "rights_request",
                         "service_design"};
const Words kRoles = {"analyst", "engagement_lead", "safeguarding_lead"};
const Words kScopes = {"places/hove", "places/lewes", "organisations/chc-1/events/e1"};

struct Case {
  oracle::World world;
  v1::Question question;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  Case Make() {
    Case made;
    made.world.host = "ods-host";
    made.question = MakeQuestion();
    if (made.question.controller() == "network" && One(3)) BeTheSteward(&made.question);
    AddSubjects(&made);
    AddRecords(&made.question);
    const int agreements = One(12) ? 0 : Int(1, 4);
    for (int i = 0; i < agreements; ++i) made.world.agreements.push_back(Near(made.question, i));
    const bool named = One(8);
    if (named) made.question.set_agreement("agreements/a" + std::to_string(Int(0, agreements)));
    return made;
  }

 private:
  int Int(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool One(int in) { return Int(1, in) == 1; }
  const std::string& Of(const Words& words) {
    return words[static_cast<size_t>(Int(0, static_cast<int>(words.size()) - 1))];
  }
  Category AnyCategory() { return static_cast<Category>(Int(1, 15)); }
  ReleaseLevel AnyLevel() { return static_cast<ReleaseLevel>(Int(0, 4)); }
  ReleaseLevel HighLevel() { return One(3) ? AnyLevel() : static_cast<ReleaseLevel>(Int(3, 4)); }
  v1::Operation AnyOperation() {
    if (One(40)) return static_cast<v1::Operation>(Int(0, 1) * 77);
    return static_cast<v1::Operation>(One(2) ? Int(1, 2) : Int(1, 8));
  }

  v1::Question MakeQuestion() {
    v1::Question question;
    auto* caller = question.mutable_caller();
    caller->set_organisation(One(5) ? "chc-1" : One(15) ? "ods-host" : "ods-qnx");
    caller->set_role(One(15) ? "platform_admin" : One(15) ? "network_steward" : Of(kRoles));
    question.set_controller(One(15) ? "network" : One(20) ? "agreements" : One(60) ? "" : "chc-1");
    if (One(60)) caller->clear_organisation();
    question.set_purpose(One(3)    ? Of(kPurposes)
                         : One(12) ? "system_administration"
                         : One(40) ? "curiosity"
                                   : "service_planning");
    if (!One(8)) question.set_approval(One(6) ? "IRAS-2" : "IRAS-1");
    question.set_justification(std::string(static_cast<size_t>(Length()), 'j'));
    question.set_operation(AnyOperation());
    question.set_asked(One(3) ? AnyLevel() : RELEASE_LEVEL_UNSPECIFIED);
    if (One(100)) question.set_asked(static_cast<ReleaseLevel>(9));
    AddCategories(&question);
    question.set_caller_is_member(One(2));
    question.set_caller_is_party(One(2));
    question.set_whole_collection(One(3));
    while (One(2)) question.add_scopes(Of(kScopes));
    return question;
  }

  void BeTheSteward(v1::Question* question) {
    question->mutable_caller()->set_organisation(One(4) ? "ods-qnx" : "ods-host");
    question->mutable_caller()->set_role("network_steward");
    question->set_operation(v1::OPERATION_WRITE);
  }

  int Length() {
    static const std::array<int, 6> kLengths = {0, 19, 20, 100, 500, 501};
    return One(2) ? 100 : kLengths[static_cast<size_t>(Int(0, 5))];
  }

  void AddCategories(v1::Question* question) {
    if (One(40)) return;
    question->add_categories(One(3) ? AnyCategory() : CATEGORY_CONTRIBUTION_TEXT);
    while (One(4)) question->add_categories(AnyCategory());
  }

  v1::StandingValue AnyValue() {
    static const std::array<v1::StandingValue, 4> kValues = {
        v1::STANDING_VALUE_UNSPECIFIED, v1::STANDING_VALUE_GIVEN, v1::STANDING_VALUE_REFUSED,
        v1::STANDING_VALUE_WITHDRAWN};
    return One(3) ? v1::STANDING_VALUE_GIVEN : kValues[static_cast<size_t>(Int(0, 3))];
  }

  oracle::Person AnyPerson() {
    oracle::Person person;
    for (int item = v1::STANDING_ITEM_SHARE_WITH_NAMED_PARTNERS;
         item <= v1::STANDING_ITEM_REUSE_FOR_RESEARCH_CONTACT; ++item) {
      const auto value = AnyValue();
      if (value != v1::STANDING_VALUE_UNSPECIFIED)
        person.said[static_cast<v1::StandingItem>(item)] = value;
      if (One(4)) person.ends_ms[static_cast<v1::StandingItem>(item)] = kNow + Int(-1, 1);
    }
    person.objection = One(15);
    person.restriction = One(15);
    person.hold = One(12);
    return person;
  }

  void AddSubjects(Case* made) {
    const int subjects = One(3) ? 0 : Int(1, 4);
    for (int i = 0; i < subjects; ++i) {
      std::string id(16, static_cast<char>('a' + i));
      const bool is_none = One(60);  // Of an id that is none, nothing can have been said.
      if (is_none) id.resize(15);
      if (!One(6) && !is_none) made->world.people[id] = AnyPerson();
      made->question.add_subject_ids(id);
    }
  }

  void AddRecords(v1::Question* question) {
    const int records = One(3) ? 0 : Int(1, 3);
    for (int i = 0; i < records; ++i) {
      auto* record = question->add_records();
      record->set_subject(
          static_cast<uint32_t>(Int(0, question->subject_ids_size() + (One(30) ? 1 : 0))));
      while (One(3)) record->add_scopes(Of(kScopes));
      record->set_text_reviewed(One(2));
      record->set_safeguarding(One(8));
      record->set_lead_only(One(12));
    }
  }

  // An agreement that would carry the question but for a few chance differences.
  v1::Agreement Near(const v1::Question& question, int number) {
    v1::Agreement agreement;
    agreement.set_name("agreements/a" + std::to_string(number));
    agreement.set_state(One(10) ? static_cast<v1::AgreementState>(Int(0, 8))
                                : v1::AGREEMENT_STATE_AGREED);
    agreement.mutable_assessment()->set_dpia_approved(!One(30));
    agreement.mutable_assessment()->set_dpo_advice_recorded(!One(30));
    auto* terms = agreement.mutable_terms();
    terms->set_reference("ISA-" + std::to_string(Int(1, 3)));
    terms->set_version(static_cast<uint32_t>(Int(1, 3)));
    AddParties(question, &agreement);
    AddPurposes(question, terms);
    AddCategoryTerms(question, terms);
    AddOperations(question, terms);
    AddScopes(question, terms);
    AddRoles(question, terms);
    AddDates(terms);
    terms->set_small_numbers(static_cast<v1::SmallNumberPolicy>(Int(0, 3)));
    terms->set_onward_sharing(static_cast<v1::OnwardSharing>(Int(0, 4)));
    if (!One(10)) terms->set_research_approval("IRAS-1");
    terms->set_decisions_per_minute(static_cast<uint32_t>(Int(0, 2)));
    return agreement;
  }

  void AddParties(const v1::Question& question, v1::Agreement* agreement) {
    for (const auto& organisation : kOrganisations) {
      const bool asks = organisation == question.caller().organisation();
      if (One(30) || (organisation == "gss-e1" && One(2))) continue;
      auto* party = agreement->mutable_terms()->add_parties();
      party->set_organisation("organisations/" + organisation);
      party->set_role(One(10) ? v1::PARTY_ROLE_RECIPIENT_OF_ANONYMOUS : v1::PARTY_ROLE_CONTROLLER);
      party->set_provides(One(15) ? One(2) : organisation == "chc-1");
      party->set_receives(One(15) ? One(2) : asks || One(2));
      if (One(2)) party->set_safeguarding_role(Of(kRoles));
      if (!One(60)) agreement->add_signatures()->set_organisation(party->organisation());
    }
  }

  void AddPurposes(const v1::Question& question, v1::AgreementTerms* terms) {
    std::set<std::string> purposes;
    if (!One(12)) purposes.insert(question.purpose());
    while (One(3)) purposes.insert(Of(kPurposes));
    for (const auto& purpose : purposes) {
      auto* out = terms->add_purposes();
      out->set_purpose(purpose);
      out->set_consent_independent(One(2));
      while (!One(3))
        out->add_consent_independent_approved_by(One(6) ? "" : One(2) ? "dpo" : "siro");
    }
  }

  void AddCategoryTerms(const v1::Question& question, v1::AgreementTerms* terms) {
    std::set<int> categories;
    for (const int category : question.categories())
      if (!One(15)) categories.insert(category);
    while (One(3)) categories.insert(AnyCategory());
    for (const int category : categories) {
      auto* out = terms->add_categories();
      out->set_category(static_cast<Category>(category));
      out->set_highest(One(12) ? AnyLevel() : HighLevel());
    }
  }

  void AddOperations(const v1::Question& question, v1::AgreementTerms* terms) {
    std::set<int> operations;
    if (!One(12)) operations.insert(question.operation());
    while (One(3)) operations.insert(Int(1, 8));
    for (const int operation : operations)
      terms->add_operations(static_cast<v1::Operation>(operation));
  }

  void AddScopes(const v1::Question& question, v1::AgreementTerms* terms) {
    std::set<std::string> scopes;
    if (!One(3)) scopes.insert("organisations/chc-1");
    if (!question.scopes().empty() && !One(4)) scopes.insert(question.scopes(0));
    while (One(2)) scopes.insert(Of(kScopes));
    for (const auto& scope : scopes) terms->add_scopes(scope);
  }

  void AddRoles(const v1::Question& question, v1::AgreementTerms* terms) {
    while (One(3)) {
      auto* access = terms->add_access_roles();
      access->set_organisation("organisations/" +
                               (One(3) ? Of(kOrganisations) : question.caller().organisation()));
      access->set_role(One(3) ? Of(kRoles) : question.caller().role());
      while (One(3)) access->add_purposes(One(2) ? Of(kPurposes) : question.purpose());
    }
  }

  int64_t AboutNow() { return One(12) ? kNow + Int(-1, 1) : kNow + kDay; }

  void AddDates(v1::AgreementTerms* terms) {
    *terms->mutable_start() = text::ToTimestamp(One(12) ? kNow + Int(-1, 1) : kNow - kDay);
    if (!One(50)) *terms->mutable_end() = text::ToTimestamp(AboutNow());
    if (!One(50)) *terms->mutable_review_due() = text::ToTimestamp(AboutNow());
  }

  std::mt19937_64 random_;
};

// ---- The same world, as the evaluator holds it --------------------------------------------------

Standing ToStanding(const oracle::Person& person) {
  Standing standing;
  for (const auto& [item, value] : person.said)
    standing.bits = WithPermission(standing.bits, item,
                                   value == v1::STANDING_VALUE_GIVEN     ? Permission::kGiven
                                   : value == v1::STANDING_VALUE_REFUSED ? Permission::kRefused
                                                                         : Permission::kWithdrawn);
  if (person.objection) standing.bits |= kObjectionUpheld;
  if (person.restriction) standing.bits |= kRestricted;
  if (person.hold) standing.bits |= kHeld;
  for (const auto& [item, ends_ms] : person.ends_ms) standing.expires_ms[PlaceOf(item)] = ends_ms;
  return standing;
}

// Made at once, or change by change, which must come to the same.
std::shared_ptr<const Snapshot> ToRules(const oracle::World& world, bool by_change) {
  if (!by_change) {
    Snapshot::Standings standings;
    for (const auto& [id, person] : world.people) standings.emplace_back(id, ToStanding(person));
    return Snapshot::Make(7, world.host, world.agreements, standings);
  }
  auto rules = Snapshot::Make(1, world.host, {}, {});
  for (const auto& agreement : world.agreements) {
    v1::Agreement draft = agreement;
    draft.set_state(v1::AGREEMENT_STATE_SUSPENDED);
    rules = rules->WithAgreement(2, draft);
    rules = rules->WithAgreement(3, agreement);
  }
  for (const auto& [id, person] : world.people) {
    rules = rules->WithStanding(4, id, Standing{kObjectionUpheld, 0});
    rules = rules->WithStanding(7, id, ToStanding(person));
  }
  return rules;
}

// ---- Comparing ----------------------------------------------------------------------------------

std::string Text(const oracle::Answer& answer) {
  std::string text = std::to_string(answer.result) + " level " + std::to_string(answer.level) +
                     " " + answer.reason + "|" + answer.basis + "|" + answer.agreement + "|" +
                     std::to_string(answer.small_numbers) + "|" +
                     std::to_string(answer.decisions_per_minute);
  for (const auto& one : answer.records)
    text += "; " + std::to_string(one.level) + " " + one.reason + (one.text ? " text" : "");
  return text;
}

// A verdict whose records are all at the ceiling, with their text, leaves them out.
oracle::Answer ToAnswer(const Verdict& verdict, int records) {
  oracle::Answer answer;
  answer.result = verdict.result;
  answer.level = verdict.level;
  answer.reason = verdict.reason;
  answer.basis = verdict.basis;
  answer.agreement = verdict.agreement;
  answer.small_numbers = verdict.small_numbers;
  answer.decisions_per_minute = verdict.decisions_per_minute;
  for (const auto& one : verdict.records)
    answer.records.push_back({one.level, std::string(one.reason), one.text});
  if (verdict.records.empty() && verdict.result != v1::RESULT_DENY)
    answer.records.assign(static_cast<size_t>(records), {verdict.level, "", true});
  return answer;
}

std::string Text(const Case& one) {
  std::string text = one.question.DebugString();
  for (const auto& agreement : one.world.agreements) text += agreement.ShortDebugString() + "\n";
  return text;
}

void Count(const oracle::Answer& answer, std::map<std::string, int>* seen) {
  ++(*seen)[v1::Result_Name(answer.result)];
  ++(*seen)[answer.basis.empty() ? "no basis" : answer.basis];
  ++(*seen)[(answer.result == v1::RESULT_DENY ? "deny " : "lower ") + answer.reason];
  for (const auto& one : answer.records) ++(*seen)["record " + one.reason];
}

// What must have occurred, so that an agreement of both says something.
const Words kEach = {"RESULT_PERMIT",
                     "RESULT_REDUCED",
                     "RESULT_DENY",
                     "OWN_RECORDS",
                     "NETWORK_STEWARD",
                     "NETWORK_DIRECTORY",
                     "AGREEMENT_PARTY",
                     "AGREEMENT",
                     "deny PURPOSE_REQUIRED",
                     "deny APPROVAL_REQUIRED",
                     "deny JUSTIFICATION_REQUIRED",
                     "deny NOT_MEMBER",
                     "deny ROLE_NOT_PERMITTED",
                     "deny NOT_CONTROLLER",
                     "deny AGREEMENT_NOT_FOUND",
                     "deny AGREEMENT_NOT_ACTIVE",
                     "deny PURPOSE_NOT_COVERED",
                     "deny OPERATION_NOT_COVERED",
                     "deny ROLE_NOT_COVERED",
                     "deny CATEGORY_NOT_COVERED",
                     "deny LEVEL_NOT_COVERED",
                     "deny NOT_COVERED",
                     "lower LEVEL_NOT_COVERED",
                     "lower NOT_COVERED",
                     "record OBJECTION",
                     "record RESTRICTION",
                     "record HOLD",
                     "record PERMISSION_UNKNOWN",
                     "record PERMISSION_REFUSED",
                     "record PERMISSION_WITHDRAWN",
                     "record SAFEGUARDING",
                     "record LEAD_ONLY",
                     "record NOT_COVERED"};

TEST(Oracle, TheEvaluatorDecidesAsTheTextSays) {
  const int cases = std::max(kCases, testing::FromEnvironment("WATERLINE_ORACLE_CASES", kCases));
  const uint64_t seed = testing::Seed();
  std::map<std::string, int> seen;
  int ties = 0;
  for (int i = 0; i < cases; ++i) {
    const uint64_t own_seed = (seed << 24) + static_cast<uint64_t>(i);
    const Case one = Generator(own_seed).Make();
    const auto rules = ToRules(one.world, i % 4 == 0);
    const auto expected = oracle::Decide(one.world, one.question, kNow);
    const auto given = ToAnswer(Evaluate(*rules, one.question, kNow), one.question.records_size());
    // The network and the agreements have no records of persons.
    const bool compares_records = expected.basis == "OWN_RECORDS" || expected.basis == "AGREEMENT";
    auto wanted = expected;
    if (!compares_records) wanted.records = given.records;
    ASSERT_EQ(Text(given), Text(wanted)) << "case " << i << "\n" << Text(one);
    Count(expected, &seen);
    ties += one.world.agreements.size() > 1 && expected.basis == "AGREEMENT" ? 1 : 0;
  }
  for (const auto& name : kEach) EXPECT_GE(seen[name], cases / 1000) << name;
  EXPECT_GE(ties, cases / 100);
  for (const auto& [name, count] : seen) std::printf("%8d %s\n", count, name.c_str());
}

}  // namespace
}  // namespace waterline::accountability
