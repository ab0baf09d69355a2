#include "tests/bench/load.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "services/common/identity/identity.h"
#include "services/common/rpc/status_wire.h"
#include "tests/bench/servers.h"

namespace waterline::bench {
namespace {

using std::chrono::steady_clock;
using Stub = grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>;

constexpr double kWarmUp = 0.2;
constexpr std::chrono::seconds kDeadline{30};

std::string Key(std::string_view key) { return std::string(key); }

// What the calls of one run share.
struct Loop {
  const LoadOptions* options = nullptr;
  std::atomic<bool> counting{false};
  std::atomic<bool> stopping{false};
  std::atomic<int> open{0};
  std::promise<void> ended;
  std::mutex mutex;  // Guards failure. No other lock is taken under it.
  std::optional<grpc::Status> failure;
};

// One of the calls in flight, again and again.
class Slot {
 public:
  Slot(Loop* loop, std::shared_ptr<grpc::Channel> channel)
      : loop_(loop), stub_(std::move(channel)) {}

  void Send() {
    context_ = std::make_unique<grpc::ClientContext>();
    Identify(context_.get());
    if (!loop_->options->bearer.empty()) {
      context_->AddMetadata(Key(identity::kAuthorizationKey),
                            Key(identity::kBearer) + loop_->options->bearer);
    }
    context_->set_deadline(std::chrono::system_clock::now() + kDeadline);
    request_ = loop_->options->request();
    response_.Clear();
    sent_ = steady_clock::now();
    stub_.UnaryCall(context_.get(), loop_->options->method, grpc::StubOptions(), &request_,
                    &response_, [this](grpc::Status status) { Take(status); });
  }

  const std::vector<double>& latencies_ms() const { return latencies_ms_; }

 private:
  void Take(const grpc::Status& status) {
    if (!status.ok()) {
      std::lock_guard lock(loop_->mutex);
      if (!loop_->failure) loop_->failure = status;
      loop_->stopping = true;
    } else if (loop_->counting) {
      const std::chrono::duration<double, std::milli> took = steady_clock::now() - sent_;
      latencies_ms_.push_back(took.count());
    }
    if (!loop_->stopping) return Send();
    if (--loop_->open == 0) loop_->ended.set_value();
  }

  Loop* const loop_;
  Stub stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  steady_clock::time_point sent_;
  std::vector<double> latencies_ms_;
};

double Quantile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

double OwnCpuSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void Identify(grpc::ClientContext* context) {
  context->AddMetadata(Key(identity::kOrganisationKey), kOrganisation);
  context->AddMetadata(Key(identity::kActorKey), kActor);
  context->AddMetadata(Key(identity::kRoleKey), kRole);
  context->AddMetadata(Key(identity::kPurposeKey), kPurpose);
}

Channels Connect(int port, int connections, std::shared_ptr<grpc::ChannelCredentials> credentials) {
  if (credentials == nullptr) credentials = grpc::InsecureChannelCredentials();
  Channels channels;
  for (int i = 0; i < connections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // Or they would share a connection.
    channels.push_back(
        grpc::CreateCustomChannel("localhost:" + std::to_string(port), credentials, arguments));
  }
  return channels;
}

absl::StatusOr<Sample> Run(const Channels& channels, const Child& server,
                           const LoadOptions& options) {
  Loop loop;
  loop.options = &options;
  loop.open = options.in_flight;
  std::deque<Slot> slots;
  for (int i = 0; i < options.in_flight; ++i)
    slots.emplace_back(&loop, channels[static_cast<size_t>(i) % channels.size()]);
  for (auto& slot : slots) slot.Send();
  std::this_thread::sleep_for(options.seconds * kWarmUp);
  Sample sample;
  const double cpu_before = server.cpu_seconds();
  const double client_before = OwnCpuSeconds();
  const auto start = steady_clock::now();
  loop.counting = true;
  std::this_thread::sleep_for(options.seconds);
  loop.counting = false;
  sample.seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
  sample.cpu_seconds = server.cpu_seconds() - cpu_before;
  sample.client_cpu_seconds = OwnCpuSeconds() - client_before;
  loop.stopping = true;
  loop.ended.get_future().wait();
  if (loop.failure) return rpc::FromGrpc(*loop.failure);
  std::vector<double> latencies;
  for (const auto& slot : slots)
    latencies.insert(latencies.end(), slot.latencies_ms().begin(), slot.latencies_ms().end());
  std::sort(latencies.begin(), latencies.end());
  sample.count = latencies.size();
  sample.p50_ms = Quantile(latencies, 0.50);
  sample.p99_ms = Quantile(latencies, 0.99);
  return sample;
}

}  // namespace waterline::bench
