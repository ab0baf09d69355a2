// waterlined as an operator meets it: it starts or says in one sentence why not, and it ends
// cleanly.

#include <atomic>
#include <thread>

#include "tests/e2e/process.h"
#include "tests/integration/generated.h"
#include "tests/integration/raw.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using registry::v1::RegistryService;

class DrainTest : public ::testing::Test {
 protected:
  DrainTest() { EXPECT_TRUE(InitNetwork(folder_.path()).ok()); }
  std::string Digest() {
    const auto digest = deployment::StateDigest(folder_.path().string());
    EXPECT_TRUE(digest.ok()) << digest.status();
    return digest.value_or("");
  }
  Folder folder_;
};

// Calls until the server refuses; every call ends, with an answer or with a status that says that
// the server is going.
void CallUntilItGoes(const Process& process, std::atomic<int>* answered) {
  const auto stub = RegistryService::NewStub(process.channel());
  while (true) {
    registry::v1::ListPlacesResponse places;
    const auto status = Call(stub.get(), &RegistryService::Stub::ListPlaces, {}, &places);
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
      return;
    }
    ++*answered;
  }
}

TEST_F(DrainTest, SigtermEndsOpenStreamsAndCallsCleanly) {
  // With this grace the test fails by its timeout when an idle stream holds the server up.
  Process process(folder_.path(), {"--drain-seconds", "600"});
  ASSERT_TRUE(process.serving()) << process.Errors();
  std::atomic<int> answered{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) callers.emplace_back([&] { CallUntilItGoes(process, &answered); });
  const auto stub = events::v1::EventsService::NewStub(process.channel());
  Context context;
  auto stream = stub->ImportFiles(context.get());
  events::v1::ImportFilesRequest request;
  auto* header = request.mutable_header();
  header->set_parent(std::string("organisations/") + kHost);
  header->set_kind(events::v1::Import::KIND_POLIS);
  header->set_content_digest(std::string(64, '0'));
  header->set_request_id("open");
  ASSERT_TRUE(stream->Write(request));
  request.mutable_piece()->set_file_name("votes.csv");
  request.mutable_piece()->set_content("timestamp,comment-id,voter-id,vote\n");
  ASSERT_TRUE(stream->Write(request));
  while (answered < 20) std::this_thread::yield();
  process.Signal(SIGTERM);
  events::v1::ImportFilesResponse response;
  EXPECT_FALSE(stream->Read(&response));
  const auto status = rpc::FromGrpc(stream->Finish());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(process.Wait(), 0);
}

TEST_F(DrainTest, HealthSaysNotServingFirst) {
  Process process(folder_.path(), {"--drain-seconds", "1"});
  ASSERT_TRUE(process.serving()) << process.Errors();
  grpc::ClientContext context;
  auto watch = OpenRaw(process.channel(), "/grpc.health.v1.Health/Watch", &context);
  ASSERT_TRUE(watch->Write(ToBytes(HealthRequest("waterline.events.v1.EventsService"))));
  watch->WritesDone();
  grpc::ByteBuffer bytes;
  ASSERT_TRUE(watch->Read(&bytes));
  EXPECT_EQ(FromBytes(bytes), kServing);
  process.Signal(SIGTERM);
  ASSERT_TRUE(watch->Read(&bytes));
  EXPECT_EQ(FromBytes(bytes), kNotServing);
  while (watch->Read(&bytes)) continue;
  watch->Finish();
  EXPECT_EQ(process.Wait(), 0);
}

TEST_F(DrainTest, AnImportBrokenOffByTheEndOfTheGraceGoesOn) {
  PolisShape shape;
  shape.seed = Seed();
  shape.votes = 22'000;
  const Files files = GeneratedPolis(shape);
  {
    Process process(folder_.path(), {"--drain-seconds", "0"});
    ASSERT_TRUE(process.serving()) << process.Errors();
    ImportOptions options;
    options.on_message = [&](const events::v1::ImportFilesResponse& response) {
      if (response.has_progress()) process.Signal(SIGTERM);
    };
    static_cast<void>(RunImport(process.channel(), files, options));  // It may have come through.
    EXPECT_EQ(process.Wait(), 0) << process.Errors();
  }
  Process again(folder_.path());
  ASSERT_TRUE(again.serving()) << again.Errors();
  const auto import = RunImport(again.channel(), files);
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_EQ(again.Terminate(), 0);
  Folder other;
  EXPECT_TRUE(InitNetwork(other.path()).ok());
  Process undisturbed(other.path());
  ASSERT_TRUE(RunImport(undisturbed.channel(), files).ok());
  EXPECT_EQ(undisturbed.Terminate(), 0);
  EXPECT_EQ(Digest(), deployment::StateDigest(other.path().string()).value_or("none"));
}

TEST_F(DrainTest, ABusyPortABusyFolderAndAMissingNetworkAreOneSentence) {
  Process first(folder_.path());
  ASSERT_TRUE(first.serving()) << first.Errors();
  const auto refused = [](Process* process, const std::string& part) {
    EXPECT_FALSE(process->serving());
    EXPECT_EQ(process->Wait(), 1);
    const std::string errors = process->Errors();
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
    EXPECT_NE(errors.find(part), std::string::npos) << errors;
  };
  Folder other;
  EXPECT_TRUE(InitNetwork(other.path()).ok());
  Process busy_port(other.path(), {"--listen", "127.0.0.1:" + std::to_string(first.port())});
  refused(&busy_port, "another program uses it");
  Process busy_folder(folder_.path());
  refused(&busy_folder, "in use by another process");
  Folder empty;
  Process no_network(empty.path());
  refused(&no_network, "waterline admin init");
  EXPECT_EQ(first.Terminate(), 0);
}

}  // namespace
}  // namespace waterline::testing
