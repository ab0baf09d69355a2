#include "services/common/rpc/calls.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "services/common/coro/one_shot.h"
#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/data/code_lists.h"
#include "services/common/log/log.h"
#include "services/common/rpc/limits.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/rpc/wire.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/text/id.h"

namespace waterline::rpc {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::hours kStreamDeadlineMax{24 * 365};  // Beyond that there is none.
constexpr char kReceiptKey[] = "waterline-receipt-bin";
constexpr char kRequestIdKey[] = "x-request-id";
constexpr char kTraceparentKey[] = "traceparent";
constexpr char kCertificateProperty[] = GRPC_X509_PEM_CERT_PROPERTY_NAME;
constexpr char kNoAgreement[] = "malformed";  // Names no agreement, so the call is refused.

identity::MetadataReader ReaderOf(grpc::CallbackServerContext* context) {
  return [context](std::string_view key) -> std::optional<std::string> {
    const auto& metadata = context->client_metadata();
    const auto found = metadata.find(grpc::string_ref(key.data(), key.size()));
    if (found == metadata.end()) return std::nullopt;
    return std::string(found->second.data(), found->second.size());
  };
}

bool IsTraceparent(std::string_view value) {
  return value.size() == 55 && value.substr(0, 3) == "00-" && value[35] == '-' &&
         value[52] == '-' && value.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

std::string NewTraceparent() {
  return "00-" + crypto::HexEncode(crypto::RandomBytes(16)) + "-" +
         crypto::HexEncode(crypto::RandomBytes(8)) + "-01";
}

// Of a unary call no later than `max` from now; of a stream as its client has it.
steady_clock::time_point DeadlineOf(grpc::CallbackServerContext* context, Method::Kind kind,
                                    std::chrono::milliseconds max) {
  const auto left = context->deadline() - std::chrono::system_clock::now();
  if (kind != Method::Kind::kUnary) {
    if (left > kStreamDeadlineMax) return steady_clock::time_point::max();
    return steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(left);
  }
  if (left > max) return steady_clock::now() + max;
  return steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(left);
}

// The highest release level the caller wants; all of it without a word. A word that is no level is
// no wish to have everything, so it is refused.
absl::StatusOr<common::v1::ReleaseLevel> AskedLevel(const std::string& level) {
  if (level.empty() || level == "identifiable") return common::v1::RELEASE_LEVEL_IDENTIFIABLE;
  if (level == "pseudonymised") return common::v1::RELEASE_LEVEL_PSEUDONYMISED;
  if (level == "aggregate") return common::v1::RELEASE_LEVEL_AGGREGATE;
  return BadFields({{std::string(identity::kReleaseLevelKey),
                     "is none of identifiable, pseudonymised, aggregate"}});
}

// Whether the caller's certificate names a service of the host that the method lists. The one place
// that decides who may call an INTERNAL method.
bool IsListedService(const accountability::v1::Caller& caller, const Method& method,
                     const std::string& prefix) {
  const std::string& identity = caller.certificate_identity();
  if (prefix.empty() || !identity.starts_with(prefix)) return false;
  return std::count(method.callers.begin(), method.callers.end(), identity.substr(prefix.size())) >
         0;
}

identity::Peer PeerOf(grpc::CallbackServerContext* context) {
  identity::Peer peer;
  peer.address = context->peer();
  const auto auth = context->auth_context();
  const auto certificates = auth == nullptr ? std::vector<grpc::string_ref>()
                                            : auth->FindPropertyValues(kCertificateProperty);
  if (certificates.size() == 1)
    peer.certificate_pem = std::string(certificates[0].data(), certificates[0].size());
  return peer;
}

identity::Access AccessOf(const Method& method) {
  if (method.exposure == common::v1::EXPOSURE_INTERNAL) return identity::Access::kInternal;
  if (method.exposure == common::v1::EXPOSURE_PUBLIC) return identity::Access::kPublic;
  return method.writes ? identity::Access::kWrite : identity::Access::kRead;
}

// The Call of an incoming call, or why there is none. A PUBLIC method is answered without identity.
absl::StatusOr<Call> MakeCall(grpc::CallbackServerContext* context, const std::string& path,
                              const Method& method, const Shared& shared) {
  const auto read = ReaderOf(context);
  Call call;
  call.method = path;
  call.request_id = read(kRequestIdKey).value_or("");
  if (!text::IsRequestId(call.request_id)) call.request_id = crypto::RandomId('r');
  call.traceparent = read(kTraceparentKey).value_or("");
  if (!IsTraceparent(call.traceparent)) call.traceparent = NewTraceparent();
  // First of all: whoever is refused gets his ids back too.
  context->AddInitialMetadata(kRequestIdKey, call.request_id);
  context->AddInitialMetadata(kTraceparentKey, call.traceparent);
  if (shared.refusing)
    return Error(reason::kUnavailable, "the server is stopping; send the call again");
  // What is no code says nothing, and may be anything: it goes into no entry and no log line.
  call.purpose = read(identity::kPurposeKey).value_or("");
  if (!data::IsKnownCode("purpose", call.purpose)) call.purpose.clear();
  call.agreement = read(identity::kAgreementKey).value_or("");
  if (!call.agreement.empty() && !text::MatchName(call.agreement, "agreements/*"))
    call.agreement = kNoAgreement;
  call.approval = read(identity::kApprovalKey).value_or("");
  call.justification = read(identity::kJustificationKey).value_or("");
  WATERLINE_ASSIGN_OR_RETURN(call.asked, AskedLevel(read(identity::kReleaseLevelKey).value_or("")));
  call.deadline = DeadlineOf(context, method.kind, shared.unary_deadline_max);
  auto identified = shared.identity->Identify(read, PeerOf(context), AccessOf(method));
  if (identified.ok()) {
    call.caller = std::move(identified->caller);
    if (call.purpose.empty() && !read(identity::kPurposeKey))
      call.purpose = std::move(identified->purpose);
    call.token_expiry = identified->expiry.value_or(steady_clock::time_point::max());
  } else if (method.exposure != common::v1::EXPOSURE_PUBLIC) {
    return identified.status();
  }
  if (method.exposure == common::v1::EXPOSURE_INTERNAL &&
      !IsListedService(call.caller, method, shared.internal_callers)) {
    return Error(reason::kRoleNotPermitted, "only services of the network's host may call this");
  }
  return call;
}

// At most kReceiptBytesMax: withheld paths go first.
void AddReceipt(accountability::v1::Receipt receipt, grpc::CallbackServerContext* context) {
  while (receipt.ByteSizeLong() > kReceiptBytesMax && receipt.withheld_size() > 0) {
    receipt.mutable_withheld()->RemoveLast();
    receipt.set_more_withheld(true);
  }
  context->AddTrailingMetadata(kReceiptKey, receipt.SerializeAsString());
}

void AddReceiptOfRefusal(const absl::Status& status, grpc::CallbackServerContext* context) {
  const auto payload = status.GetPayload(gate::kReceiptUrl);
  accountability::v1::Receipt receipt;
  if (payload && receipt.ParseFromString(std::string(*payload)))
    AddReceipt(std::move(receipt), context);
}

// A service that asks another one many times a second says so in the metrics only.
void Account(Shared* shared, const std::string& path, const Method& method, const Call& call,
             const absl::Status& status, steady_clock::time_point start) {
  const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
  const std::string code = absl::StatusCodeToString(status.code());
  shared->metrics->CountCall(path, code, seconds);
  if (status.ok() && method.exposure == common::v1::EXPOSURE_INTERNAL) return;
  log::Info("call", {{"method", path},
                     {"code", code},
                     {"reason", ReasonOf(status).value_or("")},
                     {"ms", seconds * 1000},
                     {"organisation", call.caller.organisation()},
                     {"purpose", call.purpose},
                     {"request_id", call.request_id},
                     {"traceparent", call.traceparent}});
}

// What the client may know: a fault of ours leaves as an incident id, its text stays in the log.
absl::Status Outward(absl::Status status, const std::string& path, const Call& call) {
  const auto name = ReasonOf(status);
  if (status.ok() || absl::IsCancelled(status) || (name && *name != reason::kUnexpected.name))
    return status;
  log::Error("unexpected", {{"method", path},
                            {"code", absl::StatusCodeToString(status.code())},
                            {"message", std::string(status.message())},
                            {"request_id", call.request_id}});
  return Error(reason::kUnexpected,
               "a fault of the service; give its operator the incident id " + call.request_id,
               {{"incident", call.request_id}});
}

absl::Status Malformed() {
  return Error(reason::kInvalidFields, "the request is not a valid message of this method");
}

// Ends once: by its handler, or by the deadline cap while the handler still works.
class UnaryReactor : public grpc::ServerUnaryReactor, public Running {
 public:
  UnaryReactor(std::shared_ptr<std::atomic<bool>> cancelled) : cancelled_(std::move(cancelled)) {}
  void Hold(std::shared_ptr<UnaryReactor> self) { self_ = std::move(self); }
  void OnDone() override { auto self = std::move(self_); }
  void OnCancel() override { cancelled_->store(true); }
  void Drain() override {}
  void Expire() override {
    cancelled_->store(true);
    if (!Claim()) return;
    Finish(ToGrpc(Error(reason::kDeadlineExceeded,
                        "the call took longer than the server allows; it may still take effect, "
                        "so send it again with the same request_id")));
  }
  // True for the one who may Finish; context and response are valid until then.
  bool Claim() { return !claimed_.exchange(true); }

 private:
  std::shared_ptr<std::atomic<bool>> cancelled_;
  std::atomic<bool> claimed_{false};
  std::shared_ptr<UnaryReactor> self_;  // Until OnDone.
};

coro::Task<absl::StatusOr<Reply>> RunUnary(const Method& method, absl::StatusOr<Call>& call,
                                           google::protobuf::Message* request, bool parsed) {
  if (!call.ok()) co_return call.status();
  if (!parsed) co_return Malformed();
  auto reply = co_await method.unary(*call, *request);
  co_return reply;
}

void FinishUnary(absl::StatusOr<Reply> reply, grpc::CallbackServerContext* context,
                 grpc::ByteBuffer* response, UnaryReactor* reactor) {
  if (reply.ok()) {
    *response = ToBuffer(*reply->message);
    if (reply->receipt) AddReceipt(*std::move(reply->receipt), context);
  } else {
    AddReceiptOfRefusal(reply.status(), context);
  }
  reactor->Finish(ToGrpc(reply.status()));
}

// One read and one write at a time. After a cancel, Finish has been called: every operation fails.
class StreamReactor : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                      public RawStream,
                      public Running {
 public:
  using BoolSetter = coro::OneShot<bool>::Setter;

  StreamReactor(grpc::CallbackServerContext* context, std::shared_ptr<std::atomic<bool>> cancelled,
                steady_clock::time_point token_expiry)
      : context_(context), cancelled_(std::move(cancelled)), token_expiry_(token_expiry) {}
  void Hold(std::shared_ptr<StreamReactor> self) { self_ = std::move(self); }

  void OnReadDone(bool ok) override { Resolve(&read_setter_, ok); }
  void OnWriteDone(bool ok) override { Resolve(&write_setter_, ok); }
  void OnCancel() override {
    cancelled_->store(true);
    FinishOnce(grpc::Status(grpc::StatusCode::CANCELLED, "the call was cancelled"));
  }
  void OnDone() override {
    Resolve(&read_setter_, false);
    Resolve(&write_setter_, false);
    auto self = std::move(self_);
  }

  coro::Task<absl::StatusOr<bool>> Read(google::protobuf::Message* message) override {
    coro::OneShot<bool> done;
    if (draining_) co_return Draining();
    if (IsOver()) co_return TokenEnded();
    if (!Begin(&read_setter_, done.setter(), [this] { StartRead(&in_); })) co_return Gone();
    const bool more = co_await done;
    if (!more && draining_) co_return Draining();
    if (!more && IsOver()) co_return TokenEnded();
    if (!more && (*cancelled_ || context_->IsCancelled())) co_return Gone();
    if (!more) co_return false;
    if (!FromBuffer(&in_, message)) co_return Malformed();
    co_return true;
  }

  coro::Task<absl::Status> Write(const google::protobuf::Message& message) override {
    coro::OneShot<bool> done;
    if (IsOver()) co_return TokenEnded();
    out_ = ToBuffer(message);
    const bool begun = Begin(&write_setter_, done.setter(), [this] {
      ++writes_;
      StartWrite(&out_);
    });
    const bool written = begun && co_await done;
    if (!written && IsOver()) co_return TokenEnded();
    if (!written) co_return Gone();
    co_return absl::OkStatus();
  }

  void SetReceipt(const accountability::v1::Receipt& receipt) override { receipt_ = receipt; }

  // A stream that waits for its client ends at once; one that works ends when it next reads, or has
  // until the end of the grace.
  void Drain() override {
    std::lock_guard lock(mutex_);
    draining_ = true;
    if (finished_ || !read_setter_) return;
    cancelled_->store(true);
    finished_ = true;
    Finish(ToGrpc(Draining()));
  }
  // The caller's token has ended. A write that is under way may end first; its handler then gets
  // the error with its next step, and gives it to End. One that is still under way the next time
  // waits for a client that does not read: no error would reach him, so the call is broken off.
  void Expire() override {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    if (write_setter_ && late_write_ != writes_) {
      late_write_ = writes_;
      return;
    }
    cancelled_->store(true);
    if (write_setter_) return context_->TryCancel();
    finished_ = true;
    Finish(ToGrpc(TokenEnded()));
  }

  void End(const absl::Status& status) {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!status.ok()) AddReceiptOfRefusal(status, context_);
    if (receipt_ && status.ok()) AddReceipt(*receipt_, context_);
    finished_ = true;
    Finish(ToGrpc(status));
  }

 private:
  // Starts an operation unless the call is over.
  template <class StartOperation>
  bool Begin(std::optional<BoolSetter>* slot, BoolSetter setter, StartOperation start) {
    std::lock_guard lock(mutex_);
    if (finished_) return false;
    slot->emplace(std::move(setter));
    start();
    return true;
  }

  // Resumes the coroutine outside the lock.
  void Resolve(std::optional<BoolSetter>* slot, bool ok) {
    std::optional<BoolSetter> setter;
    {
      std::lock_guard lock(mutex_);
      setter.swap(*slot);
    }
    if (setter) setter->Set(ok);
  }

  bool IsOver() const { return steady_clock::now() >= token_expiry_; }
  static absl::Status TokenEnded() {
    return Error(reason::kTokenExpired,
                 "the access token has ended, and the stream with it; get a new one and resume "
                 "after the last message");
  }
  static absl::Status Gone() { return absl::CancelledError("the client has gone"); }
  static absl::Status Draining() {
    return Error(reason::kUnavailable, "the server is stopping; send it again when it is back");
  }

  void FinishOnce(const grpc::Status& status) {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    Finish(status);
  }

  grpc::CallbackServerContext* const context_;
  std::shared_ptr<std::atomic<bool>> cancelled_;
  const steady_clock::time_point token_expiry_;
  std::shared_ptr<StreamReactor> self_;  // Until OnDone.
  grpc::ByteBuffer in_;
  grpc::ByteBuffer out_;
  std::optional<accountability::v1::Receipt> receipt_;
  std::mutex
      mutex_;  // Guards the rest; gRPC's StartX, Finish and TryCancel never call back under it.
  bool finished_ = false;
  uint64_t writes_ = 0;      // Begun so far.
  uint64_t late_write_ = 0;  // The one that was under way when Expire was last called; 0: none.
  std::atomic<bool> draining_{false};
  std::optional<BoolSetter> read_setter_;
  std::optional<BoolSetter> write_setter_;
};

coro::Task<absl::Status> RunStream(const Method& method, absl::StatusOr<Call>& call,
                                   RawStream* stream) {
  if (!call.ok()) co_return call.status();
  auto status = co_await method.stream(*call, stream);
  co_return status;
}

}  // namespace

