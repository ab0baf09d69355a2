// The stream of questions against a service that answers when the test lets it: out of order,
// slowly, not at all, gone and back. A real server in this process, on a Unix socket.

#include "services/common/rpc/remote_decider.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <vector>

#include "services/common/coro/one_shot.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/rpc/host_services.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"

namespace waterline::rpc {
namespace {

using accountability::v1::DecideRequest;
using accountability::v1::DecideResponse;
using accountability::v1::Decision;
using accountability::v1::Question;
using Answer = absl::StatusOr<Decision>;
using Stream = InternalStream<DecideRequest, DecideResponse>;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kLong{25};

// Keeps what it is asked until the test answers it, on the newest stream.
class Accountability {
 public:
  coro::Task<absl::Status> Decide(const Call&, Stream* stream) {
    {
      std::lock_guard lock(mutex_);
      stream_ = stream;
      ++streams_;
      open_.clear();
    }
    while (true) {
      auto request = co_await stream->Read();
      if (!request.ok() || !*request) break;
      if ((*request)->id() == 0) {
        DecideResponse hello;
        hello.set_network(network);
        const auto written = co_await stream->Write(hello);
        if (!written.ok()) break;
        continue;
      }
      std::lock_guard lock(mutex_);
      seen_.push_back((*request)->question());
      open_.push_back(**request);
      moved_.notify_all();
    }
    std::lock_guard lock(mutex_);
    if (stream_ == stream) stream_ = nullptr;
    moved_.notify_all();
    co_return absl::OkStatus();
  }

  // Waits until `count` questions are open.
  std::vector<std::string> WaitForOpen(size_t count) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return open_.size() >= count; });
    std::vector<std::string> names;
    for (const auto& request : open_) names.push_back(request.question().resource_name());
    return names;
  }
  size_t open() {
    std::lock_guard lock(mutex_);
    return open_.size();
  }
  std::vector<Question> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }

  // Answers an open question: the receipt names it.
  void AnswerTo(const std::string& name) {
    auto response = Close(name);
    response.mutable_decision()->mutable_receipt()->set_entry_id(name);
    Send(response);
  }
  void Fail(const std::string& name, const absl::Status& status) {
    auto response = Close(name);
    response.mutable_error()->set_code(static_cast<int>(status.code()));
    response.mutable_error()->set_message(std::string(status.message()));
    Send(response);
  }

  std::string network = "dev-test";

 private:
  DecideResponse Close(const std::string& name) {
    std::lock_guard lock(mutex_);
    DecideResponse response;
    for (auto it = open_.begin(); it != open_.end(); ++it) {
      if (it->question().resource_name() != name) continue;
      response.set_id(it->id());
      open_.erase(it);
      return response;
    }
    ADD_FAILURE() << name << " is not open";
    return response;
  }
  void Send(const DecideResponse& response) {
    Stream* stream;
    {
      std::lock_guard lock(mutex_);
      stream = stream_;
    }
    EXPECT_TRUE(coro::SyncWait(stream->Write(response)).ok());
  }

  std::mutex mutex_;
  std::condition_variable moved_;
  Stream* stream_ = nullptr;
  int streams_ = 0;
  std::deque<DecideRequest> open_;
  std::vector<Question> seen_;
};

class RemoteDeciderTest : public ::testing::Test {
 protected:
  RemoteDeciderTest() {
    facts_.network = "dev-test";
    facts_.host = "local-board";
  }
  ~RemoteDeciderTest() override {
    decider_.reset();
    server_.reset();
    std::filesystem::remove(socket_);
  }

