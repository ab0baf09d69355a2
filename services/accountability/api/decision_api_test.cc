// Decisions across processes, from the asking side to the ledger: a real server, in this process.

#include "services/accountability/api/decision_api.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

#include "services/accountability/policy/ledger_fixture.h"
#include "services/common/rpc/host_services.h"
#include "services/common/rpc/remote_decider.h"
#include "services/common/rpc/server.h"
#include "services/common/status/error.h"

namespace waterline::accountability {
namespace {

using Answer = absl::StatusOr<v1::Decision>;
using std::chrono::steady_clock;

// A caller with a certificate of this name.
class Certified : public identity::IdentityProvider {
 public:
  absl::StatusOr<identity::Identified> Identify(const identity::MetadataReader&,
                                                const identity::Peer&, identity::Access) override {
    identity::Identified identified;
    identified.caller.set_certificate_identity(name);
    return identified;
  }
  absl::Status AllowsListeningOn(std::string_view) override { return absl::OkStatus(); }
  std::string name;
};

// Lets questions through to the ledger when the test says so.
class Held : public gate::Decider {
 public:
  explicit Held(gate::Decider* inner) : inner_(inner) {}
  coro::Task<Answer> Decide(v1::Question question, steady_clock::time_point deadline) override {
    coro::OneShot<bool> released;
    {
      std::lock_guard lock(mutex_);
      if (holds_) {
        held_.push_back(released.setter());
        moved_.notify_all();
      } else {
        released.setter().Set(true);
      }
    }
    co_await released;
    co_return co_await inner_->Decide(std::move(question), deadline);
  }
  void Hold() {
    std::lock_guard lock(mutex_);
    holds_ = true;
  }
  void WaitForHeld(size_t count) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return held_.size() >= count; });
  }
  size_t Release() {
    std::vector<coro::OneShot<bool>::Setter> held;
    {
      std::lock_guard lock(mutex_);
      holds_ = false;
      held.swap(held_);
    }
    for (auto& one : held) one.Set(true);
    return held.size();
  }

 private:
  gate::Decider* const inner_;
  std::mutex mutex_;
  std::condition_variable moved_;
  bool holds_ = false;
  std::vector<coro::OneShot<bool>::Setter> held_;
};

class DecisionApiTest : public ::testing::Test {
 protected:
  DecisionApiTest()
      : held_(fixture_.recorder.get()), attempts_(&held_, fixture_.ledger.get(), false) {}
  ~DecisionApiTest() override {
    decider_.reset();
    server_.reset();
  }

  void StartServer(identity::IdentityProvider* identity, size_t under_way_max) {
    api_ = std::make_unique<DecisionApi>(&attempts_, "dev-test", under_way_max);
    service_ = std::make_unique<rpc::Service>("waterline.accountability.v1.DecisionService");
    api_->Register(service_.get());
    auto started = rpc::Server::Start(Options(identity), {service_.get()});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  rpc::ServerOptions Options(identity::IdentityProvider* identity) {
    rpc::ServerOptions options;
    options.addresses = {address_};
    options.identity = identity;
    options.metrics = &metrics_;
    options.drain_grace = std::chrono::milliseconds(0);
    options.internal_callers = rpc::HostServicePrefix(fixture_.facts);
    return options;
  }

  void StartDecider(const std::string& service) {
    rpc::RemoteDecider::Options options;
    options.link = rpc::MakeLink({service, "accountability", address_});
    options.network = "dev-test";
    options.pause_first = std::chrono::milliseconds(1);
    options.on_state = [this](const absl::Status& state) {
      std::lock_guard lock(mutex_);
      if (!state.ok() && !refused_once_) {
        refused_once_ = true;
        refused_.set_value(state);
      }
    };
    decider_ = std::make_unique<rpc::RemoteDecider>(std::move(options));
  }
  std::future<Answer> Ask(const std::string& attempt,
                          steady_clock::duration time = std::chrono::seconds(25)) {
    auto promise = std::make_shared<std::promise<Answer>>();
    coro::Start(decider_->Decide(LedgerFixture::Question(attempt), steady_clock::now() + time),
                [promise](Answer answer) { promise->set_value(std::move(answer)); });
    return promise->get_future();
  }

  LedgerFixture fixture_;
  Held held_;
  RepeatedAttempts attempts_;
  rpc::DevelopmentServices services_{fixture_.facts};
  rpc::Metrics metrics_;
  const std::string address_ =
      "unix:" + ::testing::TempDir() + "decision-api-" + std::to_string(getpid()) + ".socket";
  std::unique_ptr<DecisionApi> api_;
  std::unique_ptr<rpc::Service> service_;
  std::unique_ptr<rpc::Server> server_;
  std::mutex mutex_;
  bool refused_once_ = false;
  std::promise<absl::Status> refused_;
  std::unique_ptr<rpc::RemoteDecider> decider_;
};

TEST_F(DecisionApiTest, ManyQuestionsAtOnceEachGetTheirEntry) {
  StartServer(&services_, 8);
  StartDecider("events");
  std::vector<std::future<Answer>> asked;
  for (int i = 0; i < 200; ++i) asked.push_back(Ask(std::to_string(i)));
  std::set<std::string> entries;
  for (auto& one : asked) {
    const auto answer = one.get();
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->result(), v1::RESULT_PERMIT);
    entries.insert(answer->receipt().leaf_hash());
  }
  EXPECT_EQ(entries.size(), 200u);
  EXPECT_EQ(fixture_.ledger->size(), 201u) << "and the start of the epoch";
}

