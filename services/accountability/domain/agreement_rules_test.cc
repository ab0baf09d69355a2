#include "services/accountability/domain/agreement_rules.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "services/accountability/domain/sample_terms.h"

namespace waterline::accountability {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

std::vector<std::string> FieldsOf(const std::vector<FieldViolation>& violations) {
  std::vector<std::string> fields;
  for (const auto& violation : violations) fields.push_back(violation.field);
  return fields;
}

// The fields that break a rule, each with `terms.` before it.
std::vector<std::string> Broken(const v1::AgreementTerms& terms) {
  return FieldsOf(CheckTerms(terms, SampleFacts, {}));
}

v1::LawfulBasis* CharityBasis(v1::AgreementTerms* terms) {
  return terms->mutable_purposes(0)->mutable_bases(0);
}
v1::LawfulBasis* BoardBasis(v1::AgreementTerms* terms) {
  return terms->mutable_purposes(0)->mutable_bases(1);
}

v1::Party* AddProcessor(v1::AgreementTerms* terms) {
  auto* party = terms->add_parties();
  party->set_organisation(kSupplier);
  party->set_role(v1::PARTY_ROLE_PROCESSOR);
  party->set_instructing_controller(kBoard);
  party->add_signatory_roles("authorised_signatory");
  return party;
}

TEST(Terms, TheSampleBreaksNoRule) { EXPECT_THAT(Broken(SampleTerms()), IsEmpty()); }

TEST(Terms, NothingAtAllTellsEveryRuleAtOnce) {
  const auto broken = Broken(v1::AgreementTerms());
  for (const char* field :
       {"terms.reference", "terms.version", "terms.title", "terms.lead", "terms.parties",
        "terms.purposes", "terms.categories", "terms.operations", "terms.scopes", "terms.start",
        "terms.review_due", "terms.end", "terms.retention.months", "terms.data_subjects",
        "terms.dpia_reference", "terms.ndoo_status", "terms.breach_notify_hours"}) {
    EXPECT_THAT(broken, Contains(field));
  }
}

TEST(Draft, MayLeaveOutWhatSubmissionNeeds) {
  v1::AgreementTerms terms;
  terms.set_reference("ISA-1");
  terms.set_version(1);
  terms.set_title("A draft");
  terms.set_lead(kBoard);
  terms.add_parties()->set_organisation(kBoard);
  EXPECT_THAT(CheckDraft(terms), IsEmpty());
}

TEST(Draft, ReferenceIsOneTo40LettersDigitsDashesAndDots) {
  auto terms = SampleTerms();
  terms.set_reference(std::string(40, 'A'));
  EXPECT_THAT(CheckDraft(terms), IsEmpty());
  for (const char* bad : {"", "ISA 42", "ISA/42", "ISA_42", "\xC3\x89-1"}) {
    terms.set_reference(bad);
    EXPECT_THAT(FieldsOf(CheckDraft(terms)), ElementsAre("terms.reference")) << bad;
  }
  terms.set_reference(std::string(41, 'A'));
  EXPECT_THAT(FieldsOf(CheckDraft(terms)), ElementsAre("terms.reference"));
}

TEST(Draft, TheLeadIsAParty) {
  auto terms = SampleTerms();
  terms.set_lead(kCouncil);
  EXPECT_THAT(FieldsOf(CheckDraft(terms)), ElementsAre("terms.lead"));
}

TEST(Draft, CodesAndNamesAreKnown) {
  auto terms = SampleTerms();
  terms.mutable_purposes(0)->mutable_bases(0)->set_art6("6_1_z");
  terms.mutable_purposes(0)->mutable_bases(0)->set_art9("9");
  terms.mutable_purposes(0)->mutable_bases(0)->set_schedule1("x");
  terms.mutable_purposes(0)->mutable_bases(0)->set_cldc_basis("x");
  terms.mutable_purposes(0)->mutable_bases(0)->add_statutory_duties("x");
  terms.mutable_access_roles(0)->set_role("king");
  terms.mutable_parties(0)->add_signatory_roles("king");
  terms.mutable_parties(0)->set_ico_registration("12345678");
  terms.set_ndoo_status("x");
  terms.set_transport("pigeon");
  terms.set_data_subjects(0, "x");
  terms.set_scopes(0, "hove");
  terms.set_storage_location("England");
  terms.set_privacy_notice_url("http://board.example");
  EXPECT_THAT(FieldsOf(CheckDraft(terms)),
              UnorderedElementsAre(
                  "terms.purposes[0].bases[0].art6", "terms.purposes[0].bases[0].art9",
                  "terms.purposes[0].bases[0].schedule1", "terms.purposes[0].bases[0].cldc_basis",
                  "terms.purposes[0].bases[0].statutory_duties[0]", "terms.access_roles[0].role",
                  "terms.parties[0].signatory_roles[1]", "terms.parties[0].ico_registration",
                  "terms.ndoo_status", "terms.transport", "terms.data_subjects[0]",
                  "terms.scopes[0]", "terms.storage_location", "terms.privacy_notice_url"));
}

TEST(Draft, UnknownPurposesAndEnumValuesAreRefused) {
  auto terms = SampleTerms();
  terms.mutable_purposes(0)->set_purpose("curiosity");
  terms.mutable_categories(0)->mutable_items(0)->set_purposes(0, "curiosity");
  terms.mutable_access_roles(0)->clear_purposes();
  terms.add_operations(static_cast<v1::Operation>(99));
  terms.mutable_parties(0)->set_role(static_cast<v1::PartyRole>(99));
  EXPECT_THAT(
      FieldsOf(CheckDraft(terms)),
      UnorderedElementsAre("terms.purposes[0].purpose", "terms.categories[0].items[0].purposes[0]",
                           "terms.operations[2]", "terms.parties[0].role"));
}

TEST(Draft, NamesAreWellFormed) {
  auto terms = SampleTerms();
  terms.mutable_parties(0)->set_organisation("chc-1234567");
  terms.mutable_parties(1)->set_instructing_controller("ods-qnx");
  terms.mutable_purposes(0)->mutable_bases(0)->set_organisation("organisations/");
  terms.mutable_access_roles(0)->set_purposes(0, "curiosity");
  terms.mutable_categories(0)->clear_category();
  terms.set_version(2);
  terms.set_supersedes("a1");
  terms.set_decisions_per_minute(1'000'001);
  EXPECT_THAT(
      FieldsOf(CheckDraft(terms)),
      UnorderedElementsAre(
          "terms.parties[0].organisation", "terms.parties[1].instructing_controller",
          "terms.purposes[0].bases[0].organisation", "terms.access_roles[0].purposes[0]",
          "terms.categories[0].category", "terms.supersedes", "terms.decisions_per_minute"));
}

TEST(Draft, TextIsUtf8WithinItsLengthAndHoldsNoNhsNumber) {
  auto terms = SampleTerms();
  terms.set_title(std::string(200, 'a'));
  EXPECT_THAT(CheckDraft(terms), IsEmpty());
  terms.set_title(std::string(201, 'a'));
  EXPECT_THAT(FieldsOf(CheckDraft(terms)), Contains("terms.title"));
  terms = SampleTerms();
  terms.set_frequency("\xFF");
  terms.set_rights_contact("a\x01");
  terms.set_breach_contact(std::string(501, 'a'));
  terms.set_linkage_with("943 476 5919");
  EXPECT_THAT(FieldsOf(CheckDraft(terms)),
              UnorderedElementsAre("terms.frequency", "terms.rights_contact",
                                   "terms.breach_contact", "terms.linkage_with"));
}

TEST(Draft, AListHasAnEnd) {
  auto terms = SampleTerms();
  while (terms.scopes_size() < 200)
    terms.add_scopes("places/p" + std::to_string(terms.scopes_size()));
  EXPECT_THAT(CheckDraft(terms), IsEmpty());
  terms.add_scopes("places/last");
  EXPECT_THAT(FieldsOf(CheckDraft(terms)), ElementsAre("terms.scopes"));
}

TEST(Draft, FieldsThatThisVersionDoesNotKnowAreRefused) {
  auto terms = SampleTerms();
  auto* party = terms.mutable_parties(0);
  party->GetReflection()->MutableUnknownFields(party)->AddVarint(99, 1);
  EXPECT_THAT(FieldsOf(CheckDraft(terms)), ElementsAre("terms.parties[0]"));
}

TEST(Draft, NothingStandsTwice) {
  auto terms = SampleTerms();
  *terms.add_purposes() = terms.purposes(0);
  *terms.add_categories() = terms.categories(0);
  terms.add_operations(v1::OPERATION_READ);
  terms.add_scopes("places/hove");
  *terms.add_access_roles() = terms.access_roles(0);
  *terms.mutable_purposes(0)->add_bases() = terms.purposes(0).bases(0);
  EXPECT_THAT(
      FieldsOf(CheckDraft(terms)),
      UnorderedElementsAre("terms.purposes[1].purpose", "terms.categories[1].category",
                           "terms.operations[2]", "terms.scopes[1]", "terms.access_roles[1]",
                           "terms.purposes[0].bases[2].organisation"));
}

TEST(Draft, OnlyALaterVersionSupersedes) {
  auto terms = SampleTerms();
  terms.set_supersedes("agreements/a1");
  EXPECT_THAT(FieldsOf(CheckDraft(terms)), ElementsAre("terms.supersedes"));
  terms.set_version(2);
  EXPECT_THAT(CheckDraft(terms), IsEmpty());
  terms.clear_supersedes();
  EXPECT_THAT(FieldsOf(CheckDraft(terms)), ElementsAre("terms.supersedes"));
  terms.set_version(0);
  EXPECT_THAT(FieldsOf(CheckDraft(terms)), ElementsAre("terms.version"));
}

TEST(Draft, InstantsAreOfTheYears2000To2199) {
  auto terms = SampleTerms();
  terms.mutable_start()->set_seconds(946'684'799);
  terms.mutable_end()->set_nanos(1'000'000'000);
  EXPECT_THAT(FieldsOf(CheckDraft(terms)), ElementsAre("terms.start", "terms.end"));
}

TEST(Rule5, APartyThatIsNoLegalPerson) {
  auto terms = SampleTerms();
  EXPECT_TRUE(CheckParties(terms, SampleFacts).ok());
  terms.mutable_parties(0)->set_organisation("organisations/ods-u93165");
  EXPECT_EQ(ReasonOf(CheckParties(terms, SampleFacts)), "NOT_PARTY");
  EXPECT_EQ(CheckParties(terms, SampleFacts).code(), absl::StatusCode::kFailedPrecondition);
  terms.mutable_parties(0)->set_organisation("organisations/ods-nowhere");
  EXPECT_EQ(ReasonOf(CheckParties(terms, SampleFacts)), "NOT_PARTY");
}

TEST(Rule6, APartyThatIsClosed) {
  auto terms = SampleTerms();
  terms.mutable_parties(0)->set_organisation("organisations/ods-qyy");
  EXPECT_EQ(ReasonOf(CheckParties(terms, SampleFacts)), "NOT_PARTY");
}

TEST(Rule28, FewerThanTwoParties) {
  auto terms = SampleTerms();
  terms.mutable_parties()->DeleteSubrange(0, 1);
  terms.mutable_purposes(0)->mutable_bases()->DeleteSubrange(0, 1);
  terms.mutable_parties(0)->set_provides(true);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties"));
}

TEST(Rule28, SamePartyTwice) {
  auto terms = SampleTerms();
  *terms.add_parties() = terms.parties(0);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties[2].organisation"));
}

TEST(Rule28, ProcessorWithNoController) {
  auto terms = SampleTerms();
  auto* processor = AddProcessor(&terms);
  EXPECT_THAT(Broken(terms), IsEmpty());
  const std::string path = "terms.parties[2].instructing_controller";
  for (const char* other : {"", kCouncil, kSupplier}) {
    processor->set_instructing_controller(other);
    EXPECT_THAT(Broken(terms), ElementsAre(path)) << other;
  }
  processor->set_instructing_controller(kBoard);
  terms.mutable_parties(0)->set_instructing_controller(kBoard);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties[0].instructing_controller"));
}

TEST(Rule28, JointControllersWithNoArrangement) {
  auto terms = SampleTerms();
  terms.mutable_parties(0)->set_role(v1::PARTY_ROLE_JOINT_CONTROLLER);
  terms.set_joint_controller_arrangement("The board answers; contact dpo@board.example");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties"));  // It takes two.
  terms.mutable_parties(1)->set_role(v1::PARTY_ROLE_JOINT_CONTROLLER);
  EXPECT_THAT(Broken(terms), IsEmpty());
  terms.clear_joint_controller_arrangement();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.joint_controller_arrangement"));
}

TEST(Rule28, NobodyProvidesOrReceives) {
  auto terms = SampleTerms();
  terms.mutable_parties(0)->set_provides(false);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties"));
  terms = SampleTerms();
  terms.mutable_parties(1)->set_receives(false);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties", "terms.access_roles[0].organisation"));
}

TEST(Rule28, TheLeadIsAController) {
  auto terms = SampleTerms();
  AddProcessor(&terms);
  terms.set_lead(kSupplier);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.lead"));
}

TEST(Rule28, NobodyControls) {
  auto terms = SampleTerms();
  for (auto& party : *terms.mutable_parties()) party.set_role(v1::PARTY_ROLE_PROCESSOR);
  EXPECT_THAT(Broken(terms), Contains("terms.parties"));
}

TEST(Rule28, EveryPartyHasARoleAndAnonymousRecipientsProvideNothing) {
  auto terms = SampleTerms();
  auto* party = AddProcessor(&terms);
  party->clear_instructing_controller();
  party->clear_role();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties[2].role"));
  party->set_role(v1::PARTY_ROLE_RECIPIENT_OF_ANONYMOUS);
  party->set_receives(true);
  EXPECT_THAT(Broken(terms), IsEmpty());
  party->set_provides(true);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties[2].provides"));
}

TEST(Rule28, EachControllerSaysWhoAnswersAndWhoMaySign) {
  auto terms = SampleTerms();
  auto* party = terms.mutable_parties(1);
  party->clear_ico_registration();
  party->clear_dpo_contact();
  party->clear_caldicott_or_ig_lead();
  party->clear_siro();
  party->clear_signatory_roles();
  party->clear_public_authority();
  EXPECT_THAT(Broken(terms),
              UnorderedElementsAre(
                  "terms.parties[1].ico_registration", "terms.parties[1].dpo_contact",
                  "terms.parties[1].caldicott_or_ig_lead", "terms.parties[1].siro",
                  "terms.parties[1].signatory_roles", "terms.parties[1].public_authority"));
}

TEST(Rule29, NoPurpose) {
  auto terms = SampleTerms();
  terms.clear_purposes();
  EXPECT_THAT(Broken(terms), Contains("terms.purposes"));
}

TEST(Rule29, VaguePurpose) {
  auto terms = SampleTerms();
  const std::string filler = " and this is what the board means to do with what was said here";
  for (const char* vague : {"For Any   Purpose", "As required", "for all purposes", "as needed"}) {
    terms.mutable_purposes(0)->set_text(vague + filler);
    EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].text")) << vague;
  }
}

TEST(Rule29, PurposeTextHas60To1000Characters) {
  auto terms = SampleTerms();
  for (const auto& [length, is_good] :
       {std::pair{59, false}, std::pair{60, true}, std::pair{1000, true}}) {
    terms.mutable_purposes(0)->set_text(std::string(static_cast<size_t>(length), 'a'));
    EXPECT_EQ(Broken(terms).empty(), is_good) << length;
  }
  terms.mutable_purposes(0)->set_text(std::string(1001, 'a'));
  EXPECT_THAT(Broken(terms), Contains("terms.purposes[0].text"));
  terms = SampleTerms();
  terms.mutable_purposes(0)->clear_benefits_to_people();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].benefits_to_people"));
}

