#pragma once

// The practice file: one GP practice per row with its network, board and region. Columns are found
// by name: practice_code, practice_name, pcn_code, pcn_name, icb_code, icb_name, region_code,
// region_name, postcode; others are ignored. The result depends on the set of rows only, not on
// their order. Thread safety: one thread at a time.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "services/common/text/csv.h"
#include "waterline/common/v1/types.pb.h"
#include "waterline/registry/v1/registry.pb.h"

namespace waterline::registry {

class OrganisationFile {
 public:
  explicit OrganisationFile(std::string file_name);

  // Errors: INVALID_FIELDS naming file, row and column: no CSV, not UTF-8, a missing column.
  absl::Status Feed(std::string_view piece) { return reader_.Feed(piece); }
  absl::Status Finish();

  uint64_t rows_read() const { return rows_.rows_read(); }
  // rows_read, repeated_rows, rejected and problems; created and unchanged are the store's to say.
  const common::v1::BulkReport& rows() const { return rows_; }

  // Every organisation of the file in an order in which each stands after those it names: NHS
  // England (X24), regions, boards, networks, practices.
  std::vector<v1::Organisation> Organisations() const;

 private:
  struct Body {
    std::string title;
    std::set<std::string> parents;  // ODS codes.
    std::string postcode;
    std::string board;  // Of a practice.
  };
  absl::Status TakeRow(uint64_t row, const std::vector<std::string_view>& fields);
  absl::Status TakeHeader(const std::vector<std::string_view>& fields);
  void Reject(uint64_t row, const std::string& column, const std::string& reason);

  const std::string file_name_;
  text::CsvReader reader_;
  std::vector<size_t> columns_;
  size_t field_count_ = 0;
  common::v1::BulkReport rows_;
  std::map<std::string, std::string> practice_rows_;  // Code -> the row, to tell repeats.
  std::map<std::string, Body> practices_, networks_, boards_, regions_;
};

}  // namespace waterline::registry
