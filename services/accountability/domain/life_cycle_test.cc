#include "services/accountability/domain/life_cycle.h"

#include "gmock/gmock.h"
#include "services/accountability/domain/sample_terms.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"

namespace waterline::accountability {
namespace {

using testing::HasSubstr;

const int64_t kBefore = MsOf("2026-12-01T00:00:00Z");
const int64_t kStart = MsOf("2027-01-01T00:00:00Z");
const int64_t kReview = MsOf("2028-01-01T00:00:00Z");
const int64_t kEnd = MsOf("2029-01-01T00:00:00Z");

absl::Status Verifies(const std::string&, const std::string&, const std::string&,
                      const std::string&) {
  return absl::OkStatus();
}

v1::Agreement DraftOf(const v1::AgreementTerms& terms) {
  auto draft = MakeDraft("agreements/a1", terms, {kBoard, kBefore, ""});
  EXPECT_TRUE(draft.ok()) << draft.status();
  return *draft;
}

v1::Agreement InReview() {
  auto agreement = Submit(DraftOf(SampleTerms()), SampleFacts, {}, {kBoard, kBefore, ""});
  EXPECT_TRUE(agreement.ok()) << agreement.status();
  return *agreement;
}

v1::Assessment Approved() {
  v1::Assessment assessment;
  assessment.set_dpia_reference("DPIA-7");
  assessment.set_dpia_approved(true);
  assessment.set_dpia_approved_by("Caldicott guardian");
  assessment.set_dpo_advice_recorded(true);
  return assessment;
}

v1::Agreement Assessed() {
  auto agreement = Assess(InReview(), Approved(), {kBoard, kBefore, ""});
  EXPECT_TRUE(agreement.ok()) << agreement.status();
  return *agreement;
}

Signing Of(const std::string& signatory, const std::string& role, const std::string& handle,
           std::vector<std::string> earlier = {}) {
  Signing signing;
  signing.signature.set_signatory(signatory);
  signing.signature.set_role(role);
  signing.signature.set_key_id("k1");
  signing.signature.set_jws("e30..c2ln");
  signing.handle = handle;
  signing.earlier_handles = std::move(earlier);
  return signing;
}

absl::StatusOr<v1::Agreement> SignFor(const std::string& organisation,
                                      const v1::Agreement& agreement, const Signing& signing) {
  return Sign(agreement, signing, SampleFacts, Verifies, {organisation, kBefore, ""});
}

v1::Agreement SignedByBoard() {
  auto agreement = SignFor(kBoard, Assessed(), Of("Ada Byron", "siro", "board/ada"));
  EXPECT_TRUE(agreement.ok()) << agreement.status();
  return *agreement;
}

v1::Agreement Agreed() {
  auto agreement =
      SignFor(kCharity, SignedByBoard(),
              Of("Mary Seacole", "authorised_signatory", "charity/mary", {"board/ada"}));
  EXPECT_TRUE(agreement.ok()) << agreement.status();
  return *agreement;
}

v1::Agreement Suspended() {
  auto agreement = Suspend(Agreed(), {kCharity, kStart, "An incident is looked into"});
  EXPECT_TRUE(agreement.ok()) << agreement.status();
  return *agreement;
}

std::string ReasonText(const absl::Status& status) {
  return ReasonOf(status).value_or(status.ToString());
}

TEST(LifeCycle, FromDraftToActive) {
  EXPECT_EQ(DraftOf(SampleTerms()).state(), v1::AGREEMENT_STATE_DRAFT);
  EXPECT_EQ(InReview().state(), v1::AGREEMENT_STATE_IN_REVIEW);
  EXPECT_EQ(SignedByBoard().state(), v1::AGREEMENT_STATE_IN_REVIEW);
  const auto agreed = Agreed();
  EXPECT_EQ(agreed.state(), v1::AGREEMENT_STATE_AGREED);
  EXPECT_EQ(agreed.signatures_size(), 2);
  EXPECT_EQ(agreed.signatures(1).organisation(), kCharity);
  EXPECT_EQ(text::ToMs(agreed.signatures(1).signed_at()), kBefore);
}

TEST(ComputedState, FollowsTheDatesToTheMillisecond) {
  const auto agreed = Agreed();
  for (const auto& [now, state] : {std::pair{kStart - 1, v1::AGREEMENT_STATE_AGREED},
                                   std::pair{kStart, v1::AGREEMENT_STATE_ACTIVE},
                                   std::pair{kReview - 1, v1::AGREEMENT_STATE_ACTIVE},
                                   std::pair{kReview, v1::AGREEMENT_STATE_SUSPENDED},
                                   std::pair{kEnd - 1, v1::AGREEMENT_STATE_SUSPENDED},
                                   std::pair{kEnd, v1::AGREEMENT_STATE_EXPIRED}}) {
    EXPECT_EQ(ComputedState(agreed, now).state, state) << now;
    EXPECT_EQ(AsOf(agreed, now).state(), state) << now;
  }
  EXPECT_THAT(ComputedState(agreed, kReview).reason, HasSubstr("review is overdue"));
}

TEST(ComputedState, SuspendedExpiresAndOtherStatesStay) {
  EXPECT_EQ(ComputedState(Suspended(), kStart).state, v1::AGREEMENT_STATE_SUSPENDED);
  EXPECT_EQ(ComputedState(Suspended(), kStart).reason, "An incident is looked into");
  EXPECT_EQ(ComputedState(Suspended(), kEnd).state, v1::AGREEMENT_STATE_EXPIRED);
  EXPECT_EQ(ComputedState(InReview(), kEnd).state, v1::AGREEMENT_STATE_IN_REVIEW);
  EXPECT_EQ(ComputedState(DraftOf(SampleTerms()), kStart).state, v1::AGREEMENT_STATE_DRAFT);
}

TEST(Rule32, NothingIsActiveWithoutAllSignaturesAndTheAssessment) {
  auto agreed = Agreed();
  agreed.mutable_signatures()->RemoveLast();
  EXPECT_EQ(ComputedState(agreed, kStart).state, v1::AGREEMENT_STATE_IN_REVIEW);
  agreed = Agreed();
  agreed.mutable_assessment()->set_dpia_approved(false);
  EXPECT_EQ(ComputedState(agreed, kStart).state, v1::AGREEMENT_STATE_IN_REVIEW);
  agreed = Agreed();
  agreed.mutable_assessment()->set_dpo_advice_recorded(false);
  EXPECT_EQ(ComputedState(agreed, kStart).state, v1::AGREEMENT_STATE_IN_REVIEW);
}

TEST(Rule32, NoSignatureWithoutApprovedAssessmentAndRecordedAdvice) {
  const auto signing = Of("Ada Byron", "siro", "board/ada");
  EXPECT_EQ(ReasonText(SignFor(kBoard, InReview(), signing).status()), "NOT_ASSESSED");
  for (const bool approved : {false, true}) {
    auto assessment = Approved();
    assessment.set_dpia_approved(approved);
    assessment.set_dpo_advice_recorded(!approved);
    const auto assessed = Assess(InReview(), assessment, {kBoard, kBefore, ""});
    ASSERT_TRUE(assessed.ok()) << assessed.status();
    EXPECT_EQ(assessed->assessment().has_approved_at(), approved);
    EXPECT_EQ(ReasonText(SignFor(kBoard, *assessed, signing).status()), "NOT_ASSESSED");
  }
}

TEST(Rule32, SignatoryNotAuthorisedForThatOrganisation) {
  // The charity's role is none of the board's.
  const auto signing = Of("Ada Byron", "authorised_signatory", "board/ada");
  EXPECT_EQ(ReasonText(SignFor(kBoard, Assessed(), signing).status()), "SIGNATORY_NOT_AUTHORISED");
}

TEST(Rule32, OnePersonSigningForTwoPartiesByHandle) {
  const auto signing = Of("Mary Seacole", "authorised_signatory", "board/ada", {"board/ada"});
  EXPECT_EQ(ReasonText(SignFor(kCharity, SignedByBoard(), signing).status()), "SIGNED_FOR_ANOTHER");
}

TEST(Rule32, OnePersonSigningForTwoPartiesByName) {
  for (const char* name : {"Ada Byron", "  ada   BYRON ", "Dr. Ada Byron", "Byron, Ada"}) {
    const auto signing = Of(name, "authorised_signatory", "charity/other", {"board/ada"});
    EXPECT_EQ(ReasonText(SignFor(kCharity, SignedByBoard(), signing).status()),
              "SIGNED_FOR_ANOTHER")
        << name;
  }
}

TEST(Rule32, TheDrafterAloneCannotSignItAll) {
  // Whoever drafts may sign for the lead; every further signature needs another person.
  const auto again = Of("Ada B.", "authorised_signatory", "board/ada", {"board/ada"});
  EXPECT_EQ(ReasonText(SignFor(kCharity, SignedByBoard(), again).status()), "SIGNED_FOR_ANOTHER");
  EXPECT_EQ(SignedByBoard().state(), v1::AGREEMENT_STATE_IN_REVIEW);
}

TEST(Rule32, OneSignaturePerParty) {
  const auto again = Of("Florence Nightingale", "siro", "board/flo", {"board/ada"});
  EXPECT_EQ(ReasonText(SignFor(kBoard, SignedByBoard(), again).status()), "STATE_FORBIDS");
}

TEST(Rule32, OnlyPartiesSign) {
  const auto signing = Of("Ada Byron", "siro", "council/ada");
  EXPECT_EQ(ReasonText(SignFor(kCouncil, Assessed(), signing).status()), "NOT_PARTY");
}

TEST(Sign, AStoredSignatureWithoutItsHandleStopsTheNext) {
  const auto signing = Of("Mary Seacole", "authorised_signatory", "charity/mary");
  EXPECT_EQ(ReasonText(SignFor(kCharity, SignedByBoard(), signing).status()), "UNEXPECTED");
}

TEST(Sign, VerifiesTheSignatureOverTheHashOfTheDocument) {
  const auto assessed = Assessed();
  std::vector<std::string> seen;
  const auto verify = [&seen](const std::string& organisation, const std::string& key_id,
                              const std::string& jws, const std::string& payload) {
    seen = {organisation, key_id, jws, payload};
    return BadFields({{"signature.jws", "does not verify"}});
  };
  const auto refused = Sign(assessed, Of("Ada Byron", "siro", "board/ada"), SampleFacts, verify,
                            {kBoard, kBefore, ""});
  EXPECT_EQ(ReasonText(refused.status()), "INVALID_FIELDS");
  const std::string payload = crypto::HexEncode(crypto::Sha256(assessed.document()));
  EXPECT_EQ(seen, (std::vector<std::string>{kBoard, "k1", "e30..c2ln", payload}));
  EXPECT_EQ(crypto::HexEncode(assessed.document_hash()), payload);
}

TEST(Sign, NamesEveryFieldThatIsMissing) {
  const auto refused = SignFor(kBoard, Assessed(), Signing{});
  EXPECT_EQ(ViolationsOf(refused.status()).size(), 3u);
  auto no_name = Of("Dr. ---", "siro", "board/ada");
  EXPECT_EQ(ViolationsOf(SignFor(kBoard, Assessed(), no_name).status()).size(), 1u);
}

TEST(Sign, OnlyInReviewAndBeforeTheEnd) {
  const auto signing = Of("Ada Byron", "siro", "board/ada");
  EXPECT_EQ(ReasonText(SignFor(kBoard, DraftOf(SampleTerms()), signing).status()), "STATE_FORBIDS");
  EXPECT_EQ(ReasonText(SignFor(kBoard, Agreed(), signing).status()), "STATE_FORBIDS");
  const auto late = Sign(Assessed(), signing, SampleFacts, Verifies, {kBoard, kEnd, ""});
  EXPECT_EQ(ReasonText(late.status()), "STATE_FORBIDS");
}

TEST(Sign, AsksAgainWhetherThePartiesAreThere) {
  const auto closed = [](const std::string& organisation) {
    auto facts = SampleFacts(organisation);
    if (organisation == kCharity) facts->closed = true;
    return facts;
  };
  const auto refused = Sign(Assessed(), Of("Ada Byron", "siro", "board/ada"), closed, Verifies,
                            {kBoard, kBefore, ""});
  EXPECT_EQ(ReasonText(refused.status()), "NOT_PARTY");
}

TEST(Rule37, OnlyADraftIsAmendedInPlace) {
  auto terms = SampleTerms();
  terms.set_title("Another title");
  const auto changed = Update(DraftOf(SampleTerms()), terms, {kBoard, kStart, ""});
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->terms().title(), "Another title");
  EXPECT_EQ(text::ToMs(changed->changed_at()), kStart);
  EXPECT_EQ(text::ToMs(changed->created_at()), kBefore);
  for (const auto& agreement : {InReview(), SignedByBoard(), Agreed(), Suspended()}) {
    const auto refused = Update(agreement, terms, {kBoard, kStart, ""});
    EXPECT_EQ(ReasonText(refused.status()), "STATE_FORBIDS");
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("new version"));
  }
}

