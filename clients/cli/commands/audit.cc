// audit: the ledger of who asked for what and why, and its verification.

#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/commands/commands.h"
#include "clients/cli/new_file.h"
#include "services/accountability/ledger/export.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/utf8.h"
#include "services/waterlined/deployment.h"
#include "waterline/accountability/v1/accountability_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.pb.h"

namespace waterline::cli {
namespace {

struct ListOptions {
  size_t limit = 0;
};
struct SafeguardingOptions {
  size_t limit = 0;
};
struct HistoryOptions {
  std::string participant;
  size_t limit = 0;
};
struct ExportOptions {
  std::string file;
  uint64_t epoch = 0;
};
struct VerifyOptions {
  std::string file;
  std::string key;
  std::string key_file;
  std::string since;
  std::string data;
};

absl::Status List(Session* session, const ListOptions& options) {
  return session->Show(accountability::v1::ListEntriesRequest(), options.limit,
                       {"position.epoch", "position.index", "entry.recorded_at",
                        "entry.access.organisation", "entry.access.role", "entry.access.purpose",
                        "entry.access.operation", "entry.access.controller",
                        "entry.access.collection", "entry.access.result", "entry.access.reasons"});
}

absl::Status Safeguarding(Session* session, const SafeguardingOptions& options) {
  return session->Show(accountability::v1::ListSafeguardingAccessesRequest(), options.limit,
                       {"at", "organisation", "role", "justification", "resource_name", "operation",
                        "given", "agreement", "position.epoch", "position.index"});
}

absl::Status History(Session* session, const HistoryOptions& options) {
  registry::v1::ListAccessHistoryRequest request;
  request.set_participant(options.participant);
  return session->Show(request, options.limit,
                       {"at", "organisation", "role", "purpose", "operation", "categories", "given",
                        "result", "reasons", "agreement", "withheld_reason"});
}

absl::Status Export(Session* session, const ExportOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const auto file,
                             NewFile::Open(options.file, NewFile::Existing::kKeep));
  grpc::ClientContext context;
  session->Identify(&context);
  session->SetStreamDeadline(&context);
  accountability::v1::ExportLedgerRequest request;
  request.set_epoch(options.epoch);
  WATERLINE_ASSIGN_OR_RETURN(
      const auto connection,
      session->channel("/waterline.accountability.v1.AccountabilityService/ExportLedger"));
  const auto stub = accountability::v1::AccountabilityService::NewStub(connection);
  const auto stream = stub->ExportLedger(&context, request);
  accountability::v1::ExportLedgerResponse response;
  absl::Status written;
  size_t bytes = 0;
  while (written.ok() && stream->Read(&response)) {
    written = file->Write(response.chunk());
    bytes += response.chunk().size();
    session->output().Progress(fmt::format("{} bytes", bytes));
  }
  if (!written.ok()) context.TryCancel();
  session->output().EndProgress();
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  WATERLINE_RETURN_IF_ERROR(written);
  WATERLINE_RETURN_IF_ERROR(status);
  session->TakeReceipt(response.receipt().SerializeAsString());
  WATERLINE_RETURN_IF_ERROR(file->Finish());
  session->output().Hint(
      fmt::format("{} bytes in {}. To verify it anywhere: waterline audit verify {} --key KEY, "
                  "with the key you "
                  "were given when the network was made.",
                  bytes, options.file, options.file));
  return absl::OkStatus();
}

// A whole file as bytes, without a copy in memory.
class Mapping {
 public:
  static absl::StatusOr<std::unique_ptr<Mapping>> Open(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about {};
    const bool regular = file >= 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode);
    auto out = std::make_unique<Mapping>();
    out->size_ = regular ? static_cast<size_t>(about.st_size) : 0;
    if (out->size_ > 0) out->start_ = mmap(nullptr, out->size_, PROT_READ, MAP_PRIVATE, file, 0);
    if (file >= 0) close(file);
    if (!regular || out->start_ == MAP_FAILED)
      return Error(reason::kNotFound, "cannot read the file " + path);
    return out;
  }
  ~Mapping() {
    if (size_ > 0 && start_ != MAP_FAILED) munmap(start_, size_);
  }
  std::string_view bytes() const { return {static_cast<const char*>(start_), size_}; }

 private:
  void* start_ = nullptr;
  size_t size_ = 0;
};

