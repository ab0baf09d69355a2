#include "clients/cli/output.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "clients/cli/fields.h"
#include "clients/cli/json_text.h"
#include "services/common/text/csv.h"
#include "services/common/text/utf8.h"

namespace waterline::cli {
namespace {

constexpr size_t kCellMax = 60;  // Characters.

// On one line, and at most kCellMax characters; but names and codes, which people copy, stay whole.
std::string Cell(const std::string& value) {
  std::string flat = value;
  std::replace_if(
      flat.begin(), flat.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  const bool words = flat.find(' ') != std::string::npos;
  if (!words || text::CodePoints(flat) <= kCellMax) return flat;
  size_t characters = 0;
  size_t at = 0;
  while (at < flat.size()) {
    const bool starts = (static_cast<unsigned char>(flat[at]) & 0xC0) != 0x80;
    if (starts && ++characters == kCellMax) break;
    ++at;
  }
  return flat.substr(0, at) + "…";
}

std::string Padded(const std::string& cell, size_t width) {
  const size_t size = text::CodePoints(cell);
  return cell + std::string(width > size ? width - size : 0, ' ');
}

std::string Line(const std::vector<std::string>& cells, const std::vector<size_t>& widths,
                 int colour_code, bool colour) {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i) {
    const bool last = i + 1 == cells.size();
    out += Paint(last ? cells[i] : Padded(cells[i], widths[i]), colour_code, colour);
    if (!last) out += "  ";
  }
  return out + "\n";
}

// The id that people type: the last part of organisations/ods-qnx/events/e1. Names of two parts
// stay as they are.
std::string Short(const std::string& value) {
  const bool nested = value.starts_with("organisations/") &&
                      std::count(value.begin(), value.end(), '/') > 1 &&
                      value.find_first_of("; ") == std::string::npos;
  return nested ? value.substr(value.rfind('/') + 1) : value;
}

Table ToTable(const Messages& messages, const std::vector<std::string>& columns) {
  Table table;
  table.headers = columns;
  for (const auto* message : messages) {
    std::vector<std::string> row;
    for (const auto& column : columns) row.push_back(FieldText(*message, column));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string RowJson(const Table& table, const std::vector<std::string>& row) {
  std::string out = "{";
  for (size_t i = 0; i < row.size(); ++i) {
    out += (i == 0 ? "" : ", ") + JsonString(table.headers[i]) + ": " + JsonString(row[i]);
  }
  return out + "}";
}

}  // namespace

std::string Paint(const std::string& text, int code, bool on) {
  if (!on || code == 0) return text;
  return "\x1b[" + std::to_string(code) + "m" + text + "\x1b[0m";
}

std::string FormatTable(const Table& table, bool colour) {
  std::vector<std::vector<std::string>> rows = {table.headers};
  for (const auto& row : table.rows) {
    rows.emplace_back();
    for (const auto& value : row) rows.back().push_back(Cell(value));
  }
  std::vector<size_t> widths(table.headers.size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], text::CodePoints(row[i]));
  }
  std::string out;
  for (size_t i = 0; i < rows.size(); ++i) out += Line(rows[i], widths, i == 0 ? 1 : 0, colour);
  return out;
}

std::string FormatCsv(const Table& table) {
  const auto line = [](const std::vector<std::string>& cells) {
    std::string out;
    for (size_t i = 0; i < cells.size(); ++i) out += (i == 0 ? "" : ",") + text::CsvField(cells[i]);
    return out + "\n";
  };
  std::string out = line(table.headers);
  for (const auto& row : table.rows) out += line(row);
  return out;
}

std::string ToJson(const google::protobuf::Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.add_whitespace = pretty;
  std::string out;
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  if (!status.ok()) return "{}\n";
  if (out.empty() || out.back() != '\n') out += '\n';
  return out;
}

void Output::List(const Messages& messages, const std::vector<std::string>& columns) const {
  if (format_ == Format::kNdjson) {
    for (const auto* message : messages) Write(ToJson(*message, false));
    return;
  }
  if (format_ == Format::kJson) {
    std::string out = "[";
    for (size_t i = 0; i < messages.size(); ++i) {
      std::string one = ToJson(*messages[i], true);
      one.pop_back();
      out += (i == 0 ? "\n" : ",\n") + one;
    }
    return Write(out + "\n]\n");
  }
  Table table = ToTable(messages, columns);
  if (format_ == Format::kCsv) return Write(FormatCsv(table));
  for (auto& row : table.rows) std::transform(row.begin(), row.end(), row.begin(), Short);
  Write(FormatTable(table, colour_));
  if (messages.empty()) Hint("none");
}

void Output::Record(const google::protobuf::Message& message) const {
  if (format_ == Format::kJson || format_ == Format::kNdjson) {
    return Write(ToJson(message, format_ == Format::kJson));
  }
  Table table{{"field", "value"}, {}};
  for (const auto& [name, value] : AllFields(message)) table.rows.push_back({name, value});
  Fields(table);
}

void Output::Fields(const Table& table) const {
  if (format_ == Format::kCsv) return Write(FormatCsv(table));
  size_t width = 0;
  for (const auto& row : table.rows) width = std::max(width, row[0].size());
  for (const auto& row : table.rows) {
    Write(Paint(Padded(row[0], width), 1, colour_) + "  " + row[1] + "\n");
  }
}

void Output::Rows(const Table& table) const {
  if (format_ == Format::kTable || format_ == Format::kHtml)
    return Write(FormatTable(table, colour_));
  if (format_ == Format::kCsv) return Write(FormatCsv(table));
  std::string out = format_ == Format::kJson ? "[" : "";
  for (size_t i = 0; i < table.rows.size(); ++i) {
    if (format_ == Format::kJson) out += i == 0 ? "\n" : ",\n";
    out += RowJson(table, table.rows[i]) + (format_ == Format::kNdjson ? "\n" : "");
  }
  Write(out + (format_ == Format::kJson ? "\n]\n" : ""));
}

void Output::Write(std::string_view text) const { fwrite(text.data(), 1, text.size(), stdout); }

void Output::Hint(const std::string& text) const {
  if (format_ == Format::kTable) fprintf(stderr, "%s\n", text.c_str());
}

void Output::Notice(const std::string& text) const { fprintf(stderr, "%s\n", text.c_str()); }

void Output::Progress(const std::string& text) const {
  if (terminal_errors_) fprintf(stderr, "\r\x1b[K%s", text.c_str());
}

void Output::EndProgress() const {
  if (terminal_errors_) fprintf(stderr, "\r\x1b[K");
}

}  // namespace waterline::cli
