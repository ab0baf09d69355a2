#include "services/events/domain/polis_file.h"

#include <charconv>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/identifiers.h"
#include "services/common/text/utf8.h"

namespace waterline::events {
namespace {

constexpr char kComments[] = "comments.csv";
constexpr char kVotes[] = "votes.csv";
constexpr char kParticipants[] = "participants-votes.csv";
constexpr char kSummary[] = "summary.csv";
constexpr int kProblemsMax = 1000;
constexpr size_t kVotesMax = 20'000'000;
constexpr size_t kStatementsMax = 200'000;
constexpr size_t kTextMax = 10'000;
constexpr size_t kIdMax = 128;
constexpr int64_t kYear2000Ms = 946'684'800'000;
constexpr int64_t kYear2200Ms = 7'258'118'400'000;

std::optional<int64_t> Integer(std::string_view text) {
  text = text::Trim(text);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> Timestamp(std::string_view text) {
  const auto value = Integer(text);
  if (!value || *value < kYear2000Ms || *value >= kYear2200Ms) return std::nullopt;
  return value;
}

bool IsId(std::string_view id) {
  return !id.empty() && text::TextProblem(id, 1, kIdMax).empty() && !text::HoldsNhsNumber(id);
}

}  // namespace

void RejectRow(const std::string& file, uint64_t row, const std::string& column,
               const std::string& reason, common::v1::BulkReport* report) {
  report->set_rejected(report->rejected() + 1);
  if (report->problems_size() >= kProblemsMax) return;
  auto* problem = report->add_problems();
  problem->set_file(file);
  problem->set_row(row);
  problem->set_column(column);
  problem->set_reason(reason);
}

uint32_t PolisFile::Names::Of(std::string_view name) {
  const auto found = index.find(name);
  if (found != index.end()) return found->second;
  const auto number = static_cast<uint32_t>(names.size());
  index.emplace(std::string(name), number);
  names.emplace_back(name);
  return number;
}

bool PolisFile::IsFileName(const std::string& name) {
  return name == kComments || name == kVotes || name == kParticipants || name == kSummary;
}

uint64_t PolisFile::rows_read() const { return comment_rows_.rows_read() + vote_rows_.rows_read(); }

absl::Status PolisFile::Feed(const std::string& file_name, std::string_view piece) {
  if (!IsFileName(file_name)) return absl::OkStatus();
  File& file = files_[file_name];
  if (file.reader == nullptr) {
    file.reader = std::make_unique<text::CsvReader>(
        file_name, [this, file_name, raw = &file](uint64_t row, const Fields& fields) {
          return TakeRow(file_name, raw, row, fields);
        });
  }
  return file.reader->Feed(piece);
}

absl::Status PolisFile::Finish() {
  for (auto& [name, file] : files_) WATERLINE_RETURN_IF_ERROR(file.reader->Finish());
  if (!files_.contains(kComments) && !files_.contains(kVotes)) {
    return BadFields(
        {{"files", "hold neither comments.csv nor votes.csv; this is no Polis export"}});
  }
  return absl::OkStatus();
}

absl::Status PolisFile::TakeRow(const std::string& name, File* file, uint64_t row,
                                const Fields& fields) {
  if (name == kSummary) {
    TakeSummary(fields);
    return absl::OkStatus();
  }
  if (row == 1) return TakeHeader(name, file, fields);
  if (name == kComments) return TakeComment(*file, row, fields);
  if (name == kVotes) return TakeVote(*file, row, fields);
  return TakeParticipant(*file, fields);
}

absl::Status PolisFile::TakeHeader(const std::string& name, File* file, const Fields& fields) {
  for (size_t i = 0; i < fields.size(); ++i)
    file->columns.emplace(std::string(text::Trim(fields[i])), i);
  std::vector<std::string> needed = {"timestamp", "comment-id", "voter-id", "vote"};
  if (name == kComments) needed = {"comment-id", "comment-body"};
  if (name == kParticipants) needed = {"participant"};
  std::vector<FieldViolation> violations;
  for (const auto& column : needed) {
    if (!file->columns.contains(column))
      violations.push_back({name + ": row 1", "has no column " + column});
  }
  return violations.empty() ? absl::OkStatus() : BadFields(violations);
}

absl::Status PolisFile::TakeComment(const File& file, uint64_t row, const Fields& fields) {
  comment_rows_.set_rows_read(comment_rows_.rows_read() + 1);
  const auto field = [&](const char* column) {
    const auto found = file.columns.find(std::string_view(column));
    return found == file.columns.end() || found->second >= fields.size() ? std::string_view()
                                                                         : fields[found->second];
  };
  const auto reject = [&](const char* column, const char* reason) {
    RejectRow(kComments, row, column, reason, &comment_rows_);
    return absl::OkStatus();
  };
  Statement statement;
  statement.source_id = std::string(text::Trim(field("comment-id")));
  statement.text = std::string(field("comment-body"));
  statement.author = std::string(text::Trim(field("author-id")));
  if (!IsId(statement.source_id)) return reject("comment-id", "is not an id");
  if (!statement.author.empty() && !IsId(statement.author))
    return reject("author-id", "is not an id");
  if (!text::TextProblem(statement.text, 1, kTextMax).empty())
    return reject("comment-body", "is empty, too long, or holds control characters");
  if (file.columns.contains("timestamp")) {
    const auto at = Timestamp(field("timestamp"));
    if (!at) return reject("timestamp", "is not milliseconds since 1970");
    statement.said_at_ms = *at;
  }
  const auto moderated =
      field("moderated").empty() ? std::optional<int64_t>(0) : Integer(field("moderated"));
  if (!moderated || *moderated < -1 || *moderated > 1)
    return reject("moderated", "is not 1, 0 or -1");
  if (*moderated == 1) statement.moderation = v1::Contribution::MODERATION_ACCEPTED;
  if (*moderated == -1) statement.moderation = v1::Contribution::MODERATION_REJECTED;
  const auto [known, is_new] = statement_rows_.emplace(statement.source_id, statements_.size());
  if (!is_new) {
    const Statement& other = statements_[known->second];
    if (other.text != statement.text || other.author != statement.author ||
        other.moderation != statement.moderation) {
      return reject("comment-id", "stands in another row with other contents");
    }
    comment_rows_.set_repeated_rows(comment_rows_.repeated_rows() + 1);
    return absl::OkStatus();
  }
  if (statements_.size() >= kStatementsMax)
    return Error(reason::kTooLarge, "comments.csv holds more than 200,000 statements");
  if (!statement.author.empty()) people_.Of(statement.author);
  statement_ids_.Of(statement.source_id);
  statements_.push_back(std::move(statement));
  return absl::OkStatus();
}

absl::Status PolisFile::TakeVote(const File& file, uint64_t row, const Fields& fields) {
  vote_rows_.set_rows_read(vote_rows_.rows_read() + 1);
  const auto reject = [&](const char* column, const char* reason) {
    RejectRow(kVotes, row, column, reason, &vote_rows_);
    return absl::OkStatus();
  };
  if (fields.size() != file.columns.size())
    return reject("", "has another number of fields than the header");
  const auto at = Timestamp(fields[file.columns.find(std::string_view("timestamp"))->second]);
  const auto voter = text::Trim(fields[file.columns.find(std::string_view("voter-id"))->second]);
  const auto statement =
      text::Trim(fields[file.columns.find(std::string_view("comment-id"))->second]);
  const auto vote = Integer(fields[file.columns.find(std::string_view("vote"))->second]);
  if (!at) return reject("timestamp", "is not milliseconds since 1970");
  if (!IsId(voter)) return reject("voter-id", "is not an id");
  if (!IsId(statement)) return reject("comment-id", "is not an id");
  if (!vote || *vote < -1 || *vote > 1) return reject("vote", "is not 1, 0 or -1");
  if (votes_.size() >= kVotesMax)
    return Error(reason::kTooLarge, "votes.csv holds more than 20 million votes; split it");
  const auto value = *vote == 1   ? v1::Reaction::VALUE_AGREE
                     : *vote == 0 ? v1::Reaction::VALUE_PASS
                                  : v1::Reaction::VALUE_DISAGREE;
  votes_.push_back({people_.Of(voter), statement_ids_.Of(statement), *at, value, row});
  return absl::OkStatus();
}

absl::Status PolisFile::TakeParticipant(const File& file, const Fields& fields) {
  const size_t column = file.columns.find(std::string_view("participant"))->second;
  const auto id = column < fields.size() ? text::Trim(fields[column]) : std::string_view();
  if (IsId(id)) people_.Of(id);
  return absl::OkStatus();
}

void PolisFile::TakeSummary(const Fields& fields) {
  if (fields.size() < 2) return;
  if (fields[0] == "topic") topic_ = std::string(text::Trim(fields[1]));
  if (fields[0] == "conversation-description") description_ = std::string(text::Trim(fields[1]));
}

}  // namespace waterline::events