TEST(Rule29, DataItemNotTiedToAPurpose) {
  auto terms = SampleTerms();
  auto* item = terms.mutable_categories(0)->mutable_items(0);
  item->clear_item();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.categories[0].items[0].item"));
  item->set_item("what people said");
  item->add_purposes("research");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.categories[0].items[0].purposes[1]"));
  item->clear_purposes();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.categories[0].items[0].purposes"));
  terms.mutable_categories(0)->clear_items();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.categories[0].items"));
}

TEST(Rule29, NoRetention) {
  auto terms = SampleTerms();
  terms.clear_retention();
  EXPECT_THAT(Broken(terms), UnorderedElementsAre("terms.retention.rule", "terms.retention.months",
                                                  "terms.retention.disposal_method",
                                                  "terms.retention.on_termination",
                                                  "terms.retention.termination_notice_days"));
  terms = SampleTerms();
  terms.mutable_retention()->set_months(1200);
  terms.mutable_retention()->set_termination_notice_days(365);
  EXPECT_THAT(Broken(terms), IsEmpty());
  terms.mutable_retention()->set_months(1201);
  terms.mutable_retention()->set_termination_notice_days(366);
  EXPECT_THAT(Broken(terms),
              ElementsAre("terms.retention.months", "terms.retention.termination_notice_days"));
}

