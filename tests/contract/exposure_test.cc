// What every API promises about exposure. The descriptors are walked, so a method or field that is
// added tomorrow is held to the same promises; and every GATED method is called on a real server,
// permitted and refused, and found in the ledger.

#include <google/protobuf/text_format.h>

#include <fstream>
#include <map>
#include <set>

#include "absl/strings/str_replace.h"
#include "services/common/privacy/projection.h"
#include "services/common/privacy/vault.h"
#include "tests/contract/methods.h"
#include "tests/integration/importing.h"
#include "tests/integration/raw.h"
#include "waterline/accountability/v1/accountability_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using common::v1::EXPOSURE_GATED;
using common::v1::EXPOSURE_INTERNAL;
using common::v1::EXPOSURE_PUBLIC;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;

// Services of which every method is INTERNAL are on no port.
TEST(Exposure, AllFourServicesAreWalked) {
  std::set<std::string> services;
  for (const auto* method : AllMethods()) {
    if (ExposureOf(method) != EXPOSURE_INTERNAL) services.insert(method->service()->full_name());
  }
  EXPECT_EQ(services, (std::set<std::string>{"waterline.accountability.v1.AccountabilityService",
                                             "waterline.accountability.v1.AgreementService",
                                             "waterline.events.v1.EventsService",
                                             "waterline.inference.v1.InferenceService",
                                             "waterline.registry.v1.RegistryService"}));
}

TEST(Exposure, EveryMethodSaysIt) {
  for (const auto* method : AllMethods()) {
    EXPECT_TRUE(method->options().HasExtension(common::v1::exposure)) << method->full_name();
    EXPECT_NE(ExposureOf(method), common::v1::EXPOSURE_UNSPECIFIED) << method->full_name();
  }
}

TEST(Exposure, ThePublicMethodsAreTheCommittedList) {
  std::set<std::string> expected;
  std::ifstream list("tests/contract/public_methods.txt");
  for (std::string line; std::getline(list, line);)
    expected.insert(line.substr(0, line.find(' ')));  // After it may stand why.
  std::set<std::string> actual;
  for (const auto* method : AllMethods()) {
    if (ExposureOf(method) == EXPOSURE_PUBLIC) actual.insert(method->full_name());
  }
  EXPECT_EQ(actual, expected) << "a public method is a decision: change the list with it";
}

bool IsReceipt(const FieldDescriptor* field) {
  return field->message_type() != nullptr &&
         field->message_type()->full_name() == "waterline.accountability.v1.Receipt";
}

bool IsContainer(const FieldDescriptor* field) {
  return field->message_type() != nullptr &&
         field->message_type()->file()->package() != "google.protobuf";
}

// Every way in which a type breaks the release rules.
class ReleaseCheck {
 public:
  std::vector<std::string> Check(const Descriptor* type) {
    Walk(type, type->name());
    return problems_;
  }

 private:
  void Walk(const Descriptor* type, const std::string& path) {
    if (!seen_.insert(type).second) return;
    for (int i = 0; i < type->field_count(); ++i) Field(type->field(i), path);
  }
  void Field(const FieldDescriptor* field, const std::string& path) {
    const std::string here = path + "." + field->name();
    if (IsReceipt(field)) return;  // Set by the gate.
    if (field->is_map()) problems_.push_back(here + " is a map");
    const auto* message = field->message_type();
    for (const char* open_ended : {"Any", "Struct", "Value", "ListValue"}) {
      if (message != nullptr &&
          message->full_name() == std::string("google.protobuf.") + open_ended)
        problems_.push_back(here + " can hold anything");
    }
    if (IsContainer(field)) return Walk(message, here);
    const auto& rule = field->options().GetExtension(common::v1::release);
    if (rule.category() == common::v1::CATEGORY_UNSPECIFIED ||
        rule.lowest() == common::v1::RELEASE_LEVEL_UNSPECIFIED)
      problems_.push_back(here + " has no release rule");
    if (!field->is_repeated() && !field->has_presence())
      problems_.push_back(here + " is not optional: silence would look like zero");
    const bool as_is = rule.form() == common::v1::PSEUDONYMISED_FORM_UNSPECIFIED ||
                       rule.form() == common::v1::PSEUDONYMISED_FORM_AS_IS;
    if (rule.personal() && as_is && rule.lowest() != common::v1::RELEASE_LEVEL_IDENTIFIABLE)
      problems_.push_back(here + " is personal and leaves as it is below the identifiable level");
  }