grpc::ServerUnaryReactor* StartUnary(Shared* shared, const std::string& path, const Method& method,
                                     grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response) {
  struct State {
    absl::StatusOr<Call> call;
    std::unique_ptr<google::protobuf::Message> request;
    steady_clock::time_point start;
  };
  auto state = std::make_shared<State>(
      State{MakeCall(context, path, method, *shared),
            std::unique_ptr<google::protobuf::Message>(method.request_prototype->New()),
            steady_clock::now()});
  grpc::ByteBuffer copy(*bytes);
  const bool parsed = FromBuffer(&copy, state->request.get());
  auto reactor = std::make_shared<UnaryReactor>(
      state->call.ok() ? state->call->cancelled : std::make_shared<std::atomic<bool>>(false));
  reactor->Hold(reactor);
  auto* raw = reactor.get();
  shared->Begin(reactor, state->start + shared->unary_deadline_max);
  coro::Start(
      RunUnary(method, state->call, state->request.get(), parsed),
      [shared, &path, &method, context, response, reactor, state](absl::StatusOr<Reply> reply) {
        static const Call kNone;
        const bool in_time = reactor->Claim();
        const Call& known = state->call.ok() ? *state->call : kNone;
        if (!reply.ok()) reply = Outward(reply.status(), path, known);
        const absl::Status status = in_time ? reply.status() : absl::DeadlineExceededError("");
        Account(shared, path, method, known, status, state->start);
        if (in_time) FinishUnary(std::move(reply), context, response, reactor.get());
        shared->End(reactor);
      });
  return raw;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StartStream(
    Shared* shared, const std::string& path, const Method& method,
    grpc::CallbackServerContext* context) {
  const auto start = steady_clock::now();
  auto call = std::make_shared<absl::StatusOr<Call>>(MakeCall(context, path, method, *shared));
  auto cancelled = call->ok() ? (*call)->cancelled : std::make_shared<std::atomic<bool>>(false);
  const auto token_expiry = call->ok() ? (*call)->token_expiry : steady_clock::time_point::max();
  auto reactor = std::make_shared<StreamReactor>(context, cancelled, token_expiry);
  reactor->Hold(reactor);
  shared->Begin(reactor, token_expiry);
  auto* raw = reactor.get();
  coro::Start(RunStream(method, *call, raw),
              [shared, &path, &method, call, reactor, start](absl::Status status) {
                static const Call kNone;
                const Call& known = call->ok() ? **call : kNone;
                status = Outward(std::move(status), path, known);
                Account(shared, path, method, known, status, start);
                reactor->End(status);
                shared->End(reactor);
              });
  return raw;
}

}  // namespace waterline::rpc