TEST(Rule37, ADraftKeepsItsLeadReferenceAndVersion) {
  auto terms = SampleTerms();
  terms.set_lead(kCharity);
  terms.set_reference("ISA-0043");
  terms.set_version(2);
  terms.set_supersedes("agreements/a0");
  const auto refused = Update(DraftOf(SampleTerms()), terms, {kBoard, kStart, ""});
  EXPECT_EQ(ViolationsOf(refused.status()).size(), 3u);
  EXPECT_EQ(
      ReasonText(Update(DraftOf(SampleTerms()), SampleTerms(), {kCharity, kStart, ""}).status()),
      "NOT_CONTROLLER");
}

TEST(Rule37, TheNextVersionHasItsReferenceAndNumber) {
  auto next = SampleTerms();
  next.set_version(2);
  EXPECT_TRUE(CheckSuccessor(next, SampleTerms()).empty());
  next.set_version(3);
  next.set_reference("ISA-0043");
  next.set_lead(kCouncil);
  EXPECT_EQ(CheckSuccessor(next, SampleTerms()).size(), 3u);
}

TEST(Submit, FixesTheTextOnceAndNamesWhatIsBroken) {
  const auto submitted = InReview();
  EXPECT_EQ(submitted.document(), DocumentOf(SampleTerms()));
  EXPECT_EQ(ReasonText(Submit(submitted, SampleFacts, {}, {kBoard, kBefore, ""}).status()),
            "STATE_FORBIDS");
  auto terms = SampleTerms();
  terms.clear_scopes();
  const auto refused = Submit(DraftOf(terms), SampleFacts, {}, {kBoard, kBefore, ""});
  ASSERT_EQ(ViolationsOf(refused.status()).size(), 1u);
  EXPECT_EQ(ViolationsOf(refused.status())[0].field, "terms.scopes");
}