  std::set<const Descriptor*> seen_;
  std::vector<std::string> problems_;
};

TEST(Exposure, EveryFieldThatMayLeaveHasItsRule) {
  for (const auto* method : AllMethods()) {
    if (ExposureOf(method) != EXPOSURE_GATED) continue;
    for (const auto& problem : ReleaseCheck().Check(method->output_type()))
      ADD_FAILURE() << problem;
  }
}

bool HoldsPersonal(const Descriptor* type) {
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (privacy::IsPersonal(field)) return true;
    if (IsContainer(field) && HoldsPersonal(field->message_type())) return true;
  }
  return false;
}

TEST(Exposure, RecordsWithPersonalFieldsHaveAPlaceToSealThem) {
  int records = 0;
  for (const auto* file : AllFiles()) {
    for (int m = 0; m < file->message_type_count(); ++m) {
      const auto* type = file->message_type(m);
      const auto* stored = type->FindFieldByName("public");
      if (stored == nullptr || !HoldsPersonal(stored->message_type())) continue;
      ++records;
      const auto* sealed = type->FindFieldByName("sealed");
      ASSERT_NE(sealed, nullptr) << type->full_name();
      EXPECT_EQ(sealed->message_type(), common::storage::v1::Sealed::descriptor());
    }
  }
  EXPECT_GE(records, 4) << "organisations, participants, contributions, imports";
}

constexpr char kMark[] = "planted-personal-value";

void Plant(Message* message) {
  const auto* type = message->GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    const auto* reflection = message->GetReflection();
    if (privacy::IsPersonal(field)) {
      ASSERT_EQ(field->cpp_type(), FieldDescriptor::CPPTYPE_STRING);
      reflection->SetString(message, field, kMark);
    } else if (IsContainer(field) && HoldsPersonal(field->message_type())) {
      Plant(field->is_repeated() ? reflection->AddMessage(message, field)
                                 : reflection->MutableMessage(message, field));
    }
  }
}

TEST(Exposure, SealingTakesEveryPersonalFieldAndGivesItBack) {
  for (const auto* file : AllFiles()) {
    for (int m = 0; m < file->message_type_count(); ++m) {
      const auto* stored = file->message_type(m)->FindFieldByName("public");
      if (stored == nullptr || !HoldsPersonal(stored->message_type())) continue;
      const auto* prototype =
          MessageFactory::generated_factory()->GetPrototype(stored->message_type());
      std::unique_ptr<Message> message(prototype->New());
      Plant(message.get());
      const std::string whole = message->SerializeAsString();
      privacy::SubjectKey key{std::string(16, 'k'), std::string(32, 's')};
      const auto sealed = privacy::SealPersonal(message.get(), "name", key);
      ASSERT_TRUE(sealed.has_value()) << stored->message_type()->full_name();
      EXPECT_EQ(message->SerializeAsString().find(kMark), std::string::npos);
      EXPECT_EQ(sealed->SerializeAsString().find(kMark), std::string::npos);
      ASSERT_TRUE(privacy::OpenPersonal(*sealed, "name", key, message.get()).ok());
      EXPECT_EQ(message->SerializeAsString(), whole);
    }
  }
}

// ---- Every GATED method, permitted and refused --------------------------------------------------

// One call of the table: text-format requests; `---` separates the messages of a stream. $WORDS are
// filled in from earlier answers: `keep` says from which field, and under which word.
struct Row {
  const char* method;
  const char* request;
  bool steward = false;  // Permitted to the network steward only.
  const char* keep = nullptr;
  const char* field = nullptr;
  const char* ends = nullptr;  // Reason with which the permitted call ends, when it does.
};

constexpr char kResponses[] =
    "source_id,indicator,respondent_group,value\\na,trust.skills.listening,SU,3\\n";

