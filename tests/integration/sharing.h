#pragma once

// A network of three: a charity that records, a board and a council that want to read; their keys,
// and an agreement between them in force. Thread safety: calls from any thread, the rest from one.

#include <atomic>

#include "services/accountability/domain/life_cycle.h"
#include "services/accountability/domain/sample_terms.h"
#include "services/common/crypto/public_key.h"
#include "services/common/identity/jws.h"
#include "services/common/text/date.h"
#include "tests/integration/open_event.h"
#include "waterline/accountability/v1/accountability_service.grpc.pb.h"
#include "waterline/accountability/v1/agreement_service.grpc.pb.h"
#include "waterline/events/v1/events_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {

using accountability::v1::AccountabilityService;
using accountability::v1::Agreement;
using accountability::v1::AgreementService;
using accountability::v1::AgreementTerms;
using events::v1::EventsService;
using registry::v1::RegistryService;

inline constexpr char kCharity[] = "chc-1234567";
inline constexpr char kCouncil[] = "gss-e06000043";

class Sharing : public ::testing::Test {
 protected:
  Sharing() {
    Join(kCharity, "vcse", "chc", "1234567");
    Join(kCouncil, "local_authority_upper_tier", "gss", "E06000043");
    registry::v1::CreatePlaceRequest place;
    place.mutable_place()->set_title("Hove");
    place.mutable_place()->set_accountable_body(std::string("organisations/") + kHost);
    place.set_request_id(NewId());
    registry::v1::CreatePlaceResponse made;
    Ok(Call<RegistryService>(&RegistryService::Stub::CreatePlace, place, &made, Steward()));
    place_ = made.place().name();
  }