void SetDates(const std::string& start, const std::string& review, const std::string& end,
              v1::AgreementTerms* terms) {
  *terms->mutable_start() = text::ToTimestamp(MsOf(start));
  *terms->mutable_review_due() = text::ToTimestamp(MsOf(review));
  *terms->mutable_end() = text::ToTimestamp(MsOf(end));
}

TEST(Rule29, NoEndDate) {
  auto terms = SampleTerms();
  terms.clear_end();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.end"));
}

TEST(Rule29, EndNotAfterStart) {
  auto terms = SampleTerms();
  *terms.mutable_end() = terms.start();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.review_due", "terms.end"));
}

TEST(Rule29, ReviewAfterEnd) {
  auto terms = SampleTerms();
  SetDates("2027-01-01T00:00:00Z", "2028-06-01T00:00:00Z", "2028-06-01T00:00:00Z", &terms);
  EXPECT_THAT(Broken(terms), IsEmpty());
  SetDates("2027-01-01T00:00:00Z", "2028-06-01T00:00:00.001Z", "2028-06-01T00:00:00Z", &terms);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.review_due"));
}

TEST(Rule29, ReviewIs12To24MonthsAfterStart) {
  auto terms = SampleTerms();
  for (const auto& [review, is_good] :
       {std::pair{"2027-12-31T23:59:59.999Z", false}, std::pair{"2028-01-01T00:00:00Z", true},
        std::pair{"2029-01-01T00:00:00Z", true}, std::pair{"2029-01-01T00:00:00.001Z", false}}) {
    SetDates("2027-01-01T00:00:00Z", review, "2031-01-01T00:00:00Z", &terms);
    EXPECT_EQ(Broken(terms).empty(), is_good) << review;
  }
}

