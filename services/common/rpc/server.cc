#include "services/common/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/method_handler.h>
#include <grpcpp/support/server_callback.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "services/common/rpc/calls.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/wire.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::rpc {
namespace {

using std::chrono::steady_clock;

// One of our services as gRPC sees it: raw bytes in and out, typed by the descriptors.
class WireService : public grpc::Service {
 public:
  WireService(Shared* shared, const rpc::Service& service) {
    int index = 0;
    for (const auto& [name, method] : service.methods()) {
      const std::string& path = paths_.emplace_back("/" + service.full_name() + "/" + name);
      Add(shared, path, method, index++);
    }
  }

 private:
  using Buffer = grpc::ByteBuffer;
  void Add(Shared* shared, const std::string& path, const Method& method, int index) {
    const bool unary = method.kind == Method::Kind::kUnary;
    const auto type =
        unary ? grpc::internal::RpcMethod::NORMAL_RPC : grpc::internal::RpcMethod::BIDI_STREAMING;
    AddMethod(new grpc::internal::RpcServiceMethod(path.c_str(), type, nullptr));
    grpc::internal::MethodHandler* handler = nullptr;
    if (unary) {
      handler = new grpc::internal::CallbackUnaryHandler<Buffer, Buffer>(
          [shared, &path, &method](grpc::CallbackServerContext* context, const Buffer* request,
                                   Buffer* response) {
            return StartUnary(shared, path, method, context, request, response);
          });
    } else {
      handler = new grpc::internal::CallbackBidiHandler<Buffer, Buffer>(
          [shared, &path, &method](grpc::CallbackServerContext* context) {
            return StartStream(shared, path, method, context);
          });
    }
    MarkMethodCallback(index, handler);
  }

  std::deque<std::string> paths_;
};

// An INTERNAL method is on no public port, and nothing else is on an internal one.
absl::Status CheckExposure(const Service& service, bool internal) {
  for (const auto& [name, method] : service.methods()) {
    if ((method.exposure == common::v1::EXPOSURE_INTERNAL) == internal) continue;
    return Error(reason::kStateForbids, service.full_name() + "." + name +
                                            (internal ? " is not INTERNAL, and this server is"
                                                      : " is INTERNAL, and this server is not"));
  }
  return absl::OkStatus();
}

}  // namespace

struct Server::Impl {
  ServerOptions options;
  Shared shared;
  std::vector<std::string> names;
  std::vector<std::unique_ptr<WireService>> wire_services;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  bool drained = false;

  // The self-call that keeps the callback pollers awake and measures how late they react.
  std::mutex heart_mutex;
  std::condition_variable heart_wake;
  bool heart_stopping = false;
  std::thread heart;

  void Beat();
};

void Server::Impl::Beat() {
  const auto channel = server->InProcessChannel({});
  auto* reaction_lag = options.metrics->HistogramOf("waterline_reaction_lag_seconds",
                                                    "Time of a call of the server to itself");
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub(channel);
  std::unique_lock lock(heart_mutex);
  while (!heart_wake.wait_for(lock, kHeartbeatPeriod, [this] { return heart_stopping; })) {
    lock.unlock();
    const auto start = steady_clock::now();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    grpc::ByteBuffer request;
    grpc::Slice nothing;
    grpc::ByteBuffer sent(&nothing, 1);
    grpc::ByteBuffer received;
    std::promise<void> done;
    const grpc::StubOptions stub_options;
    stub.UnaryCall(&context, kHealthCheck, stub_options, &sent, &received,
                   [&done](const grpc::Status&) { done.set_value(); });
    done.get_future().wait();
    for (const auto& call : shared.Under(steady_clock::now())) call->Expire();
    reaction_lag->Observe(std::chrono::duration<double>(steady_clock::now() - start).count());
    lock.lock();
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { Drain(); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options,
                                                      std::vector<const Service*> services) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  impl->shared.identity = impl->options.identity;
  impl->shared.metrics = impl->options.metrics;
  impl->shared.unary_deadline_max = impl->options.unary_deadline_max;
  impl->shared.internal_callers = impl->options.internal_callers;
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  builder.SetMaxSendMessageSize(kMessageBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // The host's services ask on a quiet connection whether the other side is still there (link.h).
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(kKeepalivePeriod.count()) / 2);
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (impl->options.tls) {
    WATERLINE_ASSIGN_OR_RETURN(credentials, ServerCredentialsOf(*impl->options.tls));
  }
  std::deque<int> ports;
  for (const auto& address : impl->options.addresses) {
    WATERLINE_RETURN_IF_ERROR(impl->options.identity->AllowsListeningOn(address));
    builder.AddListeningPort(address, credentials, &ports.emplace_back(0));
  }
  for (const Service* service : services) {
    const auto problems = CheckAgainstDescriptor(*service);
    if (!problems.empty()) return Error(reason::kStateForbids, problems.front());
    WATERLINE_RETURN_IF_ERROR(CheckExposure(*service, !impl->options.internal_callers.empty()));
    impl->names.push_back(service->full_name());
    impl->wire_services.push_back(std::make_unique<WireService>(&impl->shared, *service));
    builder.RegisterService(impl->wire_services.back().get());
  }
  impl->server = builder.BuildAndStart();
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string& address = impl->options.addresses[i];
    if (impl->server != nullptr && (ports[i] != 0 || address.starts_with("unix:"))) continue;
    return Error(reason::kUnavailable,
                 "cannot listen on " + address +
                     ": another program uses it; stop that one or choose another port",
                 {{"address", address}});
  }
  impl->port = ports.empty() ? 0 : std::max(ports.front(), 0);
  impl->heart = std::thread([raw = impl.get()] { raw->Beat(); });
  std::unique_ptr<Server> server(new Server(std::move(impl)));
  server->SetServing(false);
  return server;
}

int Server::port() const { return impl_->port; }

void Server::SetServing(bool serving) {
  auto* health = impl_->server->GetHealthCheckService();
  for (const auto& name : impl_->names) health->SetServingStatus(name, serving);
  health->SetServingStatus(serving);
}

void Server::Drain() {
  if (std::exchange(impl_->drained, true)) return;
  SetServing(false);
  {
    std::lock_guard lock(impl_->heart_mutex);
    impl_->heart_stopping = true;
  }
  impl_->heart_wake.notify_one();
  impl_->heart.join();
  const auto grace_end = std::chrono::system_clock::now() + impl_->options.drain_grace;
  impl_->shared.refusing = true;
  std::this_thread::sleep_for(std::min(impl_->options.drain_grace, kDrainNotice));
  for (const auto& call : impl_->shared.Under(steady_clock::time_point::max())) call->Drain();
  impl_->server->Shutdown(grace_end);
  impl_->server->Wait();
  impl_->shared.WaitUntilIdle();
}

}  // namespace waterline::rpc