  static Who As(const std::string& organisation, const std::string& role = "engagement_lead",
                const std::string& purpose = "service_planning") {
    return {organisation, "actor-of-" + organisation, role, purpose};
  }
  // A call of somebody of an organisation, which connects as itself.
  template <class Service, class Request, class Response>
  absl::Status Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                          Response*),
                    const Request& request, Response* response, const Who& who,
                    std::optional<accountability::v1::Receipt>* receipt = nullptr) {
    return testing::Call(network_.Stub<Service>(who.organisation).get(), method, request, response,
                         network_.WithProof(who), receipt);
  }
  std::string NewId() { return "request-" + std::to_string(requests_++); }
  static void Ok(const absl::Status& status) {
    EXPECT_TRUE(status.ok()) << status;
    for (const auto& violation : ViolationsOf(status))
      ADD_FAILURE() << violation.field << ' ' << violation.description;
  }

  void Join(const std::string& organisation, const std::string& type, const std::string& scheme,
            const std::string& value) {
    registry::v1::CreateOrganisationRequest create;
    create.mutable_organisation()->set_title(organisation);
    create.mutable_organisation()->set_type(type);
    auto* identifier = create.mutable_organisation()->add_identifiers();
    identifier->set_scheme(scheme);
    identifier->set_value(value);
    create.set_request_id(NewId());
    registry::v1::CreateOrganisationResponse created;
    Ok(Call<RegistryService>(&RegistryService::Stub::CreateOrganisation, create, &created,
                             Steward()));
    EXPECT_EQ(created.organisation().name(), "organisations/" + organisation);
    registry::v1::AddMemberRequest add;
    add.set_organisation(created.organisation().name());
    add.set_request_id(NewId());
    registry::v1::AddMemberResponse added;
    Ok(Call<RegistryService>(&RegistryService::Stub::AddMember, add, &added, Steward()));
  }

  // An event of the charity in the place, open for contributions.
  std::string OpenEvent() {
    auto event = Workshop();
    event.add_places(place_);
    return testing::OpenEvent(network_.Stub<EventsService>(kCharity).get(), event,
                              network_.WithProof(As(kCharity)));
  }

  // A contribution that the charity reviewed as clean; its name. `participant` may be empty.
  std::string Say(const std::string& event, const std::string& text,
                  const std::string& participant = "") {
    events::v1::RecordContributionsRequest request;
    request.set_parent(event);
    auto* one = request.add_contributions();
    one->set_text(text);
    one->set_source_id(NewId());
    one->set_share_scope("agreement");
    one->set_participant(participant);
    request.set_request_id(NewId());
    events::v1::RecordContributionsResponse recorded;
    Ok(Call<EventsService>(&EventsService::Stub::RecordContributions, request, &recorded,
                           As(kCharity)));
    if (recorded.contributions().empty()) return "";
    events::v1::ReviewContributionRequest review;
    review.set_name(recorded.contributions(0).name());
    review.set_redaction_state("clean");
    review.set_request_id(NewId());
    events::v1::ReviewContributionResponse reviewed;
    Ok(Call<EventsService>(&EventsService::Stub::ReviewContribution, review, &reviewed,
                           As(kCharity)));
    return recorded.contributions(0).name();
  }

  // Someone the charity registered.
  std::string Register() {
    registry::v1::RegisterParticipantRequest request;
    request.set_parent(std::string("organisations/") + kCharity);
    request.mutable_participant()->set_full_name("Maud Example");
    request.mutable_participant()->add_roles()->set_role("carer");
    request.mutable_participant()->set_age_band("45_54");
    request.set_request_id(NewId());
    registry::v1::RegisterParticipantResponse registered;
    Ok(Call<RegistryService>(&RegistryService::Stub::RegisterParticipant, request, &registered,
                             As(kCharity)));
    return registered.participant().name();
  }

  // Terms under which the charity's words about the place reach `recipient`.
  AgreementTerms TermsFor(const std::string& recipient, const std::string& reference) {
    AgreementTerms terms = accountability::SampleTerms();
    const std::string name = "organisations/" + recipient;
    const std::string charity = std::string("organisations/") + kCharity;
    terms.set_reference(reference);
    terms.set_lead(name);
    terms.mutable_parties(1)->set_organisation(name);
    for (auto& purpose : *terms.mutable_purposes())
      purpose.mutable_bases(1)->set_organisation(name);
    terms.mutable_access_roles(0)->set_organisation(name);
    terms.mutable_access_roles(0)->clear_purposes();
    terms.clear_scopes();
    terms.add_scopes(place_);
    const int64_t now = SystemClock().NowMs();
    *terms.mutable_start() = text::ToTimestamp(now - 60'000);
    *terms.mutable_review_due() = text::ToTimestamp(accountability::AddMonths(now, 13));
    *terms.mutable_end() = text::ToTimestamp(accountability::AddMonths(now, 24));
    return terms;
  }

  Agreement Draft(const AgreementTerms& terms) {
    accountability::v1::CreateAgreementRequest create;
    *create.mutable_terms() = terms;
    create.set_request_id(NewId());
    accountability::v1::CreateAgreementResponse created;
    Ok(Call<AgreementService>(&AgreementService::Stub::CreateAgreement, create, &created,
                              As(LeadOf(terms))));
    return created.agreement();
  }

  Agreement SubmitAndAssess(const Agreement& draft) {
    accountability::v1::SubmitAgreementRequest submit;
    submit.set_name(draft.name());
    submit.set_request_id(NewId());
    accountability::v1::SubmitAgreementResponse submitted;
    Ok(Call<AgreementService>(&AgreementService::Stub::SubmitAgreement, submit, &submitted,
                              As(LeadOf(draft.terms()))));
    accountability::v1::RecordAssessmentRequest assess;
    assess.set_name(draft.name());
    assess.mutable_assessment()->set_dpia_reference("DPIA-7");
    assess.mutable_assessment()->set_dpia_approved(true);
    assess.mutable_assessment()->set_dpia_approved_by("Caldicott guardian");
    assess.mutable_assessment()->set_dpo_advice_recorded(true);
    assess.set_request_id(NewId());
    accountability::v1::RecordAssessmentResponse assessed;
    Ok(Call<AgreementService>(&AgreementService::Stub::RecordAssessment, assess, &assessed,
                              As(LeadOf(draft.terms()))));
    return submitted.agreement();
  }

  absl::Status Sign(const Agreement& agreement, const std::string& organisation,
                    const std::string& role, Agreement* after = nullptr,
                    const std::string& keys_of = "") {
    const auto& signer = network_.parties().SignerOf(keys_of.empty() ? organisation : keys_of);
    accountability::v1::SignAgreementRequest request;
    request.set_name(agreement.name());
    request.mutable_signature()->set_signatory("Signatory of " + organisation);
    request.mutable_signature()->set_key_id(signer.jwk().kid());
    request.mutable_signature()->set_jws(
        signer.SignDetached(accountability::SignaturePayload(agreement)));
    request.set_request_id(NewId());
    accountability::v1::SignAgreementResponse response;
    const auto status = Call<AgreementService>(&AgreementService::Stub::SignAgreement, request,
                                               &response, As(organisation, role));
    if (after != nullptr) *after = response.agreement();
    return status;
  }

  // From draft to active: signed by the charity and by the recipient.
  Agreement PutInForce(const AgreementTerms& terms) {
    const Agreement agreement = SubmitAndAssess(Draft(terms));
    Agreement after;
    Ok(Sign(agreement, kCharity, "authorised_signatory"));
    Ok(Sign(agreement, LeadOf(terms), "siro", &after));
    EXPECT_EQ(after.state(), accountability::v1::AGREEMENT_STATE_ACTIVE);
    return after;
  }

  absl::StatusOr<events::v1::ListContributionsResponse> Read(
      const std::string& event, const Who& who,
      std::optional<accountability::v1::Receipt>* receipt = nullptr) {
    events::v1::ListContributionsRequest request;
    request.set_parent(event);
    events::v1::ListContributionsResponse response;
    const auto status = Call<EventsService>(&EventsService::Stub::ListContributions, request,
                                            &response, who, receipt);
    if (!status.ok()) return status;
    return response;
  }

  absl::StatusOr<accountability::v1::Explanation> Explain(
      const accountability::v1::Receipt& receipt, const Who& who) {
    accountability::v1::ExplainRequest request;
    *request.mutable_position() = receipt.position();
    accountability::v1::ExplainResponse response;
    const auto status =
        Call<AccountabilityService>(&AccountabilityService::Stub::Explain, request, &response, who);
    if (!status.ok()) return status;
    return response.explanation();
  }

  void SetSharing(const std::string& participant, registry::v1::Permission::Decision decision) {
    registry::v1::SetPermissionRequest request;
    request.set_participant(participant);
    auto* permission = request.mutable_permission();
    permission->set_kind("share_with_any_ics_partner");
    permission->set_decision(decision);
    *permission->mutable_given_at() = text::ToTimestamp(SystemClock().NowMs() - 1000);
    permission->set_method("written");
    permission->set_notice_version("2026-03");
    request.set_request_id(NewId());
    registry::v1::SetPermissionResponse response;
    Ok(Call<RegistryService>(&RegistryService::Stub::SetPermission, request, &response,
                             As(kCharity, "engagement_lead", "involvement_management")));
  }

  static std::string LeadOf(const AgreementTerms& terms) {
    return terms.lead().substr(terms.lead().rfind('/') + 1);
  }

  Network network_{{}, {kCharity, kCouncil}};
  std::string place_;
  std::atomic<int> requests_{0};
};

}  // namespace waterline::testing
