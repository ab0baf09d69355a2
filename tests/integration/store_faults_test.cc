// What a failing store leaves behind, in the manner of SQLite's out-of-memory tests: an operation
// is run through a whole waterlined whose store fails at call 1, 2, 3, ... until the fault no
// longer fires; once without effect, once with the effect done and the acknowledgement lost. After
// each run the folder is opened again and the caller tries again with the same request id: the
// state must then be the very state of a run without a fault, and every log without a gap.
//
// The projector has the same test beside it (projector_test.cc, ACommitThatFails...).

#include <algorithm>
#include <filesystem>
#include <functional>

#include "services/common/coro/sync_wait.h"
#include "services/common/storage/faulty/faulty_store.h"
#include "services/common/text/date.h"
#include "tests/integration/importing.h"
#include "tests/integration/workshop.h"
#include "waterline/events/v1/events_service.grpc.pb.h"
#include "waterline/registry/v1/registry_service.grpc.pb.h"

namespace waterline::testing {
namespace {

namespace fs = std::filesystem;
using events::v1::EventsService;
using registry::v1::RegistryService;
using storage::FaultyStore;
using Channel = std::shared_ptr<grpc::Channel>;
using Operation = std::function<absl::Status(Channel)>;

// A stack of waterlined on `folder` whose store of one service can fail.
class Served {
 public:
  Served(const fs::path& folder, const std::string& faulty_service) {
    deployment::ServeOptions options;
    options.data = folder.string();
    options.listen = {"127.0.0.1:0"};
    options.projector_poll = std::chrono::milliseconds(20);  // It bounds the stop, too.
    options.store_layer = [this, faulty_service](const std::string& service,
                                                 storage::Store* inner) {
      auto layer = std::make_unique<FaultyStore>(inner);
      if (service == faulty_service) faulty_ = layer.get();
      return layer;
    };
    auto started = deployment::Waterlined::Start(options);
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                                   grpc::InsecureChannelCredentials());
  }
  FaultyStore& faulty() { return *faulty_; }
  Channel channel() { return channel_; }

 private:
  FaultyStore* faulty_ = nullptr;
  std::unique_ptr<deployment::Waterlined> server_;
  Channel channel_;
};

// In memory where the machine has such a folder: these tests open some hundred stores, and what
// they look at does not hang on the disk.
fs::path NewFolder(const std::string& name) {
  return fs::path(fs::exists("/dev/shm") ? "/dev/shm" : ::testing::TempDir()) /
         ("waterline-faults-" + std::to_string(getpid()) + "-" + name);
}

// Positions 1, 2, 3, ... in every log that holds anything.
void ExpectNoGaps(const fs::path& folder, const std::string& service, const std::string& log) {
  storage::RocksDbStore::Options options;
  options.path = deployment::Layout(folder.string()).Store(service);
  auto store = storage::RocksDbStore::Open(options);
  ASSERT_TRUE(store.ok()) << store.status();
  auto partitions = *coro::SyncWait((*store)->Partitions("", 100));
  for (const auto& partition : partitions) {
    auto items = *coro::SyncWait((*store)->ReadLog(partition, log, 0, 1000));
    for (size_t i = 0; i < items.size(); ++i) EXPECT_EQ(items[i].position, i + 1);
  }
}

struct Plan {
  std::string service;  // Whose store fails.
  std::string log;      // Of that store; checked for gaps.
  Operation prepare;    // Once, on the folder that all runs are copies of.
  Operation operation;
  bool is_in_parts = false;  // An import: what was accepted before the fault stays.
};

std::string Digest(const fs::path& folder) {
  auto digest = deployment::StateDigest(folder.string());
  EXPECT_TRUE(digest.ok()) << digest.status();
  return digest.ok() ? *digest : "";
}

class FaultRun {
 public:
  explicit FaultRun(Plan plan) : plan_(std::move(plan)) {
    fs::remove_all(start_);
    EXPECT_TRUE(InitNetwork(start_).ok());
    if (plan_.prepare) Run(start_, plan_.prepare);
    before_ = Digest(start_);
    const fs::path done = Copy("done");
    Run(done, plan_.operation);
    after_ = Digest(done);
    EXPECT_NE(before_, after_) << "the operation changes nothing";
    Run(done, plan_.operation);
    EXPECT_EQ(Digest(done), after_) << "the operation is not safe to repeat";
    fs::remove_all(done);
  }
  ~FaultRun() { fs::remove_all(start_); }

  void FailEveryCall(FaultyStore::Mode mode) {
    int n = 1;
    while (FailAt(n, mode) && n < 1000 && !::testing::Test::HasFailure()) ++n;
    printf("%d calls of the store failed in turn\n", n - 1);
    EXPECT_GT(n, 1) << "the operation makes no calls that can fail";
  }

 private:
  static void Run(const fs::path& folder, const Operation& operation) {
    Served served(folder, "");
    const auto status = operation(served.channel());
    EXPECT_TRUE(status.ok()) << status;
  }
  fs::path Copy(const std::string& name) {
    const fs::path copy = NewFolder(name);
    fs::remove_all(copy);
    fs::copy(start_, copy, fs::copy_options::recursive);
    return copy;
  }

