#pragma once

// Sends a file set through ImportFiles, as the command line client does.

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "tests/integration/fixture.h"
#include "waterline/events/v1/events_service.grpc.pb.h"

namespace waterline::testing {

using Files = std::map<std::string, std::string>;  // Name -> content.

inline Files ReadFolder(const std::filesystem::path& folder) {
  Files files;
  for (const char* name : {"comments.csv", "votes.csv", "participants-votes.csv", "summary.csv"}) {
    std::ifstream in(folder / name, std::ios::binary);
    if (!in) continue;
    std::ostringstream content;
    content << in.rdbuf();
    files[name] = content.str();
  }
  return files;
}

inline std::string DigestOf(const Files& files) {
  crypto::Sha256Stream digest;
  for (const auto& [name, content] : files) digest.Update(name + '\0' + crypto::Sha256(content));
  return crypto::HexEncode(digest.Finish());
}

struct ImportOptions {
  events::v1::Import::Kind kind = events::v1::Import::KIND_POLIS;
  std::string event;
  std::string folder_name = "planted-folder-name";
  size_t piece = 64 * 1024;
  std::function<void(const events::v1::ImportFilesResponse&)> on_message;
  Who who;
};

inline absl::StatusOr<events::v1::Import> RunImport(std::shared_ptr<grpc::Channel> channel,
                                                    const Files& files,
                                                    const ImportOptions& options = {}) {
  auto stub = events::v1::EventsService::NewStub(channel);
  Context context(options.who);
  auto stream = stub->ImportFiles(context.get());
  events::v1::ImportFilesRequest request;
  auto* header = request.mutable_header();
  header->set_parent("organisations/" + options.who.organisation);
  header->set_kind(options.kind);
  header->set_event(options.event);
  header->set_folder_name(options.folder_name);
  header->set_content_digest(DigestOf(files));
  header->set_request_id("import");
  bool open = stream->Write(request);
  for (const auto& [name, content] : files) {
    for (size_t at = 0; open && (at < content.size() || at == 0); at += options.piece) {
      events::v1::ImportFilesRequest piece;
      piece.mutable_piece()->set_file_name(name);
      piece.mutable_piece()->set_content(content.substr(at, options.piece));
      piece.mutable_piece()->set_last(at + options.piece >= content.size());
      open = stream->Write(piece);
    }
  }
  stream->WritesDone();
  events::v1::ImportFilesResponse response;
  events::v1::Import import;
  while (stream->Read(&response)) {
    if (response.has_import()) import = response.import();
    EXPECT_TRUE(response.has_receipt());
    if (options.on_message) options.on_message(response);
  }
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  if (!status.ok()) return status;
  return import;
}

}  // namespace waterline::testing
