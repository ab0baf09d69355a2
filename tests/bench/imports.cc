#include "tests/bench/imports.h"

#include <time.h>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/hash.h"
#include "services/common/data/indicators.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/events/domain/response_file.h"
#include "tests/bench/servers.h"
#include "tests/integration/workshop.h"
#include "waterline/events/v1/events_service.grpc.pb.h"

namespace waterline::bench {
namespace {

using events::v1::EventsService;
using events::v1::Import;
using std::chrono::steady_clock;

constexpr uint64_t kStatements = 200;
constexpr uint64_t kVotesPerPerson = 50;
constexpr int64_t kFirstVoteMs = 1'740'000'000'000;

std::string Digest(const Files& files) {
  crypto::Sha256Stream digest;
  for (const auto& [name, content] : files) digest.Update(name + '\0' + crypto::Sha256(content));
  return crypto::HexEncode(digest.Finish());
}

using Stream =
    grpc::ClientReaderWriter<events::v1::ImportFilesRequest, events::v1::ImportFilesResponse>;

bool SendFiles(Stream* stream, const Files& files) {
  for (const auto& [name, content] : files) {
    for (size_t at = 0; at < content.size(); at += rpc::kImportPieceBytesMax) {
      events::v1::ImportFilesRequest request;
      auto* piece = request.mutable_piece();
      piece->set_file_name(name);
      piece->set_content(content.substr(at, rpc::kImportPieceBytesMax));
      piece->set_last(at + rpc::kImportPieceBytesMax >= content.size());
      if (!stream->Write(request)) return false;
    }
  }
  return stream->WritesDone();
}

double ThreadSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

Files ResponseFiles(uint64_t rows) {
  const auto& indicators = data::AllIndicators();
  std::string csv =
      "source_id,indicator,respondent_group,value,missing,informant,collected_on,counts\n";
  for (uint64_t i = 0; i < rows; ++i) {
    const auto& indicator = indicators[i % indicators.size()];
    const std::string seat = "seat-" + std::to_string(i / indicators.size());
    const auto value = (i * 7 + i / 48) % static_cast<uint64_t>(indicator.categories());
    csv += "," + indicator.id + "," + indicator.groups[0] + "," + std::to_string(value) + ",," +
           seat + ",2026-03-02,\n";
  }
  return {{"responses.csv", std::move(csv)}};
}

Files PolisFiles(uint64_t votes, int round) {
  const int64_t start = kFirstVoteMs + round * int64_t{1'000'000'000};
  std::string comments = "timestamp,comment-id,author-id,moderated,comment-body\n";
  for (uint64_t i = 0; i < kStatements; ++i) {
    comments += std::to_string(start) + "," + std::to_string(i) + "," + std::to_string(i % 40) +
                ",1,\"The letter that invites me should say, in one line, what statement " +
                std::to_string(i) + " asks for.\"\n";
  }
  std::string csv = "timestamp,comment-id,voter-id,vote\n";
  for (uint64_t i = 0; i < votes; ++i) {
    const uint64_t voter = i / kVotesPerPerson;
    const uint64_t statement = (i % kVotesPerPerson * 4 + voter) % kStatements;
    csv += std::to_string(start + static_cast<int64_t>(i) * 100) + "," + std::to_string(statement) +
           "," + std::to_string(voter) + "," + std::to_string(static_cast<int>(i * 7 % 3) - 1) +
           "\n";
  }
  return {{"comments.csv", std::move(comments)}, {"votes.csv", std::move(csv)}};
}

absl::StatusOr<std::string> OpenEvent(std::shared_ptr<grpc::Channel> channel,
                                      const std::string& request_id) {
  auto stub = EventsService::NewStub(channel);
  events::v1::CreateEventRequest create;
  create.set_parent("organisations/" + std::string(kOrganisation));
  *create.mutable_event() = testing::Workshop();
  create.set_request_id(request_id);
  events::v1::CreateEventResponse created;
  grpc::ClientContext first;
  Identify(&first);
  WATERLINE_RETURN_IF_ERROR(rpc::FromGrpc(stub->CreateEvent(&first, create, &created)));
  events::v1::PublishEventRequest publish;
  publish.set_name(created.event().name());
  publish.set_request_id(request_id);
  events::v1::PublishEventResponse published;
  grpc::ClientContext second;
  Identify(&second);
  WATERLINE_RETURN_IF_ERROR(rpc::FromGrpc(stub->PublishEvent(&second, publish, &published)));
  events::v1::OpenEventRequest open;
  open.set_name(created.event().name());
  open.set_request_id(request_id);
  events::v1::OpenEventResponse opened;
  grpc::ClientContext third;
  Identify(&third);
  WATERLINE_RETURN_IF_ERROR(rpc::FromGrpc(stub->OpenEvent(&third, open, &opened)));
  return opened.event().name();
}

absl::StatusOr<uint32_t> ReadEventBytes(std::shared_ptr<grpc::Channel> channel,
                                        const std::string& event) {
  events::v1::GetEventRequest request;
  request.set_name(event);
  events::v1::GetEventResponse response;
  grpc::ClientContext context;
  Identify(&context);
  WATERLINE_RETURN_IF_ERROR(
      rpc::FromGrpc(EventsService::NewStub(channel)->GetEvent(&context, request, &response)));
  return static_cast<uint32_t>(response.ByteSizeLong());
}

absl::StatusOr<Sample> RunImport(std::shared_ptr<grpc::Channel> channel, const Child& server,
                                 Import::Kind kind, const std::string& event, const Files& files,
                                 uint64_t rows) {
  events::v1::ImportFilesRequest request;
  auto* header = request.mutable_header();
  header->set_parent("organisations/" + std::string(kOrganisation));
  header->set_kind(kind);
  header->set_event(event);
  header->set_content_digest(Digest(files));
  header->set_request_id("bench");
  auto stub = EventsService::NewStub(channel);
  grpc::ClientContext context;
  Identify(&context);
  Sample sample;
  const double cpu_before = server.cpu_seconds();
  const double client_before = OwnCpuSeconds();
  const auto start = steady_clock::now();
  auto stream = stub->ImportFiles(&context);
  if (stream->Write(request)) SendFiles(stream.get(), files);
  events::v1::ImportFilesResponse response;
  Import import;
  while (stream->Read(&response)) {
    if (response.has_import()) import = response.import();
  }
  WATERLINE_RETURN_IF_ERROR(rpc::FromGrpc(stream->Finish()));
  sample.seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
  sample.cpu_seconds = server.cpu_seconds() - cpu_before;
  sample.client_cpu_seconds = OwnCpuSeconds() - client_before;
  const auto& report = import.report();
  sample.count =
      kind == Import::KIND_POLIS ? report.reactions().created() : report.responses().created();
  if (sample.count == rows) return sample;
  return absl::InternalError("an import of " + std::to_string(rows) + " new rows made " +
                             std::to_string(sample.count));
}

absl::StatusOr<Sample> ParseOnly(const Files& files, uint64_t rows) {
  const std::string& csv = files.at("responses.csv");
  Sample sample;
  const double cpu_before = ThreadSeconds();
  const auto start = steady_clock::now();
  events::ResponseFile file("responses.csv");
  for (size_t at = 0; at < csv.size(); at += rpc::kImportPieceBytesMax)
    WATERLINE_RETURN_IF_ERROR(
        file.Feed(std::string_view(csv).substr(at, rpc::kImportPieceBytesMax)));
  WATERLINE_RETURN_IF_ERROR(file.Finish());
  sample.seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
  sample.cpu_seconds = ThreadSeconds() - cpu_before;
  sample.count = file.responses().size();
  if (sample.count == rows) return sample;
  return absl::InternalError("a file of " + std::to_string(rows) + " rows parsed to " +
                             std::to_string(sample.count));
}

}  // namespace waterline::bench