std::vector<Row> RegistryRows() {
  return {
      {"/waterline.registry.v1.RegistryService/CreateOrganisation",
       "organisation { title: 'Sea Air Trust' type: 'vcse' identifiers { scheme: 'chc' value: "
       "'1234567' } } request_id: 'r1'",
       true},
      {"/waterline.registry.v1.RegistryService/GetOrganisation",
       "name: 'organisations/local-test-board'"},
      {"/waterline.registry.v1.RegistryService/ListOrganisations", ""},
      {"/waterline.registry.v1.RegistryService/ImportOrganisations",
       "header { request_id: 'r2' } --- chunk: "
       "'practice_code,practice_name,pcn_code,pcn_name,icb_code,icb_name,region_code,region_name,"
       "postcode\\nA81001,THE SURGERY,U00001,A PCN,QHM,AN ICB,Y63,A REGION,TS18 1HU\\n'",
       true},
      {"/waterline.registry.v1.RegistryService/AddMember",
       "organisation: 'organisations/chc-1234567' request_id: 'r3'", true},
      {"/waterline.registry.v1.RegistryService/ListMembers", ""},
      {"/waterline.registry.v1.RegistryService/ListJoinRequests", "", true},
      {"/waterline.registry.v1.RegistryService/GetJoinRequest", "name: 'join_requests/chc-1234567'",
       true, nullptr, nullptr, "NOT_FOUND"},
      {"/waterline.registry.v1.RegistryService/CreatePlace",
       "place { title: 'Old Market' accountable_body: 'organisations/local-test-board' } "
       "request_id: 'r4'",
       true},
      {"/waterline.registry.v1.RegistryService/GetPlace", "name: 'places/old-market'"},
      {"/waterline.registry.v1.RegistryService/ListPlaces", ""},
      {"/waterline.registry.v1.RegistryService/JoinPlace",
       "name: 'places/old-market' organisation: 'organisations/local-test-board' joined_on: "
       "'2025-01-01' request_id: 'r5'",
       true},
      {"/waterline.registry.v1.RegistryService/LeavePlace",
       "name: 'places/old-market' organisation: 'organisations/local-test-board' left_on: "
       "'2025-02-01' request_id: 'r6'",
       true},
      {"/waterline.registry.v1.RegistryService/RegisterParticipant",
       "parent: 'organisations/local-test-board' participant { roles { role: 'carer' } full_name: "
       "'Petra Planted' source_id: 'crm-1' } request_id: 'r7'",
       false, "$PARTICIPANT", "participant"},
      {"/waterline.registry.v1.RegistryService/GetParticipant", "name: '$PARTICIPANT'"},
      {"/waterline.registry.v1.RegistryService/ListParticipants",
       "parent: 'organisations/local-test-board'"},
      {"/waterline.registry.v1.RegistryService/SetPermission",
       "participant: '$PARTICIPANT' permission { kind: 'quote_anonymously' decision: "
       "DECISION_GIVEN given_at { seconds: 1772445600 } method: 'written' notice_version: '1' } "
       "request_id: 'r8'"},
      {"/waterline.registry.v1.RegistryService/ListPermissions", "parent: '$PARTICIPANT'"},
      {"/waterline.registry.v1.RegistryService/RecordStanding",
       "participant: '$PARTICIPANT' kind: KIND_HOLD reason: 'a case' request_id: 'r9'"},
      {"/waterline.registry.v1.RegistryService/ListStanding", "parent: '$PARTICIPANT'"},
      {"/waterline.registry.v1.RegistryService/ListAccessHistory", "participant: '$PARTICIPANT'"},
  };
}

