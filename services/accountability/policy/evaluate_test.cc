// The policy by example: one promise a test. That every rule also holds in every combination is
// oracle_test's.

#include "services/accountability/policy/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/accountability/policy/conditions.h"

namespace waterline::accountability {
namespace {

using enum common::v1::ReleaseLevel;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kNow = 1'800'000'000'000;
constexpr int64_t kDay = 86'400'000;
constexpr char kCharity[] = "chc-1234567";  // Provides.
constexpr char kBoard[] = "ods-qnx";        // Receives.
const std::string kPerson(16, 'p');
const std::string kOther(16, 'o');

// ---- Rules --------------------------------------------------------------------------------------

void SetMs(google::protobuf::Timestamp* time, int64_t ms) { time->set_seconds(ms / 1000); }

v1::Party* AddParty(v1::Agreement* agreement, const std::string& id, bool provides) {
  auto* party = agreement->mutable_terms()->add_parties();
  party->set_organisation("organisations/" + id);
  party->set_role(v1::PARTY_ROLE_CONTROLLER);
  party->set_provides(provides);
  party->set_receives(!provides);
  agreement->add_signatures()->set_organisation("organisations/" + id);
  return party;
}

void AddCategory(v1::Agreement* agreement, common::v1::Category category,
                 common::v1::ReleaseLevel highest) {
  auto* terms = agreement->mutable_terms()->add_categories();
  terms->set_category(category);
  terms->set_highest(highest);
}

// The charity lets the board read what people said in Hove.
v1::Agreement Agreed(const std::string& id = "a1", const std::string& reference = "ISA-1") {
  v1::Agreement agreement;
  agreement.set_name("agreements/" + id);
  agreement.set_state(v1::AGREEMENT_STATE_AGREED);
  agreement.mutable_assessment()->set_dpia_approved(true);
  agreement.mutable_assessment()->set_dpo_advice_recorded(true);
  AddParty(&agreement, kCharity, true);
  AddParty(&agreement, kBoard, false)->set_safeguarding_role("named_nurse");
  auto* terms = agreement.mutable_terms();
  terms->set_reference(reference);
  terms->set_version(1);
  for (const char* purpose : {"service_planning", "safeguarding", "research"})
    terms->add_purposes()->set_purpose(purpose);
  AddCategory(&agreement, common::v1::CATEGORY_CONTRIBUTION_TEXT, RELEASE_LEVEL_IDENTIFIABLE);
  for (const auto operation : {v1::OPERATION_READ, v1::OPERATION_SEARCH, v1::OPERATION_COUNT})
    terms->add_operations(operation);
  terms->add_scopes("places/hove");
  terms->set_research_approval("IRAS-1");
  SetMs(terms->mutable_start(), kNow - kDay);
  SetMs(terms->mutable_review_due(), kNow + kDay);
  SetMs(terms->mutable_end(), kNow + 2 * kDay);
  return agreement;
}

std::shared_ptr<const Snapshot> Rules(const std::vector<v1::Agreement>& agreements = {},
                                      const Snapshot::Standings& standings = {}) {
  return Snapshot::Make(7, "ods-host", agreements, standings);
}

Standing Said(Permission sharing, uint32_t more = 0) {
  return {WithPermission(0, v1::STANDING_ITEM_SHARE_WITH_ANY_ICS_PARTNER, sharing) | more, {}};
}

// ---- Questions ----------------------------------------------------------------------------------

v1::Question Ask(const std::string& organisation, const std::string& role,
                 const std::string& controller, v1::Operation operation) {
  v1::Question question;
  question.mutable_caller()->set_organisation(organisation);
  question.mutable_caller()->set_role(role);
  question.set_controller(controller);
  question.set_operation(operation);
  question.set_purpose("service_planning");
  question.add_categories(common::v1::CATEGORY_CONTRIBUTION_TEXT);
  return question;
}

// The board reads one contribution of the charity's, of a person in Hove.
v1::Question Read() {
  auto question = Ask(kBoard, "analyst", kCharity, v1::OPERATION_READ);
  question.add_scopes("places/hove");
  question.add_subject_ids(kPerson);
  auto* record = question.add_records();
  record->set_subject(1);
  record->set_text_reviewed(true);
  return question;
}

// The same of a list of two people.
v1::Question Search() {
  auto question = Read();
  question.set_operation(v1::OPERATION_SEARCH);
  question.add_subject_ids(kOther);
  auto* record = question.add_records();
  record->set_subject(2);
  record->set_text_reviewed(true);
  return question;
}

v1::Question Own(v1::Question question) {
  question.mutable_caller()->set_organisation(kCharity);
  return question;
}

v1::Question ForSafeguarding(v1::Question question, const std::string& role) {
  question.set_purpose("safeguarding");
  question.set_justification("A disclosure of harm must be followed up.");
  question.mutable_caller()->set_role(role);
  return question;
}

const Snapshot::Standings kBothGave = {{kPerson, Said(Permission::kGiven)},
                                       {kOther, Said(Permission::kGiven)}};

Verdict Decide(const v1::Question& question, const std::vector<v1::Agreement>& agreements = {},
               const Snapshot::Standings& standings = kBothGave) {
  return Evaluate(*Rules(agreements, standings), question, kNow);
}

std::string Refusal(const v1::Question& question, const std::vector<v1::Agreement>& agreements = {},
                    const Snapshot::Standings& standings = kBothGave) {
  const auto verdict = Decide(question, agreements, standings);
  EXPECT_EQ(verdict.result, v1::RESULT_DENY);
  EXPECT_EQ(verdict.level, RELEASE_LEVEL_NOTHING);
  EXPECT_TRUE(verdict.agreement.empty() && verdict.records.empty());
  return verdict.reason;
}

// ---- Own records, the network, agreements -------------------------------------------------------

TEST(OwnRecords, TheControllerMayDoEverything) {
  for (auto operation :
       {v1::OPERATION_READ, v1::OPERATION_WRITE, v1::OPERATION_INFER, v1::OPERATION_EXPORT}) {
    const auto verdict = Decide(Ask("ods-qnx", "engagement_lead", "ods-qnx", operation));
    EXPECT_EQ(verdict.result, v1::RESULT_PERMIT);
    EXPECT_EQ(verdict.basis, "OWN_RECORDS");
    EXPECT_EQ(verdict.level, RELEASE_LEVEL_IDENTIFIABLE);
    EXPECT_EQ(verdict.revision, 7u);
  }
}

TEST(OwnRecords, NobodyElseMayWithoutAnAgreement) {
  EXPECT_EQ(Refusal(Ask("ods-abc", "engagement_lead", "ods-qnx", v1::OPERATION_READ)),
            "NOT_CONTROLLER");
  EXPECT_EQ(Refusal(Ask("ods-host", "network_steward", "ods-qnx", v1::OPERATION_READ)),
            "NOT_CONTROLLER");
}

TEST(OwnRecords, NobodyIsNotTheControllerOfNothing) {
  EXPECT_EQ(Refusal(Ask("", "analyst", "", v1::OPERATION_READ)), "NOT_CONTROLLER");
}

TEST(OwnRecords, AnAdministratorSeesNoContent) {
  auto question = Ask("ods-qnx", "platform_admin", "ods-qnx", v1::OPERATION_READ);
  EXPECT_EQ(Refusal(question), "ROLE_NOT_PERMITTED");
  question.clear_categories();
  EXPECT_EQ(Refusal(question), "ROLE_NOT_PERMITTED");
}

TEST(OwnRecords, SystemAdministrationTouchesNothingPersonal) {
  auto question = Ask("ods-qnx", "it_lead", "ods-qnx", v1::OPERATION_WRITE);
  question.set_purpose("system_administration");
  EXPECT_EQ(Refusal(question), "ROLE_NOT_PERMITTED");
  question.set_categories(0, common::v1::CATEGORY_ORGANISATION);
  EXPECT_EQ(Decide(question).basis, "OWN_RECORDS");
}

TEST(OwnRecords, ANamedAgreementIsIgnoredWhenItIsTheCallers) {
  auto question = Ask(kBoard, "analyst", kBoard, v1::OPERATION_READ);
  question.set_agreement("agreements/a1");
  EXPECT_EQ(Refusal(question), "AGREEMENT_NOT_FOUND");
  auto draft = Agreed();
  draft.set_state(v1::AGREEMENT_STATE_DRAFT);
  const auto verdict = Decide(question, {draft});
  EXPECT_EQ(verdict.basis, "OWN_RECORDS");
  EXPECT_EQ(verdict.agreement, "");
  question.mutable_caller()->set_organisation("ods-abc");
  question.set_controller("ods-abc");
  EXPECT_EQ(Refusal(question, {draft}), "AGREEMENT_NOT_FOUND");
}

TEST(Purpose, IsNeededAndComesFirst) {
  auto question = Ask("ods-abc", "engagement_lead", "ods-qnx", v1::OPERATION_READ);
  question.set_agreement("agreements/x");
  question.set_purpose("");
  EXPECT_EQ(Refusal(question), "PURPOSE_REQUIRED");
  question.set_purpose("curiosity");
  EXPECT_EQ(Refusal(question), "PURPOSE_REQUIRED");
  question.set_purpose("rights_request");
  EXPECT_EQ(Refusal(question), "AGREEMENT_NOT_FOUND");
}

TEST(Purpose, ResearchNamesItsApprovalAndSafeguardingSaysWhy) {
  auto question = Ask("ods-qnx", "analyst", "ods-qnx", v1::OPERATION_READ);
  question.set_purpose("research");
  EXPECT_EQ(Refusal(question), "APPROVAL_REQUIRED");
  question.set_approval("IRAS-1");
  EXPECT_EQ(Decide(question).result, v1::RESULT_PERMIT);
  question.set_purpose("safeguarding");
  EXPECT_EQ(Refusal(question), "JUSTIFICATION_REQUIRED");
  std::string accents;  // Code points count, not bytes.
  for (int i = 0; i < 19; ++i) accents += "\xc3\xa9";
  question.set_justification(accents);
  EXPECT_EQ(Refusal(question), "JUSTIFICATION_REQUIRED");
  question.set_justification(accents + "e");
  EXPECT_EQ(Decide(question).result, v1::RESULT_PERMIT);
  question.set_justification(std::string(501, 'x'));
  EXPECT_EQ(Refusal(question), "JUSTIFICATION_REQUIRED");
}

TEST(Network, IsReadByMembersAndWrittenByTheHostsSteward) {
  auto read = Ask("ods-abc", "analyst", "network", v1::OPERATION_SEARCH);
  EXPECT_EQ(Refusal(read), "NOT_MEMBER");
  read.set_caller_is_member(true);
  EXPECT_EQ(Decide(read).basis, "NETWORK_DIRECTORY");
  EXPECT_EQ(Refusal(Ask("ods-abc", "network_steward", "network", v1::OPERATION_WRITE)),
            "ROLE_NOT_PERMITTED");
  EXPECT_EQ(Refusal(Ask("ods-host", "analyst", "network", v1::OPERATION_WRITE)),
            "ROLE_NOT_PERMITTED");
  EXPECT_EQ(Decide(Ask("ods-host", "network_steward", "network", v1::OPERATION_WRITE)).basis,
            "NETWORK_STEWARD");
}

TEST(Agreements, AreSeenByTheirPartiesButNotByOperators) {
  auto question = Ask(kBoard, "analyst", "agreements", v1::OPERATION_READ);
  EXPECT_EQ(Refusal(question), "NOT_CONTROLLER");
  question.set_caller_is_party(true);
  EXPECT_EQ(Decide(question).basis, "AGREEMENT_PARTY");
  question.mutable_caller()->set_role("platform_admin");
  EXPECT_EQ(Refusal(question), "ROLE_NOT_PERMITTED");
}

// ---- One agreement ------------------------------------------------------------------------------

TEST(Sharing, RestsOnOneAgreementThatAllowsIt) {
  auto agreement = Agreed();
  agreement.mutable_terms()->set_decisions_per_minute(60);
  agreement.mutable_terms()->set_small_numbers(v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY);
  const auto verdict = Decide(Read(), {agreement});
  EXPECT_EQ(verdict.result, v1::RESULT_PERMIT) << verdict.reason;
  EXPECT_EQ(verdict.level, RELEASE_LEVEL_IDENTIFIABLE);
  EXPECT_EQ(verdict.basis, "AGREEMENT");
  EXPECT_EQ(verdict.agreement, "agreements/a1");
  EXPECT_EQ(verdict.agreement_reference, "ISA-1");
  EXPECT_EQ(verdict.agreement_version, 1u);
  EXPECT_EQ(verdict.decisions_per_minute, 60u);
  EXPECT_EQ(verdict.small_numbers, v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY);
  EXPECT_THAT(verdict.records, IsEmpty());
}

TEST(Sharing, GoesOneWay) {
  auto question = Read();
  question.mutable_caller()->set_organisation(kCharity);
  question.set_controller(kBoard);
  EXPECT_EQ(Refusal(question, {Agreed()}), "NOT_CONTROLLER");
}

TEST(Sharing, OnlyWhileItIsInForce) {
  for (auto state : {v1::AGREEMENT_STATE_DRAFT, v1::AGREEMENT_STATE_IN_REVIEW}) {
    auto agreement = Agreed();
    agreement.set_state(state);
    EXPECT_EQ(Refusal(Read(), {agreement}), "NOT_CONTROLLER");
  }
  for (auto state : {v1::AGREEMENT_STATE_SUSPENDED, v1::AGREEMENT_STATE_TERMINATED,
                     v1::AGREEMENT_STATE_SUPERSEDED}) {
    auto agreement = Agreed();
    agreement.set_state(state);
    EXPECT_EQ(Refusal(Read(), {agreement}), "AGREEMENT_NOT_ACTIVE");
  }
  const auto rules = Rules({Agreed()}, kBothGave);
  EXPECT_EQ(Evaluate(*rules, Read(), kNow - kDay - 1).reason, "AGREEMENT_NOT_ACTIVE");
  EXPECT_EQ(Evaluate(*rules, Read(), kNow - kDay).result, v1::RESULT_PERMIT);
  EXPECT_EQ(Evaluate(*rules, Read(), kNow + kDay - 1).result, v1::RESULT_PERMIT);
  EXPECT_EQ(Evaluate(*rules, Read(), kNow + kDay).reason, "AGREEMENT_NOT_ACTIVE");  // Review.
}

TEST(Sharing, NeedsEverySignatureTheAssessmentAndTheAdvice) {
  auto unsigned_one = Agreed();
  unsigned_one.mutable_signatures()->RemoveLast();
  EXPECT_EQ(Refusal(Read(), {unsigned_one}), "AGREEMENT_NOT_ACTIVE");
  auto unassessed = Agreed();
  unassessed.mutable_assessment()->set_dpia_approved(false);
  EXPECT_EQ(Refusal(Read(), {unassessed}), "AGREEMENT_NOT_ACTIVE");
}

TEST(Rule34, NoPurposeAnotherPurposeAnotherCategoryAreRefused) {
  auto question = Read();
  question.set_purpose("");
  EXPECT_EQ(Refusal(question, {Agreed()}), "PURPOSE_REQUIRED");
  question.set_purpose("service_design");
  EXPECT_EQ(Refusal(question, {Agreed()}), "PURPOSE_NOT_COVERED");
  question = Read();
  question.add_categories(common::v1::CATEGORY_REACTION);
  EXPECT_EQ(Refusal(question, {Agreed()}), "CATEGORY_NOT_COVERED");
  question.clear_categories();
  EXPECT_EQ(Refusal(question, {Agreed()}), "CATEGORY_NOT_COVERED");
}

TEST(Rule35, OnwardAndLinkAreOperationsAnAgreementMustList) {
  for (auto operation : {v1::OPERATION_ONWARD, v1::OPERATION_LINK}) {
    auto question = Read();
    question.set_operation(operation);
    auto agreement = Agreed();
    EXPECT_EQ(Refusal(question, {agreement}), "OPERATION_NOT_COVERED");
    agreement.mutable_terms()->add_operations(operation);
    EXPECT_EQ(Decide(question, {agreement}).result, v1::RESULT_PERMIT);
  }
}

TEST(Sharing, RolesAreThoseOfTheAgreementAndNeverAnOperators) {
  auto agreement = Agreed();
  auto question = Read();
  question.mutable_caller()->set_role("platform_admin");
  EXPECT_EQ(Refusal(question, {agreement}), "ROLE_NOT_COVERED");
  auto* access = agreement.mutable_terms()->add_access_roles();
  access->set_organisation("organisations/ods-qnx");
  access->set_role("clinical_lead");
  access->add_purposes("research");
  EXPECT_EQ(Refusal(Read(), {agreement}), "ROLE_NOT_COVERED");
  question.mutable_caller()->set_role("clinical_lead");
  EXPECT_EQ(Refusal(question, {agreement}), "ROLE_NOT_COVERED");  // For research only.
  auto* again = agreement.mutable_terms()->add_access_roles();
  *again = *access;
  again->clear_purposes();  // Said again without limit.
  EXPECT_EQ(Decide(question, {agreement}).result, v1::RESULT_PERMIT);
}

TEST(Sharing, ResearchNeedsTheApprovalThatTheAgreementNames) {
  auto question = Read();
  question.set_purpose("research");
  question.set_approval("IRAS-2");
  EXPECT_EQ(Refusal(question, {Agreed()}), "APPROVAL_REQUIRED");
  question.set_approval("IRAS-1");
  EXPECT_NE(Decide(question, {Agreed()}).result, v1::RESULT_DENY);
}

TEST(Level, CountsAreAggregatesAndRowsAboutPeopleAreNot) {
  auto question = Read();
  question.set_operation(v1::OPERATION_COUNT);
  const auto verdict = Decide(question, {Agreed()});
  EXPECT_EQ(verdict.result, v1::RESULT_REDUCED);
  EXPECT_EQ(verdict.level, RELEASE_LEVEL_AGGREGATE);
  EXPECT_EQ(verdict.reason, "LEVEL_NOT_COVERED");
  auto agreement = Agreed();
  agreement.mutable_terms()->mutable_categories(0)->set_highest(RELEASE_LEVEL_AGGREGATE);
  EXPECT_EQ(Refusal(Read(), {agreement}), "LEVEL_NOT_COVERED");
  agreement = Agreed();
  agreement.mutable_terms()->mutable_parties(1)->set_role(v1::PARTY_ROLE_RECIPIENT_OF_ANONYMOUS);
  EXPECT_EQ(Refusal(Read(), {agreement}), "LEVEL_NOT_COVERED");
}

TEST(Level, MonitoringIsNeverReadAndContactsNeverPseudonymised) {
  auto agreement = Agreed();
  AddCategory(&agreement, common::v1::CATEGORY_EQUALITY_MONITORING, RELEASE_LEVEL_IDENTIFIABLE);
  AddCategory(&agreement, common::v1::CATEGORY_CONTACT, RELEASE_LEVEL_PSEUDONYMISED);
  auto question = Read();
  question.set_categories(0, common::v1::CATEGORY_EQUALITY_MONITORING);
  EXPECT_EQ(Refusal(question, {agreement}), "LEVEL_NOT_COVERED");
  question.set_categories(0, common::v1::CATEGORY_CONTACT);
  EXPECT_EQ(Refusal(question, {agreement}), "CATEGORY_NOT_COVERED");
}

TEST(Scope, ARecordOutOfReachLooksAbsent) {
  auto question = Read();
  question.mutable_records(0)->add_scopes("places/brighton");
  EXPECT_EQ(Refusal(question, {Agreed()}), "NOT_COVERED");
  auto everywhere = Agreed();
  everywhere.mutable_terms()->set_scopes(0, "organisations/chc-1234567");
  EXPECT_EQ(Decide(question, {everywhere}).result, v1::RESULT_PERMIT);
}

TEST(Scope, AListLeavesOutWhatIsOutOfReach) {
  auto question = Search();
  question.mutable_records(1)->add_scopes("places/brighton");
  const auto verdict = Decide(question, {Agreed()});
  EXPECT_EQ(verdict.result, v1::RESULT_REDUCED);
  EXPECT_EQ(verdict.reason, "NOT_COVERED");
  ASSERT_EQ(verdict.records.size(), 2u);
  EXPECT_EQ(verdict.records[0].level, RELEASE_LEVEL_IDENTIFIABLE);
  EXPECT_EQ(verdict.records[1].level, RELEASE_LEVEL_NOTHING);
}

TEST(Scope, ARowOfAListMustBeReachedUnlessTheWholeCollectionIsListed) {
  auto question = Search();
  for (auto& record : *question.mutable_records()) record.add_scopes("places/brighton");
  EXPECT_EQ(Refusal(question, {Agreed()}), "NOT_COVERED");
  question.set_whole_collection(true);
  const auto all_left_out = Decide(question, {Agreed()});
  EXPECT_EQ(all_left_out.result, v1::RESULT_REDUCED);
  for (const auto& record : all_left_out.records) EXPECT_EQ(record.level, RELEASE_LEVEL_NOTHING);
  question.set_operation(v1::OPERATION_COUNT);
  EXPECT_NE(Decide(question, {Agreed()}).result, v1::RESULT_DENY);
  question.set_operation(v1::OPERATION_WRITE);  // Of a write, every record.
  auto writable = Agreed();
  writable.mutable_terms()->add_operations(v1::OPERATION_WRITE);
  EXPECT_EQ(Refusal(question, {writable}), "NOT_COVERED");
}

TEST(Scope, WithoutRowsTheAnswerItselfMustBeReached) {
  auto question = Search();
  question.clear_records();
  question.clear_subject_ids();
  EXPECT_NE(Decide(question, {Agreed()}).result, v1::RESULT_DENY);
  question.set_scopes(0, "places/brighton");
  EXPECT_EQ(Refusal(question, {Agreed()}), "NOT_COVERED");
  question.set_whole_collection(true);
  EXPECT_NE(Decide(question, {Agreed()}).result, v1::RESULT_DENY);
}

TEST(Scope, AWriteNeedsEveryRecordReached) {
  auto question = Search();
  question.set_operation(v1::OPERATION_WRITE);
  auto agreement = Agreed();
  agreement.mutable_terms()->add_operations(v1::OPERATION_WRITE);
  EXPECT_EQ(Decide(question, {agreement}).result, v1::RESULT_PERMIT);
  question.mutable_records(1)->add_scopes("places/brighton");
  EXPECT_EQ(Refusal(question, {agreement}), "NOT_COVERED");
}

TEST(Choice, TheHighestThenTheNarrowest) {
  auto wide = Agreed("wide", "ISA-1");
  wide.mutable_terms()->add_scopes("places/brighton");
  auto narrow = Agreed("narrow", "ISA-2");
  EXPECT_EQ(Decide(Read(), {wide, narrow}).agreement, "agreements/narrow");
  narrow.mutable_terms()->mutable_categories(0)->set_highest(RELEASE_LEVEL_PSEUDONYMISED);
  EXPECT_EQ(Decide(Read(), {wide, narrow}).agreement, "agreements/wide");
  auto question = Read();
  question.set_agreement("agreements/narrow");
  EXPECT_EQ(Decide(question, {wide, narrow}).agreement, "agreements/narrow");
}

TEST(Choice, TwoAgreementsAreNeverAddedUp) {
  auto purpose = Agreed("a1");
  purpose.mutable_terms()->clear_operations();
  auto operation = Agreed("a2");
  operation.mutable_terms()->clear_purposes();
  EXPECT_EQ(Refusal(Read(), {purpose, operation}), "OPERATION_NOT_COVERED");  // Got furthest.
}

TEST(Choice, AnUnknownOrAnothersNameIsNotFound) {
  auto question = Read();
  question.set_agreement("agreements/unknown");
  EXPECT_EQ(Refusal(question, {Agreed()}), "AGREEMENT_NOT_FOUND");
  auto others = Agreed("others");
  others.mutable_terms()->mutable_parties(1)->set_organisation("organisations/ods-abc");
  question.set_agreement("agreements/others");
  EXPECT_EQ(Refusal(question, {Agreed(), others}), "AGREEMENT_NOT_FOUND");
}

// ---- Persons ------------------------------------------------------------------------------------

TEST(Standing, LowersARecordToOthers) {
  const auto read = [](Standing standing) {
    return Decide(Read(), {Agreed()}, {{kPerson, standing}});
  };
  EXPECT_EQ(read(Said(Permission::kGiven)).result, v1::RESULT_PERMIT);
  const auto unknown = read({});
  EXPECT_EQ(unknown.result, v1::RESULT_REDUCED);
  EXPECT_EQ(unknown.level, RELEASE_LEVEL_PSEUDONYMISED);
  EXPECT_EQ(unknown.reason, "LEVEL_NOT_COVERED");  // Which rule only the controller is told.
  ASSERT_EQ(unknown.records.size(), 1u);
  EXPECT_EQ(unknown.records[0].reason, "PERMISSION_UNKNOWN");
  for (const Standing& standing :
       {Said(Permission::kRefused), Said(Permission::kWithdrawn),
        Said(Permission::kGiven, kObjectionUpheld), Said(Permission::kGiven, kRestricted),
        Said(Permission::kGiven, kHeld)})
    EXPECT_EQ(read(standing).reason, "NOT_COVERED") << standing.bits;
}

TEST(Standing, APermissionThatRanOutIsWithdrawn) {
  Standing standing = Said(Permission::kGiven);
  standing.expires_ms[PlaceOf(v1::STANDING_ITEM_SHARE_WITH_ANY_ICS_PARTNER)] = kNow + 1;
  EXPECT_EQ(Decide(Read(), {Agreed()}, {{kPerson, standing}}).result, v1::RESULT_PERMIT);
  standing.expires_ms[PlaceOf(v1::STANDING_ITEM_SHARE_WITH_ANY_ICS_PARTNER)] = kNow;
  EXPECT_EQ(Refusal(Read(), {Agreed()}, {{kPerson, standing}}), "NOT_COVERED");
}

TEST(Standing, ABasisThatDoesNotRestOnConsentNeedsTwoApprovers) {
  auto agreement = Agreed();
  auto* purpose = agreement.mutable_terms()->mutable_purposes(0);
  purpose->set_consent_independent(true);
  purpose->add_consent_independent_approved_by("Caldicott guardian");
  purpose->add_consent_independent_approved_by("Caldicott guardian");
  const Snapshot::Standings refused = {{kPerson, Said(Permission::kRefused)}};
  EXPECT_EQ(Refusal(Read(), {agreement}, refused), "NOT_COVERED");
  purpose->add_consent_independent_approved_by("Data protection officer");
  EXPECT_EQ(Decide(Read(), {agreement}, refused).level, RELEASE_LEVEL_PSEUDONYMISED);
}

TEST(Standing, ResearchWithoutPermissionToBeContactedIsPseudonymised) {
  auto question = Read();
  question.set_purpose("research");
  question.set_approval("IRAS-1");
  EXPECT_EQ(Decide(question, {Agreed()}).level, RELEASE_LEVEL_PSEUDONYMISED);
  Standing standing = Said(Permission::kGiven);
  standing.bits = WithPermission(standing.bits, v1::STANDING_ITEM_REUSE_FOR_RESEARCH_CONTACT,
                                 Permission::kGiven);
  EXPECT_EQ(Decide(question, {Agreed()}, {{kPerson, standing}}).level, RELEASE_LEVEL_IDENTIFIABLE);
}

TEST(Standing, ObjectionAndRestrictionBindTheControllerToo) {
  for (const uint32_t bit : {kObjectionUpheld, kRestricted}) {
    EXPECT_EQ(Refusal(Own(Read()), {}, {{kPerson, {bit, {}}}}), "NOT_COVERED");
    auto write = Own(Read());
    write.set_operation(v1::OPERATION_WRITE);
    EXPECT_EQ(Decide(write, {}, {{kPerson, {bit, {}}}}).result, v1::RESULT_PERMIT);
    auto request = Own(Read());
    request.set_purpose("rights_request");
    EXPECT_EQ(Decide(request, {}, {{kPerson, {bit, {}}}}).result, v1::RESULT_PERMIT);
  }
  EXPECT_EQ(Decide(Own(Read()), {}, {{kPerson, {kHeld, {}}}}).result, v1::RESULT_PERMIT);
  EXPECT_EQ(Decide(Own(Read()), {}, {{kPerson, Said(Permission::kRefused)}}).result,
            v1::RESULT_PERMIT);
}

TEST(Standing, PermissionsAreReadWhateverTheySayButNotWhatComesWithThem) {
  auto question = Own(Read());
  question.set_categories(0, common::v1::CATEGORY_PERMISSIONS);
  const Snapshot::Standings restricted = {{kPerson, {kRestricted, {}}}};
  EXPECT_EQ(Decide(question, {}, restricted).result, v1::RESULT_PERMIT);
  question.add_categories(common::v1::CATEGORY_CONTACT);
  EXPECT_EQ(Refusal(question, {}, restricted), "NOT_COVERED");
}

TEST(Standing, AnotherPersonsRecordsAreNotTouched) {
  const auto verdict =
      Decide(Search(), {Agreed()},
             {{kPerson, Said(Permission::kWithdrawn)}, {kOther, Said(Permission::kGiven)}});
  ASSERT_EQ(verdict.records.size(), 2u);
  EXPECT_EQ(verdict.records[0].reason, "PERMISSION_WITHDRAWN");
  EXPECT_EQ(verdict.records[1].level, RELEASE_LEVEL_IDENTIFIABLE);
}

TEST(Standing, WithoutRowsTheLowestPersonIsTheCeiling) {
  auto question = Search();
  question.clear_records();
  EXPECT_EQ(Decide(question, {Agreed()}, {{kPerson, Said(Permission::kGiven)}}).level,
            RELEASE_LEVEL_PSEUDONYMISED);
}

TEST(Standing, ARecordOfAPersonNobodyListedIsLeftOut) {
  auto question = Own(Search());
  question.mutable_records(1)->set_subject(3);
  EXPECT_EQ(Decide(question).records[1].level, RELEASE_LEVEL_NOTHING);
}

TEST(Text, LeavesWhenItWasReviewedAndMayBeQuoted) {
  const auto text = [](const v1::Question& question, Standing standing) {
    const auto verdict = Decide(question, {Agreed()}, {{kPerson, standing}});
    return verdict.records.empty() || verdict.records[0].text;
  };
  Standing refused = Said(Permission::kGiven);
  refused.bits =
      WithPermission(refused.bits, v1::STANDING_ITEM_QUOTE_ANONYMOUSLY, Permission::kRefused);
  EXPECT_TRUE(text(Read(), Said(Permission::kGiven)));
  EXPECT_FALSE(text(Read(), refused));
  auto unreviewed = Read();
  unreviewed.mutable_records(0)->set_text_reviewed(false);
  EXPECT_FALSE(text(unreviewed, Said(Permission::kGiven)));
  EXPECT_TRUE(text(Own(unreviewed), refused));
}

// ---- Safeguarding -------------------------------------------------------------------------------

v1::Question Flagged(v1::Question question) {
  question.mutable_records(0)->set_safeguarding(true);
  question.mutable_records(0)->set_text_reviewed(false);
  return question;
}

TEST(Safeguarding, AFlagClosesARecordToAllButTheSafeguardingRole) {
  const auto question = Flagged(Read());
  EXPECT_EQ(Refusal(question, {Agreed()}), "NOT_COVERED");
  EXPECT_EQ(Refusal(ForSafeguarding(question, "analyst"), {Agreed()}), "NOT_COVERED");
  EXPECT_EQ(Refusal(ForSafeguarding(question, "safeguarding_lead"), {Agreed()}), "NOT_COVERED");
  auto other_purpose = question;
  other_purpose.mutable_caller()->set_role("named_nurse");
  EXPECT_EQ(Refusal(other_purpose, {Agreed()}), "NOT_COVERED");
  const auto verdict = Decide(ForSafeguarding(question, "named_nurse"), {Agreed()});
  EXPECT_EQ(verdict.result, v1::RESULT_PERMIT) << verdict.reason;
  EXPECT_THAT(verdict.records, IsEmpty());  // With its text, though nobody reviewed it.
}

TEST(Safeguarding, NoRoleNamedIsNoRole) {
  auto agreement = Agreed();
  agreement.mutable_terms()->mutable_parties(1)->clear_safeguarding_role();
  EXPECT_EQ(Refusal(ForSafeguarding(Flagged(Read()), ""), {agreement}), "NOT_COVERED");
}

TEST(Safeguarding, OwnFlaggedWordsAreForTheLead) {
  const auto question = Flagged(Own(Read()));
  EXPECT_EQ(Refusal(question), "NOT_COVERED");
  EXPECT_EQ(Decide(ForSafeguarding(question, "safeguarding_lead")).result, v1::RESULT_PERMIT);
  auto coding = question;
  coding.set_categories(0, common::v1::CATEGORY_CODING);
  EXPECT_EQ(Decide(coding).result, v1::RESULT_PERMIT);
  auto write = question;
  write.set_operation(v1::OPERATION_WRITE);
  EXPECT_EQ(Decide(write).result, v1::RESULT_PERMIT);
}

TEST(Safeguarding, WhatTheControllerKeepsToItselfStaysThere) {
  auto question = Flagged(Read());
  question.mutable_records(0)->set_lead_only(true);
  EXPECT_EQ(Refusal(ForSafeguarding(question, "named_nurse"), {Agreed()}), "NOT_COVERED");
  auto list = Search();
  list.mutable_records(1)->set_lead_only(true);
  EXPECT_EQ(Decide(list, {Agreed()}).records[1].reason, "LEAD_ONLY");
}

// ---- Rate, snapshots ----------------------------------------------------------------------------

TEST(RateLimited, RefusesAndStillNamesTheAgreement) {
  const auto limited = RateLimited(Decide(Read(), {Agreed()}));
  EXPECT_EQ(limited.result, v1::RESULT_DENY);
  EXPECT_EQ(limited.reason, "RATE_LIMITED");
  EXPECT_EQ(limited.level, RELEASE_LEVEL_NOTHING);
  EXPECT_EQ(limited.agreement_reference, "ISA-1");
  EXPECT_EQ(limited.revision, 7u);
  EXPECT_THAT(limited.records, IsEmpty());
}

TEST(Snapshot, AChangeLeavesTheOldRulesUntouched) {
  const auto first = Rules({Agreed()}, kBothGave);
  auto ended = Agreed();
  ended.set_state(v1::AGREEMENT_STATE_SUPERSEDED);
  const auto second = first->WithAgreement(8, ended);
  const auto third = first->WithStanding(9, kPerson, {kRestricted, {}});
  EXPECT_EQ(Evaluate(*first, Read(), kNow).result, v1::RESULT_PERMIT);
  EXPECT_EQ(Evaluate(*second, Read(), kNow).reason, "AGREEMENT_NOT_ACTIVE");
  EXPECT_EQ(Evaluate(*second, Read(), kNow).revision, 8u);
  EXPECT_EQ(Evaluate(*third, Read(), kNow).reason, "NOT_COVERED");
  EXPECT_EQ(third->StandingOf(kOther), Said(Permission::kGiven));
  EXPECT_EQ(second->Find("agreements/a1")->state, v1::AGREEMENT_STATE_SUPERSEDED);
  EXPECT_EQ(first->Find("agreements/a1")->state, v1::AGREEMENT_STATE_AGREED);
}

TEST(Snapshot, AnAgreementChangedIsOneAgreement) {
  auto changed = Agreed();
  changed.mutable_terms()->set_decisions_per_minute(5);
  const auto rules = Rules({Agreed()}, kBothGave)->WithAgreement(8, changed);
  EXPECT_EQ(rules->Between(kCharity, kBoard).size(), 1u);
  EXPECT_EQ(rules->Of(kBoard).size(), 1u);
  EXPECT_EQ(Evaluate(*rules, Read(), kNow).decisions_per_minute, 5u);
}

// ---- Explanations -------------------------------------------------------------------------------

std::vector<std::string> Failed(const v1::Candidate& candidate) {
  std::vector<std::string> names;
  for (const auto& condition : candidate.conditions())
    if (!condition.held()) names.push_back(condition.condition() + ": " + condition.detail());
  return names;
}

TEST(Explain, TellsTheNearestMissFirstAndWhatWouldHelp) {
  auto ended = Agreed("ended", "ISA-1");
  ended.set_state(v1::AGREEMENT_STATE_SUSPENDED);
  auto other = Agreed("other", "ISA-2");
  other.mutable_terms()->clear_operations();
  const auto told = Explain(*Rules({ended, other}, kBothGave), Read(), kNow, true);
  EXPECT_EQ(told.result(), v1::RESULT_DENY);
  EXPECT_THAT(told.reasons(), ElementsAre("OPERATION_NOT_COVERED"));
  EXPECT_EQ(told.asked(), RELEASE_LEVEL_IDENTIFIABLE);
  EXPECT_EQ(told.given(), RELEASE_LEVEL_NOTHING);
  EXPECT_EQ(told.controller(), "organisations/chc-1234567");
  EXPECT_EQ(told.policy_revision(), 7u);
  EXPECT_TRUE(told.complete());
  ASSERT_EQ(told.candidates_size(), 2);
  EXPECT_EQ(told.candidates(0).reference(), "ISA-2");
  EXPECT_EQ(told.candidates(0).failed(), 1u);
  EXPECT_EQ(told.candidates(0).conditions_size(), static_cast<int>(ConditionRules().size()) + 1);
  EXPECT_EQ(told.candidates(0).conditions(0).condition(), "parties");
  EXPECT_TRUE(told.candidates(0).conditions(0).held());
  EXPECT_THAT(Failed(told.candidates(0)), ElementsAre("operation: does not allow read"));
  EXPECT_THAT(Failed(told.candidates(1)), ElementsAre("state: suspended"));
  EXPECT_THAT(told.what_would_help(), ElementsAre("an agreement that allows read"));
}

TEST(Explain, EveryConditionSaysWhyAndWhatWouldHelp) {
  auto agreement = Agreed();
  auto* terms = agreement.mutable_terms();
  agreement.set_state(v1::AGREEMENT_STATE_SUSPENDED);
  SetMs(terms->mutable_start(), kNow + kDay);
  terms->clear_purposes();
  terms->clear_operations();
  terms->clear_scopes();
  terms->clear_categories();
  auto* access = terms->add_access_roles();
  access->set_organisation("organisations/ods-qnx");
  access->set_role("clinical_lead");
  auto question = Read();
  question.set_purpose("research");
  question.set_approval("IRAS-2");
  const auto told = Explain(*Rules({agreement}), question, kNow, true);
  ASSERT_EQ(told.candidates_size(), 1);
  EXPECT_EQ(told.candidates(0).failed(), ConditionRules().size());
  EXPECT_EQ(told.what_would_help_size(), static_cast<int>(ConditionRules().size()));
  for (const auto& condition : told.candidates(0).conditions())
    EXPECT_EQ(condition.detail().empty(), condition.held()) << condition.condition();
}

// Somebody with whom there is no agreement: the controller sees which of its own came nearest.
TEST(Explain, OfAStrangerTheControllerAloneSeesWhatItHasWithOthers) {
  auto question = Read();
  question.mutable_caller()->set_organisation("gss-e06000043");
  auto other = Agreed("other", "ISA-2");
  other.mutable_terms()->clear_operations();
  auto draft = Agreed("draft", "ISA-3");
  draft.set_state(v1::AGREEMENT_STATE_DRAFT);
  const auto rules = Rules({other, Agreed(), draft}, kBothGave);
  const auto told = Explain(*rules, question, kNow, true);
  ASSERT_EQ(told.candidates_size(), 2);
  EXPECT_EQ(told.candidates(0).reference(), Agreed().terms().reference());
  EXPECT_THAT(Failed(told.candidates(0)), ElementsAre("parties: gss-e06000043 is none"));
  EXPECT_EQ(told.candidates(0).failed(), 1u);
  EXPECT_EQ(told.candidates(1).failed(), 2u);
  const auto asker = Explain(*rules, question, kNow, false);
  EXPECT_TRUE(asker.candidates().empty());
  EXPECT_EQ(asker.what_would_help(0), told.what_would_help(0));
}

TEST(Explain, TheRequesterSeesNeitherScopeNorStanding) {
  auto question = Read();
  question.mutable_records(0)->add_scopes("places/brighton");
  const auto out_of_reach = Explain(*Rules({Agreed()}, kBothGave), question, kNow, false);
  const auto withdrawn =
      Explain(*Rules({Agreed()}, {{kPerson, Said(Permission::kWithdrawn)}}), Read(), kNow, false);
  EXPECT_FALSE(out_of_reach.complete());
  EXPECT_EQ(out_of_reach.SerializeAsString(), withdrawn.SerializeAsString());
  EXPECT_THAT(withdrawn.ShortDebugString(), Not(HasSubstr("WITHDRAWN")));
  EXPECT_THAT(withdrawn.ShortDebugString(), Not(HasSubstr("scope")));
}

TEST(Explain, TheControllerSeesWhatStandingDidButNeverWho) {
  const auto told =
      Explain(*Rules({Agreed()}, {{kPerson, Said(Permission::kWithdrawn)}}), Search(), kNow, true);
  EXPECT_EQ(told.relied_on(), "agreements/a1");
  ASSERT_EQ(told.standing_size(), 2);
  EXPECT_EQ(told.standing(0).effect(), "PERMISSION_UNKNOWN");
  EXPECT_EQ(told.standing(0).lowered_to(), RELEASE_LEVEL_PSEUDONYMISED);
  EXPECT_EQ(told.standing(1).effect(), "PERMISSION_WITHDRAWN");
  EXPECT_EQ(told.standing(1).records(), 1u);
  EXPECT_THAT(told.SerializeAsString(), Not(HasSubstr(kPerson)));
}

TEST(Explain, WithoutAnyAgreementADraftWouldHelp) {
  const auto told = Explain(*Rules(), Read(), kNow, false);
  EXPECT_THAT(told.reasons(), ElementsAre("NOT_CONTROLLER"));
  EXPECT_THAT(told.what_would_help(), ElementsAre(HasSubstr("draft one from this refusal")));
}

TEST(Explain, AnUnsetLevelIsExplainedAsItIsDecided) {
  const auto told = Explain(*Rules({Agreed()}, kBothGave), Read(), kNow, true);
  EXPECT_EQ(told.result(), v1::RESULT_PERMIT);
  EXPECT_EQ(told.candidates(0).failed(), 0u);
  EXPECT_EQ(told.candidates(0).cap(), RELEASE_LEVEL_IDENTIFIABLE);
}

}  // namespace
}  // namespace waterline::accountability
