#include "services/registry/domain/organisation_file.h"

#include <array>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/utf8.h"
#include "services/registry/domain/organisations.h"

namespace waterline::registry {
namespace {

enum Column {
  kPracticeCode,
  kPracticeName,
  kPcnCode,
  kPcnName,
  kIcbCode,
  kIcbName,
  kRegionCode,
  kRegionName,
  kPostcode,
  kColumns
};
constexpr std::array<const char*, kColumns> kNames = {"practice_code", "practice_name", "pcn_code",
                                                      "pcn_name",      "icb_code",      "icb_name",
                                                      "region_code",   "region_name",   "postcode"};
constexpr size_t kProblemsMax = 1000;
constexpr size_t kPracticesMax = 100'000;
constexpr char kNhsEngland[] = "X24";

std::string NameOfOds(const std::string& code) {
  return "organisations/ods-" + text::ToLower(code);
}

// Two rows may write a name differently; the smaller one stands, whichever comes first.
void Merge(std::string_view title, const std::string& parent, std::string* known_title,
           std::set<std::string>* parents) {
  if (known_title->empty() || title < *known_title) *known_title = std::string(title);
  if (!parent.empty()) parents->insert(parent);
}

v1::Organisation MakeOrganisation(const std::string& code, const std::string& title,
                                  const std::string& type) {
  v1::Organisation organisation;
  auto* identifier = organisation.add_identifiers();
  identifier->set_scheme("ods");
  identifier->set_value(code);
  organisation.set_title(title);
  organisation.set_type(type);
  return organisation;
}

void AddRelation(v1::Relation::Kind kind, const std::string& code, v1::Organisation* organisation) {
  auto* relation = organisation->add_relations();
  relation->set_kind(kind);
  relation->set_organisation(NameOfOds(code));
}

void AssumeAccountableBody(const std::string& code, v1::Organisation* organisation) {
  organisation->set_accountable_body(NameOfOds(code));
  organisation->set_accountable_body_assumed(true);
}

}  // namespace

OrganisationFile::OrganisationFile(std::string file_name)
    : file_name_(std::move(file_name)),
      reader_(file_name_, [this](uint64_t row, const auto& fields) {
        return row == 1 ? TakeHeader(fields) : TakeRow(row, fields);
      }) {}

absl::Status OrganisationFile::Finish() {
  WATERLINE_RETURN_IF_ERROR(reader_.Finish());
  if (columns_.empty())
    return BadFields({{file_name_, "is empty; the first row names the columns"}});
  return absl::OkStatus();
}

absl::Status OrganisationFile::TakeHeader(const std::vector<std::string_view>& fields) {
  std::vector<FieldViolation> violations;
  field_count_ = fields.size();
  for (const char* name : kNames) {
    size_t at = 0;
    while (at < fields.size() && text::Trim(fields[at]) != name) ++at;
    if (at == fields.size())
      violations.push_back({file_name_ + ": row 1", std::string("has no column ") + name});
    columns_.push_back(at);
  }
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

void OrganisationFile::Reject(uint64_t row, const std::string& column, const std::string& reason) {
  rows_.set_rejected(rows_.rejected() + 1);
  if (static_cast<size_t>(rows_.problems_size()) >= kProblemsMax) return;
  auto* problem = rows_.add_problems();
  problem->set_file(file_name_);
  problem->set_row(row);
  problem->set_column(column);
  problem->set_reason(reason);
}

absl::Status OrganisationFile::TakeRow(uint64_t row, const std::vector<std::string_view>& fields) {
  rows_.set_rows_read(rows_.rows_read() + 1);
  if (fields.size() != field_count_) {
    Reject(row, "", "has another number of fields than the header");
    return absl::OkStatus();
  }
  std::array<std::string, kColumns> values;
  std::string whole;
  for (size_t i = 0; i < kColumns; ++i) {
    values[i] = std::string(text::Trim(fields[columns_[i]]));
    whole.append(values[i]).push_back('\0');
    if (values[i] == "NULL" || (values[i].empty() && i != kPostcode)) {
      Reject(row, kNames[i], "is missing: no organisation is made of an unknown one");
      return absl::OkStatus();
    }
  }
  for (Column column : {kPracticeCode, kPcnCode, kIcbCode, kRegionCode}) {
    const auto code = text::NormaliseOds(values[column]);
    if (!code) {
      Reject(row, kNames[column], "is not an ODS code");
      return absl::OkStatus();
    }
    values[column] = *code;
  }
  if (!values[kPostcode].empty() && !text::NormalisePostcode(values[kPostcode])) {
    Reject(row, kNames[kPostcode], "is not a postcode");
    return absl::OkStatus();
  }
  const auto [known, is_new] = practice_rows_.emplace(values[kPracticeCode], whole);
  if (!is_new && known->second != whole) {
    Reject(row, kNames[kPracticeCode], "stands in another row with other contents");
    return absl::OkStatus();
  }
  if (!is_new) {
    rows_.set_repeated_rows(rows_.repeated_rows() + 1);
    return absl::OkStatus();
  }
  if (practices_.size() >= kPracticesMax)
    return Error(reason::kTooLarge, "the file holds more than 100,000 practices");
  auto& practice = practices_[values[kPracticeCode]];
  practice = {values[kPracticeName], {values[kPcnCode]}, values[kPostcode], values[kIcbCode]};
  auto& network = networks_[values[kPcnCode]];
  Merge(values[kPcnName], values[kIcbCode], &network.title, &network.parents);
  auto& board = boards_[values[kIcbCode]];
  Merge(values[kIcbName], values[kRegionCode], &board.title, &board.parents);
  auto& region = regions_[values[kRegionCode]];
  Merge(values[kRegionName], "", &region.title, &region.parents);
  return absl::OkStatus();
}

std::vector<v1::Organisation> OrganisationFile::Organisations() const {
  std::vector<v1::Organisation> all;
  if (practices_.empty()) return all;
  all.push_back(MakeOrganisation(kNhsEngland, "NHS ENGLAND", "nhs_england"));
  for (const auto& [code, body] : regions_) {
    auto& region = all.emplace_back(MakeOrganisation(code, body.title, "nhs_region"));
    AddRelation(v1::Relation::KIND_PART_OF, kNhsEngland, &region);
    AssumeAccountableBody(kNhsEngland, &region);
  }
  for (const auto& [code, body] : boards_) {
    auto& board = all.emplace_back(MakeOrganisation(code, body.title, "icb"));
    for (const auto& parent : body.parents) AddRelation(v1::Relation::KIND_PART_OF, parent, &board);
  }
  for (const auto& [code, body] : networks_) {
    auto& network = all.emplace_back(MakeOrganisation(code, body.title, "pcn"));
    for (const auto& parent : body.parents)
      AddRelation(v1::Relation::KIND_PART_OF, parent, &network);
    AssumeAccountableBody(*body.parents.begin(), &network);
  }
  for (const auto& [code, body] : practices_) {
    auto& practice = all.emplace_back(MakeOrganisation(code, body.title, "gp_practice"));
    for (const auto& parent : body.parents)
      AddRelation(v1::Relation::KIND_PART_OF, parent, &practice);
    AddRelation(v1::Relation::KIND_COMMISSIONED_BY, body.board, &practice);
    if (!body.postcode.empty()) practice.set_postcode(body.postcode);
  }
  return all;
}

}  // namespace waterline::registry