TEST(Submit, RefusesAPastEndAndAPartyThatIsNone) {
  const auto late = Submit(DraftOf(SampleTerms()), SampleFacts, {}, {kBoard, kEnd, ""});
  ASSERT_EQ(ViolationsOf(late.status()).size(), 1u);
  EXPECT_EQ(ViolationsOf(late.status())[0].field, "terms.end");
  const auto nobody = [](const std::string&) { return std::optional<OrganisationFacts>(); };
  auto terms = SampleTerms();
  auto* board = terms.mutable_purposes(0)->mutable_bases(1);
  board->set_delegated_task("Planning");
  EXPECT_EQ(ReasonText(Submit(DraftOf(terms), nobody, {}, {kBoard, kBefore, ""}).status()),
            "NOT_PARTY");
}

TEST(Assess, WhileInReviewByTheLeadBeforeAnybodySigned) {
  EXPECT_EQ(text::ToMs(Assessed().assessment().approved_at()), kBefore);
  const Move move{kBoard, kBefore, ""};
  EXPECT_EQ(ReasonText(Assess(DraftOf(SampleTerms()), Approved(), move).status()), "STATE_FORBIDS");
  EXPECT_EQ(ReasonText(Assess(SignedByBoard(), Approved(), move).status()), "STATE_FORBIDS");
  EXPECT_EQ(ReasonText(Assess(InReview(), Approved(), {kCharity, kBefore, ""}).status()),
            "NOT_CONTROLLER");
  v1::Assessment nobody;
  nobody.set_dpia_approved(true);
  EXPECT_EQ(ViolationsOf(Assess(InReview(), nobody, move).status()).size(), 2u);
}