std::vector<Row> RowsToPublishAnEvent() {
  return {
      {"/waterline.events.v1.EventsService/CreateProgramme",
       "parent: 'organisations/local-test-board' programme { title: 'Letters' } request_id: 'e1'",
       false, "$PROGRAMME", "programme"},
      {"/waterline.events.v1.EventsService/GetProgramme", "name: '$PROGRAMME'"},
      {"/waterline.events.v1.EventsService/ListProgrammes",
       "parent: 'organisations/local-test-board'"},
      {"/waterline.events.v1.EventsService/UpdateProgramme",
       "programme { name: '$PROGRAMME' title: 'Better letters' } update_mask { paths: 'title' } "
       "request_id: 'e2'"},
      {"/waterline.events.v1.EventsService/CreateEvent",
       "parent: 'organisations/local-test-board' event { title: 'Doomed' method: "
       "'co_design_workshop' mode: 'in_person' starts_at { seconds: 1772445600 } ends_at { "
       "seconds: "
       "1772452800 } } request_id: 'e3'",
       false, "$DOOMED", "event"},
      {"/waterline.events.v1.EventsService/CancelEvent",
       "name: '$DOOMED' reason: 'rain' request_id: 'e4'"},
      {"/waterline.events.v1.EventsService/CreateEvent",
       "parent: 'organisations/local-test-board' event { title: 'Workshop' programme: '$PROGRAMME' "
       "method: 'co_design_workshop' mode: 'in_person' starts_at { seconds: 1772445600 } ends_at { "
       "seconds: 1772452800 } venue { title: 'Quay Hall' } purpose: 'To shape the letters that "
       "invite people.' "
       "question: 'What would make them clear?' what_is_open: 'The wording' level_promised { "
       "scheme: 'iap2' code: 'involve' } recruitment_route: 'lists' notice_version: '1' } "
       "request_id: 'e5'",
       false, "$EVENT", "event"},
      {"/waterline.events.v1.EventsService/GetEvent", "name: '$EVENT'"},
      {"/waterline.events.v1.EventsService/ListEvents", "parent: 'organisations/local-test-board'"},
      {"/waterline.events.v1.EventsService/UpdateEvent",
       "event { name: '$EVENT' capacity: 20 } update_mask { paths: 'capacity' } request_id: 'e6'"},
      {"/waterline.events.v1.EventsService/PublishEvent", "name: '$EVENT' request_id: 'e7'"},
      {"/waterline.events.v1.EventsService/OpenEvent", "name: '$EVENT' request_id: 'e8'"},
  };
}

std::vector<Row> RowsOfWhatIsRecorded() {
  return {
      {"/waterline.events.v1.EventsService/RecordContributions",
       "parent: '$EVENT' contributions { text: 'One page, please.' source_id: 'c1' informant: "
       "'seat-1' } request_id: 'e9'",
       false, "$CONTRIBUTION", "contributions"},
      {"/waterline.events.v1.EventsService/GetContribution", "name: '$CONTRIBUTION'"},
      {"/waterline.events.v1.EventsService/ListContributions", "parent: '$EVENT'"},
      {"/waterline.events.v1.EventsService/ReviewContribution",
       "name: '$CONTRIBUTION' redaction_state: 'clean' request_id: 'e16'"},
      {"/waterline.events.v1.EventsService/CountEvents",
       "parent: 'organisations/local-test-board'"},
      {"/waterline.events.v1.EventsService/CountContributions",
       "parent: 'organisations/local-test-board' group_by: COUNT_DIMENSION_MONTH"},
      {"/waterline.events.v1.EventsService/RecordReactions",
       "parent: '$EVENT' reactions { contribution: '$CONTRIBUTION' informant: 'seat-2' value: "
       "VALUE_AGREE reacted_at { seconds: 1772446000 } source_id: 'x' } request_id: 'e10'"},
      {"/waterline.events.v1.EventsService/ListReactions", "parent: '$EVENT'"},
      {"/waterline.events.v1.EventsService/TallyReactions", "parent: '$EVENT'"},
      {"/waterline.events.v1.EventsService/RecordResponses",
       "parent: '$EVENT' responses { source_id: 's1' indicator: 'trust.skills.listening' "
       "respondent_group: 'SU' value: 4 } request_id: 'e11'"},
      {"/waterline.events.v1.EventsService/ListResponses", "parent: '$EVENT'"},
      {"/waterline.events.v1.EventsService/ImportFiles",
       "header { parent: 'organisations/local-test-board' kind: KIND_RESPONSES event: '$EVENT' "
       "folder_name: 'x' content_digest: '$DIGEST' request_id: 'e12' } --- piece { file_name: "
       "'responses.csv' content: '$RESPONSES' last: true }",
       false, "$IMPORT", "import"},
      {"/waterline.events.v1.EventsService/GetImport", "name: '$IMPORT'"},
      {"/waterline.events.v1.EventsService/ListImports",
       "parent: 'organisations/local-test-board'"},
      {"/waterline.events.v1.EventsService/RevertImport", "name: '$IMPORT' request_id: 'e13'"},
      {"/waterline.events.v1.EventsService/HoldEvent",
       "name: '$EVENT' feedback_due_on: '2026-06-01' request_id: 'e14'"},
      {"/waterline.events.v1.EventsService/ReportEvent", "name: '$EVENT' request_id: 'e15'"},
      {"/waterline.inference.v1.InferenceService/GetPracticeMap",
       "scope: 'organisations/local-test-board'"},
      {"/waterline.accountability.v1.AccountabilityService/ListEntries", ""},
      {"/waterline.accountability.v1.AccountabilityService/ListSafeguardingAccesses", ""},
      {"/waterline.accountability.v1.AccountabilityService/ExportLedger", ""},
  };
}

