#include "clients/cli/upload.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include "clients/cli/fields.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "waterline/events/v1/events_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::cli {
namespace {

constexpr char kEventsPath[] = "/waterline.events.v1.EventsService/ImportFiles";
constexpr char kRegistryPath[] = "/waterline.registry.v1.RegistryService/ImportOrganisations";

namespace fs = std::filesystem;
using common::v1::BulkReport;

constexpr const char* kPolisFiles[] = {"comments.csv", "votes.csv", "participants-votes.csv",
                                       "summary.csv"};

// Takes one piece; `last` for the last of the file. False stops the reading.
using TakePiece = std::function<bool(const std::string& piece, bool last)>;

// Calls `take` for every piece, once with an empty one for an empty file.
absl::Status ReadPieces(const std::string& path, const TakePiece& take) {
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    return Error(reason::kNotFound, path + " is not a file that can be read");
  std::ifstream file(path, std::ios::binary);
  std::string piece(rpc::kImportPieceBytesMax, '\0');
  bool last = false;
  while (!last) {
    piece.resize(rpc::kImportPieceBytesMax);
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<size_t>(file.gcount()));
    if (file.bad() || (file.fail() && !file.eof()))
      return Error(reason::kNotFound, "cannot read the file " + path);
    last = file.eof() || file.peek() == std::ifstream::traits_type::eof();
    if (!take(piece, last)) return absl::OkStatus();
  }
  return absl::OkStatus();
}

// Progress of what two threads do, on one line.
class ProgressLine {
 public:
  explicit ProgressLine(const Output* output) : output_(output) {}
  void Sent(size_t bytes) {
    const std::scoped_lock lock(mutex_);
    sent_ += bytes;
    if (sent_ < next_ || rows_) return;
    next_ = sent_ + kStep;
    output_->Progress(fmt::format("sent {:.1f} MiB", static_cast<double>(sent_) / kMiB));
  }
  void Rows(const std::string& text) {
    const std::scoped_lock lock(mutex_);
    rows_ = true;
    output_->Progress(text);
  }

 private:
  static constexpr size_t kStep = 256 * 1024;
  static constexpr double kMiB = 1024 * 1024;
  const Output* const output_;
  std::mutex mutex_;
  size_t sent_ = 0;
  size_t next_ = 0;
  bool rows_ = false;
};

// Sends with `send` while another thread reads the answers; then ends the stream. A server that has
// seen enough ends it early, and says why.
template <class Stream, class Response>
absl::Status Converse(Session* session, Stream* stream, const std::function<absl::Status()>& send,
                      grpc::ClientContext* context,
                      const std::function<void(const Response&)>& take) {
  std::string receipt;
  std::thread reader([&] {
    Response response;
    while (stream->Read(&response)) {
      receipt = response.receipt().SerializeAsString();
      take(response);
    }
  });
  const absl::Status sent = send();
  if (sent.ok()) stream->WritesDone();
  if (!sent.ok()) context->TryCancel();  // What was not sent whole is not stored.
  reader.join();
  session->output().EndProgress();
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  if (!sent.ok()) return sent;
  if (status.ok()) session->TakeReceipt(receipt);
  return status;
}

std::vector<std::string> CountRow(const std::string& what, const BulkReport& report) {
  return {what,
          std::to_string(report.rows_read()),
          std::to_string(report.created()),
          std::to_string(report.unchanged()),
          std::to_string(report.repeated_rows()),
          std::to_string(report.superseded()),
          std::to_string(report.rejected())};
}

Table CountTable() {
  return {{"rows", "read", "created", "unchanged", "repeated", "superseded", "rejected"}, {}};
}

void AddProblems(const BulkReport& report, Table* table) {
  for (const auto& problem : report.problems()) {
    table->rows.push_back(
        {problem.file(), std::to_string(problem.row()), problem.column(), problem.reason()});
  }
}

// In a table below the counts; beside a CSV on standard error, which holds one table only.
void ShowProblems(const Output& output, const Table& problems) {
  if (problems.rows.empty()) return;
  if (output.format() == Format::kTable) {
    output.Write("\n" + FormatTable(problems, output.colour()));
    return;
  }
  for (const auto& row : problems.rows) {
    output.Notice(row[0] + ", row " + row[1] + (row[2].empty() ? "" : ", column " + row[2]) + ": " +
                  row[3]);
  }
}

Table ProblemTable() { return {{"file", "row", "column", "why it was rejected"}, {}}; }

using EventsStream = grpc::ClientReaderWriterInterface<events::v1::ImportFilesRequest,
                                                       events::v1::ImportFilesResponse>;

absl::Status SendFile(const std::string& name, const std::string& path, EventsStream* stream,
                      ProgressLine* progress, bool* open) {
  return ReadPieces(path, [&](const std::string& content, bool last) {
    events::v1::ImportFilesRequest request;
    request.mutable_piece()->set_file_name(name);
    request.mutable_piece()->set_content(content);
    request.mutable_piece()->set_last(last);
    *open = stream->Write(request);
    progress->Sent(content.size());
    return *open;
  });
}

absl::StatusOr<events::v1::ImportFilesRequest> HeaderOf(Session* session,
                                                        const FileImport& import) {
  events::v1::ImportFilesRequest request;
  auto* header = request.mutable_header();
  WATERLINE_ASSIGN_OR_RETURN(*header->mutable_parent(), session->Parent());
  WATERLINE_ASSIGN_OR_RETURN(*header->mutable_content_digest(), DigestOf(import.files));
  header->set_kind(import.kind);
  header->set_event(import.event);
  header->set_folder_name(import.label);
  header->set_request_id(session->request_id());
  return request;
}

