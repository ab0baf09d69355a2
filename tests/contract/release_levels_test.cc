// What leaves at each release level. The table of all fields is committed, so that a change to what
// leaves is a decision that somebody reads; and every answer is filled with planted values and
// projected, so that the table is what really happens.
// After a change that is meant: `WATERLINE_ACCEPT=1 build/dev/tests/release_levels_test` in the
// project's folder writes the table anew; read its difference before committing it.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <set>
#include <sstream>

#include "services/common/privacy/projection.h"
#include "services/common/privacy/pseudonym.h"
#include "waterline/accountability/v1/accountability_service.pb.h"
#include "waterline/accountability/v1/agreement_service.pb.h"
#include "waterline/accountability/v1/decision.pb.h"
#include "waterline/events/v1/events_service.pb.h"
#include "waterline/events/v1/evidence.pb.h"
#include "waterline/inference/v1/inference_service.pb.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace {
std::atomic<int> allocations{0};
}  // namespace

// Counts allocations: the way of an identifiable answer makes none.
void* operator new(size_t size) {
  ++allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace waterline::privacy {
namespace {

using common::v1::RELEASE_LEVEL_AGGREGATE;
using common::v1::RELEASE_LEVEL_IDENTIFIABLE;
using common::v1::RELEASE_LEVEL_NOTHING;
using common::v1::RELEASE_LEVEL_PSEUDONYMISED;
using common::v1::ReleaseLevel;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr char kTable[] = "tests/data/release_levels.txt";
constexpr ReleaseLevel kLevels[] = {RELEASE_LEVEL_IDENTIFIABLE, RELEASE_LEVEL_PSEUDONYMISED,
                                    RELEASE_LEVEL_AGGREGATE};
const std::string kKey(kPseudonymKeyBytes, 'k');

// Keeps every package linked in.
const std::vector<const Descriptor*> kLinked = {
    accountability::v1::GetAgreementResponse::descriptor(),
    accountability::v1::ListEntriesResponse::descriptor(),
    accountability::v1::Question::descriptor(),
    events::v1::EventEvidence::descriptor(),
    events::v1::GetEventResponse::descriptor(),
    inference::v1::GetPracticeMapResponse::descriptor(),
    registry::v1::GetPlaceResponse::descriptor()};

bool IsReceipt(const FieldDescriptor* field) {
  return field->message_type() == accountability::v1::Receipt::descriptor();
}

bool IsContainer(const FieldDescriptor* field) {
  return field->message_type() != nullptr && !IsReceipt(field) &&
         field->message_type()->file()->package() != "google.protobuf";
}

// The types of what GATED methods answer.
std::vector<const Descriptor*> Answers() {
  std::vector<const Descriptor*> types;
  std::set<std::string> names;
  const std::filesystem::path root = "proto";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "waterline")) {
    if (entry.path().extension() == ".proto")
      names.insert(std::filesystem::relative(entry.path(), root));
  }
  for (const auto& name : names) {
    const auto* file = DescriptorPool::generated_pool()->FindFileByName(name);
    if (file == nullptr) continue;  // exposure_test links and names them all.
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const auto* method = file->service(s)->method(m);
        if (method->options().GetExtension(common::v1::exposure) == common::v1::EXPOSURE_GATED)
          types.push_back(method->output_type());
      }
    }
  }
  return types;
}

void Collect(const Descriptor* type, std::map<std::string, const Descriptor*>* types) {
  if (!types->emplace(type->full_name(), type).second) return;
  for (int i = 0; i < type->field_count(); ++i) {
    if (IsContainer(type->field(i))) Collect(type->field(i)->message_type(), types);
  }
}

std::string NameOf(Leaves leaves) {
  switch (leaves) {
    case Leaves::kWithheld:
      return "-";
    case Leaves::kAsIs:
      return "as_is";
    case Leaves::kPseudonym:
      return "pseudonym";
    case Leaves::kMonth:
      return "month";
    case Leaves::kOutward:
      return "outward";
    case Leaves::kReviewedText:
      return "reviewed_text";
  }
  return "?";
}

std::string LineOf(const FieldDescriptor* field) {
  std::string line = "  " + field->name() + ":";
  for (const auto level : kLevels) line += " " + NameOf(LeavesAs(field, level));
  return line + "\n";
}

