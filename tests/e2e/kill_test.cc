// kill -9 of waterlined: in the middle of an import, after which the same import ends in the same
// state as an undisturbed one; and in the middle of writes, after which everything acknowledged is
// there once and has its entry in the ledger.

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "services/common/text/date.h"
#include "tests/e2e/process.h"
#include "tests/integration/generated.h"
#include "tests/integration/open_event.h"
#include "waterline/accountability/v1/accountability_service.grpc.pb.h"

namespace waterline::testing {
namespace {

using accountability::v1::AccountabilityService;
using accountability::v1::Receipt;
using common::v1::BulkReport;
using events::v1::EventsService;
using Stub = EventsService::Stub;

const std::string kParent = std::string("organisations/") + kHost;

// ---- Imports ------------------------------------------------------------------------------------

// What does not depend on how often the import was broken off.
std::vector<uint64_t> Totals(const BulkReport& report) {
  return {report.rows_read(), report.repeated_rows(), report.rejected(),
          report.created() + report.unchanged() + report.superseded()};
}

struct Outcome {
  std::vector<uint64_t> contributions, reactions, informants, tally;
  std::string digest;
  bool operator==(const Outcome&) const = default;
};

// Ends the process and gives what is in its folder.
Outcome Finish(const events::v1::Import& import, const std::filesystem::path& data,
               Process* process) {
  EXPECT_EQ(process->Terminate(), 0);
  const auto& report = import.report();
  const auto& tally = report.current_reactions();
  Outcome outcome{Totals(report.contributions()),
                  Totals(report.reactions()),
                  Totals(report.informants()),
                  {tally.agree(), tally.disagree(), tally.pass(), tally.superseded()},
                  ""};
  const auto digest = deployment::StateDigest(data.string());
  EXPECT_TRUE(digest.ok()) << digest.status();
  outcome.digest = digest.value_or("");
  return outcome;
}

Outcome Undisturbed(const Files& files) {
  Folder folder;
  EXPECT_TRUE(InitNetwork(folder.path()).ok());
  Process process(folder.path());
  EXPECT_TRUE(process.serving()) << process.Errors();
  const auto import = RunImport(process.channel(), files);
  EXPECT_TRUE(import.ok()) << import.status();
  return Finish(*import, folder.path(), &process);
}

// Kills a process when something was written into a folder for the n-th time. No later than its
// own end.
class KillAtWrite {
 public:
  KillAtWrite(const Process& process, const std::filesystem::path& folder, int count)
      : watch_(inotify_init1(IN_CLOEXEC)) {
    EXPECT_EQ(pipe2(stop_, O_CLOEXEC), 0);
    inotify_add_watch(watch_, folder.c_str(), IN_MODIFY);
    thread_ = std::thread([this, &process, count] { Watch(process, count); });
  }
  ~KillAtWrite() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(watch_);
  }

 private:
  void Watch(const Process& process, int count) {
    while (count > 0) {
      pollfd events[] = {{watch_, POLLIN, 0}, {stop_[0], POLLHUP, 0}};
      poll(events, 2, -1);
      if (events[1].revents != 0) return;
      char buffer[4096];
      const ssize_t got = read(watch_, buffer, sizeof buffer);
      for (ssize_t at = 0; at < got; --count)
        at += static_cast<ssize_t>(sizeof(inotify_event)) +
              reinterpret_cast<const inotify_event*>(buffer + at)->len;
    }
    process.Signal(SIGKILL);
  }