TEST(Suspend, ByAnyPartyResumedByTheSameOne) {
  const auto suspended = Suspended();
  EXPECT_EQ(suspended.state(), v1::AGREEMENT_STATE_SUSPENDED);
  EXPECT_EQ(suspended.state_reason(), "An incident is looked into");
  EXPECT_EQ(ReasonText(Resume(suspended, kCharity, {kBoard, kStart, "Done"}).status()),
            "STATE_FORBIDS");
  const auto resumed = Resume(suspended, kCharity, {kCharity, kStart, "Done"});
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(ComputedState(*resumed, kStart).state, v1::AGREEMENT_STATE_ACTIVE);
  EXPECT_EQ(resumed->state_reason(), "");
}

TEST(Suspend, NeedsAnAgreedOneAPartyAndAReason) {
  for (const auto& agreement : {DraftOf(SampleTerms()), InReview(), Suspended()}) {
    EXPECT_EQ(ReasonText(Suspend(agreement, {kBoard, kStart, "Why"}).status()), "STATE_FORBIDS");
  }
  EXPECT_EQ(ReasonText(Suspend(Agreed(), {kBoard, kEnd, "Why"}).status()), "STATE_FORBIDS");
  EXPECT_EQ(ReasonText(Suspend(Agreed(), {kCouncil, kStart, "Why"}).status()), "NOT_PARTY");
  EXPECT_EQ(ReasonText(Suspend(Agreed(), {kBoard, kStart, " "}).status()), "INVALID_FIELDS");
  EXPECT_TRUE(Suspend(Agreed(), {kBoard, kStart, std::string(500, 'a')}).ok());
  EXPECT_FALSE(Suspend(Agreed(), {kBoard, kStart, std::string(501, 'a')}).ok());
}