  void StartServer() {
    identity_ = std::make_unique<DevelopmentServices>(facts_);
    service_ = std::make_unique<Service>("waterline.accountability.v1.DecisionService");
    InternalBidi(service_.get(), "Decide", &accountability_, &Accountability::Decide, {"events"});
    ServerOptions options;
    options.addresses = {Address()};
    options.identity = identity_.get();
    options.metrics = &metrics_;
    options.drain_grace = std::chrono::milliseconds(0);
    options.internal_callers = HostServicePrefix(facts_);
    auto started = Server::Start(std::move(options), {service_.get()});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  void StopServer() { server_.reset(); }

  void StartDecider(size_t in_flight_max, size_t waiting_max, const std::string& from = "events") {
    RemoteDecider::Options options;
    options.link = MakeLink({from, "accountability", Address()});
    options.network = facts_.network;
    options.in_flight_max = in_flight_max;
    options.waiting_max = waiting_max;
    options.pause_first = std::chrono::milliseconds(1);
    options.pause_max = std::chrono::milliseconds(20);
    options.on_state = [this](const absl::Status& state) {
      std::lock_guard lock(mutex_);
      states_.push_back(state);
      moved_.notify_all();
    };
    decider_ = std::make_unique<RemoteDecider>(std::move(options));
  }

  // The first state with this code from now on.
  absl::Status WaitForState(absl::StatusCode code) {
    std::unique_lock lock(mutex_);
    while (true) {
      for (; states_read_ < states_.size(); ++states_read_) {
        if (states_[states_read_].code() == code) return states_[states_read_++];
      }
      moved_.wait(lock);
    }
  }

  std::future<Answer> Ask(const std::string& name, const std::string& organisation = "ods-a",
                          steady_clock::duration time = kLong) {
    Question question;
    question.mutable_caller()->set_organisation(organisation);
    question.set_resource_name(name);
    question.set_attempt("attempt of " + name);
    auto promise = std::make_shared<std::promise<Answer>>();
    coro::Start(decider_->Decide(std::move(question), steady_clock::now() + time),
                [promise](Answer answer) { promise->set_value(std::move(answer)); });
    return promise->get_future();
  }

  std::string Address() const { return "unix:" + socket_; }

  const std::string socket_ =
      ::testing::TempDir() + "remote-decider-" + std::to_string(getpid()) + ".socket";
  NetworkFacts facts_;
  Metrics metrics_;
  Accountability accountability_;
  std::unique_ptr<DevelopmentServices> identity_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<RemoteDecider> decider_;
  std::mutex mutex_;
  std::condition_variable moved_;
  std::vector<absl::Status> states_;
  size_t states_read_ = 0;
};

TEST_F(RemoteDeciderTest, AnswersComeInAnyOrderAndEachToItsQuestion) {
  StartServer();
  StartDecider(8, 8);
  auto first = Ask("first");
  auto second = Ask("second");
  auto third = Ask("third");
  accountability_.WaitForOpen(3);
  accountability_.AnswerTo("third");
  EXPECT_EQ(third.get()->receipt().entry_id(), "third");
  accountability_.Fail("first", absl::ResourceExhaustedError("too many people"));
  const auto failed = first.get().status();
  EXPECT_EQ(failed.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(failed.message(), "too many people");
  accountability_.AnswerTo("second");
  EXPECT_EQ(second.get()->receipt().entry_id(), "second") << "an error ended the stream";
  EXPECT_EQ(decider_->figures().streams, 1u);
}

TEST_F(RemoteDeciderTest, SlowAnswersHoldUpNoQuestionAndTheLimitsHold) {
  StartServer();
  StartDecider(4, 2);
  std::map<std::string, std::future<Answer>> asked;
  for (const char* name : {"1", "2", "3", "4", "5", "6"}) asked[name] = Ask(name);
  EXPECT_EQ(accountability_.WaitForOpen(4).size(), 4u);
  EXPECT_EQ(decider_->figures().in_flight, 4u);
  EXPECT_EQ(decider_->figures().waiting, 2u);
  const auto refused = Ask("7").get().status();
  EXPECT_EQ(ReasonOf(refused), reason::kBusy.name);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(refused.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  accountability_.AnswerTo("2");
  EXPECT_TRUE(asked["2"].get().ok());
  EXPECT_EQ(accountability_.WaitForOpen(4), (std::vector<std::string>{"1", "3", "4", "5"}));
  for (const char* name : {"1", "3", "4", "5"}) accountability_.AnswerTo(name);
  accountability_.WaitForOpen(1);
  accountability_.AnswerTo("6");
  for (const char* name : {"1", "3", "4", "5", "6"}) EXPECT_TRUE(asked[name].get().ok()) << name;
}

TEST_F(RemoteDeciderTest, AnOrganisationThatAsksALotKeepsNobodyOut) {
  StartServer();
  StartDecider(1, 4);
  std::vector<std::future<Answer>> large;
  for (int i = 0; i < 5; ++i) large.push_back(Ask("large " + std::to_string(i), "ods-large"));
  auto small = Ask("small", "ods-small");
  EXPECT_EQ(ReasonOf(large[4].get().status()), reason::kBusy.name) << "the newest makes room";
  accountability_.WaitForOpen(1);
  accountability_.AnswerTo("large 0");
  EXPECT_EQ(accountability_.WaitForOpen(1), std::vector<std::string>{"large 1"});
  accountability_.AnswerTo("large 1");
  EXPECT_EQ(accountability_.WaitForOpen(1), std::vector<std::string>{"small"}) << "its turn";
  accountability_.AnswerTo("small");
  EXPECT_TRUE(small.get().ok());
  for (const char* name : {"large 2", "large 3"}) {
    EXPECT_EQ(accountability_.WaitForOpen(1), std::vector<std::string>{name});
    accountability_.AnswerTo(name);
  }
}

TEST_F(RemoteDeciderTest, WhatWasInFlightIsAskedAgainAsItWasWhenTheServiceComesBack) {
  StartServer();
  StartDecider(8, 8);
  auto first = Ask("first");
  auto second = Ask("second");
  accountability_.WaitForOpen(2);
  StopServer();
  EXPECT_EQ(WaitForState(absl::StatusCode::kUnavailable).code(), absl::StatusCode::kUnavailable);
  auto meanwhile = Ask("meanwhile");
  StartServer();
  EXPECT_EQ(accountability_.WaitForOpen(3),
            (std::vector<std::string>{"first", "second", "meanwhile"}));
  for (const char* name : {"first", "second", "meanwhile"}) accountability_.AnswerTo(name);
  EXPECT_EQ(first.get()->receipt().entry_id(), "first");
  EXPECT_EQ(second.get()->receipt().entry_id(), "second");
  EXPECT_TRUE(meanwhile.get().ok());
  const auto seen = accountability_.seen();
  ASSERT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen[0].SerializeAsString(), seen[2].SerializeAsString()) << "the same attempt";
  EXPECT_EQ(decider_->figures().in_flight, 0u);
}

TEST_F(RemoteDeciderTest, AQuestionHasUntilItsCallersDeadline) {
  StartDecider(8, 8);  // Nobody is there.
  const auto out_of_time = Ask("short", "ods-a", std::chrono::milliseconds(20)).get().status();
  EXPECT_EQ(ReasonOf(out_of_time), reason::kUnavailable.name);
  EXPECT_TRUE(out_of_time.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  StartServer();
  auto slow = Ask("slow", "ods-a", std::chrono::seconds(2));
  auto other = Ask("other");
  accountability_.WaitForOpen(2);
  EXPECT_TRUE(absl::IsUnavailable(slow.get().status()));
  accountability_.AnswerTo("slow");  // Too late, and for nobody.
  accountability_.AnswerTo("other");
  EXPECT_EQ(other.get()->receipt().entry_id(), "other");
}

TEST_F(RemoteDeciderTest, ADrainingProcessWaitsNoLongerThanItSays) {
  StartDecider(8, 8);
  auto asked = Ask("asked");
  decider_->GiveUpBy(steady_clock::now());
  EXPECT_TRUE(absl::IsUnavailable(asked.get().status()));
  EXPECT_TRUE(absl::IsUnavailable(Ask("later").get().status()));
}

TEST_F(RemoteDeciderTest, ItsEndAnswersWhatIsOpen) {
  StartServer();
  StartDecider(1, 8);
  auto in_flight = Ask("in flight");
  auto waiting = Ask("waiting");
  accountability_.WaitForOpen(1);
  decider_.reset();
  EXPECT_TRUE(absl::IsUnavailable(in_flight.get().status()));
  EXPECT_TRUE(absl::IsUnavailable(waiting.get().status()));
}

TEST_F(RemoteDeciderTest, TheServiceOfAnotherNetworkIsAskedNothing) {
  accountability_.network = "dev-other";
  StartServer();
  StartDecider(8, 8);
  auto asked = Ask("asked", "ods-a", std::chrono::milliseconds(200));
  const auto state = WaitForState(absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(state.message().find("dev-other"), absl::string_view::npos) << state;
  EXPECT_TRUE(absl::IsUnavailable(asked.get().status()));
  EXPECT_TRUE(accountability_.seen().empty());
}

TEST_F(RemoteDeciderTest, AServiceThatTheMethodDoesNotListIsRefused) {
  StartServer();
  StartDecider(8, 8, "inference");
  const auto state = WaitForState(absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonOf(state), reason::kRoleNotPermitted.name);
  EXPECT_TRUE(accountability_.seen().empty());
}

}  // namespace
}  // namespace waterline::rpc