  int watch_;
  int stop_[2];
  std::thread thread_;
};

// Runs the import into `data` and kills the server: after `progress` messages of progress when it
// is not negative, otherwise at the given write into the store of events.
void ImportAndKill(const std::filesystem::path& data, const Files& files, int progress, int write) {
  Process process(data);
  ASSERT_TRUE(process.serving()) << process.Errors();
  int seen = 0;
  ImportOptions options;
  options.on_message = [&](const events::v1::ImportFilesResponse& response) {
    if (response.has_progress() && ++seen == progress) process.Signal(SIGKILL);
  };
  std::optional<KillAtWrite> killer;
  if (progress < 0) killer.emplace(process, data / "stores" / "events", write);
  const auto import = RunImport(process.channel(), files, options);
  killer.reset();
  process.Kill();
  std::printf("killed %s\n", import.ok() ? "after the import" : "in the middle of the import");
}

void KillAndRunAgain(const Files& files, const Outcome& undisturbed, int progress, int write) {
  SCOPED_TRACE("after progress " + std::to_string(progress) + ", at write " +
               std::to_string(write));
  Folder folder;
  EXPECT_TRUE(InitNetwork(folder.path()).ok());
  ImportAndKill(folder.path(), files, progress, write);
  Process again(folder.path());
  ASSERT_TRUE(again.serving()) << again.Errors();
  const auto import = RunImport(again.channel(), files);
  ASSERT_TRUE(import.ok()) << import.status();
  EXPECT_EQ(import->state(), events::v1::Import::STATE_COMPLETE);
  const auto outcome = Finish(*import, folder.path(), &again);
  EXPECT_EQ(outcome.digest, undisturbed.digest);
  EXPECT_TRUE(outcome == undisturbed);
}

TEST(Kill, AnImportThatWasKilledEndsAsAnUndisturbedOne) {
  std::mt19937 random(Seed());
  PolisShape shape;
  shape.seed = static_cast<unsigned>(random());
  shape.votes = 22'000;  // Two messages of progress.
  const Files files = GeneratedPolis(shape);
  const auto undisturbed = Undisturbed(files);
  const int kills = FromEnvironment("WATERLINE_KILLS", 5);
  for (int i = 0; i < kills; ++i) {
    if (i == 0) {
      KillAndRunAgain(files, undisturbed, 1, 0);
    } else {
      KillAndRunAgain(files, undisturbed, -1, 1 + static_cast<int>(random() % 25));
    }
  }
}

TEST(Kill, TheRealSetsToo) {
  const std::filesystem::path data = "../shared/data";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << "the real data are not beside the project";
  std::mt19937 random(Seed());
  const bool all = FromEnvironment("WATERLINE_KILLS", 5) > 5;
  for (const char* set :
       {"polis-vtaiwan-uberx", "polis-london-youth-policing", "polis-affordable-housing-nz"}) {
    SCOPED_TRACE(set);
    const Files files = ReadFolder(data / set);
    KillAndRunAgain(files, Undisturbed(files), -1, 1 + static_cast<int>(random() % 25));
    if (!all) break;  // The larger ones run at night.
  }
}

// ---- Writes -------------------------------------------------------------------------------------

events::v1::CreateEventRequest NewEvent(const std::string& tag) {
  events::v1::CreateEventRequest request;
  request.set_parent(kParent);
  request.set_request_id(tag);
  *request.mutable_event() = Workshop();
  request.mutable_event()->set_title(tag);
  return request;
}

events::v1::RecordContributionsRequest NewContribution(const std::string& event,
                                                       const std::string& tag) {
  events::v1::RecordContributionsRequest request;
  request.set_parent(event);
  request.set_request_id(tag);
  auto* contribution = request.add_contributions();
  contribution->set_source_id(tag);
  contribution->set_text("Said at " + tag);
  contribution->set_informant("seat-" + tag);
  return request;
}

// What clients were told, and what they do not know.
struct Memory {
  std::map<std::string, std::string> events;         // Tag -> name.
  std::map<std::string, std::string> contributions;  // Tag -> name.
  std::set<std::string> unknown_events, unknown_contributions;
  std::vector<Receipt> receipts;
};

absl::Status CreateOne(Stub* stub, const std::string& tag, std::string* name, Receipt* receipt) {
  events::v1::CreateEventResponse response;
  std::optional<Receipt> got;
  const auto status = Call(stub, &Stub::CreateEvent, NewEvent(tag), &response, {}, &got);
  if (!status.ok()) return status;
  *name = response.event().name();
  *receipt = got.value();
  return status;
}

absl::Status ContributeOne(Stub* stub, const std::string& event, const std::string& tag,
                           std::string* name, Receipt* receipt) {
  events::v1::RecordContributionsResponse response;
  std::optional<Receipt> got;
  const auto status =
      Call(stub, &Stub::RecordContributions, NewContribution(event, tag), &response, {}, &got);
  if (!status.ok()) return status;
  *name = response.contributions(0).name();
  *receipt = got.value();
  return status;
}

// Four clients write until the server is killed, after `count` acknowledgements.
void WriteUntilKilled(Process* process, const std::string& event, int round, int count,
                      Memory* memory) {
  std::mutex mutex;
  std::atomic<int> acknowledged{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&, c] {
      const auto stub = EventsService::NewStub(process->channel());
      for (int i = 0;; ++i) {
        const std::string tag =
            std::to_string(round) + "-" + std::to_string(c) + "-" + std::to_string(i);
        const bool create = (c + i) % 2 == 0;
        std::string name;
        Receipt receipt;
        const auto status = create ? CreateOne(stub.get(), tag, &name, &receipt)
                                   : ContributeOne(stub.get(), event, tag, &name, &receipt);
        std::lock_guard lock(mutex);
        if (!status.ok()) {
          (create ? memory->unknown_events : memory->unknown_contributions).insert(tag);
          return;
        }
        (create ? memory->events : memory->contributions)[tag] = name;
        memory->receipts.push_back(receipt);
        if (++acknowledged == count) process->Signal(SIGKILL);
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(process->Kill(), -SIGKILL);
}

// How often each title or source id is there.
std::map<std::string, int> CountEvents(Stub* stub) {
  std::map<std::string, int> counts;
  events::v1::ListEventsRequest request;
  request.set_parent(kParent);
  request.set_page_size(1000);
  events::v1::ListEventsResponse page;
  do {
    EXPECT_TRUE(Call(stub, &Stub::ListEvents, request, &page).ok());
    for (const auto& event : page.events()) ++counts[event.title()];
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  return counts;
}

std::map<std::string, int> CountContributions(Stub* stub, const std::string& event) {
  std::map<std::string, int> counts;
  events::v1::ListContributionsRequest request;
  request.set_parent(event);
  request.set_page_size(1000);
  events::v1::ListContributionsResponse page;
  do {
    EXPECT_TRUE(Call(stub, &Stub::ListContributions, request, &page).ok());
    for (const auto& one : page.contributions()) ++counts[one.source_id()];
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  return counts;
}

// The unknown ones are sent again, and then stand as everything else does.
void SendUnknownAgain(Stub* stub, const std::string& event, Memory* memory) {
  std::string name;
  Receipt receipt;
  for (const auto& tag : memory->unknown_events) {
    const auto status = CreateOne(stub, tag, &name, &receipt);
    ASSERT_TRUE(status.ok()) << status;
    memory->events[tag] = name;
    memory->receipts.push_back(receipt);
  }
  for (const auto& tag : memory->unknown_contributions) {
    const auto status = ContributeOne(stub, event, tag, &name, &receipt);
    ASSERT_TRUE(status.ok()) << status;
    memory->contributions[tag] = name;
    memory->receipts.push_back(receipt);
  }
  memory->unknown_events.clear();
  memory->unknown_contributions.clear();
}

void CheckReceipts(const Process& process, const Memory& memory) {
  const auto ledger = AccountabilityService::NewStub(process.channel());
  for (const auto& receipt : memory.receipts) {
    accountability::v1::GetInclusionProofRequest request;
    *request.mutable_position() = receipt.position();
    accountability::v1::GetInclusionProofResponse proof;
    const auto status =
        Call(ledger.get(), &AccountabilityService::Stub::GetInclusionProof, request, &proof);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(proof.leaf_hash(), receipt.leaf_hash()) << receipt.position().index();
  }
}

TEST(Kill, WhatWasAcknowledgedIsThereOnceWithItsEntry) {
  std::mt19937 random(Seed());
  Folder folder;
  EXPECT_TRUE(InitNetwork(folder.path()).ok());
  Memory memory;
  std::string event;
  const int kills = FromEnvironment("WATERLINE_KILLS", 4);
  for (int round = 0; round <= kills; ++round) {
    SCOPED_TRACE(round);
    Process process(folder.path());
    ASSERT_TRUE(process.serving()) << process.Errors();
    const auto stub = EventsService::NewStub(process.channel());
    if (event.empty()) event = OpenEvent(stub.get(), NewEvent("the-open-one").event());
    for (const auto& [title, count] : CountEvents(stub.get())) {
      EXPECT_EQ(count, 1) << title;
      EXPECT_TRUE(memory.events.contains(title) || memory.unknown_events.contains(title) ||
                  title == "the-open-one")
          << title << " was never sent";
    }
    SendUnknownAgain(stub.get(), event, &memory);
    const auto events = CountEvents(stub.get());
    for (const auto& [tag, name] : memory.events) {
      ASSERT_TRUE(events.contains(tag)) << tag << " was acknowledged and is lost";
      EXPECT_EQ(events.at(tag), 1) << tag;
    }
    const auto contributions = CountContributions(stub.get(), event);
    EXPECT_EQ(contributions.size(), memory.contributions.size());
    for (const auto& [tag, name] : memory.contributions) {
      ASSERT_TRUE(contributions.contains(tag)) << tag << " was acknowledged and is lost";
      EXPECT_EQ(contributions.at(tag), 1) << tag;
    }
    CheckReceipts(process, memory);
    if (round == kills) break;
    WriteUntilKilled(&process, event, round, 1 + static_cast<int>(random() % 120), &memory);
  }
  const auto verified = deployment::Verify(folder.path().string());
  EXPECT_TRUE(verified.ok()) << verified.status();
  EXPECT_GE(memory.receipts.size(), static_cast<size_t>(kills));
}

}  // namespace
}  // namespace waterline::testing
