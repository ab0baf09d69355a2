#pragma once

// Registers the methods of a service. No gRPC header: handlers compile against protobuf alone.
//
//   auto service = std::make_unique<rpc::Service>("waterline.registry.v1.RegistryService");
//   service->Gated<v1::GetPlaceRequest, v1::GetPlaceResponse>(
//       "GetPlace",
//       [handler](const rpc::Call& call, const v1::GetPlaceRequest& request) {
//         return handler->GetPlace(call, request);
//       },
//       gate);
//
// Shorthand: rpc::Gated(service, "GetPlace", handler, &Handler::GetPlace, gate).
// A GATED method must return Draft<Response>: anything else does not compile. Each registration is
// checked against the descriptor when the server starts: exposure, request and response type, and
// that every method of the service is registered; a mismatch ends the process with a sentence.
// An INTERNAL method makes no receipt and names the services of the host that may call it; it is
// served on an internal server only (server.h).
// Thread safety: registration before the server starts, by one thread.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "services/common/coro/task.h"
#include "services/common/gate/gate.h"
#include "services/common/rpc/call.h"
#include "waterline/common/v1/options.pb.h"

namespace waterline::rpc {

// A message ready for the wire, with its receipt when it is gated.
struct Reply {
  std::unique_ptr<google::protobuf::Message> message;
  std::optional<accountability::v1::Receipt> receipt;
};

// The wire side of a stream, as the reactor implements it. One Read and one Write at a time.
class RawStream {
 public:
  virtual ~RawStream() = default;
  // False at the end of the client's messages, or when the call is over.
  virtual coro::Task<absl::StatusOr<bool>> Read(google::protobuf::Message* message) = 0;
  virtual coro::Task<absl::Status> Write(const google::protobuf::Message& message) = 0;
  // The receipt that goes into trailing metadata: of the last message that carried records.
  virtual void SetReceipt(const accountability::v1::Receipt& receipt) = 0;
};

// What a streaming handler sees. Write takes drafts only.
template <class Request, class Response>
class GatedStream {
 public:
  GatedStream(RawStream* raw, gate::Gate* gate) : raw_(raw), gate_(gate) {}

  // The next message of the client; nothing at the end.
  coro::Task<absl::StatusOr<std::optional<Request>>> Read() {
    Request request;
    auto more = co_await raw_->Read(&request);
    if (!more.ok()) co_return more.status();
    if (!*more) co_return std::optional<Request>();
    co_return std::optional<Request>(std::move(request));
  }

  coro::Task<absl::Status> Write(gate::Draft<Response> draft) {
    auto released = co_await gate_->Release(std::move(draft));
    if (!released.ok()) co_return released.status();
    raw_->SetReceipt(released->receipt());
    co_return co_await raw_->Write(released->message());
  }

 private:
  RawStream* const raw_;
  gate::Gate* const gate_;
};

// What the handler of an INTERNAL stream sees. One Read and one Write at a time; the two never wait
// for each other.
template <class Request, class Response>
class InternalStream {
 public:
  explicit InternalStream(RawStream* raw) : raw_(raw) {}

  // The next message of the client; nothing at the end.
  coro::Task<absl::StatusOr<std::optional<Request>>> Read() {
    Request request;
    auto more = co_await raw_->Read(&request);
    if (!more.ok()) co_return more.status();
    if (!*more) co_return std::optional<Request>();
    co_return std::optional<Request>(std::move(request));
  }

  // `response` lives until the answer.
  coro::Task<absl::Status> Write(const Response& response) { return raw_->Write(response); }