std::vector<Row> AgreementRows() {
  const auto ends = [](const char* method, const char* request, const char* reason) {
    return Row{method, request, false, nullptr, nullptr, reason};
  };
  return {
      {"/waterline.accountability.v1.AgreementService/CreateAgreement",
       "terms { reference: 'ISA-1' version: 1 title: 'Letters' parties { organisation: "
       "'organisations/local-test-board' role: PARTY_ROLE_CONTROLLER receives: true } } "
       "request_id: 'a1'",
       false, "$AGREEMENT", "agreement"},
      {"/waterline.accountability.v1.AgreementService/GetAgreement", "name: '$AGREEMENT'"},
      {"/waterline.accountability.v1.AgreementService/ListAgreements", ""},
      ends("/waterline.accountability.v1.AgreementService/UpdateAgreement",
           "name: '$AGREEMENT' etag: '\"other\"' request_id: 'a2'", "ETAG_MISMATCH"),
      ends("/waterline.accountability.v1.AgreementService/SubmitAgreement",
           "name: '$AGREEMENT' request_id: 'a3'", "INVALID_FIELDS"),
      ends("/waterline.accountability.v1.AgreementService/RecordAssessment",
           "name: '$AGREEMENT' assessment { dpia_reference: 'DPIA-1' } request_id: 'a4'",
           "STATE_FORBIDS"),
      ends("/waterline.accountability.v1.AgreementService/SignAgreement",
           "name: '$AGREEMENT' signature { signatory: 'Bea' key_id: 'k' jws: 'a..b' } request_id: "
           "'a5'",
           "STATE_FORBIDS"),
      ends("/waterline.accountability.v1.AgreementService/SuspendAgreement",
           "name: '$AGREEMENT' reason: 'a question' request_id: 'a6'", "STATE_FORBIDS"),
      ends("/waterline.accountability.v1.AgreementService/ResumeAgreement",
           "name: '$AGREEMENT' reason: 'answered' request_id: 'a7'", "STATE_FORBIDS"),
      {"/waterline.accountability.v1.AgreementService/TerminateAgreement",
       "name: '$AGREEMENT' reason: 'not needed' request_id: 'a8'"},
      ends("/waterline.accountability.v1.AccountabilityService/Explain",
           "position { epoch: 1 index: 0 }", "NOT_COVERED"),
      {"/waterline.accountability.v1.AccountabilityService/Simulate",
       "request { organisation: 'organisations/local-test-board' role: 'analyst' purpose: "
       "'service_planning' operation: OPERATION_READ controller: 'organisations/local-test-board' "
       "categories: CATEGORY_EVENT }"},
      {"/waterline.accountability.v1.AccountabilityService/WhoCanSee", ""},
      {"/waterline.accountability.v1.AccountabilityService/WhatCanSee", ""},
      ends("/waterline.accountability.v1.AccountabilityService/DraftFromRefusal",
           "position { epoch: 1 index: 0 }", "NOT_COVERED"),
  };
}

// In an order in which each call can be permitted.
const std::vector<Row>& Table() {
  static const std::vector<Row> rows = [] {
    std::vector<Row> all = RegistryRows();
    for (const auto& some : {RowsToPublishAnEvent(), RowsOfWhatIsRecorded(), AgreementRows()})
      all.insert(all.end(), some.begin(), some.end());
    return all;
  }();
  return rows;
}

TEST(Exposure, TheTableCallsEveryGatedMethod) {
  std::set<std::string> called;
  for (const auto& row : Table()) called.insert(row.method);
  for (const auto* method : AllMethods()) {
    EXPECT_EQ(called.contains(PathOf(method)), ExposureOf(method) == EXPOSURE_GATED)
        << PathOf(method) << ": give a new GATED method a row in the table";
  }
}

