#pragma once

// The Polis export file set: comments.csv, votes.csv, participants-votes.csv, summary.csv; other
// names (stats-history.csv) are read over. Columns are found by name and may be missing where
// nothing depends on them; files and rows may come in any order. Instants are the `timestamp`
// column, milliseconds since 1970 UTC; the text column `datetime` is local to whoever exported it
// and is never read. Thread safety: one thread at a time.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/common/text/csv.h"
#include "waterline/common/v1/types.pb.h"
#include "waterline/events/v1/events.pb.h"

namespace waterline::events {

// Adds one rejected row to `report`; at most 1,000 are kept in detail.
void RejectRow(const std::string& file, uint64_t row, const std::string& column,
               const std::string& reason, common::v1::BulkReport* report);

class PolisFile {
 public:
  struct Statement {
    std::string source_id;
    std::string author;  // Source id of the informant; empty when unknown.
    std::string text;
    int64_t said_at_ms = 0;
    v1::Contribution::Moderation moderation = v1::Contribution::MODERATION_UNSPECIFIED;
  };
  struct Vote {
    uint32_t voter = 0;      // Index into people().
    uint32_t statement = 0;  // Index into statement_ids().
    int64_t at_ms = 0;
    v1::Reaction::Value value = v1::Reaction::VALUE_UNSPECIFIED;
    uint64_t row = 0;  // Of votes.csv.
  };

  static bool IsFileName(const std::string& name);

  // A piece of one file, pieces of one file in order. INVALID_FIELDS naming file, row and column.
  absl::Status Feed(const std::string& file_name, std::string_view piece);
  // After the last file. INVALID_FIELDS when there are no votes and no comments.
  absl::Status Finish();

  uint64_t rows_read() const;
  const std::vector<Statement>& statements() const { return statements_; }
  const std::vector<Vote>& votes() const { return votes_; }
  const std::vector<std::string>& people() const {
    return people_.names;
  }  // Voters, authors, participants.
  const std::vector<std::string>& statement_ids() const { return statement_ids_.names; }
  const std::string& topic() const { return topic_; }
  const std::string& description() const { return description_; }
  common::v1::BulkReport* comment_rows() { return &comment_rows_; }
  common::v1::BulkReport* vote_rows() { return &vote_rows_; }

 private:
  using Fields = std::vector<std::string_view>;
  struct Names {
    std::map<std::string, uint32_t, std::less<>> index;
    std::vector<std::string> names;
    uint32_t Of(std::string_view name);
  };
  struct File {
    std::unique_ptr<text::CsvReader> reader;
    std::map<std::string, size_t, std::less<>> columns;
  };
  absl::Status TakeRow(const std::string& name, File* file, uint64_t row, const Fields& fields);
  absl::Status TakeHeader(const std::string& name, File* file, const Fields& fields);
  absl::Status TakeComment(const File& file, uint64_t row, const Fields& fields);
  absl::Status TakeVote(const File& file, uint64_t row, const Fields& fields);
  absl::Status TakeParticipant(const File& file, const Fields& fields);
  void TakeSummary(const Fields& fields);

  std::map<std::string, File> files_;
  std::vector<Statement> statements_;
  std::vector<Vote> votes_;
  Names people_;
  Names statement_ids_;
  std::map<std::string, size_t> statement_rows_;  // Source id -> index into statements_.
  std::string topic_;
  std::string description_;
  common::v1::BulkReport comment_rows_;
  common::v1::BulkReport vote_rows_;
};

}  // namespace waterline::events
