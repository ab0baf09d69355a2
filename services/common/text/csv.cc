#include "services/common/text/csv.h"

#include <algorithm>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/utf8.h"

namespace waterline::text {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

absl::Status CsvReader::Problem(const std::string& what) const {
  return BadFields({{file_ + ": row " + std::to_string(row_ + 1), what}});
}

absl::Status CsvReader::NotUtf8() const {
  size_t field = 0;
  while (field + 1 < fields_.size() && IsValidUtf8(fields_[field])) ++field;
  return BadFields(
      {{file_ + ": row " + std::to_string(row_ + 1) + ", field " + std::to_string(field + 1),
        "is not UTF-8; save the file as UTF-8 and send it again"}});
}

absl::Status CsvReader::Feed(std::string_view piece) {
  for (size_t at = 0; at < piece.size();) {
    const size_t plain = TakePlain(piece.substr(at));
    at += plain;
    if (plain == 0) WATERLINE_RETURN_IF_ERROR(Take(piece[at++]));
  }
  bytes_ += piece.size();
  return absl::OkStatus();
}

// Takes the characters that only make the field longer, in one go; how many.
size_t CsvReader::TakePlain(std::string_view piece) {
  if (state_ != State::kPlain && state_ != State::kQuoted) return 0;
  if (row_ == 0 && field_ends_.empty()) return 0;  // Where a byte order mark may stand.
  const auto ends = [quoted = state_ == State::kQuoted](char c) {
    return c == '"' || (!quoted && (c == ',' || c == '\n' || c == '\r'));
  };
  const size_t room = kCsvRecordBytesMax - std::min(kCsvRecordBytesMax, record_.size());
  size_t end = 0;
  while (end < piece.size() && end < room && !ends(piece[end])) ++end;
  record_.append(piece.substr(0, end));
  return end;
}

absl::Status CsvReader::Take(char c) {
  if (record_.size() + field_ends_.size() >= kCsvRecordBytesMax) {
    return Problem(state_ == State::kQuoted ? "is longer than 1 MiB; is a closing quote missing?"
                                            : "is longer than 1 MiB");
  }
  if (skip_line_feed_) {
    skip_line_feed_ = false;
    if (c == '\n') return absl::OkStatus();
  }
  if (state_ == State::kQuoted) {
    if (c == '"') {
      state_ = State::kQuoteInQuoted;
    } else {
      record_.push_back(c);
    }
    return absl::OkStatus();
  }
  if (c == '"') {
    if (state_ == State::kQuoteInQuoted) {
      record_.push_back('"');
    } else if (state_ == State::kPlain) {
      return Problem("has a quote inside a field that does not start with one");
    }
    any_ = true;
    state_ = State::kQuoted;
    return absl::OkStatus();
  }
  if (c == ',') {
    any_ = true;
    EndField();
    return absl::OkStatus();
  }
  if (c == '\n' || c == '\r') {
    skip_line_feed_ = c == '\r';
    return EndRecord();
  }
  if (state_ == State::kQuoteInQuoted) return Problem("has text after a closing quote");
  any_ = true;
  state_ = State::kPlain;
  record_.push_back(c);
  // The mark may only stand before the first field.
  if (row_ == 0 && field_ends_.empty() && record_ == kByteOrderMark) {
    record_.clear();
    state_ = State::kFieldStart;
  }
  return absl::OkStatus();
}

void CsvReader::EndField() {
  field_ends_.push_back(record_.size());
  state_ = State::kFieldStart;
}

absl::Status CsvReader::EndRecord() {
  if (!any_) return absl::OkStatus();  // A blank line is no record.
  EndField();
  fields_.clear();
  size_t begin = 0;
  for (size_t end : field_ends_) {
    fields_.push_back(std::string_view(record_).substr(begin, end - begin));
    begin = end;
  }
  if (!IsValidUtf8(record_)) return NotUtf8();
  ++row_;
  absl::Status status = handler_(row_, fields_);
  record_.clear();
  field_ends_.clear();
  any_ = false;
  return status;
}

absl::Status CsvReader::Finish() {
  if (state_ == State::kQuoted) return Problem("ends inside a quoted field");
  return EndRecord();
}

std::string CsvField(std::string_view value) {
  const bool plain =
      value.find_first_of(",\"\r\n") == std::string_view::npos && Trim(value) == value;
  if (plain) return std::string(value);
  std::string out = "\"";
  for (char c : value) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace waterline::text
