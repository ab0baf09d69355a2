#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "gtest/gtest.h"
#include "services/registry/domain/organisation_file.h"
#include "services/registry/domain/organisations.h"
#include "services/registry/domain/participants.h"

namespace waterline::registry {
namespace {

constexpr char kHeader[] =
    "practice_code,practice_name,pcn_code,pcn_name,icb_code,icb_name,region_code,region_name,"
    "postcode,imd\n";
constexpr char kRow[] =
    "G81001,SEA VIEW,U12345,SHORE PCN,QNX,NHS SUSSEX,Y59,SOUTH EAST,BN1 9PH,1\n";

bool Has(const std::vector<FieldViolation>& violations, const std::string& field) {
  return std::any_of(violations.begin(), violations.end(),
                     [&](const auto& v) { return v.field == field; });
}

TEST(OrganisationFile, MakesEveryBodyARowNames) {
  OrganisationFile file("practices.csv");
  ASSERT_TRUE(file.Feed(std::string(kHeader) + kRow + kRow).ok());
  ASSERT_TRUE(file.Finish().ok());
  EXPECT_EQ(file.rows().rows_read(), 2u);
  EXPECT_EQ(file.rows().repeated_rows(), 1u);
  const auto all = file.Organisations();
  ASSERT_EQ(all.size(), 5u);  // NHS England, region, board, network, practice
  for (auto organisation : all)
    EXPECT_TRUE(CheckOrganisation(&organisation).empty()) << organisation.title();
  EXPECT_EQ(all[3].accountable_body(), "organisations/ods-qnx");
  EXPECT_TRUE(all[3].accountable_body_assumed());
}

TEST(OrganisationFile, RejectsWhatIsUnknownAndSaysWhere) {
  OrganisationFile file("practices.csv");
  ASSERT_TRUE(file.Feed(std::string(kHeader) +
                        "G81001,NULL,NULL,NULL,NULL,NULL,NULL,NULL,BN1 9PH,1\n" +
                        "G81002,A,U12345,P,QNX,B,Y59,R,B1 1AC,1\n" +
                        "G8 02,A,U12345,P,QNX,B,Y59,R,BN1 9PH,1\n")
                  .ok());
  ASSERT_TRUE(file.Finish().ok());
  EXPECT_EQ(file.rows().rejected(), 3u);
  ASSERT_EQ(file.rows().problems_size(), 3);
  EXPECT_EQ(file.rows().problems(0).row(), 2u);
  EXPECT_EQ(file.rows().problems(0).column(), "practice_name");
  EXPECT_EQ(file.rows().problems(1).column(), "postcode");
  EXPECT_EQ(file.rows().problems(2).column(), "practice_code");
  EXPECT_TRUE(file.Organisations().empty());
}

TEST(OrganisationFile, NamesEveryMissingColumn) {
  OrganisationFile file("practices.csv");
  const auto status = file.Feed("practice_code,postcode\n");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(ViolationsOf(status).size(), 7u);
}

// The real file, when it is at hand: the numbers of its README, in any order of rows.
TEST(OrganisationFile, TheRealFileGivesTheNumbersOfItsReadme) {
  const std::filesystem::path path = "../shared/data/nhs-organisations/practices.csv";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "the real practice file is not beside the project";
  std::ifstream in(path);
  std::string header;
  std::getline(in, header);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::string first;
  for (unsigned seed : {0u, 7u}) {
    SCOPED_TRACE(seed);
    if (seed != 0) std::shuffle(lines.begin(), lines.end(), std::mt19937(seed));
    std::ostringstream csv;
    csv << header << '\n';
    for (const auto& line : lines) csv << line << '\n';
    OrganisationFile file("practices.csv");
    ASSERT_TRUE(file.Feed(csv.str()).ok());
    ASSERT_TRUE(file.Finish().ok());
    EXPECT_EQ(file.rows().rows_read(), 6321u);
    EXPECT_EQ(file.rows().rejected(), 11u);
    EXPECT_EQ(file.rows().repeated_rows(), 8u);
    std::map<std::string, int> types;
    std::string all;
    for (const auto& organisation : file.Organisations()) {
      ++types[organisation.type()];
      all += organisation.SerializeAsString();
    }
    EXPECT_EQ(types["gp_practice"], 6302);
    EXPECT_EQ(types["icb"], 42);
    EXPECT_EQ(types["nhs_region"], 7);
    if (first.empty()) first = all;
    EXPECT_EQ(all, first);
  }
}

TEST(Organisation, SaysEverythingThatIsWrongAtOnce) {
  v1::Organisation organisation;
  organisation.set_title("NULL");
  organisation.set_type("pcn");
  organisation.set_postcode("nowhere");
  organisation.add_identifiers()->set_scheme("chc");
  const auto violations = CheckOrganisation(&organisation);
  for (const char* field : {"organisation.title", "organisation.accountable_body",
                            "organisation.postcode", "organisation.identifiers[0].value"}) {
    EXPECT_TRUE(Has(violations, field)) << field;
  }
}

TEST(Participant, RulesOfAgeAndOfWhatIsNeverKept) {
  v1::Participant participant;
  participant.add_roles()->set_role("carer");
  EXPECT_TRUE(CheckParticipant(&participant).empty());
  participant.set_age_band("under_13");
  EXPECT_TRUE(Has(CheckParticipant(&participant), "participant.guardian_permission"));
  participant.set_age_band("13_15");
  EXPECT_TRUE(Has(CheckParticipant(&participant), "participant.competence_note"));
  participant.set_age_band("35_44");
  participant.set_outward_postcode("BN1 9PH");
  participant.set_source_id("943 476 5919");
  const auto violations = CheckParticipant(&participant);
  EXPECT_TRUE(Has(violations, "participant.outward_postcode"));
  EXPECT_TRUE(Has(violations, "participant.source_id"));
  for (const auto& violation : violations)
    EXPECT_EQ(violation.description.find("943"), std::string::npos);
}

}  // namespace
}  // namespace waterline::registry