using Receipt = accountability::v1::Receipt;

// What came back from a call.
struct Outcome {
  absl::Status status;
  std::vector<Receipt> receipts;  // Of trailing metadata and of every message of a stream.
  int messages_without_receipt = 0;
  std::unique_ptr<Message> last;
};

// The receipt inside a message of a stream, when its type has one.
void TakeReceipt(const Message& message, Outcome* outcome) {
  const auto* field = message.GetDescriptor()->FindFieldByName("receipt");
  if (field == nullptr || !IsReceipt(field)) return;
  if (!message.GetReflection()->HasField(message, field)) {
    ++outcome->messages_without_receipt;
    return;
  }
  Receipt receipt;
  receipt.CopyFrom(message.GetReflection()->GetMessage(message, field));
  outcome->receipts.push_back(std::move(receipt));
}

class GatedCalls : public ::testing::Test {
 protected:
  GatedCalls() {
    words_["$RESPONSES"] = kResponses;
    std::string content = absl::StrReplaceAll(kResponses, {{"\\n", "\n"}});
    words_["$DIGEST"] = DigestOf({{"responses.csv", content}});
  }

  std::vector<std::string> Requests(const MethodDescriptor* method, std::string text) {
    for (const auto& [word, value] : words_) text = absl::StrReplaceAll(text, {{word, value}});
    std::vector<std::string> requests;
    while (true) {
      const size_t end = text.find("---");
      std::unique_ptr<Message> request(
          MessageFactory::generated_factory()->GetPrototype(method->input_type())->New());
      EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text.substr(0, end), request.get()))
          << method->full_name();
      requests.push_back(request->SerializeAsString());
      if (end == std::string::npos) return requests;
      text.erase(0, end + 3);
    }
  }

  // Any kind of method, as a stream of bytes both ways.
  Outcome Send(const Row& row, const Who& who) {
    const std::string path = row.method;
    const auto* method = DescriptorPool::generated_pool()->FindMethodByName(
        absl::StrReplaceAll(path.substr(1), {{"/", "."}}));
    Context context(who);
    auto answer = CallRaw(network_.channel(row.method), row.method, Requests(method, row.request),
                          context.get());
    Outcome outcome;
    for (const auto& bytes : answer.messages) {
      outcome.last.reset(
          MessageFactory::generated_factory()->GetPrototype(method->output_type())->New());
      EXPECT_TRUE(outcome.last->ParseFromString(bytes));
      TakeReceipt(*outcome.last, &outcome);
    }
    outcome.status = answer.status;
    if (auto receipt = context.receipt()) outcome.receipts.push_back(*std::move(receipt));
    return outcome;
  }

  void Keep(const Row& row, const Outcome& outcome) {
    if (row.keep == nullptr || outcome.last == nullptr) return;
    const auto& message = *outcome.last;
    const auto* field = message.GetDescriptor()->FindFieldByName(row.field);
    const auto& resource = field->is_repeated()
                               ? message.GetReflection()->GetRepeatedMessage(message, field, 0)
                               : message.GetReflection()->GetMessage(message, field);
    words_[row.keep] = resource.GetReflection()->GetString(
        resource, resource.GetDescriptor()->FindFieldByName("name"));
  }

  // Every entry that concerns the organisation, by leaf hash.
  void Collect(const Who& who, std::map<std::string, accountability::v1::Entry>* entries) {
    auto stub = network_.Stub<accountability::v1::AccountabilityService>();
    accountability::v1::ListEntriesRequest request;
    request.set_page_size(7);
    do {
      accountability::v1::ListEntriesResponse page;
      ASSERT_TRUE(Call(stub.get(), &accountability::v1::AccountabilityService::Stub::ListEntries,
                       request, &page, who)
                      .ok());
      for (const auto& entry : page.entries()) (*entries)[entry.leaf_hash()] = entry.entry();
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
  }

  Network network_;
  std::map<std::string, std::string> words_;
};

// What the ledger must say of one receipt.
struct Expected {
  std::string method;
  Who who;
  accountability::v1::Result result;
  std::string controller;
  std::string reason;
};