std::string TableNow() {
  std::map<std::string, const Descriptor*> types;
  for (const auto* type : Answers()) Collect(type, &types);
  std::string table =
      "# What leaves of each field: identifiable, pseudonymised, aggregate; - is withheld.\n"
      "# Written by tests/contract/release_levels_test.cc, which says how to write it anew.\n";
  for (const auto& [name, type] : types) {
    std::string fields;
    for (int i = 0; i < type->field_count(); ++i) {
      if (!IsContainer(type->field(i)) && !IsReceipt(type->field(i)))
        fields += LineOf(type->field(i));
    }
    if (!fields.empty()) table += name + "\n" + fields;
  }
  return table;
}

TEST(ReleaseLevels, AreTheCommittedTable) {
  const std::string now = TableNow();
  if (std::getenv("WATERLINE_ACCEPT") != nullptr) std::ofstream(kTable) << now;
  std::stringstream committed;
  committed << std::ifstream(kTable).rdbuf();
  EXPECT_EQ(committed.str(), now) << "see the head of this test for what to do";
}

// A form that does not fit a field would silently withhold it.
TEST(ReleaseLevels, EveryFormFitsItsField) {
  std::map<std::string, const Descriptor*> types;
  for (const auto* type : Answers()) Collect(type, &types);
  for (const auto& [name, type] : types) {
    for (int i = 0; i < type->field_count(); ++i) {
      const auto& rule = type->field(i)->options().GetExtension(common::v1::release);
      const bool dropped = rule.form() == common::v1::PSEUDONYMISED_FORM_DROP;
      if (rule.lowest() <= RELEASE_LEVEL_PSEUDONYMISED && !IsContainer(type->field(i)) &&
          !IsReceipt(type->field(i))) {
        EXPECT_FALSE(dropped) << type->field(i)->full_name() << ": drop, or a level, not both";
        EXPECT_NE(LeavesAs(type->field(i), RELEASE_LEVEL_PSEUDONYMISED), Leaves::kWithheld)
            << type->field(i)->full_name();
      }
    }
  }
}

// An aggregate is of many, so what stands for one record never leaves in it, whatever its option
// says.
TEST(ReleaseLevels, WhatStandsForOneRecordIsInNoAggregate) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("planted.proto");
  file.add_dependency("waterline/common/v1/options.proto");
  auto* type = file.add_message_type();
  type->set_name("Planted");
  for (const auto form :
       {common::v1::PSEUDONYMISED_FORM_PSEUDONYM, common::v1::PSEUDONYMISED_FORM_REVIEWED_TEXT}) {
    auto* field = type->add_field();
    field->set_name("field" + std::to_string(type->field_size()));
    field->set_number(type->field_size());
    field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
    field->set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
    auto* rule = field->mutable_options()->MutableExtension(common::v1::release);
    rule->set_lowest(RELEASE_LEVEL_AGGREGATE);
    rule->set_form(form);
  }
  DescriptorPool pool(DescriptorPool::generated_pool());
  const auto* built = pool.BuildFile(file);
  ASSERT_NE(built, nullptr);
  for (int i = 0; i < 2; ++i) {
    const auto* field = built->message_type(0)->field(i);
    EXPECT_NE(LeavesAs(field, RELEASE_LEVEL_PSEUDONYMISED), Leaves::kWithheld);
    EXPECT_EQ(LeavesAs(field, RELEASE_LEVEL_AGGREGATE), Leaves::kWithheld);
  }
}

// ---- Planted values -----------------------------------------------------------------------------

constexpr char kPlanted[] = "organisations/ods-x/participants/planted-person";
constexpr int64_t kInstant = 1'781'691'072;     // 2026-06-17T10:11:12Z
constexpr int64_t kMonthStart = 1'780'272'000;  // 2026-06-01T00:00:00Z

void PlantString(Message* message, const FieldDescriptor* field) {
  const auto form = LeavesAs(field, RELEASE_LEVEL_PSEUDONYMISED);
  const std::string value = form == Leaves::kMonth     ? "2026-06-17"
                            : form == Leaves::kOutward ? "BN1 1AA"
                                                       : kPlanted;
  if (field->is_repeated()) {
    message->GetReflection()->AddString(message, field, value);
  } else {
    message->GetReflection()->SetString(message, field, value);
  }
}

void PlantNumber(Message* message, const FieldDescriptor* field) {
  const auto* reflection = message->GetReflection();
  const bool many = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_ENUM:
      many ? reflection->AddEnumValue(message, field, 1)
           : reflection->SetEnumValue(message, field, 1);
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      many ? reflection->AddUInt64(message, field, 3) : reflection->SetUInt64(message, field, 3);
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection->SetUInt32(message, field, 3);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->SetBool(message, field, true);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection->SetDouble(message, field, 3);
    default:
      FAIL() << "plant a value of " << field->full_name() << " too";
  }
}

