#include "services/accountability/api/decision_api.h"

#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "google/rpc/status.pb.h"
#include "services/common/coro/one_shot.h"
#include "services/common/log/log.h"
#include "services/common/rpc/status_wire.h"
#include "services/common/status/error.h"

namespace waterline::accountability {
namespace {

// What is under way on one stream. One coroutine reads, one writes, many decide.
class Answers {
 public:
  explicit Answers(size_t under_way_max) : under_way_max_(under_way_max) {}

  // Counts one more question, once there is room for it. The reader's.
  coro::Task<void> Begin() {
    coro::OneShot<bool> room;
    {
      std::lock_guard lock(mutex_);
      if (under_way_++ < under_way_max_) co_return;
      reader_waits_.emplace(room.setter());
    }
    co_await room;
  }

  // An answer is ready. Resumes the writer, here, when it waits.
  void Put(v1::DecideResponse response) {
    std::optional<Setter> writer;
    {
      std::lock_guard lock(mutex_);
      ready_.push_back(std::move(response));
      writer.swap(writer_waits_);
    }
    if (writer) writer->Set(true);
  }

  // No question comes any more.
  void Close() {
    std::optional<Setter> writer;
    {
      std::lock_guard lock(mutex_);
      is_closed_ = true;
      writer.swap(writer_waits_);
    }
    if (writer) writer->Set(true);
  }

  // The next answer to write; nothing once it is closed and everything is written. The writer's.
  coro::Task<std::optional<v1::DecideResponse>> Next() {
    while (true) {
      coro::OneShot<bool> moved;
      {
        std::lock_guard lock(mutex_);
        if (!ready_.empty()) {
          std::optional<v1::DecideResponse> response(std::move(ready_.front()));
          ready_.pop_front();
          co_return response;
        }
        if (is_closed_ && under_way_ == 0) co_return std::nullopt;
        writer_waits_.emplace(moved.setter());
      }
      co_await moved;
    }
  }

  // An answer is written, or cannot be. Resumes the reader, here, when it waits for room.
  void Written() {
    std::optional<Setter> reader;
    {
      std::lock_guard lock(mutex_);
      --under_way_;
      reader.swap(reader_waits_);
    }
    if (reader) reader->Set(true);
  }

 private:
  using Setter = coro::OneShot<bool>::Setter;

  const size_t under_way_max_;
  std::mutex mutex_;  // Guards the rest. No other lock is taken under it.
  size_t under_way_ = 0;
  bool is_closed_ = false;
  std::deque<v1::DecideResponse> ready_;
  std::optional<Setter> reader_waits_;
  std::optional<Setter> writer_waits_;
};

// After a write that failed there is nobody to write to; the rest is counted down all the same.
coro::Task<void> WriteAll(Answers* answers, DecisionApi::Stream* stream) {
  bool is_there = true;
  while (true) {
    const auto response = co_await answers->Next();
    if (!response) co_return;
    if (is_there) is_there = (co_await stream->Write(*response)).ok();
    answers->Written();
  }
}

void PutError(const absl::Status& status, v1::DecideResponse* response) {
  const auto name = ReasonOf(status);
  if (!name || *name == reason::kUnexpected.name)
    log::Error("decision_failed", {{"message", std::string(status.message())}});
  response->mutable_error()->ParseFromString(rpc::ToGrpc(status).error_details());
}

coro::Task<void> AnswerOne(gate::Decider* decider, v1::DecideRequest request, Answers* answers) {
  v1::DecideResponse response;
  response.set_id(request.id());
  // Who asked gives up by himself: his deadline does not travel.
  auto decision = co_await decider->Decide(std::move(*request.mutable_question()),
                                           std::chrono::steady_clock::time_point::max());
  if (decision.ok()) {
    *response.mutable_decision() = *std::move(decision);
  } else {
    PutError(decision.status(), &response);
  }
  answers->Put(std::move(response));
}

}  // namespace

void DecisionApi::Register(rpc::Service* service) {
  rpc::InternalBidi(service, "Decide", this, &DecisionApi::Decide,
                    {"registry", "events", "inference"});
}

coro::Task<absl::Status> DecisionApi::Decide(const rpc::Call& /*call*/, Stream* stream) {
  Answers answers(under_way_max_);
  coro::OneShot<bool> written;
  coro::Start(WriteAll(&answers, stream),
              [setter = written.setter()]() mutable { setter.Set(true); });
  absl::Status status;
  while (true) {
    auto request = co_await stream->Read();
    status = request.status();
    if (!request.ok() || !*request) break;
    co_await answers.Begin();
    if ((*request)->has_question()) {
      coro::Start(AnswerOne(decider_, **std::move(request), &answers), [] {});
      continue;
    }
    v1::DecideResponse greeting;
    greeting.set_network(network_);
    answers.Put(std::move(greeting));
  }
  answers.Close();
  co_await written;
  co_return status;
}

}  // namespace waterline::accountability