std::string ControllerOf(const Row& row, const Who& who) {
  const std::string method = row.method;
  if (method.find("AccountabilityService") != std::string::npos)
    return "organisations/" + who.organisation;
  if (method.ends_with("/ListAgreements")) return "organisations/" + who.organisation;
  if (method.find("AgreementService") != std::string::npos) return "agreements";
  const bool network = method.find("RegistryService") != std::string::npos &&
                       method.find("Participant") == std::string::npos &&
                       method.find("Permission") == std::string::npos &&
                       method.find("AccessHistory") == std::string::npos &&
                       method.find("Standing") == std::string::npos;
  return network ? "network" : std::string("organisations/") + kHost;
}

void ExpectSaid(const accountability::v1::Access& access, const Expected& want) {
  EXPECT_EQ(access.method(), want.method);
  EXPECT_EQ(access.result(), want.result);
  EXPECT_EQ(access.purpose(), want.who.purpose);
  EXPECT_EQ(access.controller(), want.controller);
  EXPECT_EQ(access.organisation(), "organisations/" + want.who.organisation);
  EXPECT_EQ(access.role(), want.who.role);
  EXPECT_EQ(access.reasons_size(), want.reason.empty() ? 0 : 1);
  if (access.reasons_size() > 0) {
    EXPECT_EQ(access.reasons(0), want.reason);
  }
}

TEST_F(GatedCalls, EveryOneMakesItsEntryPermittedAndRefused) {
  Who no_purpose;
  no_purpose.purpose = "";
  const Who stranger{"ods-zzz", "ann", "engagement_lead", "service_planning"};
  const Who platform_admin{kHost, "ann", "platform_admin", "service_planning"};
  std::map<std::string, Expected> expected;  // By leaf hash.
  std::vector<Expected> ended;  // Permitted, and ended with an error, which carries no receipt.
  for (const auto& row : Table()) {
    SCOPED_TRACE(row.method);
    // Lists of one's own answer everybody, with nothing of others in them.
    const std::string method = row.method;
    const bool own_ledger =
        method.find("Accountability") != std::string::npos || method.ends_with("/ListAgreements");
    const Who permitted = row.steward ? Steward() : Who();
    const std::vector<Who> callers = {no_purpose, own_ledger ? platform_admin : stranger,
                                      permitted};
    for (size_t i = 0; i < callers.size(); ++i) {
      const bool permit = i == 2;
      const auto outcome = Send(row, callers[i]);
      if (permit && row.ends != nullptr) {
        EXPECT_EQ(ReasonOf(outcome.status), row.ends) << outcome.status;
        ended.push_back({row.method, callers[i], accountability::v1::RESULT_PERMIT,
                         ControllerOf(row, callers[i]), ""});
        continue;
      }
      EXPECT_EQ(outcome.status.ok(), permit) << outcome.status;
      if (!permit) {
        EXPECT_EQ(outcome.status.code(), absl::StatusCode::kPermissionDenied) << outcome.status;
      }
      EXPECT_EQ(outcome.messages_without_receipt, 0);
      ASSERT_FALSE(outcome.receipts.empty());
      const auto result =
          permit ? accountability::v1::RESULT_PERMIT : accountability::v1::RESULT_DENY;
      for (const auto& receipt : outcome.receipts) {
        EXPECT_EQ(receipt.result(), result);
        expected[receipt.leaf_hash()] = {row.method, callers[i], result,
                                         ControllerOf(row, callers[i]),
                                         ReasonOf(outcome.status).value_or("")};
      }
      if (permit) Keep(row, outcome);
    }
  }
  std::map<std::string, accountability::v1::Entry> entries;
  Collect(Who(), &entries);
  Collect(stranger, &entries);
  for (const auto& [leaf_hash, want] : expected) {
    SCOPED_TRACE(want.method + " " + want.reason);
    ASSERT_TRUE(entries.contains(leaf_hash)) << "an answer without an entry";
    ExpectSaid(entries[leaf_hash].access(), want);
  }
  for (const auto& want : ended) {
    SCOPED_TRACE(want.method);
    int found = 0;
    for (const auto& [leaf_hash, entry] : entries) {
      const auto& access = entry.access();
      if (access.method() != want.method || access.result() != want.result) continue;
      ++found;
      ExpectSaid(access, want);
    }
    EXPECT_EQ(found, 1) << "a permitted call without its entry";
  }
}

}  // namespace
}  // namespace waterline::testing