absl::StatusOr<std::string> PinnedKey(const VerifyOptions& options) {
  if (!options.key.empty()) return options.key;
  if (!options.key_file.empty()) {
    WATERLINE_ASSIGN_OR_RETURN(const std::string text, ReadText(options.key_file));
    return std::string(text::Trim(text));
  }
  return Error(reason::kInvalidFields,
               "an export is verified against a key you hold: give it with --key or --key-file");
}

// What --since names: a checkpoint as a file of its own, or the one an earlier export begins with.
absl::StatusOr<std::optional<accountability::Checkpoint>> HeldCheckpoint(
    const VerifyOptions& options, const accountability::NoteVerifier& verifier) {
  if (options.since.empty()) return std::nullopt;
  WATERLINE_ASSIGN_OR_RETURN(const auto file, Mapping::Open(options.since));
  const auto exported = accountability::CheckpointOfExport(file->bytes());
  const auto held = verifier.OpenCheckpoint(exported.value_or(file->bytes()));
  if (!held.ok())
    return Error(reason::kDataDamaged,
                 options.since + " does not verify: " + std::string(held.status().message()));
  return std::optional(*held);
}

absl::Status VerifyFile(Session* session, const VerifyOptions& options) {
  WATERLINE_ASSIGN_OR_RETURN(const std::string key, PinnedKey(options));
  WATERLINE_ASSIGN_OR_RETURN(const auto verifier, accountability::NoteVerifier::FromVkey(key));
  WATERLINE_ASSIGN_OR_RETURN(const auto file, Mapping::Open(options.file));
  WATERLINE_ASSIGN_OR_RETURN(const auto held, HeldCheckpoint(options, verifier));
  WATERLINE_ASSIGN_OR_RETURN(const auto summary,
                             accountability::VerifyExport(file->bytes(), verifier, held));
  session->output().Write(fmt::format(
      "{} verifies: {} entries of {}, {} of them readable, signed by {}.\n", options.file,
      summary.checkpoint.size, summary.checkpoint.origin, summary.whole_entries, verifier.name()));
  if (held)
    session->output().Write(fmt::format("It begins with the {} entries of the checkpoint in {}.\n",
                                        held->size, options.since));
  return absl::OkStatus();
}

absl::Status Verify(Session* session, const VerifyOptions& options) {
  if (options.file.empty() == options.data.empty())
    return Error(reason::kInvalidFields,
                 "give either an exported file or --data with a data folder");
  if (!options.data.empty() && !options.since.empty())
    return Error(reason::kInvalidFields, "--since compares an exported file, not a data folder");
  if (options.data.empty()) return VerifyFile(session, options);
  WATERLINE_ASSIGN_OR_RETURN(const std::string sentence, deployment::Verify(options.data));
  session->output().Write(sentence + "\n");
  return absl::OkStatus();
}

}  // namespace

void AddAuditCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "audit", "The ledger of who asked for what, and why");
  const auto list = std::make_shared<ListOptions>();
  AddLimit(AddCommand(family, invocation, "list",
                      "What your organisation asked for and what was asked of it, newest first",
                      list, List),
           &list->limit);
  const auto history = std::make_shared<HistoryOptions>();
  auto* told = AddCommand(family, invocation, "history",
                          "Who asked for the records of one participant, for telling the person",
                          history, History);
  told->add_option("participant", history->participant, "organisations/{id}/participants/{id}")
      ->required();
  AddLimit(told, &history->limit);
  const auto safeguarding = std::make_shared<SafeguardingOptions>();
  AddLimit(AddCommand(family, invocation, "safeguarding",
                      "What others opened of yours under safeguarding, and why, newest first",
                      safeguarding, Safeguarding),
           &safeguarding->limit);
  const auto exported = std::make_shared<ExportOptions>();
  auto* command =
      AddCommand(family, invocation, "export",
                 "Write one epoch of the ledger to a file for verification", exported, Export);
  command->add_option("file", exported->file, "Must not exist")->required();
  command->add_option("--epoch", exported->epoch, "The current one by default");
  const auto verify = std::make_shared<VerifyOptions>();
  command = AddLocalCommand(family, invocation, "verify",
                            "Verify an exported file, or the ledger of a stopped data folder; "
                            "needs no server, exit 8 when it fails",
                            verify, Verify);
  command->add_option("file", verify->file, "Made by `audit export`");
  command->add_option("--key", verify->key,
                      "The log's key: what you pinned, not what a server says");
  command->add_option("--key-file", verify->key_file, "A file that holds it");
  command->add_option("--since", verify->since,
                      "A checkpoint you kept, or an earlier export: the file must go on from it");
  command->add_option("--data", verify->data, "A data folder on which no server runs");
}

}  // namespace waterline::cli