TEST(Resume, IsNoWayOutOfAnOverdueReviewOrAnEnd) {
  EXPECT_EQ(ReasonText(Resume(Agreed(), kBoard, {kBoard, kReview, "Done"}).status()),
            "STATE_FORBIDS");
  EXPECT_EQ(ReasonText(Resume(Suspended(), kCharity, {kCharity, kEnd, "Done"}).status()),
            "STATE_FORBIDS");
}

TEST(Terminate, EndsAnythingThatHasNotEnded) {
  for (const auto& agreement : {DraftOf(SampleTerms()), InReview(), Agreed(), Suspended()}) {
    const auto ended = Terminate(agreement, {kCharity, kStart, "We leave"});
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_EQ(ended->state(), v1::AGREEMENT_STATE_TERMINATED);
    EXPECT_EQ(ReasonText(Terminate(*ended, {kCharity, kStart, "Again"}).status()), "STATE_FORBIDS");
  }
  EXPECT_EQ(ReasonText(Terminate(Agreed(), {kBoard, kEnd, "Late"}).status()), "STATE_FORBIDS");
}

TEST(Supersede, OnlyByAnAgreedVersionThatNamesIt) {
  auto successor = Agreed();
  successor.set_name("agreements/a2");
  EXPECT_EQ(ReasonText(Supersede(Agreed(), successor, kStart).status()), "STATE_FORBIDS");
  successor.mutable_terms()->set_supersedes("agreements/a1");
  const auto ended = Supersede(Agreed(), successor, kStart);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state(), v1::AGREEMENT_STATE_SUPERSEDED);
  EXPECT_THAT(ended->state_reason(), HasSubstr("agreements/a2"));
  EXPECT_TRUE(Supersede(Suspended(), successor, kStart).ok());
  EXPECT_TRUE(Supersede(InReview(), successor, kStart).ok());
  EXPECT_EQ(ReasonText(Supersede(*ended, successor, kStart).status()), "STATE_FORBIDS");
  EXPECT_EQ(ReasonText(Supersede(DraftOf(SampleTerms()), successor, kStart).status()),
            "STATE_FORBIDS");
  successor.set_state(v1::AGREEMENT_STATE_IN_REVIEW);
  EXPECT_EQ(ReasonText(Supersede(Agreed(), successor, kStart).status()), "STATE_FORBIDS");
}