  // False when the operation made fewer than n calls.
  bool FailAt(int n, FaultyStore::Mode mode) {
    SCOPED_TRACE("call " + std::to_string(n));
    const fs::path folder = Copy("run");
    bool has_fired = false;
    absl::Status status;
    {
      Served served(folder, plan_.service);
      served.faulty().FailAt(n, mode);
      status = plan_.operation(served.channel());
      has_fired = served.faulty().Disarm();
    }
    if (status.ok()) {
      EXPECT_EQ(Digest(folder), after_) << "said to be done";
    } else if (!plan_.is_in_parts) {
      const std::string left = Digest(folder);
      EXPECT_TRUE(left == before_ || left == after_) << "half done: " << status;
    }
    Run(folder, plan_.operation);
    EXPECT_EQ(Digest(folder), after_) << "after the retry; the fault gave " << status;
    ExpectNoGaps(folder, plan_.service, plan_.log);
    fs::remove_all(folder);
    return has_fired;
  }

  const Plan plan_;
  const fs::path start_ = NewFolder("start");
  std::string before_, after_;
};

// ---- Operations ---------------------------------------------------------------------------------

absl::Status CreateEvent(Channel channel) {
  auto stub = EventsService::NewStub(channel);
  events::v1::CreateEventRequest request;
  request.set_parent(std::string("organisations/") + kHost);
  *request.mutable_event() = Workshop();
  request.set_request_id("create");
  events::v1::CreateEventResponse response;
  return Call(stub.get(), &EventsService::Stub::CreateEvent, request, &response);
}

absl::Status ImportPolis(Channel channel) {
  const Files files = {
      {"comments.csv",
       "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body\n"
       "1420070400000,Thu Jan 01 2015,0,7,2,0,1,Letters should be short\n"
       "1420070500000,Thu Jan 01 2015,1,8,0,1,-1,Phones are better\n"},
      {"votes.csv",
       "timestamp,datetime,comment-id,voter-id,vote\n"
       "1420070600000,Thu Jan 01 2015,0,7,1\n"
       "1420070700000,Thu Jan 01 2015,0,8,1\n"
       "1420070800000,Thu Jan 01 2015,1,7,-1\n"},
      {"summary.csv", "topic,Letters\nurl,https://example.org/x\nvoters,2\n"},
  };
  return RunImport(channel, files).status();
}

absl::Status ImportOrganisations(Channel channel) {
  auto stub = RegistryService::NewStub(channel);
  Context context(Steward());
  auto stream = stub->ImportOrganisations(context.get());
  registry::v1::ImportOrganisationsRequest request;
  request.mutable_header()->set_request_id("import");
  stream->Write(request);
  request.set_chunk(
      "practice_code,practice_name,pcn_code,pcn_name,icb_code,icb_name,region_code,region_name,"
      "postcode\n"
      "B81051,OLD FIRE STATION SURGERY,U30913,BEVERLEY PCN,QOQ,NHS HUMBER AND NORTH YORKSHIRE "
      "INTEGRATED CARE BOARD,Y63,NORTH EAST AND YORKSHIRE COMMISSIONING REGION,HU17 8JW\n");
  stream->Write(request);
  stream->WritesDone();
  registry::v1::ImportOrganisationsResponse response;
  while (stream->Read(&response)) {
  }
  return rpc::FromGrpc(stream->Finish());
}

Plan RecordWrite() { return {"events", "evidence", nullptr, CreateEvent, false}; }
Plan BulkImport() { return {"events", "evidence", nullptr, ImportPolis, true}; }
Plan OrganisationImport() {
  return {"registry", "organisations", nullptr, ImportOrganisations, true};
}

TEST(StoreFaults, ARecordWriteIsDoneOnceOrNotAtAll) {
  FaultRun run(RecordWrite());
  run.FailEveryCall(FaultyStore::Mode::kBefore);
  run.FailEveryCall(FaultyStore::Mode::kLostAcknowledgement);
}

TEST(StoreFaults, ABulkImportThatWasRepeatedDoublesNothing) {
  FaultRun run(BulkImport());
  run.FailEveryCall(FaultyStore::Mode::kBefore);
  run.FailEveryCall(FaultyStore::Mode::kLostAcknowledgement);
}

TEST(StoreFaults, AnOrganisationImportThatWasRepeatedDoublesNothing) {
  FaultRun run(OrganisationImport());
  run.FailEveryCall(FaultyStore::Mode::kBefore);
  run.FailEveryCall(FaultyStore::Mode::kLostAcknowledgement);
}

// The ledger runs on the same kind of store: what it cannot write, no caller is told.
TEST(StoreFaults, AnEntryThatCannotBeMadeIsNoAnswer) {
  Plan plan = RecordWrite();
  plan.service = "accountability";
  plan.log = "entries";
  FaultRun run(std::move(plan));
  run.FailEveryCall(FaultyStore::Mode::kBefore);
}

}  // namespace
}  // namespace waterline::testing