void Plant(Message* message) {
  const auto* type = message->GetDescriptor();
  const auto* reflection = message->GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (IsReceipt(field)) continue;
    if (IsContainer(field)) {
      Plant(field->is_repeated() ? reflection->AddMessage(message, field)
                                 : reflection->MutableMessage(message, field));
    } else if (field->message_type() != nullptr) {
      google::protobuf::Timestamp instant;
      instant.set_seconds(kInstant);
      reflection->MutableMessage(message, field)->CopyFrom(instant);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      PlantString(message, field);
    } else {
      PlantNumber(message, field);
    }
  }
}

// Fields of a oneof chase each other out, so each alternative is planted once more, alone.
std::vector<std::unique_ptr<Message>> Planted(const Descriptor* type) {
  std::vector<std::unique_ptr<Message>> all;
  const auto* prototype = MessageFactory::generated_factory()->GetPrototype(type);
  all.emplace_back(prototype->New());
  Plant(all.back().get());
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (field->real_containing_oneof() == nullptr || !IsContainer(field)) continue;
    all.emplace_back(prototype->New());
    Plant(all.back()->GetReflection()->MutableMessage(all.back().get(), field));
  }
  return all;
}

std::string ValueOf(const Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  return field->is_repeated() ? reflection->GetRepeatedString(message, field, 0)
                              : reflection->GetString(message, field);
}

// Each field that is left must be allowed at the level and have its form.
void CheckLeft(const Message& message, ReleaseLevel level, int* left) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) {
    SCOPED_TRACE(field->full_name());
    if (IsContainer(field)) {
      const auto* reflection = message.GetReflection();
      CheckLeft(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, 0)
                                     : reflection->GetMessage(message, field),
                level, left);
      continue;
    }
    ++*left;
    const Leaves leaves = LeavesAs(field, level);
    EXPECT_NE(leaves, Leaves::kWithheld);
    EXPECT_NE(leaves, Leaves::kReviewedText) << "the row's text was not to leave";
    if (leaves == Leaves::kPseudonym) {
      EXPECT_THAT(ValueOf(message, field), Not(HasSubstr("planted-person")));
    } else if (leaves == Leaves::kOutward) {
      EXPECT_EQ(ValueOf(message, field), "BN1");
    } else if (leaves == Leaves::kMonth && field->message_type() == nullptr) {
      EXPECT_EQ(ValueOf(message, field), "2026-06");
    } else if (leaves == Leaves::kMonth) {
      google::protobuf::Timestamp instant;
      instant.CopyFrom(message.GetReflection()->GetMessage(message, field));
      EXPECT_EQ(instant.seconds(), kMonthStart);
    }
  }
}

TEST(ReleaseLevels, OfEveryAnswerOnlyWhatTheTableSaysLeaves) {
  int left = 0;
  for (const auto* type : Answers()) {
    SCOPED_TRACE(type->full_name());
    for (const auto level : {RELEASE_LEVEL_PSEUDONYMISED, RELEASE_LEVEL_AGGREGATE}) {
      for (const auto& message : Planted(type)) {
        ReleasePlan plan;
        plan.level = level;
        plan.pseudonym_key = kKey;
        Project(message.get(), plan);
        CheckLeft(*message, level, &left);
      }
    }
  }
  EXPECT_GT(left, 500);
}

TEST(ReleaseLevels, AnIdentifiableAnswerIsUntouchedAndCostsNoAllocation) {
  for (const auto* type : Answers()) {
    for (const auto& message : Planted(type)) {
      const std::string before = message->SerializeAsString();
      ReleasePlan plan;
      plan.level = RELEASE_LEVEL_IDENTIFIABLE;
      Project(message.get(), plan);  // Compiles the plan of the type.
      const int allocated = allocations;
      const auto withheld = Project(message.get(), plan);
      EXPECT_EQ(allocations, allocated) << type->full_name();
      EXPECT_THAT(withheld, IsEmpty());
      EXPECT_EQ(message->SerializeAsString(), before);
    }
  }
}

