#pragma once

// The response file: one answer per row, the very CSV that `waterline form -o csv` makes.
//     source_id,indicator,respondent_group,value,missing,informant,collected_on,counts
// Columns are found by name; indicator and respondent_group are needed, and one of value, missing
// and counts. `counts` is answers per category, separated by semicolons (0;1;2;3;4). A row without
// source_id takes informant and indicator for one. Rows that leave value, missing and counts empty
// are unanswered questions: read over. Thread safety: one thread at a time.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/common/text/csv.h"
#include "waterline/common/v1/types.pb.h"
#include "waterline/events/v1/events.pb.h"

namespace waterline::events {

class ResponseFile {
 public:
  explicit ResponseFile(std::string file_name);
  absl::Status Feed(std::string_view piece) { return reader_.Feed(piece); }
  absl::Status Finish();

  const std::vector<v1::IndicatorResponse>& responses() const { return responses_; }
  std::vector<v1::IndicatorResponse> TakeResponses() { return std::move(responses_); }
  common::v1::BulkReport* rows() { return &rows_; }

 private:
  absl::Status TakeHeader(const std::vector<std::string_view>& fields);
  absl::Status TakeRow(uint64_t row, const std::vector<std::string_view>& fields);

  const std::string file_name_;
  text::CsvReader reader_;
  // Where the columns stand; kNoColumn for one that is not there.
  static constexpr size_t kNoColumn = SIZE_MAX;
  struct Columns {
    size_t source_id = kNoColumn;
    size_t indicator = kNoColumn;
    size_t respondent_group = kNoColumn;
    size_t value = kNoColumn;
    size_t missing = kNoColumn;
    size_t informant = kNoColumn;
    size_t collected_on = kNoColumn;
    size_t counts = kNoColumn;
  };
  bool has_header_ = false;
  Columns columns_;
  std::vector<v1::IndicatorResponse> responses_;
  common::v1::BulkReport rows_;
};

}  // namespace waterline::events
