// waterline-bench: what a receipt costs, in one run of interleaved rounds. See README.md.

#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "services/common/rpc/wire.h"
#include "services/common/status/macros.h"
#include "tests/bench/echo.pb.h"
#include "tests/bench/imports.h"
#include "tests/bench/restart.h"
#include "tests/bench/servers.h"
#include "tests/bench/table.h"
#include "tests/integration/workshop.h"
#include "waterline/events/v1/events_service.pb.h"

namespace waterline::bench {
namespace {

const std::set<std::string> kAll = {
    "echo",       "echo_again",       "read",         "read_tls",       "restart", "write",
    "null_write", "import_responses", "import_polis", "parse_responses"};
constexpr double kQuietShare = 0.05;  // Of one core: below it a server counts as at rest.
constexpr std::chrono::milliseconds kQuietWindow{100};
constexpr int kQuietWindowsMax = 600;

struct Flags {
  double seconds = 2;
  int rounds = 5;
  int in_flight = 64;
  int connections = 2;
  uint64_t import_rows = 100'000;
  std::vector<std::string> only;
  std::string data;
  std::string json;
};

void AddFlags(CLI::App* app, Flags* flags) {
  app->add_option("--seconds", flags->seconds, "Counted time of each kind of call in a round")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 3600.0));
  app->add_option("--rounds", flags->rounds)->capture_default_str()->check(CLI::Range(1, 1000));
  app->add_option("--in-flight", flags->in_flight, "Calls in flight")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  app->add_option("--connections", flags->connections, "Connections they are spread over")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app->add_option("--import-rows", flags->import_rows, "Rows of each imported file")
      ->capture_default_str()
      ->check(CLI::Range(100, 2'000'000));
  app->add_option("--only", flags->only, "These measures only")
      ->delimiter(',')
      ->check(CLI::IsMember(kAll));
  app->add_option("--data", flags->data,
                  "Make the data folders below this folder, which has to be on the disk that is "
                  "measured; the system's folder for temporary files by default");
  app->add_option("--json", flags->json, "Write the report there as JSON");
}