TEST(ReleaseLevels, NoDropIsMadeWithoutBeingListed) {
  events::v1::GetContributionResponse answer;
  Plant(&answer);
  ReleasePlan plan;
  plan.level = RELEASE_LEVEL_PSEUDONYMISED;
  plan.pseudonym_key = kKey;
  EXPECT_THAT(Project(&answer, plan),
              UnorderedElementsAre("contribution.text", "contribution.media_reference",
                                   "contribution.source_id", "contribution.import",
                                   "contribution.contribution_code", "contribution.etag",
                                   "contribution.redacted_text", "contribution.review_time",
                                   "contribution.reviewer_role"));
}

// ---- Rows ---------------------------------------------------------------------------------------

constexpr char kEvent[] = "organisations/ods-x/events/e1";

// A list of contributions that say "words 0", "words 1", ...
events::v1::ListContributionsResponse List(int rows) {
  events::v1::ListContributionsResponse answer;
  for (int i = 0; i < rows; ++i) {
    auto* row = answer.add_contributions();
    row->set_name(std::string(kEvent) + "/contributions/c" + std::to_string(i));
    row->set_text("words " + std::to_string(i));
    row->set_source_id("crm-" + std::to_string(i));
    row->set_language("l" + std::to_string(i));
  }
  answer.set_next_page_token("token");
  return answer;
}

ReleasePlan PlanOf(ReleaseLevel level, std::vector<RowRelease> rows) {
  ReleasePlan plan;
  plan.level = level;
  plan.pseudonym_key = kKey;
  plan.rows_field = "contributions";
  plan.rows = std::move(rows);
  return plan;
}

TEST(Rows, OfLevelNothingAreLeftOutWithoutATrace) {
  auto with = List(3);
  auto without = List(3);
  without.mutable_contributions()->DeleteSubrange(1, 1);
  const RowRelease shown{RELEASE_LEVEL_IDENTIFIABLE, true};
  const auto paths = Project(&with, PlanOf(RELEASE_LEVEL_IDENTIFIABLE, {shown, {}, shown}));
  EXPECT_THAT(paths, IsEmpty());
  EXPECT_EQ(with.SerializeAsString(), without.SerializeAsString());
}

TEST(Rows, KeepTheirOrderWhenOthersAreLeftOut) {
  auto answer = List(6);
  const RowRelease shown{RELEASE_LEVEL_PSEUDONYMISED, true};
  Project(&answer, PlanOf(RELEASE_LEVEL_PSEUDONYMISED, {{}, shown, {}, shown, shown, {}}));
  ASSERT_EQ(answer.contributions_size(), 3);
  EXPECT_EQ(answer.contributions(0).text(), "words 1");
  EXPECT_EQ(answer.contributions(1).text(), "words 3");
  EXPECT_EQ(answer.contributions(2).text(), "words 4");
}

TEST(Rows, AreProjectedAtTheirOwnLevel) {
  auto answer = List(2);
  EXPECT_THAT(
      Project(&answer, PlanOf(RELEASE_LEVEL_IDENTIFIABLE, {{RELEASE_LEVEL_IDENTIFIABLE, true},
                                                           {RELEASE_LEVEL_PSEUDONYMISED, false}})),
      ElementsAre("contributions.source_id", "contributions.text"));
  EXPECT_EQ(answer.contributions(0).source_id(), "crm-0");
  EXPECT_EQ(answer.contributions(0).text(), "words 0");
  EXPECT_FALSE(answer.contributions(1).has_source_id());
  EXPECT_FALSE(answer.contributions(1).has_text());
  EXPECT_EQ(answer.contributions(1).name(),
            PseudonymOfName(kKey, std::string(kEvent) + "/contributions/c1"));
}

TEST(Rows, NeverRiseAboveTheCeiling) {
  auto answer = List(1);
  Project(&answer, PlanOf(RELEASE_LEVEL_PSEUDONYMISED, {{RELEASE_LEVEL_IDENTIFIABLE, true}}));
  EXPECT_FALSE(answer.contributions(0).has_source_id());
  EXPECT_EQ(answer.contributions(0).text(), "words 0");
}

TEST(Rows, OfWhichNothingMayLeaveAreNotCountedButTold) {
  auto answer = List(2);
  EXPECT_THAT(
      Project(&answer, PlanOf(RELEASE_LEVEL_PSEUDONYMISED, {{RELEASE_LEVEL_AGGREGATE, true},
                                                            {RELEASE_LEVEL_PSEUDONYMISED, true}})),
      ElementsAre("contributions", "contributions.source_id"));
  EXPECT_EQ(answer.contributions_size(), 1);
}

