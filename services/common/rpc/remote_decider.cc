#include "services/common/rpc/remote_decider.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "services/common/coro/one_shot.h"
#include "services/common/rpc/fair_queue.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/rpc/wire.h"
#include "services/common/status/error.h"

namespace waterline::rpc {
namespace {

using accountability::v1::DecideRequest;
using accountability::v1::DecideResponse;
using accountability::v1::Decision;
using accountability::v1::Question;
using std::chrono::steady_clock;

constexpr char kDecide[] = "/waterline.accountability.v1.DecisionService/Decide";
constexpr int64_t kRetryAfterMs = 1000;
// A refusal for lack of time leaves a little earlier, so that it reaches a caller who still waits.
constexpr std::chrono::milliseconds kMarginMax{50};

absl::Status OutOfTime() {
  return WithRetryAfter(
      Error(reason::kUnavailable,
            "accountability does not answer at present, and nothing is done without an entry in "
            "its ledger; send the call again"),
      kRetryAfterMs);
}

absl::Status Busy() {
  return WithRetryAfter(
      Error(reason::kBusy,
            "too many calls of your organisation wait for a decision; send it again"),
      kRetryAfterMs);
}

using Answer = absl::StatusOr<Decision>;
using Setter = coro::OneShot<Answer>::Setter;
// What is to be told once no lock is held.
using Told = std::vector<std::pair<Setter, Answer>>;

void Tell(Told told) {
  for (auto& [setter, answer] : told) setter.Set(std::move(answer));
}

Answer ToAnswer(DecideResponse* response) {
  if (response->has_decision()) return std::move(*response->mutable_decision());
  if (!response->has_error() || response->error().code() == 0)
    return Error(reason::kUnexpected, "accountability answered without a decision");
  const auto& error = response->error();
  return FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(error.code()), error.message(),
                               error.SerializeAsString()));
}

// A DecideRequest of these two, without a copy of the question.
grpc::ByteBuffer RequestOf(uint64_t id, const grpc::Slice& question) {
  using google::protobuf::internal::WireFormatLite;
  DecideRequest head;
  head.set_id(id);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    head.SerializeToCodedStream(&coded);
    coded.WriteTag(WireFormatLite::MakeTag(DecideRequest::kQuestionFieldNumber,
                                           WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    coded.WriteVarint32(static_cast<uint32_t>(question.size()));
  }
  const grpc::Slice slices[] = {grpc::Slice(bytes), question};
  return grpc::ByteBuffer(slices, 2);
}

}  // namespace

// One stream, from its opening to its end. Lives until OnDone.
class DecideStream : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit DecideStream(std::shared_ptr<RemoteDecider::Impl> owner) : owner_(std::move(owner)) {}
  void Open(const Link& link, std::shared_ptr<DecideStream> self);
  // Both: under the owner's lock, and not after OnDone.
  void Write(grpc::ByteBuffer bytes) {
    out_ = std::move(bytes);
    StartWrite(&out_);
  }
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  const std::shared_ptr<RemoteDecider::Impl> owner_;
  std::shared_ptr<DecideStream> self_;
  grpc::ClientContext context_;
  grpc::ByteBuffer in_;
  grpc::ByteBuffer out_;
};

class RemoteDecider::Impl : public std::enable_shared_from_this<RemoteDecider::Impl> {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        pause_(options_.pause_first),
        waiting_(options_.waiting_max) {}

  void Start() {
    keeper_ = std::thread([this] { Keep(); });
  }
  void Stop();
  void Ask(const Question& question, steady_clock::time_point deadline, Setter setter);
  void GiveUpBy(steady_clock::time_point deadline);
  Figures figures() const;

  // From the stream.
  void Received(DecideResponse response);
  void Written(DecideStream* stream, bool ok);
  void Broken(DecideStream* stream);
  void Ended(DecideStream* stream, const grpc::Status& status);

 private:
  struct Pending {
    grpc::Slice question;      // Serialised once: each time it is asked it is the same bytes.
    std::string organisation;  // Of who asks.
    steady_clock::time_point deadline;
    Setter setter;
    bool is_waiting = false;
  };
  using PendingMap = std::map<uint64_t, Pending>;

  // Of what follows, all but Keep and Report run under the lock.
  void Send(uint64_t id) {
    to_send_.push_back(id);
    Pump();
  }
  void Pump();
  void Greeted(const std::string& network);
  void SetState(absl::Status state) {
    if (state_ == state) return;
    state_ = std::move(state);
    to_report_ = state_;
  }
  void Take(PendingMap::iterator pending, Answer answer, Told* told);
  void Expire(steady_clock::time_point now, Told* told);
  void Open();
  steady_clock::time_point NextTurn() const;
  void Keep();
  void Report(std::unique_lock<std::mutex>* lock);

  const Options options_;
  mutable std::mutex mutex_;  // Guards the rest. gRPC's StartX never calls back under it.
  std::condition_variable wake_;
  bool stopping_ = false;

