// A stream ends when the token of its caller does: the identity provider here says how long the
// proof lasts. Real server, real client.

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

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

// Never stops by itself.
coro::Task<absl::Status> Pour(const Call&, RawStream* stream) {
  DecideResponse response;
  while (true) {
    auto written = co_await stream->Write(response);
    if (!written.ok()) co_return written;
  }
}

using Handler = coro::Task<absl::Status> (*)(const Call&, RawStream*);
using ClientStream = grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

class OneStream {
 public:
  OneStream(Handler handler, std::optional<std::chrono::milliseconds> lasts) : identity_(lasts) {
    Method method;
    method.kind = Method::Kind::kBidi;
    method.exposure = common::v1::EXPOSURE_INTERNAL;
    method.callers = {"events"};
    method.request_prototype = &DecideRequest::default_instance();
    method.response_prototype = &DecideResponse::default_instance();
    method.stream = handler;
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
