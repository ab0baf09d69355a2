#include "services/accountability/policy/recorder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/random.h"
#include "services/common/storage/memory/memory_store.h"
#include "services/common/testing/random.h"

namespace waterline::accountability {
namespace {

constexpr size_t kWindow = 8;  // Bytes that two independent entries share by chance: never.

std::set<std::string> WindowsOf(const std::string& bytes) {
  std::set<std::string> windows;
  for (size_t at = 0; at + kWindow <= bytes.size(); ++at) windows.insert(bytes.substr(at, kWindow));
  return windows;
}

constexpr char kAttempt[] = "sixteen bytes 16";

// Times of neighbours are alike whoever they are about: here all are the same.
struct StoppedClock : Clock {
  int64_t NowMs() override { return 1'900'000'000'000; }
};

// A network of its own: keys, ledger, recorder.
class World {
 public:
  World() {
    folder_ = ::testing::TempDir() + "waterline-recorder-XXXXXX";
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
    EXPECT_TRUE(privacy::MasterKeys::Create(folder_ + "/keys").ok());
    vault_ = std::make_unique<privacy::Vault>(
        &store_, *privacy::MasterKeys::Load(folder_ + "/keys"), std::vector<std::string>());
    Ledger::Options options;
    options.store = &store_;
    options.network = "net-dev";
    options.signer = &signer_;
    options.clock = &clock_;
    ledger_ = *Ledger::Open(options);
    rulebook_ = *Rulebook::Open(&store_, ledger_.get(), "ods-host");
    recorder_ =
        std::make_unique<Recorder>(ledger_.get(), rulebook_.get(), &store_, vault_.get(), &clock_,
                                   rpc::NetworkFacts{"net-dev", "ods-host", true, false, ""});
  }
  ~World() { std::filesystem::remove_all(folder_); }

  v1::Decision Decide(const std::vector<std::string>& subjects,
                      const std::string& attempt = crypto::RandomBytes(16)) {
    v1::Question question;
    question.mutable_caller()->set_organisation("ods-qnx");
    question.mutable_caller()->set_role("engagement_lead");
    question.set_controller("ods-qnx");
    question.set_operation(v1::OPERATION_READ);
    question.set_purpose("involvement_management");
    question.set_attempt(attempt);
    question.set_collection("participants");
    question.set_resource_name("organisations/ods-qnx/participants/" + subjects.at(0));
    for (const auto& subject : subjects) question.add_subject_ids(subject);
    auto decision = coro::SyncWait(
        recorder_->Decide(std::move(question), std::chrono::steady_clock::time_point::max()));
    EXPECT_TRUE(decision.ok()) << decision.status();
    return *std::move(decision);
  }
  Ledger::Stored Stored(const v1::Decision& decision) {
    const uint64_t index = decision.receipt().position().index();
    return coro::SyncWait(ledger_->Read(ledger_->epoch(), index, 1))->at(0);
  }
  // All that stands in the open about an entry: leaf, receipt, and what lies beside it.
  std::string Visible(const v1::Decision& decision) {
    v1::Receipt receipt = decision.receipt();
    receipt.clear_checkpoint();  // Of the whole log: neighbours share nodes and the root.
    receipt.clear_inclusion_proof();
    return Stored(decision).record.SerializeAsString() + receipt.SerializeAsString();
  }
  absl::StatusOr<std::optional<v1::EntryPayload>> Open(const Ledger::Stored& stored) {
    return coro::SyncWait(recorder_->OpenPayload(stored));
  }