TEST(Rule29, TermAboveThePlatformMaximum) {
  auto terms = SampleTerms();
  SetDates("2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z", "2033-02-28T00:00:00Z", &terms);
  EXPECT_THAT(Broken(terms), IsEmpty());
  SetDates("2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z", "2033-02-28T00:00:00.001Z", &terms);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.end"));
  Platform shorter;
  shorter.term_months_max = 24;
  terms = SampleTerms();
  EXPECT_THAT(CheckTerms(terms, SampleFacts, shorter), IsEmpty());
  shorter.term_months_max = 23;
  EXPECT_THAT(FieldsOf(CheckTerms(terms, SampleFacts, shorter)), ElementsAre("terms.end"));
}

TEST(Rule30, LegitimateInterestsOfAPublicAuthorityForItsTasks) {
  auto terms = SampleTerms();
  BoardBasis(&terms)->set_art6("6_1_f_legitimate_interests");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[1].art6"));
  BoardBasis(&terms)->clear_own_public_task();  // Unsaid counts as its task.
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[1].art6"));
  BoardBasis(&terms)->set_own_public_task(false);
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Rule30, RecognisedInterestOfAPublicAuthorityForItsOwnTask) {
  auto terms = SampleTerms();
  BoardBasis(&terms)->set_art6("6_1_ea_recognised_legitimate_interest");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[1].art6"));
  BoardBasis(&terms)->set_own_public_task(false);
  EXPECT_THAT(Broken(terms), IsEmpty());
  CharityBasis(&terms)->set_art6("6_1_ea_recognised_legitimate_interest");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Rule30, PublicTaskOfACharityWithNoneDelegated) {
  auto terms = SampleTerms();
  CharityBasis(&terms)->set_art6("6_1_e_public_task");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[0].delegated_task"));
  CharityBasis(&terms)->set_delegated_task("Local Healthwatch, by contract of the council");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Rule30, PublicTaskOfAnAuthorityNamesItsDuty) {
  auto terms = SampleTerms();
  BoardBasis(&terms)->clear_statutory_duties();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[1].statutory_duties"));
}

