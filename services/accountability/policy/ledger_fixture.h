#pragma once

// For tests: a ledger with its recorder on a memory store. Thread safety: one thread opens and
// closes; the parts as their own headers say.

#include <gtest/gtest.h>

#include <filesystem>

#include "services/accountability/policy/repeated_attempts.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/random.h"
#include "services/common/storage/memory/memory_store.h"

namespace waterline::accountability {

class LedgerFixture {
 public:
  // `time` outlives it; nullptr: that of the machine.
  explicit LedgerFixture(Clock* time = nullptr) : clock(time == nullptr ? &system : time) {
    facts.network = "dev-test";
    facts.host = "local-board";
    const std::string keys = ::testing::TempDir() + "keys-" + crypto::RandomId('k');
    EXPECT_TRUE(privacy::MasterKeys::Create(keys).ok());
    vault = std::make_unique<privacy::Vault>(&store, *privacy::MasterKeys::Load(keys),
                                             std::vector<std::string>());
    std::filesystem::remove(keys);
    Open();
  }

  // Opens the ledger again, as a process that starts anew does.
  void Open() {
    ledger.reset();
    recorder.reset();
    rulebook.reset();
    Ledger::Options options;
    options.store = &store;
    options.network = facts.network;
    options.signer = &signer;
    options.clock = &clock;
    auto opened = Ledger::Open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status();
    ledger = *std::move(opened);
    auto rules = Rulebook::Open(&store, ledger.get(), facts.host);
    ASSERT_TRUE(rules.ok()) << rules.status();
    rulebook = *std::move(rules);
    recorder = std::make_unique<Recorder>(ledger.get(), rulebook.get(), &store, vault.get(), &clock,
                                          facts);
  }

  // A read of one's own events.
  static v1::Question Question(const std::string& attempt) {
    v1::Question question;
    question.mutable_caller()->set_organisation("ods-qnx");
    question.mutable_caller()->set_issuer("dev");
    question.mutable_caller()->set_actor("ann");
    question.mutable_caller()->set_role("engagement_lead");
    question.set_purpose("service_planning");
    question.set_method("/waterline.events.v1.EventsService/GetEvent");
    question.set_request_id("r1");
    question.set_attempt(attempt);
    question.set_operation(v1::OPERATION_READ);
    question.set_controller("ods-qnx");
    question.set_collection("events");
    question.set_asked(common::v1::RELEASE_LEVEL_IDENTIFIABLE);
    return question;
  }

  rpc::NetworkFacts facts;
  SystemClock system;
  MonotoneClock clock;
  waterline::storage::MemoryStore store;
  std::unique_ptr<privacy::Vault> vault;
  NoteSigner signer{"dev-test/accountability",
                    *crypto::Ed25519Key::FromSeed(std::string(crypto::kEd25519SeedBytes, 's'))};
  std::unique_ptr<Rulebook> rulebook;
  std::unique_ptr<Recorder> recorder;
  std::unique_ptr<Ledger> ledger;  // Stops first: its last group may still change the rules.
};

}  // namespace waterline::accountability
