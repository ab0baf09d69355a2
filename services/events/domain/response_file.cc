#include "services/events/domain/response_file.h"

#include <charconv>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/utf8.h"
#include "services/events/domain/polis_file.h"
#include "services/events/domain/rules.h"

namespace waterline::events {
namespace {

constexpr size_t kResponsesMax = 5'000'000;

template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  text = text::Trim(text);
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool ParseCounts(std::string_view text, v1::IndicatorResponse* response) {
  while (true) {
    const size_t end = text.find(';');
    const auto count = ParseNumber<uint64_t>(text.substr(0, end));
    if (!count) return false;
    response->add_counts(*count);
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

ResponseFile::ResponseFile(std::string file_name)
    : file_name_(std::move(file_name)),
      reader_(file_name_, [this](uint64_t row, const auto& fields) {
        return row == 1 ? TakeHeader(fields) : TakeRow(row, fields);
      }) {}

absl::Status ResponseFile::Finish() {
  WATERLINE_RETURN_IF_ERROR(reader_.Finish());
  if (columns_.empty())
    return BadFields({{file_name_, "is empty; the first row names the columns"}});
  return absl::OkStatus();
}

absl::Status ResponseFile::TakeHeader(const std::vector<std::string_view>& fields) {
  for (size_t i = 0; i < fields.size(); ++i)
    columns_.emplace(std::string(text::Trim(fields[i])), i);
  std::vector<FieldViolation> violations;
  for (const char* column : {"indicator", "respondent_group"}) {
    if (!columns_.contains(std::string_view(column)))
      violations.push_back({file_name_ + ": row 1", std::string("has no column ") + column});
  }
  if (!columns_.contains("value") && !columns_.contains("counts"))
    violations.push_back(
        {file_name_ + ": row 1", "has neither a column value nor a column counts"});
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

absl::Status ResponseFile::TakeRow(uint64_t row, const std::vector<std::string_view>& fields) {
  const auto field = [&](std::string_view column) {
    const auto found = columns_.find(column);
    return found == columns_.end() || found->second >= fields.size()
               ? std::string_view()
               : text::Trim(fields[found->second]);
  };
  if (field("value").empty() && field("missing").empty() && field("counts").empty())
    return absl::OkStatus();
  rows_.set_rows_read(rows_.rows_read() + 1);
  v1::IndicatorResponse response;
  response.set_indicator(std::string(field("indicator")));
  response.set_respondent_group(std::string(field("respondent_group")));
  response.set_missing(std::string(field("missing")));
  response.set_informant(std::string(field("informant")));
  response.set_collected_on(std::string(field("collected_on")));
  response.set_source_id(std::string(field("source_id")));
  if (response.source_id().empty() && !response.informant().empty())
    response.set_source_id(response.informant() + "/" + response.indicator());
  if (!field("value").empty()) {
    const auto value = ParseNumber<uint32_t>(field("value"));
    if (!value) {
      RejectRow(file_name_, row, "value", "is not a whole number", &rows_);
      return absl::OkStatus();
    }
    response.set_value(*value);
  }
  if (!field("counts").empty() && !ParseCounts(field("counts"), &response)) {
    RejectRow(file_name_, row, "counts", "is not a list of whole numbers separated by semicolons",
              &rows_);
    return absl::OkStatus();
  }
  const auto violations = CheckResponse("row", response);
  if (!violations.empty()) {
    RejectRow(file_name_, row, violations[0].field.substr(4), violations[0].description, &rows_);
    return absl::OkStatus();
  }
  if (responses_.size() >= kResponsesMax)
    return Error(reason::kTooLarge, "the file holds more than 5 million answers; split it");
  responses_.push_back({row, std::move(response)});
  return absl::OkStatus();
}

}  // namespace waterline::events