TEST(Rows, AnAggregateAnswerTellsNotEvenHowManyThereAre) {
  auto answer = List(3);
  ReleasePlan plan;
  plan.level = RELEASE_LEVEL_AGGREGATE;
  EXPECT_THAT(Project(&answer, plan), ElementsAre("contributions", "next_page_token"));
  EXPECT_EQ(answer.ByteSizeLong(), 0U);
}

TEST(Rows, ThatDoNotFitLetNothingLeave) {
  const RowRelease shown{RELEASE_LEVEL_IDENTIFIABLE, true};
  for (const auto& rows : std::vector<std::vector<RowRelease>>{{shown}, {shown, shown, shown}}) {
    auto answer = List(2);
    EXPECT_THAT(Project(&answer, PlanOf(RELEASE_LEVEL_IDENTIFIABLE, rows)),
                ElementsAre("contributions"));
    EXPECT_EQ(answer.ByteSizeLong(), 0U);
  }
  for (const char* field : {"no_such_field", "next_page_token"}) {
    auto answer = List(1);
    auto plan = PlanOf(RELEASE_LEVEL_IDENTIFIABLE, {shown});
    plan.rows_field = field;
    EXPECT_THAT(Project(&answer, plan), ElementsAre(field));
    EXPECT_EQ(answer.ByteSizeLong(), 0U);
  }
  auto answer = List(2);
  auto plan = PlanOf(RELEASE_LEVEL_IDENTIFIABLE, {shown, shown});
  plan.rows_field.clear();
  EXPECT_THAT(Project(&answer, plan), ElementsAre("*"));
  EXPECT_EQ(answer.ByteSizeLong(), 0U);
}

TEST(Rows, AWholeMessageMayBeTheRow) {
  events::v1::GetContributionResponse answer;
  *answer.mutable_contribution() = List(1).contributions(0);
  auto plan = PlanOf(RELEASE_LEVEL_IDENTIFIABLE, {{RELEASE_LEVEL_PSEUDONYMISED, true}});
  plan.rows_field.clear();
  EXPECT_THAT(Project(&answer, plan), ElementsAre("contribution.source_id"));
  EXPECT_EQ(answer.contribution().text(), "words 0");
  plan.rows = {{RELEASE_LEVEL_NOTHING, true}};
  EXPECT_THAT(Project(&answer, plan), IsEmpty());
  EXPECT_EQ(answer.ByteSizeLong(), 0U);
}

// ---- Forms --------------------------------------------------------------------------------------

TEST(Forms, WithoutAWholeKeyNothingThatNeedsAPseudonymLeaves) {
  for (const std::string key : {"", "short"}) {
    auto answer = List(1);
    answer.mutable_contributions(0)->set_participant("organisations/ods-x/participants/p1");
    answer.mutable_contributions(0)->set_informant("i1");
    auto plan = PlanOf(RELEASE_LEVEL_PSEUDONYMISED, {{RELEASE_LEVEL_PSEUDONYMISED, true}});
    plan.pseudonym_key = key;
    EXPECT_THAT(Project(&answer, plan),
                ElementsAre("contributions.informant", "contributions.name",
                            "contributions.participant", "contributions.source_id"));
    EXPECT_FALSE(answer.contributions(0).has_name());
    EXPECT_FALSE(answer.contributions(0).has_participant());
    EXPECT_FALSE(answer.contributions(0).has_informant());
  }
}

TEST(Forms, OnePersonsPseudonymIsTheSameInEveryField) {
  const std::string person = "organisations/ods-x/participants/p1";
  auto answer = List(1);
  answer.mutable_contributions(0)->set_participant(person);
  Project(&answer, PlanOf(RELEASE_LEVEL_PSEUDONYMISED, {{RELEASE_LEVEL_PSEUDONYMISED, false}}));
  registry::v1::GetParticipantResponse profile;
  profile.mutable_participant()->set_name(person);
  ReleasePlan plan;
  plan.level = RELEASE_LEVEL_PSEUDONYMISED;
  plan.pseudonym_key = kKey;
  Project(&profile, plan);
  EXPECT_EQ(answer.contributions(0).participant(), profile.participant().name());
}

TEST(Forms, HandlesInBytesBecomePseudonymsToo) {
  accountability::v1::ListEntriesResponse answer;
  answer.add_entries()->mutable_entry()->mutable_access()->set_actor_handle(std::string(32, 'h'));
  ReleasePlan plan;
  plan.level = RELEASE_LEVEL_PSEUDONYMISED;
  plan.pseudonym_key = kKey;
  EXPECT_THAT(Project(&answer, plan), IsEmpty());
  EXPECT_EQ(answer.entries(0).entry().access().actor_handle(),
            Pseudonym(kKey, std::string(32, 'h')));
}