TEST(MakeDraft, TheCallerLeads) {
  auto terms = SampleTerms();
  terms.clear_lead();
  EXPECT_EQ(DraftOf(terms).terms().lead(), kBoard);
  const auto refused = MakeDraft("agreements/a1", SampleTerms(), {kCharity, kBefore, ""});
  EXPECT_EQ(ViolationsOf(refused.status()).size(), 1u);
}

TEST(Forbidden, NamesAgreementStateAndWhatIsWanted) {
  const auto refused = Suspend(InReview(), {kBoard, kStart, "Why"}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(MetadataOf(refused, "name"), "agreements/a1");
  EXPECT_EQ(MetadataOf(refused, "state"), "in_review");
  EXPECT_EQ(MetadataOf(refused, "wanted"), "agreed");
}

TEST(Document, HasFieldsByNumberWhateverTheOrderTheyWereSetIn) {
  v1::AgreementTerms terms;
  terms.set_dpia_reference("DPIA-\xC3\xA9");
  terms.set_children(false);
  *terms.mutable_start() = text::ToTimestamp(kStart);
  terms.add_operations(v1::OPERATION_READ);
  terms.set_version(1);
  terms.set_reference("A");
  EXPECT_EQ(DocumentOf(terms),
            "{\n \"reference\": \"A\",\n \"version\": 1,\n \"operations\": [\n  "
            "\"OPERATION_READ\"\n ],\n \"start\": \"2027-01-01T00:00:00Z\",\n \"children\": "
            "false,\n \"dpia_reference\": \"DPIA-\xC3\xA9\"\n}\n");
}

TEST(Document, HoldsAllThatWasAgreed) {
  v1::AgreementTerms read;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(DocumentOf(SampleTerms()), &read).ok());
  EXPECT_EQ(read.SerializeAsString(), SampleTerms().SerializeAsString());
}

TEST(ComparedName, DropsCaseTitlesPunctuationAndOrder) {
  EXPECT_EQ(ComparedName("Prof. \xC3\x89lise O'Neil-Smith"),
            ComparedName("smith o\xE2\x80\x99neil, \xC3\xA9lise"));
  EXPECT_EQ(ComparedName("Ada\u00A0Byron"), "ada byron");
  EXPECT_NE(ComparedName("Ada Byron"), ComparedName("Ada M Byron"));
  EXPECT_EQ(ComparedName("Dr."), "");
}

}  // namespace
}  // namespace waterline::accountability