TEST_F(DecisionApiTest, NoMoreQuestionsAreUnderWayThanItAllows) {
  StartServer(&services_, 4);
  StartDecider("events");
  held_.Hold();
  std::vector<std::future<Answer>> asked;
  for (int i = 0; i < 9; ++i) asked.push_back(Ask(std::to_string(i)));
  held_.WaitForHeld(4);
  EXPECT_EQ(held_.Release(), 4u);
  for (auto& one : asked) EXPECT_TRUE(one.get().ok());
}

TEST_F(DecisionApiTest, AnErrorBelongsToItsQuestionAndKeepsItsReason) {
  StartServer(&services_, 8);
  StartDecider("events");
  auto question = LedgerFixture::Question("large");
  for (int i = 0; i <= 1000; ++i) question.add_subject_ids(std::string(16, 'a'));
  const auto failed = coro::SyncWait(decider_->Decide(question, steady_clock::time_point::max()));
  EXPECT_EQ(ReasonOf(failed.status()), reason::kTooLarge.name) << failed.status();
  EXPECT_TRUE(Ask("small").get().ok());
}

TEST_F(DecisionApiTest, AQuestionWhoseAnswerWasLostWithTheStreamHasOneEntry) {
  StartServer(&services_, 8);
  StartDecider("events");
  held_.Hold();
  auto asked = Ask("attempt");
  held_.WaitForHeld(1);
  std::thread stop([this] { server_.reset(); });  // The answer is made while the stream ends.
  held_.Release();
  stop.join();
  StartServer(&services_, 8);
  const auto answer = asked.get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(fixture_.ledger->size(), 2u) << "one entry, and the start of the epoch";
}

TEST_F(DecisionApiTest, APartnersCertificateThatCallsDecideIsRefused) {
  Certified partner;
  for (const char* name : {"spiffe://dev-test/org/ods-partner/svc/events",
                           "spiffe://dev-other/org/local-board/svc/events",
                           "spiffe://dev-test/org/local-board/svc/accountability",
                           "spiffe://dev-test/org/local-board/svc/events/", ""}) {
    SCOPED_TRACE(name);
    partner.name = name;
    refused_once_ = false;
    refused_ = {};
    StartServer(&partner, 8);
    StartDecider("events");
    auto asked = Ask("attempt", std::chrono::milliseconds(100));
    const auto state = refused_.get_future().get();
    EXPECT_EQ(state.code(), absl::StatusCode::kPermissionDenied) << state;
    EXPECT_FALSE(asked.get().ok());
    decider_.reset();
    server_.reset();
  }
  EXPECT_EQ(fixture_.ledger->size(), 1u) << "nothing but the start of the epoch";
}

TEST_F(DecisionApiTest, AnInternalMethodIsOnNoPublicServerAndNothingElseOnAnInternalOne) {
  DecisionApi api(&attempts_, "dev-test");
  rpc::Service service("waterline.accountability.v1.DecisionService");
  api.Register(&service);
  auto options = Options(&services_);
  options.internal_callers.clear();
  EXPECT_EQ(ReasonOf(rpc::Server::Start(std::move(options), {&service}).status()),
            reason::kStateForbids.name);
}

}  // namespace
}  // namespace waterline::accountability