// A folder of its own, gone at the end.
class Folder {
 public:
  explicit Folder(const std::string& below) {
    const auto parent =
        below.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(below);
    std::string pattern = (parent / "waterline-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Bench {
 public:
  Bench(Flags flags, Child* waterlined, Child* tls, const Proof* proof, Child* bare)
      : flags_(std::move(flags)),
        waterlined_(waterlined),
        tls_(tls),
        proof_(proof),
        bare_(bare),
        to_waterlined_(Connect(waterlined->port(), flags_.connections)),
        to_tls_(Connect(tls->port(), flags_.connections, proof->client())),
        to_bare_(Connect(bare->port(), flags_.connections)) {}

  absl::StatusOr<v1::Report> RunAll();
  const std::string& event() const { return event_; }
  bool Wanted(const std::string& name) const {
    return flags_.only.empty() ||
           std::find(flags_.only.begin(), flags_.only.end(), name) != flags_.only.end();
  }

 private:
  using MeasureRun = std::function<absl::StatusOr<Sample>(int round)>;
  std::vector<std::pair<std::string, MeasureRun>> Measures();
  absl::Status Prepare();
  LoadOptions Options(std::string method) const;
  absl::StatusOr<Sample> Echo();
  absl::StatusOr<Sample> Read(const Channels& channels, const Child& server,
                              const std::string& event, const std::string& bearer = "");
  absl::StatusOr<Sample> Write(const Channels& channels, const Child& server);
  absl::StatusOr<Sample> ImportResponses(int round);
  void WaitUntilQuiet() const;

  const Flags flags_;
  Child* const waterlined_;
  Child* const tls_;
  const Proof* const proof_;
  Child* const bare_;
  const Channels to_waterlined_;
  const Channels to_tls_;
  const Channels to_bare_;
  std::string event_;      // What is read.
  std::string tls_event_;  // The same where callers prove who they are.
  uint32_t response_bytes_ = 0;
  Files responses_;
};

LoadOptions Bench::Options(std::string method) const {
  LoadOptions options;
  options.method = std::move(method);
  options.in_flight = flags_.in_flight;
  options.seconds = std::chrono::duration<double>(flags_.seconds);
  return options;
}

// The event to read, and how large its answer is.
absl::Status Bench::Prepare() {
  WATERLINE_ASSIGN_OR_RETURN(event_, OpenEvent(to_waterlined_.front(), "prepare"));
  const auto writer = Connect(tls_->port(), 1, proof_->writer()).front();
  WATERLINE_ASSIGN_OR_RETURN(tls_event_, OpenEvent(writer, "prepare"));
  WATERLINE_ASSIGN_OR_RETURN(response_bytes_, ReadEventBytes(to_waterlined_.front(), event_));
  responses_ = ResponseFiles(flags_.import_rows);
  return absl::OkStatus();
}

absl::StatusOr<Sample> Bench::Echo() {
  LoadOptions options = Options(kEchoMethod);
  v1::EchoRequest request;
  request.set_name(event_);
  request.set_response_bytes(response_bytes_);
  options.request = [request] { return rpc::ToBuffer(request); };
  return Run(to_bare_, *bare_, options);
}

absl::StatusOr<Sample> Bench::Read(const Channels& channels, const Child& server,
                                   const std::string& event, const std::string& bearer) {
  LoadOptions options = Options("/waterline.events.v1.EventsService/GetEvent");
  options.bearer = bearer;
  events::v1::GetEventRequest request;
  request.set_name(event);
  options.request = [request] { return rpc::ToBuffer(request); };
  return Run(channels, server, options);
}

absl::StatusOr<Sample> Bench::Write(const Channels& channels, const Child& server) {
  LoadOptions options = Options("/waterline.events.v1.EventsService/CreateEvent");
  events::v1::CreateEventRequest request;
  request.set_parent("organisations/" + std::string(kOrganisation));
  *request.mutable_event() = testing::Workshop();
  static std::atomic<uint64_t> next{0};
  options.request = [request] {
    events::v1::CreateEventRequest fresh = request;
    fresh.set_request_id("bench-" + std::to_string(next++));
    return rpc::ToBuffer(fresh);
  };
  return Run(channels, server, options);
}

absl::StatusOr<Sample> Bench::ImportResponses(int round) {
  WATERLINE_ASSIGN_OR_RETURN(
      const std::string event,
      OpenEvent(to_waterlined_.front(), "responses-" + std::to_string(round)));
  return RunImport(to_waterlined_.front(), *waterlined_, events::v1::Import::KIND_RESPONSES, event,
                   responses_, flags_.import_rows);
}

std::vector<std::pair<std::string, Bench::MeasureRun>> Bench::Measures() {
  return {
      {"echo", [this](int) { return Echo(); }},
      {"read", [this](int) { return Read(to_waterlined_, *waterlined_, event_); }},
      {"read_tls", [this](int) { return Read(to_tls_, *tls_, tls_event_, proof_->Bearer()); }},
      {"write", [this](int) { return Write(to_waterlined_, *waterlined_); }},
      {"null_write", [this](int) { return Write(to_bare_, *bare_); }},
      {"echo_again", [this](int) { return Echo(); }},
      {"import_responses", [this](int round) { return ImportResponses(round); }},
      {"import_polis",
       [this](int round) {
         return RunImport(to_waterlined_.front(), *waterlined_, events::v1::Import::KIND_POLIS, "",
                          PolisFiles(flags_.import_rows, round), flags_.import_rows);
       }},
      {"parse_responses", [this](int) { return ParseOnly(responses_, flags_.import_rows); }},
  };
}

// Until nothing of the measure before is being done any more: projection, flushes, compaction.
void Bench::WaitUntilQuiet() const {
  for (int i = 0; i < kQuietWindowsMax; ++i) {
    const auto cpu = [this] {
      return waterlined_->cpu_seconds() + tls_->cpu_seconds() + bare_->cpu_seconds();
    };
    const double before = cpu();
    std::this_thread::sleep_for(kQuietWindow);
    const double used = cpu() - before;
    if (used < kQuietShare * std::chrono::duration<double>(kQuietWindow).count()) return;
  }
}

// One line that is written over, for a person who watches.
void ShowProgress(const std::string& line) {
  if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
}

absl::StatusOr<v1::Report> Bench::RunAll() {
  WATERLINE_RETURN_IF_ERROR(Prepare());
  Samples samples;
  auto measures = Measures();
  for (int round = 0; round < flags_.rounds; ++round) {
    for (const auto& [name, run] : measures) {
      if (!Wanted(name)) continue;
      WaitUntilQuiet();
      ShowProgress("round " + std::to_string(round + 1) + " of " + std::to_string(flags_.rounds) +
                   ": " + name);
      WATERLINE_ASSIGN_OR_RETURN(const Sample sample, run(round));
      samples[name].push_back(sample);
    }
    // Each round starts with another measure, so that none always has the same one before it.
    std::rotate(measures.begin(), measures.begin() + 1, measures.end());
  }
  ShowProgress("");
  v1::Report report;
  report.set_build(WATERLINE_BUILD_TYPE);
  report.set_cores(std::thread::hardware_concurrency());
  report.set_rounds(static_cast<uint32_t>(flags_.rounds));
  report.set_seconds_per_round(flags_.seconds);
  report.set_in_flight(static_cast<uint32_t>(flags_.in_flight));
  report.set_connections(static_cast<uint32_t>(flags_.connections));
  report.set_import_rows(flags_.import_rows);
  report.set_response_bytes(response_bytes_);
  AddResults(samples, &report);
  return report;
}

bool WriteJson(const v1::Report& report, const std::string& path) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(report, &json, options).ok()) return false;
  std::ofstream file(path);
  file << json;
  file.close();
  return static_cast<bool>(file);
}

