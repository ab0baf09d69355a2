#include "services/accountability/policy/first_policy.h"

#include <gtest/gtest.h>

namespace waterline::accountability {
namespace {

v1::Question Ask(const char* organisation, const char* role, const char* controller,
                 v1::Operation operation) {
  v1::Question question;
  question.mutable_caller()->set_organisation(organisation);
  question.mutable_caller()->set_role(role);
  question.set_controller(controller);
  question.set_operation(operation);
  question.set_purpose("involvement_management");
  return question;
}

TEST(FirstPolicy, TheControllerMayDoEverything) {
  for (auto operation :
       {v1::OPERATION_READ, v1::OPERATION_WRITE, v1::OPERATION_INFER, v1::OPERATION_EXPORT}) {
    const auto verdict =
        Evaluate(Ask("ods-qnx", "engagement_lead", "ods-qnx", operation), "ods-host");
    EXPECT_EQ(verdict.result, v1::RESULT_PERMIT);
    EXPECT_EQ(verdict.basis, "OWN_RECORDS");
    EXPECT_EQ(verdict.level, common::v1::RELEASE_LEVEL_IDENTIFIABLE);
  }
}

TEST(FirstPolicy, NobodyElseMay) {
  EXPECT_EQ(
      Evaluate(Ask("ods-abc", "engagement_lead", "ods-qnx", v1::OPERATION_READ), "ods-host").reason,
      "NOT_CONTROLLER");
  EXPECT_EQ(Evaluate(Ask("ods-host", "network_steward", "ods-qnx", v1::OPERATION_READ), "ods-host")
                .reason,
            "NOT_CONTROLLER");
}

TEST(FirstPolicy, AnAdministratorSeesNoContent) {
  EXPECT_EQ(
      Evaluate(Ask("ods-qnx", "platform_admin", "ods-qnx", v1::OPERATION_READ), "ods-host").reason,
      "ROLE_NOT_PERMITTED");
}

TEST(FirstPolicy, APurposeIsNeededAndComesFirst) {
  auto question = Ask("ods-abc", "engagement_lead", "ods-qnx", v1::OPERATION_READ);
  question.set_agreement("agreements/x");
  question.set_purpose("");
  EXPECT_EQ(Evaluate(question, "ods-host").reason, "PURPOSE_REQUIRED");
  question.set_purpose("curiosity");
  EXPECT_EQ(Evaluate(question, "ods-host").reason, "PURPOSE_REQUIRED");
  question.set_purpose("research");
  EXPECT_EQ(Evaluate(question, "ods-host").reason, "AGREEMENT_NOT_FOUND");
  question.set_agreement("");
  for (const char* purpose : {"research", "safeguarding", "rights_request"}) {
    question.set_purpose(purpose);
    EXPECT_EQ(Evaluate(question, "ods-host").reason, "PURPOSE_NOT_AVAILABLE");
  }
}

TEST(FirstPolicy, TheNetworkIsReadByMembersAndWrittenByTheHostsSteward) {
  auto read = Ask("ods-abc", "analyst", "network", v1::OPERATION_SEARCH);
  EXPECT_EQ(Evaluate(read, "ods-host").reason, "NOT_MEMBER");
  read.set_caller_is_member(true);
  EXPECT_EQ(Evaluate(read, "ods-host").basis, "NETWORK_DIRECTORY");
  EXPECT_EQ(Evaluate(Ask("ods-abc", "network_steward", "network", v1::OPERATION_WRITE), "ods-host")
                .reason,
            "ROLE_NOT_PERMITTED");
  EXPECT_EQ(Evaluate(Ask("ods-host", "analyst", "network", v1::OPERATION_WRITE), "ods-host").reason,
            "ROLE_NOT_PERMITTED");
  EXPECT_EQ(Evaluate(Ask("ods-host", "network_steward", "network", v1::OPERATION_WRITE), "ods-host")
                .basis,
            "NETWORK_STEWARD");
}

}  // namespace
}  // namespace waterline::accountability