TEST(Rule30, ConsentWithNoWithdrawalRoute) {
  auto terms = SampleTerms();
  CharityBasis(&terms)->set_art6("6_1_a_consent");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[0].withdrawal_route"));
  CharityBasis(&terms)->set_withdrawal_route("A call to the charity");
  EXPECT_THAT(Broken(terms), IsEmpty());
  CharityBasis(&terms)->clear_withdrawal_route();
  CharityBasis(&terms)->set_art6("6_1_f_legitimate_interests");
  CharityBasis(&terms)->set_art9("9_2_a_explicit_consent");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[0].withdrawal_route"));
}

TEST(Rule30, SpecialCategoryItemWithNoCondition) {
  auto terms = SampleTerms();
  terms.mutable_categories(0)->set_special_category(true);
  EXPECT_THAT(Broken(terms),
              ElementsAre("terms.purposes[0].bases[0].art9", "terms.purposes[0].bases[1].art9"));
  for (auto* basis : {CharityBasis(&terms), BoardBasis(&terms)}) {
    basis->set_art9("9_2_h_health_or_care_management");
    basis->set_schedule1("sch1_para2_health_or_social_care");
  }
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Rule30, MonitoringAndAccessNeedsAreSpecialCategory) {
  auto terms = SampleTerms();
  auto* category = terms.mutable_categories(0);
  category->set_category(common::v1::CATEGORY_EQUALITY_MONITORING);
  category->set_highest(common::v1::RELEASE_LEVEL_AGGREGATE);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.categories[0].special_category"));
  category->set_category(common::v1::CATEGORY_ACCESS_NEEDS);
  category->set_highest(common::v1::RELEASE_LEVEL_IDENTIFIABLE);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.categories[0].special_category"));
}

