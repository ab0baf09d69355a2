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
  if (!has_header_) return BadFields({{file_name_, "is empty; the first row names the columns"}});
  return absl::OkStatus();
}

absl::Status ResponseFile::TakeHeader(const std::vector<std::string_view>& fields) {
  has_header_ = true;
  const std::pair<std::string_view, size_t*> names[] = {
      {"source_id", &columns_.source_id},
      {"indicator", &columns_.indicator},
      {"respondent_group", &columns_.respondent_group},
      {"value", &columns_.value},
      {"missing", &columns_.missing},
      {"informant", &columns_.informant},
      {"collected_on", &columns_.collected_on},
      {"counts", &columns_.counts},
  };
  for (const auto& [name, column] : names) {
    for (size_t i = fields.size(); i-- > 0;) {
      if (text::Trim(fields[i]) == name) *column = i;
    }
  }
  std::vector<FieldViolation> violations;
  if (columns_.indicator == kNoColumn)
    violations.push_back({file_name_ + ": row 1", "has no column indicator"});
  if (columns_.respondent_group == kNoColumn)
    violations.push_back({file_name_ + ": row 1", "has no column respondent_group"});
  if (columns_.value == kNoColumn && columns_.counts == kNoColumn)
    violations.push_back(
        {file_name_ + ": row 1", "has neither a column value nor a column counts"});
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

absl::Status ResponseFile::TakeRow(uint64_t row, const std::vector<std::string_view>& fields) {
  const auto field = [&](size_t column) {
    return column < fields.size() ? text::Trim(fields[column]) : std::string_view();
  };
  const auto value_text = field(columns_.value);
  const auto counts_text = field(columns_.counts);
  const auto missing = field(columns_.missing);
  if (value_text.empty() && missing.empty() && counts_text.empty()) return absl::OkStatus();
  rows_.set_rows_read(rows_.rows_read() + 1);
  v1::IndicatorResponse response;
  const auto set = [&](size_t column, std::string* out) {
    const auto text = field(column);
    out->assign(text.data(), text.size());
  };
  set(columns_.indicator, response.mutable_indicator());
  set(columns_.respondent_group, response.mutable_respondent_group());
  set(columns_.missing, response.mutable_missing());
  set(columns_.informant, response.mutable_informant());
  set(columns_.collected_on, response.mutable_collected_on());
  set(columns_.source_id, response.mutable_source_id());
  if (response.source_id().empty() && !response.informant().empty())
    response.set_source_id(response.informant() + "/" + response.indicator());
  if (!value_text.empty()) {
    const auto value = ParseNumber<uint32_t>(value_text);
    if (!value) {
      RejectRow(file_name_, row, "value", "is not a whole number", &rows_);
      return absl::OkStatus();
    }
    response.set_value(*value);
  }
  if (!counts_text.empty() && !ParseCounts(counts_text, &response)) {
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
  responses_.push_back(std::move(response));
  return absl::OkStatus();
}

}  // namespace waterline::events