 private:
  std::string folder_;
  waterline::storage::MemoryStore store_;
  NoteSigner signer_{"net-dev/accountability", *crypto::Ed25519Key::FromSeed(std::string(32, 's'))};
  StoppedClock stopped_;
  MonotoneClock clock_{&stopped_};
  std::unique_ptr<privacy::Vault> vault_;
  std::unique_ptr<Rulebook> rulebook_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Ledger> ledger_;  // Stops first: its last group may still change the rules.
};

// The windows of `bytes` that touch no byte of a window in `ordinary`: at the edge of what every
// entry holds, a few bytes that differ would be alike by chance.
std::set<std::string> OwnWindowsOf(const std::string& bytes,
                                   const std::set<std::string>& ordinary) {
  std::vector<bool> is_ordinary(bytes.size());
  for (size_t at = 0; at + kWindow <= bytes.size(); ++at) {
    if (!ordinary.contains(bytes.substr(at, kWindow))) continue;
    std::fill_n(is_ordinary.begin() + static_cast<long>(at), kWindow, true);
  }
  std::set<std::string> own;
  for (size_t at = 0; at + kWindow <= bytes.size(); ++at) {
    const auto begin = is_ordinary.begin() + static_cast<long>(at);
    if (std::find(begin, begin + kWindow, true) == begin + kWindow)
      own.insert(bytes.substr(at, kWindow));
  }
  return own;
}

// The largest number of entries that one window of their own stands in.
int MostShared(const std::vector<std::string>& entries, const std::set<std::string>& ordinary) {
  std::map<std::string, int> counts;
  int most = 0;
  for (const auto& bytes : entries) {
    for (const auto& window : OwnWindowsOf(bytes, ordinary))
      most = std::max(most, ++counts[window]);
  }
  return most;
}

// Without keys, two entries about one person have no more in common than two about two people. What
// every entry of this caller holds (names, codes, the month's key id) is learnt from entries about
// people who are named once.
TEST(Recorder, TwoEntriesAboutOnePersonShareNothingThatOthersDoNot) {
  std::mt19937_64 random(waterline::testing::Seed());
  const auto person = [&] {
    std::string id(16, '\0');
    for (auto& byte : id) byte = static_cast<char>(random());
    return id;
  };
  World world;
  for (int others : {0, 1, 3}) {  // People named together with the one.
    const std::string someone = person();
    std::vector<std::string> about_someone;
    std::set<std::string> ordinary;
    for (int i = 0; i < 24; ++i) {
      std::vector<std::string> one = {someone}, another = {person()};
      for (int j = 0; j < others; ++j) {
        one.push_back(person());
        another.push_back(person());
      }
      about_someone.push_back(world.Visible(world.Decide(one)));
      ordinary.merge(WindowsOf(world.Visible(world.Decide(another))));
    }
    EXPECT_EQ(MostShared(about_someone, ordinary), 1) << "with " << others << " others";
  }
}

// Who holds the keys opens what lies beside: the test above does not pass for want of anything.
TEST(Recorder, ThePayloadOfOneAndOfManyOpensWithTheKeys) {
  World world;
  const std::string ann(16, 'a'), bob(16, 'b');
  for (int time = 0; time < 2; ++time) {
    const auto payload = *world.Open(world.Stored(world.Decide({ann})));
    ASSERT_TRUE(payload.has_value());
    EXPECT_EQ(payload->resource_name(), "organisations/ods-qnx/participants/" + ann);
  }
  const auto payload = *world.Open(world.Stored(world.Decide({ann, bob})));
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(payload->resource_name(), "organisations/ods-qnx/participants");
}

TEST(Recorder, AKeyIdMovedToAnotherEntryOpensNothing) {
  World world;
  const auto one = world.Stored(world.Decide({std::string(16, 'a')}));
  auto other = world.Stored(world.Decide({std::string(16, 'a')}));
  auto* key_id = other.record.mutable_beside()->mutable_payload_key_id();
  *key_id = one.record.beside().payload_key_id();
  EXPECT_FALSE(world.Open(other).ok());
  key_id->resize(20);
  EXPECT_FALSE(world.Open(other).ok());
}

// A dictionary of all identifiers finds nobody in a log that leaked: what stands for a person
// depends on a key drawn at random, not on who the person is.
TEST(Recorder, TheSameQuestionInAnotherNetworkHasOtherTokens) {
  World here, there;
  const auto first = here.Stored(here.Decide({std::string(16, 'a')}, kAttempt));
  const auto second = there.Stored(there.Decide({std::string(16, 'a')}, kAttempt));
  v1::Entry one, other;
  ASSERT_TRUE(one.ParseFromString(first.record.leaf()));
  ASSERT_TRUE(other.ParseFromString(second.record.leaf()));
  EXPECT_EQ(one.entry_id(), other.entry_id());
  EXPECT_NE(one.access().subjects_root(), other.access().subjects_root());
  EXPECT_NE(one.access().actor_handle(), other.access().actor_handle());
  EXPECT_NE(first.record.beside().subject_tokens(0), second.record.beside().subject_tokens(0));
}

}  // namespace
}  // namespace waterline::accountability