TEST(Rule30, SubstantialPublicInterestWithNoScheduleConditionOrPolicy) {
  auto terms = SampleTerms();
  CharityBasis(&terms)->set_art9("9_2_g_substantial_public_interest");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[0].schedule1",
                                         "terms.purposes[0].bases[0].appropriate_policy_document"));
  CharityBasis(&terms)->set_schedule1("sch1_para2_health_or_social_care");  // Of another article.
  CharityBasis(&terms)->set_appropriate_policy_document("APD-3");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[0].schedule1"));
  CharityBasis(&terms)->set_schedule1("sch1_para8_equality_monitoring");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Rule30, CriminalOffenceDataWithNoCondition) {
  auto terms = SampleTerms();
  terms.mutable_categories(0)->set_criminal_offence(true);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[0].art10_condition",
                                         "terms.purposes[0].bases[1].art10_condition"));
  CharityBasis(&terms)->set_art10_condition("Schedule 1 paragraph 10");
  BoardBasis(&terms)->set_art10_condition("Schedule 1 paragraph 10");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Rule30, EveryControllerHasABasisForEveryPurpose) {
  auto terms = SampleTerms();
  terms.mutable_purposes(0)->mutable_bases()->DeleteSubrange(0, 1);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases"));
  terms = SampleTerms();
  AddProcessor(&terms);
  auto* basis = terms.mutable_purposes(0)->add_bases();
  *basis = terms.purposes(0).bases(0);
  basis->set_organisation(kSupplier);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[2].organisation"));
  basis->set_organisation(kBoard);
  BoardBasis(&terms)->clear_art6();
  BoardBasis(&terms)->clear_art9();
  BoardBasis(&terms)->clear_cldc_basis();
  terms.mutable_purposes(0)->mutable_bases()->RemoveLast();
  EXPECT_THAT(Broken(terms),
              ElementsAre("terms.purposes[0].bases[1].art6", "terms.purposes[0].bases[1].art9",
                          "terms.purposes[0].bases[1].cldc_basis"));
}

TEST(Rule31, ImpliedConsentForDirectCare) {
  auto terms = SampleTerms();
  CharityBasis(&terms)->set_cldc_basis("implied_consent_direct_care");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[0].cldc_basis"));
}

TEST(Rule31, Section251WithNoReference) {
  auto terms = SampleTerms();
  BoardBasis(&terms)->set_cldc_basis("section_251");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[1].section_251_reference"));
  BoardBasis(&terms)->set_section_251_reference("24/CAG/0001");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Rule31, AnonymisedWithItemsAboveAggregate) {
  auto terms = SampleTerms();
  CharityBasis(&terms)->set_cldc_basis("anonymised");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].bases[0].cldc_basis"));
  terms.mutable_categories(0)->set_highest(common::v1::RELEASE_LEVEL_AGGREGATE);
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Rule33, SmallNumberPolicyWeakerThanThePlatformFloor) {
  auto terms = SampleTerms();
  for (const auto& [policy, is_good] :
       {std::pair{v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5, true},
        std::pair{v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY, true},
        std::pair{v1::SMALL_NUMBER_POLICY_SUPPRESS_LT5_SECONDARY, false}}) {
    terms.set_small_numbers(policy);
    EXPECT_EQ(Broken(terms).empty(), is_good) << policy;
  }
  Platform both;
  both.small_numbers = v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY;
  terms.clear_small_numbers();
  EXPECT_THAT(FieldsOf(CheckTerms(terms, SampleFacts, both)), ElementsAre("terms.small_numbers"));
}

