// admin: what an operator does with a data folder while no server runs on it.

#include <filesystem>

#include "clients/cli/commands/commands.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/waterlined/deployment.h"

namespace waterline::cli {
namespace {

constexpr char kDemonstrationNetwork[] = "dev-demonstration";
constexpr char kDemonstrationHost[] = "local-demonstration-board";
constexpr char kDemonstrationTitle[] = "Demonstration Board";

struct InitOptions {
  deployment::InitOptions init;
  const Invocation* invocation = nullptr;
};
struct FolderOptions {
  std::string data;
  std::string other;
  std::string reason;
};

// A demonstration needs no decisions: what was not said gets a name that says what it is.
void FillIn(const Values& flags, deployment::InitOptions* init) {
  const auto actor = flags.find("actor");
  if (init->administrator.empty() && actor != flags.end()) init->administrator = actor->second;
  if (!init->development || !init->demonstration) return;
  if (init->network.empty()) init->network = kDemonstrationNetwork;
  if (init->host.empty()) {
    init->host = kDemonstrationHost;
    if (init->host_title.empty()) init->host_title = kDemonstrationTitle;
  }
  if (init->administrator.empty()) init->administrator = "steward";
}

absl::Status Init(Session* session, const InitOptions& options) {
  deployment::InitOptions init = options.init;
  FillIn(options.invocation->flags, &init);
  init.host = OrganisationIdFrom(init.host);
  WATERLINE_ASSIGN_OR_RETURN(const std::string report, deployment::Init(init));
  session->output().Write(report);
  return absl::OkStatus();
}

// An operator's typing error deserves a plainer answer than what a missing file leads to.
absl::Status CheckFolder(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return absl::OkStatus();
  return Error(reason::kNotFound, "there is no folder " + folder);
}

absl::Status Backup(Session* session, const FolderOptions& options) {
  WATERLINE_RETURN_IF_ERROR(CheckFolder(options.data));
  WATERLINE_RETURN_IF_ERROR(deployment::Backup(options.data, options.other));
  session->output().Hint("Backed up " + options.data + " into two files in " + options.other +
                         ". Keep them apart: the keys open the data.");
  return absl::OkStatus();
}

absl::Status Restore(Session* session, const FolderOptions& options) {
  WATERLINE_RETURN_IF_ERROR(CheckFolder(options.other));
  WATERLINE_RETURN_IF_ERROR(deployment::Restore(options.other, options.data, options.reason));
  session->output().Hint("Restored into " + options.data +
                         ". A new epoch of the ledger declares the gap and your reason.");
  return absl::OkStatus();
}

absl::Status Digest(Session* session, const FolderOptions& options) {
  WATERLINE_RETURN_IF_ERROR(CheckFolder(options.data));
  WATERLINE_ASSIGN_OR_RETURN(const std::string digest, deployment::StateDigest(options.data));
  session->output().Write(digest + "\n");
  return absl::OkStatus();
}

absl::Status Verify(Session* session, const FolderOptions& options) {
  WATERLINE_RETURN_IF_ERROR(CheckFolder(options.data));
  WATERLINE_ASSIGN_OR_RETURN(const std::string sentence, deployment::Verify(options.data));
  session->output().Write(sentence + "\n");
  return absl::OkStatus();
}

void AddInit(CLI::App* family, Invocation* invocation) {
  const auto options = std::make_shared<InitOptions>();
  options->invocation = invocation;
  auto& init = options->init;
  auto* command =
      AddLocalCommand(family, invocation, "init",
                      "Make a network: keys, stores, host, first ledger entries", options, Init);
  command->add_option("--data", init.data, "Its folder; made when absent")->required();
  command->add_option("--network", init.network, "Its id, e.g. sussex");
  command->add_option("--host", init.host, "The host organisation: code or id, e.g. QNX");
  command->add_option("--host-title", init.host_title, "Its name in words");
  command->add_option("--administrator", init.administrator,
                      "Who may change the network first; --actor by default");
  command->add_flag("--development", init.development,
                    "Callers are believed, on this machine only; the id must hold `dev`");
  command->add_flag("--separate", init.separate,
                    "A folder of its own for each service, to run them in processes of their own");
  command->add_flag("--demonstration", init.demonstration,
                    "Everything in it is invented, and every output says so");
}

void AddData(CLI::App* command, std::string* data) {
  command->add_option("--data", *data, "The data folder; no server may run on it")->required();
}

}  // namespace

void AddAdminCommands(CLI::App* app, Invocation* invocation) {
  auto* family = AddFamily(app, "admin", "For operators: a data folder on which no server runs");
  AddInit(family, invocation);
  const auto options = std::make_shared<FolderOptions>();
  auto* command =
      AddLocalCommand(family, invocation, "backup",
                      "Copy it into waterline.data.tar and waterline.keys.tar", options, Backup);
  AddData(command, &options->data);
  command->add_option("to,--to", options->other, "The folder for the two files")->required();
  command = AddLocalCommand(family, invocation, "restore",
                            "Make a data folder from the two files; begins a new ledger epoch",
                            options, Restore);
  AddData(command, &options->data);
  command->add_option("from,--from", options->other, "The folder of the two files")->required();
  command->add_option("--reason", options->reason, "Stands in the ledger for everyone to read")
      ->required();
  AddData(AddLocalCommand(family, invocation, "digest",
                          "The digest of its content: equal for equal content", options, Digest),
          &options->data);
  AddData(AddLocalCommand(family, invocation, "verify", "Verify its ledger from end to end",
                          options, Verify),
          &options->data);
}

}  // namespace waterline::cli
