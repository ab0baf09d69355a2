#pragma once

// CSV as in RFC 4180, read in pieces of any size: quoted fields, doubled quotes, line feeds inside
// quotes, CRLF or LF, an optional UTF-8 byte order mark. A record, counting a byte for each field,
// is under kCsvRecordBytesMax.
// Thread safety: one thread at a time.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace waterline::text {

inline constexpr size_t kCsvRecordBytesMax = 1024 * 1024;

class CsvReader {
 public:
  // Called once per record; `row` counts records from 1 (the header). The fields live until return.
  using Handler =
      std::function<absl::Status(uint64_t row, const std::vector<std::string_view>& fields)>;

  // `file` names the file in errors.
  CsvReader(std::string file, Handler handler)
      : file_(std::move(file)), handler_(std::move(handler)) {}

  // INVALID_ARGUMENT/INVALID_FIELDS naming file and row: a quote in the wrong place, a record over
  // the limit, bytes that are not UTF-8; or what the handler returned. After an error: no more.
  absl::Status Feed(std::string_view piece);
  absl::Status Finish();

  uint64_t rows() const { return row_; }

 private:
  absl::Status Take(char c);
  size_t TakePlain(std::string_view piece);
  absl::Status EndRecord();
  absl::Status Problem(const std::string& what) const;
  absl::Status NotUtf8() const;
  void EndField();

  enum class State { kFieldStart, kPlain, kQuoted, kQuoteInQuoted };
  const std::string file_;
  const Handler handler_;
  State state_ = State::kFieldStart;
  std::string record_;  // Contents of the fields so far, without quotes.
  std::vector<size_t> field_ends_;
  std::vector<std::string_view> fields_;
  bool any_ = false;  // The record has a character or a comma.
  bool skip_line_feed_ = false;
  uint64_t bytes_ = 0;
  uint64_t row_ = 0;
};

// One field as it is written: quoted when it must be.
std::string CsvField(std::string_view value);

}  // namespace waterline::text