TEST(Rule35, OnwardAndLinkOnlyWhereTheTermsAllowThem) {
  auto terms = SampleTerms();
  terms.add_operations(v1::OPERATION_ONWARD);
  terms.add_operations(v1::OPERATION_LINK);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.onward_sharing", "terms.linkage_allowed"));
  terms.set_onward_sharing(v1::ONWARD_SHARING_AGGREGATE_ONLY);
  terms.set_linkage_allowed(true);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.linkage_with"));
  terms.set_linkage_with("the board's own events");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Rule36, TheRoleThatRunsThePlatformReadsAndSignsNothing) {
  auto terms = SampleTerms();
  terms.mutable_access_roles(0)->set_role("platform_admin");
  terms.mutable_parties(0)->set_signatory_roles(0, "platform_admin");
  terms.mutable_parties(1)->set_safeguarding_role("platform_admin");
  EXPECT_THAT(Broken(terms),
              ElementsAre("terms.parties[0].signatory_roles[0]",
                          "terms.parties[1].safeguarding_role", "terms.access_roles[0].role"));
}

TEST(Terms, AccessRolesAreOfPartiesThatReceiveForPurposesOfTheAgreement) {
  auto terms = SampleTerms();
  terms.mutable_access_roles(0)->set_organisation(kCouncil);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.access_roles[0].organisation"));
  terms.mutable_access_roles(0)->set_organisation(kCharity);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.access_roles[0].organisation"));
  terms.mutable_access_roles(0)->set_organisation(kBoard);
  terms.mutable_access_roles(0)->add_purposes("research");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.access_roles[0].purposes[1]"));
}

TEST(Terms, WhatNeverLeavesAtALevelIsNotAgreedAtIt) {
  auto terms = SampleTerms();
  auto* category = terms.mutable_categories(0);
  for (auto* basis : {CharityBasis(&terms), BoardBasis(&terms)}) {
    basis->set_art9("9_2_h_health_or_care_management");
    basis->set_schedule1("sch1_para2_health_or_social_care");
  }
  category->set_special_category(true);
  category->set_category(common::v1::CATEGORY_EQUALITY_MONITORING);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.categories[0].highest"));
  category->set_highest(common::v1::RELEASE_LEVEL_AGGREGATE);
  EXPECT_THAT(Broken(terms), IsEmpty());
  for (auto value : {common::v1::CATEGORY_CONTACT, common::v1::CATEGORY_ACCESS_NEEDS}) {
    category->set_category(value);
    category->set_highest(common::v1::RELEASE_LEVEL_PSEUDONYMISED);
    EXPECT_THAT(Broken(terms), ElementsAre("terms.categories[0].highest"));
    category->set_highest(common::v1::RELEASE_LEVEL_IDENTIFIABLE);
    EXPECT_THAT(Broken(terms), IsEmpty());
  }
  category->clear_highest();
  EXPECT_THAT(Broken(terms), Contains("terms.categories[0].highest"));
}

TEST(Terms, AnOrganisationInScopeProvides) {
  auto terms = SampleTerms();
  for (const auto& [scope, is_good] : {std::pair{"organisations/chc-1234567", true},
                                       std::pair{"organisations/chc-1234567/events/walk", true},
                                       std::pair{"organisations/chc-1234567/programmes/p1", true},
                                       std::pair{"organisations/ods-qnx", false},
                                       std::pair{"organisations/ods-qnx/events/walk", false}}) {
    terms.set_scopes(0, scope);
    EXPECT_EQ(Broken(terms).empty(), is_good) << scope;
  }
}

