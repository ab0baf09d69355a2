#pragma once

// One run of an import: receives the files, finds or makes the import record, stores the rows.
// Everything it stores is idempotent, so a run that was broken off at any point goes on when the
// same files are sent again. Thread safety: one coroutine.

#include <map>
#include <memory>
#include <string>

#include "services/common/crypto/hash.h"
#include "services/events/api/events_api.h"
#include "services/events/domain/polis_file.h"
#include "services/events/domain/response_file.h"

namespace waterline::events {

class ImportRun {
 public:
  ImportRun(EventsApi* api, EventsApi::ImportStream* stream, gate::Decision decision,
            v1::ImportFilesHeader header, std::string organisation)
      : api_(api),
        stream_(stream),
        decision_(std::move(decision)),
        header_(std::move(header)),
        organisation_(std::move(organisation)) {}

  coro::Task<absl::Status> Run();

 private:
  coro::Task<absl::Status> Receive();
  absl::Status TakePiece(const v1::FilePiece& piece);
  absl::Status FinishFiles();
  coro::Task<absl::Status> Begin();
  coro::Task<absl::Status> MakeImport(waterline::storage::Key content_key,
                                      waterline::storage::Revision revision);
  void PutMadeEvent(waterline::storage::Batch* batch, int64_t now_ms);
  coro::Task<absl::Status> StorePolis();
  coro::Task<absl::Status> StoreStatements(const Informants& informants, CommitHook* hook);
  coro::Task<absl::StatusOr<std::vector<storage::v1::ReactionRow>>> ToReactionRows(
      const Informants& informants);
  coro::Task<absl::Status> StoreReactions(std::vector<storage::v1::ReactionRow> rows,
                                          CommitHook* hook);
  coro::Task<absl::Status> StoreResponses();
  coro::Task<absl::Status> Finish();
  coro::Task<absl::Status> WriteProgress(uint64_t stored);

  EventsApi* const api_;
  EventsApi::ImportStream* const stream_;
  gate::Decision decision_;
  const v1::ImportFilesHeader header_;
  const std::string organisation_;
  std::map<std::string, crypto::Sha256Stream> digests_;
  std::map<std::string, bool> complete_;  // File -> its last piece has come.
  PolisFile polis_;
  ResponseFile responses_{"responses.csv"};
  std::string import_id_;
  EventsApi::EventRef event_;
  int64_t started_ms_ = 0;                            // Of the import, the same for every run.
  std::map<std::string, std::string> contributions_;  // Source id -> id.
  v1::ImportReport report_;
};

}  // namespace waterline::events
