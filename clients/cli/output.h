#pragma once

// What goes to standard output, in the format asked for; and hints and progress, which go to
// standard error. Colours only on a terminal, never under NO_COLOR or --no-colour.
// Thread safety: one thread, but Progress from any one thread at a time.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/message.h"

namespace waterline::cli {

enum class Format { kTable, kJson, kNdjson, kCsv, kHtml };

struct Table {
  std::vector<std::string> headers;
  std::vector<std::vector<std::string>> rows;
};

// Columns padded to their widest value, at most 60 characters each.
std::string FormatTable(const Table& table, bool colour);
std::string FormatCsv(const Table& table);

// The proto3 JSON form with the field names of the .proto files.
std::string ToJson(const google::protobuf::Message& message, bool pretty);

using Messages = std::vector<const google::protobuf::Message*>;

class Output {
 public:
  Output(Format format, bool colour, bool terminal_errors)
      : format_(format), colour_(colour), terminal_errors_(terminal_errors) {}

  Format format() const { return format_; }
  bool colour() const { return colour_; }

  // A list; `columns` are field paths for table and CSV.
  void List(const Messages& messages, const std::vector<std::string>& columns) const;
  // One record: in a table every set field on a line of its own.
  void Record(const google::protobuf::Message& message) const;
  // Fields and values of one record, for table and CSV.
  void Fields(const Table& table) const;
  // A list that is no list of messages; JSON makes an object per row.
  void Rows(const Table& table) const;
  void Write(std::string_view text) const;

  // For people only: left out unless the format is a table.
  void Hint(const std::string& text) const;
  // What must be seen whatever the format: a line on standard error.
  void Notice(const std::string& text) const;
  // Overwrites its line; only when standard error is a terminal.
  void Progress(const std::string& text) const;
  void EndProgress() const;

 private:
  Format format_;
  bool colour_;
  bool terminal_errors_;
};

// ANSI codes around `text` when `on`: 1 bold, 2 faint, 31..36 colours.
std::string Paint(const std::string& text, int code, bool on);

}  // namespace waterline::cli