TEST(Terms, InferNeedsProfilingAndAModelCard) {
  auto terms = SampleTerms();
  terms.add_operations(v1::OPERATION_INFER);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.profiling"));
  terms.set_profiling(true);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.model_cards"));
  terms.add_model_cards("waterline-practice-map-1");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

// A second purpose beside the sample's, tied to the same item.
v1::PurposeTerms* AddPurpose(const std::string& code, v1::AgreementTerms* terms) {
  auto* purpose = terms->add_purposes();
  *purpose = terms->purposes(0);
  purpose->set_purpose(code);
  terms->mutable_categories(0)->mutable_items(0)->add_purposes(code);
  return purpose;
}

TEST(Terms, ResearchNeedsItsApproval) {
  auto terms = SampleTerms();
  AddPurpose("research", &terms);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.research_approval"));
  terms.set_research_approval("23/LO/0123");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Terms, SafeguardingNeedsTheRecipientsRole) {
  auto terms = SampleTerms();
  AddPurpose("safeguarding", &terms);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties[1].safeguarding_role"));
  terms.mutable_parties(1)->set_safeguarding_role("safeguarding_lead");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Terms, IndependenceOfConsentTakesTwoFunctionsAndNoConsent) {
  auto terms = SampleTerms();
  auto* purpose = terms.mutable_purposes(0);
  purpose->set_consent_independent(true);
  CharityBasis(&terms)->set_cldc_basis("statutory_requirement");
  BoardBasis(&terms)->set_cldc_basis("statutory_requirement");
  const std::string approvers = "terms.purposes[0].consent_independent_approved_by";
  EXPECT_THAT(Broken(terms), ElementsAre(approvers));
  purpose->add_consent_independent_approved_by("Caldicott guardian");
  purpose->add_consent_independent_approved_by("caldicott  Guardian ");
  EXPECT_THAT(Broken(terms), ElementsAre(approvers));
  purpose->set_consent_independent_approved_by(1, "SIRO");
  EXPECT_THAT(Broken(terms), IsEmpty());
  BoardBasis(&terms)->set_cldc_basis("explicit_consent");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.purposes[0].consent_independent"));
}

TEST(Terms, FlagsOfChildrenAndAdultsAtRiskAreSaidAndAgree) {
  auto terms = SampleTerms();
  terms.clear_children();
  terms.clear_adults_at_risk();
  EXPECT_THAT(Broken(terms), ElementsAre("terms.children", "terms.adults_at_risk"));
  terms = SampleTerms();
  terms.add_data_subjects("child");
  terms.add_data_subjects("adult_at_risk");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.children", "terms.adults_at_risk"));
}

TEST(Terms, BreachesAreToldWithin24Hours) {
  auto terms = SampleTerms();
  terms.set_breach_notify_hours(25);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.breach_notify_hours"));
  terms.set_breach_notify_hours(0);
  EXPECT_THAT(Broken(terms), ElementsAre("terms.breach_notify_hours"));
  terms.set_breach_notify_hours(1);
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Terms, StorageOutsideTheUkNamesItsSafeguard) {
  auto terms = SampleTerms();
  terms.set_storage_location("IE");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.transfers_outside_uk"));
  terms.set_transfers_outside_uk("Ireland, under the adequacy regulations");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Terms, NoPlaceholderIsLeft) {
  auto terms = SampleTerms();
  terms.mutable_parties(0)->set_siro("<charity_siro>");
  EXPECT_THAT(Broken(terms), ElementsAre("terms.parties[0].siro"));
  terms.mutable_parties(0)->set_siro("budget < 5 million");
  EXPECT_THAT(Broken(terms), IsEmpty());
}

TEST(Terms, NoViolationEchoesAValue) {
  auto terms = SampleTerms();
  terms.mutable_parties(0)->set_siro("<SECRET>");
  terms.mutable_purposes(0)->set_text("SECRET");
  terms.set_transport("SECRET");
  terms.set_reference("SECRET SECRET");
  const auto violations = CheckTerms(terms, SampleFacts, {});
  EXPECT_EQ(violations.size(), 4u);
  for (const auto& violation : violations)
    EXPECT_THAT(violation.description, Not(testing::HasSubstr("SECRET")));
}

TEST(SmallNumbers, NeitherOfTheTwoSinglePoliciesCoversTheOther) {
  const auto nhs = v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5;
  const auto under5 = v1::SMALL_NUMBER_POLICY_SUPPRESS_LT5_SECONDARY;
  const auto both = v1::SMALL_NUMBER_POLICY_NHS_1_7_ROUND5_SECONDARY;
  EXPECT_TRUE(IsAtLeastAsStrict(v1::SMALL_NUMBER_POLICY_UNSPECIFIED, nhs));
  EXPECT_FALSE(IsAtLeastAsStrict(nhs, under5));
  EXPECT_FALSE(IsAtLeastAsStrict(under5, nhs));
  EXPECT_FALSE(IsAtLeastAsStrict(nhs, both));
  for (auto floor : {nhs, under5, both}) EXPECT_TRUE(IsAtLeastAsStrict(both, floor));
}

TEST(AddMonths, ADayTheMonthLacksBecomesItsLast) {
  EXPECT_EQ(AddMonths(MsOf("2028-02-29T12:30:00.5Z"), 12), MsOf("2029-02-28T12:30:00.5Z"));
  EXPECT_EQ(AddMonths(MsOf("2027-08-31T00:00:00Z"), 6), MsOf("2028-02-29T00:00:00Z"));
  EXPECT_EQ(AddMonths(MsOf("2027-12-15T00:00:00Z"), 1), MsOf("2028-01-15T00:00:00Z"));
}

}  // namespace
}  // namespace waterline::accountability
