// Where drafts come from: templates and refusals.

#include <algorithm>
#include <map>
#include <set>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "services/accountability/domain/refusal_draft.h"
#include "services/accountability/domain/sample_terms.h"
#include "services/common/data/agreement_templates.h"

namespace waterline::accountability {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::string Words(const std::vector<FieldViolation>& violations) {
  std::string words;
  for (const auto& violation : violations)
    words += violation.field + " " + violation.description + "\n";
  return words;
}

// What a person would write for a placeholder.
std::string Filling(const std::string& placeholder) {
  static const auto& special = *new std::map<std::string, std::string>{
      {"reference", "ISA-7"},
      {"charity", kCharity},
      {"board", kBoard},
      {"council", kCouncil},
      {"provider", kBoard},
      {"university", kCouncil},
      {"place", "places/hove"},
      {"programme", std::string(kBoard) + "/programmes/p1"},
      {"start", "2027-01-01T00:00:00Z"},
      {"review_due", "2028-01-01T00:00:00Z"},
      {"end", "2029-01-01T00:00:00Z"},
      {"retention_months", "24"},
      {"privacy_notice_url", "https://board.example/privacy"},
      {"statutory_duty_of_the_provider", "nhs2006_s242_trust_involvement"},
      {"statutory_duty_of_the_study", "eqa2010_s149_psed"}};
  const auto found = special.find(placeholder);
  if (found != special.end()) return found->second;
  if (placeholder.find("ico_registration") != std::string::npos) return "Z1234567";
  return "As our policy of information governance says";
}

// The placeholders of `json`, without brackets, each once, in order of appearance.
std::vector<std::string> Placeholders(std::string_view json) {
  std::vector<std::string> found;
  for (size_t open = json.find('<'); open != std::string_view::npos; open = json.find('<', open)) {
    const size_t close = json.find('>', open);
    if (close == std::string_view::npos) break;
    const std::string name(json.substr(open + 1, close - open - 1));
    if (std::find(found.begin(), found.end(), name) == found.end()) found.push_back(name);
    open = close;
  }
  return found;
}

std::string Filled(std::string json) {
  for (const auto& placeholder : Placeholders(json)) {
    const std::string mark = "<" + placeholder + ">";
    for (size_t at = json.find(mark); at != std::string::npos; at = json.find(mark))
      json.replace(at, mark.size(), Filling(placeholder));
  }
  return json;
}

TEST(Templates, AreTheThreeCommonestCases) {
  EXPECT_THAT(data::TemplateNames(),
              ElementsAre("charity_to_board", "place_partnership_map", "research"));
  EXPECT_EQ(data::Template("nothing"), nullptr);
}

TEST(Templates, PassEveryRuleOnceTheirPlaceholdersAreFilled) {
  for (const auto& name : data::TemplateNames()) {
    v1::AgreementTerms terms;
    const auto status =
        google::protobuf::util::JsonStringToMessage(Filled(data::Template(name)->json), &terms);
    ASSERT_TRUE(status.ok()) << name << " " << status.ToString();
    EXPECT_EQ(Words(CheckTerms(terms, SampleFacts, {})), "") << name;
    EXPECT_TRUE(CheckParties(terms, SampleFacts).ok()) << name;
  }
}

// Every path of a comment is a field of AgreementTerms, and its words are there.
TEST(Templates, CommentOnPartsThatExist) {
  for (const auto& name : data::TemplateNames()) {
    EXPECT_THAT(data::Template(name)->comments, testing::Not(IsEmpty())) << name;
    for (const auto& [path, words] : data::Template(name)->comments) {
      EXPECT_GT(words.size(), 10u) << name << " " << path;
      const auto* message = v1::AgreementTerms::descriptor();
      for (size_t at = 0; at <= path.size();) {
        const size_t dot = std::min(path.find('.', at), path.size());
        ASSERT_NE(message, nullptr) << name << " " << path;
        const auto* field = message->FindFieldByName(path.substr(at, dot - at));
        ASSERT_NE(field, nullptr) << name << " " << path;
        message = field->message_type();
        at = dot + 1;
      }
    }
  }
}

v1::Question Refused() {
  v1::Question question;
  question.mutable_caller()->set_organisation("ods-qnx");
  question.mutable_caller()->set_role("analyst");
  question.set_purpose("service_planning");
  question.set_operation(v1::OPERATION_SEARCH);
  question.set_controller("chc-1234567");
  question.add_categories(common::v1::CATEGORY_CONTRIBUTION_TEXT);
  question.add_categories(common::v1::CATEGORY_CODING);
  question.set_asked(common::v1::RELEASE_LEVEL_PSEUDONYMISED);
  question.add_scopes(kCharity);
  question.add_scopes("places/hove");
  question.add_scopes(std::string(kCharity) + "/events/walk");
  return question;
}

// What only people can say, from the sample.
v1::AgreementTerms FillBlanks(v1::AgreementTerms terms) {
  const auto sample = SampleTerms();
  const auto drafted = terms;
  terms = sample;
  terms.set_title(drafted.title());
  *terms.mutable_parties() = drafted.parties();
  *terms.mutable_categories() = drafted.categories();
  *terms.mutable_operations() = drafted.operations();
  *terms.mutable_scopes() = drafted.scopes();
  *terms.mutable_access_roles() = drafted.access_roles();
  terms.set_onward_sharing(drafted.onward_sharing());
  terms.mutable_purposes(0)->set_purpose(drafted.purposes(0).purpose());
  for (int i = 0; i < terms.parties_size(); ++i) {
    auto* party = terms.mutable_parties(i);
    auto known = sample.parties(i);
    known.clear_organisation();
    known.clear_role();
    known.clear_provides();
    known.clear_receives();
    party->MergeFrom(known);
  }
  return terms;
}

TEST(DraftFromRefusal, HoldsJustWhatWasAskedAndNothingWider) {
  const auto terms = DraftFromRefusal(Refused(), kCharity, kBoard);
  EXPECT_EQ(terms.lead(), kBoard);
  ASSERT_THAT(terms.parties(), SizeIs(2));
  EXPECT_EQ(terms.parties(0).organisation(), kCharity);
  EXPECT_TRUE(terms.parties(0).provides() && !terms.parties(0).receives());
  EXPECT_EQ(terms.parties(1).organisation(), kBoard);
  EXPECT_TRUE(terms.parties(1).receives() && !terms.parties(1).provides());
  ASSERT_THAT(terms.purposes(), SizeIs(1));
  EXPECT_EQ(terms.purposes(0).purpose(), "service_planning");
  EXPECT_THAT(terms.operations(), ElementsAre(v1::OPERATION_SEARCH));
  EXPECT_THAT(terms.scopes(), ElementsAre(std::string(kCharity) + "/events/walk"));
  ASSERT_THAT(terms.categories(), SizeIs(2));
  EXPECT_EQ(terms.categories(0).category(), common::v1::CATEGORY_CONTRIBUTION_TEXT);
  EXPECT_EQ(terms.categories(1).category(), common::v1::CATEGORY_CODING);
  for (const auto& category : terms.categories())
    EXPECT_EQ(category.highest(), common::v1::RELEASE_LEVEL_PSEUDONYMISED);
  ASSERT_THAT(terms.access_roles(), SizeIs(1));
  EXPECT_EQ(terms.access_roles(0).organisation(), kBoard);
  EXPECT_EQ(terms.access_roles(0).role(), "analyst");
  EXPECT_THAT(terms.access_roles(0).purposes(), ElementsAre("service_planning"));
  EXPECT_FALSE(terms.linkage_allowed());
  EXPECT_FALSE(terms.profiling());
  EXPECT_EQ(terms.onward_sharing(), v1::ONWARD_SHARING_PROHIBITED);
}

TEST(DraftFromRefusal, IsADraftOnceItHasAReferenceAndPassesOnceItsBlanksAreFilled) {
  auto terms = DraftFromRefusal(Refused(), kCharity, kBoard);
  terms.set_reference("ISA-7");
  EXPECT_EQ(Words(CheckDraft(terms)), "");
  EXPECT_FALSE(CheckTerms(terms, SampleFacts, {}).empty());
  EXPECT_EQ(Words(CheckTerms(FillBlanks(terms), SampleFacts, {})), "");
}

TEST(DraftFromRefusal, TakesTheScopesOfTheRecordsWhenTheQuestionNamesNone) {
  auto question = Refused();
  question.clear_scopes();
  question.add_scopes(kCharity);
  EXPECT_THAT(DraftFromRefusal(question, kCharity, kBoard).scopes(), ElementsAre(kCharity));
  question.add_records()->add_scopes("places/hove");
  question.add_records()->add_scopes("places/worthing");
  EXPECT_THAT(DraftFromRefusal(question, kCharity, kBoard).scopes(),
              ElementsAre("places/hove", "places/worthing"));
  question.add_records();  // Of no scope of its own: the question's.
  EXPECT_THAT(DraftFromRefusal(question, kCharity, kBoard).scopes(), ElementsAre(kCharity));
}

TEST(DraftFromRefusal, AsksForMonitoringAsAggregatesOnly) {
  auto question = Refused();
  question.clear_categories();
  question.add_categories(common::v1::CATEGORY_EQUALITY_MONITORING);
  question.clear_asked();
  const auto terms = DraftFromRefusal(question, kCharity, kBoard);
  EXPECT_EQ(terms.categories(0).highest(), common::v1::RELEASE_LEVEL_AGGREGATE);
  EXPECT_TRUE(terms.categories(0).special_category());
}

TEST(DraftFromRefusal, AsksForCountsAsAggregatesOnly) {
  auto question = Refused();
  question.set_operation(v1::OPERATION_COUNT);
  question.clear_asked();
  const auto terms = DraftFromRefusal(question, kCharity, kBoard);
  EXPECT_EQ(terms.operations(0), v1::OPERATION_COUNT);
  for (const auto& category : terms.categories())
    EXPECT_EQ(category.highest(), common::v1::RELEASE_LEVEL_AGGREGATE);
}

}  // namespace
}  // namespace waterline::accountability