void ShowOrganisations(const Output& output, const registry::v1::OrganisationImportReport& report) {
  if (output.format() == Format::kJson || output.format() == Format::kNdjson)
    return output.Record(report);
  Table counts = CountTable();
  counts.rows.push_back(CountRow("practices.csv", report.rows()));
  output.Rows(counts);
  Table types{{"organisations", "created", "changed", "unchanged"}, {}};
  for (const auto& type : report.organisations()) {
    types.rows.push_back({type.type(), std::to_string(type.created()),
                          std::to_string(type.changed()), std::to_string(type.unchanged())});
  }
  if (output.format() == Format::kTable) output.Write("\n" + FormatTable(types, output.colour()));
  Table problems = ProblemTable();
  AddProblems(report.rows(), &problems);
  ShowProblems(output, problems);
}

}  // namespace

absl::StatusOr<std::string> DigestOf(const FileSet& files) {
  crypto::Sha256Stream digest;
  for (const auto& [name, path] : files) {
    crypto::Sha256Stream content;
    WATERLINE_RETURN_IF_ERROR(ReadPieces(path, [&content](const std::string& piece, bool) {
      content.Update(piece);
      return true;
    }));
    digest.Update(name + '\0' + content.Finish());
  }
  return crypto::HexEncode(digest.Finish());
}

absl::StatusOr<FileSet> PolisFiles(const std::string& folder) {
  FileSet files;
  std::string names;
  for (const char* name : kPolisFiles) {
    std::error_code error;
    const fs::path path = fs::path(folder) / name;
    if (fs::is_regular_file(path, error)) files[name] = path.string();
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  if (!files.empty()) return files;
  return Error(reason::kNotFound,
               folder + " is not a folder with a file of a Polis export: " + names);
}

absl::Status ImportFileSet(Session* session, const FileImport& import) {
  WATERLINE_ASSIGN_OR_RETURN(const auto header, HeaderOf(session, import));
  grpc::ClientContext context;
  session->Identify(&context);
  session->SetStreamDeadline(&context);
  WATERLINE_ASSIGN_OR_RETURN(const auto connection, session->channel(kEventsPath));
  const auto stub = events::v1::EventsService::NewStub(connection);
  const auto stream = stub->ImportFiles(&context);
  ProgressLine progress(&session->output());
  events::v1::Import result;
  const auto send = [&]() -> absl::Status {
    bool open = stream->Write(header);
    for (const auto& [name, path] : import.files) {
      if (open) WATERLINE_RETURN_IF_ERROR(SendFile(name, path, stream.get(), &progress, &open));
    }
    return absl::OkStatus();
  };
  const auto take = [&](const events::v1::ImportFilesResponse& response) {
    if (response.has_import()) result = response.import();
    if (!response.has_progress()) return;
    progress.Rows(fmt::format("{} rows read, {} stored", response.progress().rows_read(),
                              response.progress().rows_stored()));
  };
  WATERLINE_RETURN_IF_ERROR((Converse<EventsStream, events::v1::ImportFilesResponse>(
      session, stream.get(), send, &context, take)));
  ShowImport(session->output(), result);
  return absl::OkStatus();
}

absl::Status ImportOrganisationFile(Session* session, const std::string& path) {
  using Request = registry::v1::ImportOrganisationsRequest;
  using Response = registry::v1::ImportOrganisationsResponse;
  grpc::ClientContext context;
  session->Identify(&context);
  session->SetStreamDeadline(&context);
  WATERLINE_ASSIGN_OR_RETURN(const auto connection, session->channel(kRegistryPath));
  const auto stub = registry::v1::RegistryService::NewStub(connection);
  const auto stream = stub->ImportOrganisations(&context);
  ProgressLine progress(&session->output());
  registry::v1::OrganisationImportReport report;
  const auto send = [&]() -> absl::Status {
    Request request;
    request.mutable_header()->set_request_id(session->request_id());
    bool open = stream->Write(request);
    return ReadPieces(path, [&](const std::string& piece, bool) {
      request.set_chunk(piece);
      open = open && stream->Write(request);
      progress.Sent(piece.size());
      return open;
    });
  };
  const auto take = [&](const Response& response) {
    if (response.has_report()) report = response.report();
    if (response.has_progress())
      progress.Rows(fmt::format("{} rows stored", response.progress().rows_read()));
  };
  WATERLINE_RETURN_IF_ERROR(
      (Converse<grpc::ClientReaderWriterInterface<Request, Response>, Response>(
          session, stream.get(), send, &context, take)));
  ShowOrganisations(session->output(), report);
  return absl::OkStatus();
}

void ShowImport(const Output& output, const events::v1::Import& import) {
  if (output.format() == Format::kJson || output.format() == Format::kNdjson)
    return output.Record(import);
  const auto& report = import.report();
  Table counts = CountTable();
  Table problems = ProblemTable();
  const std::pair<const char*, std::pair<bool, const BulkReport*>> parts[] = {
      {"contributions", {report.has_contributions(), &report.contributions()}},
      {"reactions", {report.has_reactions(), &report.reactions()}},
      {"informants", {report.has_informants(), &report.informants()}},
      {"responses", {report.has_responses(), &report.responses()}}};
  for (const auto& [what, part] : parts) {
    if (part.first) counts.rows.push_back(CountRow(what, *part.second));
    AddProblems(*part.second, &problems);
  }
  if (output.format() == Format::kTable) {
    const auto* state = events::v1::Import::State_descriptor()->FindValueByNumber(import.state());
    output.Write("import  " + import.name() + "\nevent   " + import.event() + "\nstate   " +
                 (state == nullptr ? "unknown" : EnumText(*state)) + "\n\n");
  }
  output.Rows(counts);
  ShowProblems(output, problems);
}

}  // namespace waterline::cli