 private:
  RawStream* const raw_;
};

struct Method {
  enum class Kind { kUnary, kServerStream, kBidi };
  Kind kind = Kind::kUnary;
  common::v1::Exposure exposure = common::v1::EXPOSURE_GATED;
  const google::protobuf::Message* request_prototype = nullptr;
  const google::protobuf::Message* response_prototype = nullptr;
  std::function<coro::Task<absl::StatusOr<Reply>>(const Call&, const google::protobuf::Message&)>
      unary;
  // For kServerStream the one request is the first Read.
  std::function<coro::Task<absl::Status>(const Call&, RawStream*)> stream;
  std::vector<std::string> callers;  // INTERNAL: names of the host's services that may call it.
  // A mutation: a request_id stands in its request or in a part of it (the header of an import).
  bool writes = false;  // Set by Service::Add.
};

class Service {
 public:
  explicit Service(std::string full_name) : full_name_(std::move(full_name)) {}

  const std::string& full_name() const { return full_name_; }
  const std::map<std::string, Method>& methods() const { return methods_; }
  void Add(const std::string& method_name, Method method);

 private:
  std::string full_name_;
  std::map<std::string, Method> methods_;
};

namespace internal {

template <class T>
struct DraftOf;  // No definition: a GATED handler must return Task<StatusOr<Draft<Response>>>.
template <class Response>
struct DraftOf<coro::Task<absl::StatusOr<gate::Draft<Response>>>> {
  using type = Response;
};

template <class Response>
Reply ToReply(gate::Released<Response> released) {
  Reply reply;
  reply.receipt = released.receipt();
  reply.message = std::make_unique<Response>(std::move(released).TakeMessage());
  return reply;
}

template <class Handler, class Request, class Response>
coro::Task<absl::StatusOr<Reply>> RunGated(
    Handler* handler,
    coro::Task<absl::StatusOr<gate::Draft<Response>>> (Handler::*run)(const Call&, const Request&),
    gate::Gate* gate, const Call& call, const google::protobuf::Message& request) {
  auto draft = co_await (handler->*run)(call, static_cast<const Request&>(request));
  if (!draft.ok()) co_return draft.status();
  auto released = co_await gate->Release(*std::move(draft));
  if (!released.ok()) co_return released.status();
  co_return ToReply(*std::move(released));
}

template <class Handler, class Request, class Response>
coro::Task<absl::StatusOr<Reply>> RunPublic(
    Handler* handler,
    coro::Task<absl::StatusOr<Response>> (Handler::*run)(const Call&, const Request&),
    const Call& call, const google::protobuf::Message& request) {
  auto response = co_await (handler->*run)(call, static_cast<const Request&>(request));
  if (!response.ok()) co_return response.status();
  Reply reply;
  reply.message = std::make_unique<Response>(*std::move(response));
  co_return reply;
}

template <class Handler, class Request, class Response>
coro::Task<absl::Status> RunStream(
    Handler* handler,
    coro::Task<absl::Status> (Handler::*run)(const Call&, GatedStream<Request, Response>*),
    gate::Gate* gate, const Call& call, RawStream* raw) {
  GatedStream<Request, Response> stream(raw, gate);
  co_return co_await (handler->*run)(call, &stream);
}

template <class Handler, class Request, class Response>
coro::Task<absl::Status> RunInternalBidi(
    Handler* handler,
    coro::Task<absl::Status> (Handler::*run)(const Call&, InternalStream<Request, Response>*),
    const Call& call, RawStream* raw) {
  InternalStream<Request, Response> stream(raw);
  co_return co_await (handler->*run)(call, &stream);
}

template <class Handler, class Request, class Response>
coro::Task<absl::Status> RunServerStream(
    Handler* handler,
    coro::Task<absl::Status> (Handler::*run)(const Call&, const Request&,
                                             GatedStream<Request, Response>*),
    gate::Gate* gate, const Call& call, RawStream* raw) {
  GatedStream<Request, Response> stream(raw, gate);
  Request request;
  auto more = co_await raw->Read(&request);
  if (!more.ok()) co_return more.status();
  co_return co_await (handler->*run)(call, request, &stream);
}

}  // namespace internal

// Adds a GATED unary method.
template <class Handler, class Request, class Response>
void Gated(Service* service, const std::string& name, Handler* handler,
           coro::Task<absl::StatusOr<gate::Draft<Response>>> (Handler::*run)(const Call&,
                                                                             const Request&),
           gate::Gate* gate) {
  Method method;
  method.request_prototype = &Request::default_instance();
  method.response_prototype = &Response::default_instance();
  method.unary = [=](const Call& call, const google::protobuf::Message& request) {
    return internal::RunGated(handler, run, gate, call, request);
  };
  service->Add(name, std::move(method));
}

// Adds a PUBLIC unary method: no shared or personal data, no entry.
template <class Handler, class Request, class Response>
void Public(Service* service, const std::string& name, Handler* handler,
            coro::Task<absl::StatusOr<Response>> (Handler::*run)(const Call&, const Request&)) {
  Method method;
  method.exposure = common::v1::EXPOSURE_PUBLIC;
  method.request_prototype = &Request::default_instance();
  method.response_prototype = &Response::default_instance();
  method.unary = [=](const Call& call, const google::protobuf::Message& request) {
    return internal::RunPublic(handler, run, call, request);
  };
  service->Add(name, std::move(method));
}

// Adds a GATED method whose both sides stream.
template <class Handler, class Request, class Response>
void GatedBidi(Service* service, const std::string& name, Handler* handler,
               coro::Task<absl::Status> (Handler::*run)(const Call&,
                                                        GatedStream<Request, Response>*),
               gate::Gate* gate) {
  Method method;
  method.kind = Method::Kind::kBidi;
  method.request_prototype = &Request::default_instance();
  method.response_prototype = &Response::default_instance();
  method.stream = [=](const Call& call, RawStream* raw) {
    return internal::RunStream(handler, run, gate, call, raw);
  };
  service->Add(name, std::move(method));
}

// Adds a GATED method that answers one request with a stream.
template <class Handler, class Request, class Response>
void GatedServerStream(Service* service, const std::string& name, Handler* handler,
                       coro::Task<absl::Status> (Handler::*run)(const Call&, const Request&,
                                                                GatedStream<Request, Response>*),
                       gate::Gate* gate) {
  Method method;
  method.kind = Method::Kind::kServerStream;
  method.request_prototype = &Request::default_instance();
  method.response_prototype = &Response::default_instance();
  method.stream = [=](const Call& call, RawStream* raw) {
    return internal::RunServerStream(handler, run, gate, call, raw);
  };
  service->Add(name, std::move(method));
}

// Adds an INTERNAL unary method, for the services named: no entry is made for it; the receipt is
// made where a result leaves.
template <class Handler, class Request, class Response>
void Internal(Service* service, const std::string& name, Handler* handler,
              coro::Task<absl::StatusOr<Response>> (Handler::*run)(const Call&, const Request&),
              std::vector<std::string> callers) {
  Public(service, name, handler, run);
  Method method = service->methods().at(name);
  method.exposure = common::v1::EXPOSURE_INTERNAL;
  method.callers = std::move(callers);
  service->Add(name, std::move(method));
}

// Adds an INTERNAL method whose both sides stream.
template <class Handler, class Request, class Response>
void InternalBidi(Service* service, const std::string& name, Handler* handler,
                  coro::Task<absl::Status> (Handler::*run)(const Call&,
                                                           InternalStream<Request, Response>*),
                  std::vector<std::string> callers) {
  Method method;
  method.kind = Method::Kind::kBidi;
  method.exposure = common::v1::EXPOSURE_INTERNAL;
  method.callers = std::move(callers);
  method.request_prototype = &Request::default_instance();
  method.response_prototype = &Response::default_instance();
  method.stream = [=](const Call& call, RawStream* raw) {
    return internal::RunInternalBidi(handler, run, call, raw);
  };
  service->Add(name, std::move(method));
}

// Every difference between the registrations and the service's descriptor, in words; empty is good.
std::vector<std::string> CheckAgainstDescriptor(const Service& service);

}  // namespace waterline::rpc
