// A stream ends when the token of its caller does: the identity provider here says how long the
// proof lasts. Real server, real client.

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include <future>

#include "services/common/rpc/client.h"
#include "services/common/rpc/server.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/rpc/wire.h"
#include "services/common/status/error.h"

namespace waterline::rpc {
namespace {

using accountability::v1::DecideRequest;
using accountability::v1::DecideResponse;

class ShortProof : public identity::IdentityProvider {
 public:
  explicit ShortProof(std::optional<std::chrono::milliseconds> lasts) : lasts_(lasts) {}
  absl::StatusOr<identity::Identified> Identify(const identity::MetadataReader&,
                                                const identity::Peer&, identity::Access) override {
    identity::Identified identified;
    identified.caller.set_certificate_identity("spiffe://sussex/org/ods-qnx/svc/events");
    if (lasts_) identified.expiry = std::chrono::steady_clock::now() + *lasts_;
    return identified;
  }
  absl::Status AllowsListeningOn(std::string_view) override { return absl::OkStatus(); }

 private:
  const std::optional<std::chrono::milliseconds> lasts_;
};

// Answers each message; ends with its client.
coro::Task<absl::Status> Answer(const Call&, RawStream* stream) {
  DecideRequest request;
  DecideResponse response;
  while (true) {
    auto more = co_await stream->Read(&request);
    if (!more.ok()) co_return more.status();
    if (!*more) co_return absl::OkStatus();
    auto written = co_await stream->Write(response);
    if (!written.ok()) co_return written;
  }
}

// Never stops by itself, and fills what a client that does not read can take.
coro::Task<absl::Status> Pour(const Call&, RawStream* stream) {
  DecideResponse response;
  response.set_network(std::string(64 * 1024, 'n'));
  while (true) {
    auto written = co_await stream->Write(response);
    if (!written.ok()) co_return written;
  }
}

using Handler = coro::Task<absl::Status> (*)(const Call&, RawStream*);
using ClientStream = grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

// How a handler ended.
struct End {
  std::promise<absl::Status> status;
  std::atomic<bool> cancelled{false};
};
coro::Task<absl::Status> Tell(Handler handler, End* end, const Call& call, RawStream* stream) {
  auto status = co_await handler(call, stream);
  end->cancelled = call.cancelled->load();
  end->status.set_value(status);
  co_return status;
}

class OneStream {
 public:
  OneStream(Handler handler, std::optional<std::chrono::milliseconds> lasts,
            const Metadata& metadata = {})
      : identity_(lasts) {
    for (const auto& [key, value] : metadata) context_.AddMetadata(key, value);
    Method method;
    method.kind = Method::Kind::kBidi;
    method.exposure = common::v1::EXPOSURE_INTERNAL;
    method.callers = {"events"};
    method.request_prototype = &DecideRequest::default_instance();
    method.response_prototype = &DecideResponse::default_instance();
    method.stream = [this, handler](const Call& call, RawStream* raw) {
      return Tell(handler, &end, call, raw);
    };
    service_.Add("Decide", std::move(method));
    ServerOptions options;
    options.addresses = {"127.0.0.1:0"};
    options.identity = &identity_;
    options.metrics = &metrics_;
    options.internal_callers = "spiffe://sussex/org/ods-qnx/svc/";
    auto started = Server::Start(std::move(options), {&service_});
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                                   grpc::InsecureChannelCredentials());
    using Factory = grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>;
    stream.reset(Factory::Create(
        channel_.get(),
        grpc::internal::RpcMethod("/waterline.accountability.v1.DecisionService/Decide",
                                  grpc::internal::RpcMethod::BIDI_STREAMING),
        &context_));
  }

  std::string InitialMetadata(const std::string& key) const {
    const auto& metadata = context_.GetServerInitialMetadata();
    const auto found = metadata.find(key);
    return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
  }

  End end;

 private:
  ShortProof identity_;
  Metrics metrics_;
  Service service_{"waterline.accountability.v1.DecisionService"};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;

 public:
  std::unique_ptr<ClientStream> stream;
};

TEST(StreamEnd, AStreamThatWaitsForItsClientEndsWithTheToken) {
  OneStream one(Answer, std::chrono::milliseconds(200));
  grpc::ByteBuffer bytes;
  EXPECT_FALSE(one.stream->Read(&bytes)) << "nothing was asked";
  const auto status = FromGrpc(one.stream->Finish());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ReasonOf(status), reason::kTokenExpired.name);
}

TEST(StreamEnd, AStreamThatOnlyWritesEndsWithTheToken) {
  OneStream one(Pour, std::chrono::milliseconds(200));
  grpc::ByteBuffer bytes;
  size_t messages = 0;
  while (one.stream->Read(&bytes)) ++messages;
  EXPECT_EQ(ReasonOf(FromGrpc(one.stream->Finish())), reason::kTokenExpired.name);
}

// Threat: a client stops reading, so that its stream outlives its token.
TEST(StreamEnd, AStreamWhoseClientDoesNotReadEndsWithTheToken) {
  OneStream one(Pour, std::chrono::milliseconds(200));
  const auto status = one.end.status.get_future().get();
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(one.end.cancelled) << "the gate would decide on";
  grpc::ByteBuffer bytes;
  while (one.stream->Read(&bytes)) {
  }
  EXPECT_FALSE(one.stream->Finish().ok());
}

TEST(StreamEnd, ACallThatIsRefusedBeforeItsHandlerGetsItsIdsBack) {
  const std::string traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
  OneStream one(Answer, std::nullopt,
                {{"x-request-id", "r-1"},
                 {"traceparent", traceparent},
                 {"waterline-release-level", "everything"}});
  grpc::ByteBuffer bytes;
  EXPECT_FALSE(one.stream->Read(&bytes));
  EXPECT_EQ(ReasonOf(FromGrpc(one.stream->Finish())), reason::kInvalidFields.name);
  EXPECT_EQ(one.InitialMetadata("x-request-id"), "r-1");
  EXPECT_EQ(one.InitialMetadata("traceparent"), traceparent);
}

TEST(StreamEnd, AStreamWithoutAnEndOfItsProofEndsWithItsClient) {
  OneStream one(Answer, std::nullopt);
  grpc::ByteBuffer bytes;
  ASSERT_TRUE(one.stream->Write(ToBuffer(DecideRequest())));
  EXPECT_TRUE(one.stream->Read(&bytes));
  one.stream->WritesDone();
  EXPECT_FALSE(one.stream->Read(&bytes));
  const auto status = FromGrpc(one.stream->Finish());
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace waterline::rpc