std::string OutwardOf(const std::string& postcode) {
  registry::v1::GetParticipantResponse answer;
  answer.mutable_participant()->set_outward_postcode(postcode);
  ReleasePlan plan;
  plan.level = RELEASE_LEVEL_PSEUDONYMISED;
  const auto withheld = Project(&answer, plan);
  EXPECT_EQ(withheld.empty(), answer.participant().has_outward_postcode());
  return answer.participant().outward_postcode();
}

TEST(Forms, APostcodeIsCutToItsOutwardPart) {
  EXPECT_EQ(OutwardOf("BN1 1AA"), "BN1");
  EXPECT_EQ(OutwardOf("sw1a2aa"), "SW1A");
  EXPECT_EQ(OutwardOf("BN1"), "BN1");
  EXPECT_EQ(OutwardOf("E01016901"), "E01016901") << "a lower layer super output area";
  EXPECT_EQ(OutwardOf("E00085203"), "") << "an output area: smaller";
  EXPECT_EQ(OutwardOf("1 High Street, BN1 1AA"), "");
  EXPECT_EQ(OutwardOf(""), "");
}

std::string MonthOf(const std::string& date) {
  events::v1::ListResponsesResponse answer;
  answer.add_responses()->set_collected_on(date);
  ReleasePlan plan;
  plan.level = RELEASE_LEVEL_PSEUDONYMISED;
  Project(&answer, plan);
  return answer.responses(0).collected_on();
}

TEST(Forms, ADateIsCutToItsMonth) {
  EXPECT_EQ(MonthOf("2026-06-17"), "2026-06");
  EXPECT_EQ(MonthOf("2024-02-29"), "2024-02");
  EXPECT_EQ(MonthOf("2026-06-17 was a Wednesday"), "");
  EXPECT_EQ(MonthOf("2026-02-30"), "");
}

TEST(Forms, AnInstantIsCutToItsMonthInUtc) {
  const std::vector<std::pair<int64_t, int64_t>> rows = {
      {kMonthStart, kMonthStart},
      {kMonthStart - 1, 1'777'593'600},  // 2026-05-01
      {kInstant, kMonthStart},
      {-1, -2'678'400},  // December 1969
  };
  for (const auto& [instant, month] : rows) {
    auto answer = List(1);
    answer.mutable_contributions(0)->mutable_said_at()->set_seconds(instant);
    answer.mutable_contributions(0)->mutable_said_at()->set_nanos(5);
    Project(&answer, PlanOf(RELEASE_LEVEL_PSEUDONYMISED, {{RELEASE_LEVEL_PSEUDONYMISED, true}}));
    EXPECT_EQ(answer.contributions(0).said_at().seconds(), month);
    EXPECT_EQ(answer.contributions(0).said_at().nanos(), 0);
  }
}

// ---- Levels -------------------------------------------------------------------------------------

TEST(Levels, BelowAggregateOrUnknownLetNothingLeave) {
  for (const int level : {0, 1, 5, 99, -1}) {
    auto answer = List(2);
    ReleasePlan plan;
    plan.level = static_cast<ReleaseLevel>(level);
    plan.pseudonym_key = kKey;
    EXPECT_THAT(Project(&answer, plan), IsEmpty());
    EXPECT_EQ(answer.ByteSizeLong(), 0U) << level;
  }
}

TEST(Levels, UnknownFieldsNeverLeaveBelowTheTop) {
  auto answer = List(1);
  auto* row = answer.mutable_contributions(0);
  row->GetReflection()->MutableUnknownFields(row)->AddLengthDelimited(4000, "planted");
  Project(&answer, PlanOf(RELEASE_LEVEL_PSEUDONYMISED, {{RELEASE_LEVEL_PSEUDONYMISED, true}}));
  EXPECT_THAT(answer.SerializeAsString(), Not(HasSubstr("planted")));
}

TEST(Levels, AReceiptAlwaysLeaves) {
  events::v1::ImportFilesResponse answer;
  answer.mutable_import()->set_name("organisations/ods-x/imports/i1");
  answer.mutable_receipt()->set_entry_id("e");
  ReleasePlan plan;
  plan.level = RELEASE_LEVEL_AGGREGATE;
  EXPECT_THAT(Project(&answer, plan), ElementsAre("import"));
  EXPECT_EQ(answer.receipt().entry_id(), "e");
}

}  // namespace
}  // namespace waterline::privacy