absl::Status MeasureRestarts(int rounds, const std::string& data, const std::string& event,
                             v1::Report* report) {
  std::vector<double> pauses;
  for (int i = 0; i < rounds; ++i) {
    WATERLINE_ASSIGN_OR_RETURN(const Restart restart, RestartUnderKill(data, event));
    pauses.push_back(restart.pause_ms);
    report->set_ledger_entries(restart.entries);
  }
  *report->mutable_restart_ms() = SpreadOf(std::move(pauses));
  return absl::OkStatus();
}

int Fail(const std::string& message) {
  std::fprintf(stderr, "waterline-bench: %s\n", message.c_str());
  return 1;
}

int Main(const Flags& flags) {
  const Folder folder(flags.data);
  if (folder.path().empty()) return Fail("cannot make a folder for the data");
  const std::string data = folder.path() + "/waterlined";
  auto waterlined = Child::Start(
      [&](const Child::Ready& ready) { return ServeWaterlined(data, nullptr, ready); });
  if (!waterlined.ok()) return Fail(std::string(waterlined.status().message()));
  const Proof proof(folder.path() + "/proof");
  auto tls = Child::Start([&](const Child::Ready& ready) {
    return ServeWaterlined(folder.path() + "/tls", &proof, ready);
  });
  if (!tls.ok()) return Fail(std::string(tls.status().message()));
  auto bare = Child::Start(
      [&](const Child::Ready& ready) { return ServeBare(folder.path() + "/bare", ready); });
  if (!bare.ok()) return Fail(std::string(bare.status().message()));
  Bench bench(flags, waterlined->get(), tls->get(), &proof, bare->get());
  auto report = bench.RunAll();
  if (!report.ok()) return Fail(report.status().ToString());
  waterlined->reset();
  if (bench.Wanted("restart")) {
    const auto status = MeasureRestarts(flags.rounds, data, bench.event(), &*report);
    if (!status.ok()) return Fail(status.ToString());
  }
  std::fputs(ToTable(*report).c_str(), stdout);
  if (!flags.json.empty() && !WriteJson(*report, flags.json))
    return Fail("cannot write " + flags.json);
  return 0;
}

}  // namespace
}  // namespace waterline::bench

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", 0);
  waterline::bench::Flags flags;
  CLI::App app("waterline-bench: what a receipt costs, in one run of interleaved rounds");
  waterline::bench::AddFlags(&app, &flags);
  CLI11_PARSE(app, argc, argv);
  return waterline::bench::Main(flags);
}