  DecideStream* stream_ = nullptr;  // From its opening to OnDone.
  bool is_open_ = false;            // Greeted, and not broken.
  bool is_broken_ = false;          // No operation may be started any more.
  bool is_writing_ = false;
  bool says_hello_ = false;  // The greeting has to be sent.
  steady_clock::time_point open_at_{};
  std::chrono::milliseconds pause_;
  absl::Status state_ = absl::UnknownError("");
  std::optional<absl::Status> misfit_;  // Why this stream is of no use.
  std::optional<absl::Status> to_report_;

  uint64_t last_id_ = 0;
  PendingMap pending_;  // In flight or waiting, in the order in which they were asked.
  std::set<std::pair<steady_clock::time_point, uint64_t>> deadlines_;
  FairQueue waiting_;
  size_t in_flight_ = 0;
  std::deque<uint64_t> to_send_;  // In flight and not written to this stream; some may be gone.
  steady_clock::time_point give_up_at_ = steady_clock::time_point::max();
  uint64_t streams_ = 0;
  std::thread keeper_;  // Opens streams, ends questions whose time is up, reports the state.
};

// ---- The stream ---------------------------------------------------------------------------------

void DecideStream::Open(const Link& link, std::shared_ptr<DecideStream> self) {
  self_ = std::move(self);
  for (const auto& [key, value] : link.metadata) context_.AddMetadata(key, value);
  context_.set_wait_for_ready(false);
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub(link.channel);
  stub.PrepareBidiStreamingCall(&context_, kDecide, grpc::StubOptions(), this);
  AddHold();  // Writes are started from outside, so OnDone waits for RemoveHold.
  StartRead(&in_);
  StartCall();
}

// The next read is under way before this answer is told: a caller who takes long holds up nobody.
void DecideStream::OnReadDone(bool ok) {
  if (!ok) {
    owner_->Broken(this);
    RemoveHold();
    return;
  }
  grpc::ByteBuffer bytes;
  bytes.Swap(&in_);
  StartRead(&in_);
  DecideResponse response;
  if (FromBuffer(&bytes, &response)) owner_->Received(std::move(response));
}

void DecideStream::OnWriteDone(bool ok) { owner_->Written(this, ok); }

void DecideStream::OnDone(const grpc::Status& status) {
  const auto self = std::move(self_);
  owner_->Ended(this, status);
}

// ---- What the stream reports --------------------------------------------------------------------

void RemoteDecider::Impl::Received(DecideResponse response) {
  Told told;
  {
    std::lock_guard lock(mutex_);
    if (!response.network().empty()) return Greeted(response.network());
    const auto found = pending_.find(response.id());
    if (found == pending_.end() || found->second.is_waiting) return;  // Its time was up.
    Take(found, ToAnswer(&response), &told);
    Pump();
  }
  Tell(std::move(told));
}

void RemoteDecider::Impl::Greeted(const std::string& network) {
  if (is_broken_ || is_open_) return;
  if (network != options_.network) {
    misfit_ = Error(reason::kStateForbids, options_.link.to + " at " + options_.link.address +
                                               " is of the network " + network + ", not of " +
                                               options_.network);
    return stream_->Cancel();
  }
  is_open_ = true;
  pause_ = options_.pause_first;
  SetState(absl::OkStatus());
  to_send_.clear();
  for (const auto& [id, pending] : pending_) {
    if (!pending.is_waiting) to_send_.push_back(id);
  }
  Pump();
  wake_.notify_all();
}

void RemoteDecider::Impl::Written(DecideStream* stream, bool ok) {
  std::lock_guard lock(mutex_);
  if (stream != stream_) return;
  is_writing_ = false;
  is_broken_ = is_broken_ || !ok;
  Pump();
}

void RemoteDecider::Impl::Broken(DecideStream* stream) {
  std::lock_guard lock(mutex_);
  if (stream != stream_) return;
  is_broken_ = true;
  is_open_ = false;
}

void RemoteDecider::Impl::Ended(DecideStream* stream, const grpc::Status& status) {
  std::lock_guard lock(mutex_);
  if (stream != stream_) return;
  stream_ = nullptr;
  is_open_ = false;
  open_at_ = steady_clock::now() + pause_;
  pause_ = std::min(pause_ * 2, options_.pause_max);
  if (misfit_) {
    SetState(*std::exchange(misfit_, std::nullopt));
  } else {
    SetState(status.ok() ? absl::UnavailableError("it ended the stream") : FromGrpc(status));
  }
  wake_.notify_all();
}

// ---- Questions ----------------------------------------------------------------------------------

void RemoteDecider::Impl::Ask(const Question& question, steady_clock::time_point deadline,
                              Setter setter) {
  const auto now = steady_clock::now();
  deadline = std::min<steady_clock::time_point>(deadline, now + kUnaryDeadlineMax);
  deadline -= std::min<steady_clock::duration>(kMarginMax, (deadline - now) / 10);
  const std::string organisation = question.caller().organisation();
  grpc::Slice bytes(question.SerializeAsString());  // Of up to 1,000 records: not under the lock.
  Told told;
  {
    std::lock_guard lock(mutex_);
    deadline = std::min(deadline, give_up_at_);
    if (stopping_ || deadline <= now) {
      told.emplace_back(std::move(setter), OutOfTime());
    } else {
      const uint64_t id = ++last_id_;
      const bool waits = in_flight_ >= options_.in_flight_max;
      pending_.emplace(id,
                       Pending{std::move(bytes), organisation, deadline, std::move(setter), waits});
      if (deadlines_.emplace(deadline, id).first == deadlines_.begin()) wake_.notify_all();
      if (!waits) {
        ++in_flight_;
        Send(id);
      } else if (const auto displaced = waiting_.Push(organisation, id)) {
        Take(pending_.find(*displaced), Busy(), &told);
      }
    }
  }
  Tell(std::move(told));
}

