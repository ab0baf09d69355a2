#pragma once

// For tests: terms that break no rule, and the network they speak of. Thread safety: pure.

#include <map>
#include <optional>
#include <string>

#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "services/accountability/domain/agreement_rules.h"
#include "services/common/text/date.h"

namespace waterline::accountability {

inline constexpr char kCharity[] = "organisations/chc-1234567";
inline constexpr char kBoard[] = "organisations/ods-qnx";
inline constexpr char kCouncil[] = "organisations/gss-e06000043";
inline constexpr char kSupplier[] = "organisations/coh-01234567";

inline int64_t MsOf(const std::string& instant) { return text::ParseInstant(instant).value(); }

// A charity, a board, a council, a supplier, a network of practices that is no legal person, a
// board that closed.
inline std::optional<OrganisationFacts> SampleFacts(const std::string& organisation) {
  static const auto& facts = *new std::map<std::string, OrganisationFacts>{
      {kCharity, {true, false, false}},
      {kBoard, {true, true, false}},
      {kCouncil, {true, true, false}},
      {kSupplier, {true, false, false}},
      {"organisations/ods-u93165", {false, false, false}},
      {"organisations/ods-qyy", {true, true, true}}};
  const auto found = facts.find(organisation);
  if (found == facts.end()) return std::nullopt;
  return found->second;
}

inline v1::AgreementTerms SampleTerms() {
  v1::AgreementTerms terms;
  const auto status = google::protobuf::util::JsonStringToMessage(R"({
    "reference": "ISA-0042", "version": 1, "title": "What people told us",
    "lead": "organisations/ods-qnx",
    "parties": [
      {"organisation": "organisations/chc-1234567", "role": "PARTY_ROLE_CONTROLLER",
       "provides": true, "ico_registration": "Z1234567", "dpo_contact": "dpo@charity.example",
       "caldicott_or_ig_lead": "Head of information", "siro": "Chief executive",
       "signatory_roles": ["authorised_signatory"]},
      {"organisation": "organisations/ods-qnx", "role": "PARTY_ROLE_CONTROLLER", "receives": true,
       "ico_registration": "ZA123456", "dpo_contact": "dpo@board.example",
       "caldicott_or_ig_lead": "Caldicott guardian", "siro": "Director of finance",
       "public_authority": true, "signatory_roles": ["siro", "caldicott_guardian"]}],
    "purposes": [{"purpose": "service_planning",
      "text": "The board plans clinics in the place with what people told the charity about them.",
      "benefits_to_people": "People are heard once and need not repeat their story.",
      "bases": [
        {"organisation": "organisations/chc-1234567", "art6": "6_1_f_legitimate_interests",
         "art9": "none_no_special_category", "cldc_basis": "explicit_consent"},
        {"organisation": "organisations/ods-qnx", "art6": "6_1_e_public_task",
         "art9": "none_no_special_category", "cldc_basis": "explicit_consent",
         "statutory_duties": ["nhs2006_s14Z45_icb_involvement"], "own_public_task": true}]}],
    "categories": [{"category": "CATEGORY_CONTRIBUTION_TEXT",
      "highest": "RELEASE_LEVEL_PSEUDONYMISED",
      "items": [{"item": "what people said", "purposes": ["service_planning"]}]}],
    "operations": ["OPERATION_READ", "OPERATION_SEARCH"],
    "scopes": ["places/hove"],
    "access_roles": [{"organisation": "organisations/ods-qnx", "role": "analyst",
      "purposes": ["service_planning"]}],
    "retention": {"rule": "Records management code: surveys", "months": 24,
      "disposal_method": "deleted with a certificate",
      "on_termination": "ON_TERMINATION_DESTROY", "termination_notice_days": 30},
    "start": "2027-01-01T00:00:00Z", "review_due": "2028-01-01T00:00:00Z",
    "end": "2029-01-01T00:00:00Z",
    "data_subjects": ["patient", "carer"], "children": false, "adults_at_risk": false,
    "ndoo_status": "not_applicable", "privacy_notice_url": "https://board.example/privacy",
    "storage_location": "GB", "transfers_outside_uk": "none", "frequency": "when it is opened",
    "transport": "view_only", "rights_contact": "rights@board.example",
    "complaints_contact": "complaints@board.example", "breach_contact": "breach@board.example",
    "breach_notify_hours": 24, "dpia_reference": "DPIA-7"})",
                                                                  &terms);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return terms;
}

}  // namespace waterline::accountability