// Removes a question and lets the next one of those that wait take its place.
void RemoteDecider::Impl::Take(PendingMap::iterator pending, Answer answer, Told* told) {
  const bool was_waiting = pending->second.is_waiting;
  if (was_waiting) waiting_.Erase(pending->second.organisation, pending->first);
  deadlines_.erase({pending->second.deadline, pending->first});
  told->emplace_back(std::move(pending->second.setter), std::move(answer));
  pending_.erase(pending);
  if (was_waiting) return;
  --in_flight_;
  const auto next = waiting_.Pop();
  if (!next) return;
  pending_.at(*next).is_waiting = false;
  ++in_flight_;
  to_send_.push_back(*next);
}

// Writes the next message, if there is one and no write is under way.
void RemoteDecider::Impl::Pump() {
  if (stream_ == nullptr || is_broken_ || is_writing_) return;
  if (std::exchange(says_hello_, false)) {
    is_writing_ = true;
    return stream_->Write(ToBuffer(DecideRequest()));
  }
  while (is_open_ && !to_send_.empty()) {
    const uint64_t id = to_send_.front();
    to_send_.pop_front();
    const auto found = pending_.find(id);
    if (found == pending_.end()) continue;
    is_writing_ = true;
    return stream_->Write(RequestOf(id, found->second.question));
  }
}

void RemoteDecider::Impl::GiveUpBy(steady_clock::time_point deadline) {
  std::lock_guard lock(mutex_);
  give_up_at_ = deadline;
  deadlines_.clear();
  for (auto& [id, pending] : pending_) {
    pending.deadline = std::min(pending.deadline, deadline);
    deadlines_.emplace(pending.deadline, id);
  }
  wake_.notify_all();
}

RemoteDecider::Figures RemoteDecider::Impl::figures() const {
  std::lock_guard lock(mutex_);
  return {in_flight_, waiting_.size(), streams_};
}

// ---- The keeper ---------------------------------------------------------------------------------

void RemoteDecider::Impl::Open() {
  auto stream = std::make_shared<DecideStream>(shared_from_this());
  stream_ = stream.get();
  is_broken_ = is_open_ = is_writing_ = false;
  says_hello_ = true;
  to_send_.clear();
  ++streams_;
  stream->Open(options_.link, stream);
  Pump();
}

void RemoteDecider::Impl::Expire(steady_clock::time_point now, Told* told) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    Take(pending_.find(deadlines_.begin()->second), OutOfTime(), told);
  Pump();
}

steady_clock::time_point RemoteDecider::Impl::NextTurn() const {
  auto next = steady_clock::time_point::max();
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (stream_ == nullptr) next = std::min(next, open_at_);
  return next;
}

void RemoteDecider::Impl::Report(std::unique_lock<std::mutex>* lock) {
  if (!to_report_) return;
  const absl::Status state = *std::exchange(to_report_, std::nullopt);
  lock->unlock();
  if (options_.on_state) options_.on_state(state);
  lock->lock();
}

void RemoteDecider::Impl::Keep() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Report(&lock);
    const auto now = steady_clock::now();
    Told told;
    Expire(now, &told);
    if (stream_ == nullptr && open_at_ <= now && !stopping_) Open();
    if (!told.empty()) {
      lock.unlock();
      Tell(std::move(told));
      lock.lock();
      continue;
    }
    if (to_report_ || stopping_) continue;
    const auto next = NextTurn();
    if (next == steady_clock::time_point::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, next);
    }
  }
}

void RemoteDecider::Impl::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  keeper_.join();
  Told told;
  {
    std::unique_lock lock(mutex_);
    if (stream_ != nullptr) stream_->Cancel();
    wake_.wait(lock, [this] { return stream_ == nullptr; });
    while (!pending_.empty()) Take(pending_.begin(), OutOfTime(), &told);
  }
  Tell(std::move(told));
}

// ---- RemoteDecider ------------------------------------------------------------------------------

RemoteDecider::RemoteDecider(Options options) : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->Start();
}

RemoteDecider::~RemoteDecider() { impl_->Stop(); }

coro::Task<absl::StatusOr<Decision>> RemoteDecider::Decide(Question question,
                                                           steady_clock::time_point deadline) {
  coro::OneShot<Answer> answer;
  impl_->Ask(question, deadline, answer.setter());
  co_return co_await answer;
}

void RemoteDecider::GiveUpBy(steady_clock::time_point deadline) { impl_->GiveUpBy(deadline); }
RemoteDecider::Figures RemoteDecider::figures() const { return impl_->figures(); }

}  // namespace waterline::rpc
