#include "services/accountability/ledger/ledger.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/encoding.h"
#include "services/common/status/error.h"
#include "services/common/storage/memory/memory_store.h"

namespace waterline::accountability {
namespace {

// ---- The tree ---------------------------------------------------------------------------------

// RFC 6962 2.1 word for word, slow.
std::string NaiveRoot(const std::vector<std::string>& leaves) {
  if (leaves.empty()) return EmptyRoot();
  if (leaves.size() == 1) return LeafHash(leaves[0]);
  size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  return NodeHash(NaiveRoot({leaves.begin(), leaves.begin() + static_cast<long>(k)}),
                  NaiveRoot({leaves.begin() + static_cast<long>(k), leaves.end()}));
}

struct Tree {
  std::vector<std::string> leaves;
  Frontier frontier;
  std::map<NodeId, std::string> nodes;
  void Add(const std::string& leaf) {
    leaves.push_back(leaf);
    frontier.Append(LeafHash(leaf),
                    [this](const NodeId& id, const std::string& hash) { nodes[id] = hash; });
  }
  NodeReader reader() const {
    return [this](const NodeId& id) -> absl::StatusOr<std::string> { return nodes.at(id); };
  }
};

TEST(Merkle, MatchesThePublishedLeavesAndRoots) {
  // The eight inputs of the reference implementation and the roots of sizes 0 to 8.
  const char* inputs[] = {"",
                          "00",
                          "10",
                          "2021",
                          "3031",
                          "40414243",
                          "5051525354555657",
                          "606162636465666768696a6b6c6d6e6f"};
  const char* roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                         "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Tree tree;
  EXPECT_EQ(crypto::HexEncode(tree.frontier.Root()), roots[0]);
  for (int i = 0; i < 8; ++i) {
    tree.Add(*crypto::HexDecode(inputs[i]));
    EXPECT_EQ(crypto::HexEncode(tree.frontier.Root()), roots[i + 1]);
  }
}

TEST(Merkle, EveryProofOfEverySizeVerifiesAndNoOtherDoes) {
  Tree tree;
  std::vector<std::string> roots = {EmptyRoot()};
  for (int i = 0; i < 70; ++i) {
    tree.Add("leaf " + std::to_string(i));
    roots.push_back(tree.frontier.Root());
    EXPECT_EQ(roots.back(), NaiveRoot(tree.leaves));
  }
  for (uint64_t size = 1; size <= 70; ++size) {
    for (uint64_t index = 0; index < size; ++index) {
      auto proof = *FillProof(PlanInclusion(index, size), tree.reader());
      const std::string leaf = LeafHash(tree.leaves[index]);
      EXPECT_TRUE(VerifyInclusion(leaf, index, size, proof, roots[size]));
      EXPECT_FALSE(VerifyInclusion(LeafHash("other"), index, size, proof, roots[size]));
      EXPECT_FALSE(VerifyInclusion(leaf, index, size, proof, roots[size - 1]));
      proof.push_back(roots[1]);
      EXPECT_FALSE(VerifyInclusion(leaf, index, size, proof, roots[size]));
    }
    for (uint64_t first = 1; first <= size; ++first) {
      auto proof = *FillProof(PlanConsistency(first, size), tree.reader());
      EXPECT_TRUE(VerifyConsistency(first, size, proof, roots[first], roots[size]));
      EXPECT_FALSE(VerifyConsistency(first, size, proof, roots[first - 1], roots[size]));
      if (!proof.empty()) {
        proof.back()[0] = static_cast<char>(proof.back()[0] ^ 1);
        EXPECT_FALSE(VerifyConsistency(first, size, proof, roots[first], roots[size]));
      }
    }
  }
}

// ---- Signed notes -------------------------------------------------------------------------------

NoteSigner MakeSigner() {
  return NoteSigner("net-dev/accountability", *crypto::Ed25519Key::FromSeed(std::string(32, 's')));
}

TEST(Note, ACheckpointRoundTripsThroughItsVerifierKey) {
  const auto signer = MakeSigner();
  const Checkpoint checkpoint{"net-dev/accountability/1", 7, std::string(32, 'r')};
  const std::string note = signer.SignCheckpoint(checkpoint);
  const auto again = NoteVerifier::FromVkey(signer.verifier().Vkey());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again->OpenCheckpoint(note), checkpoint);
}

TEST(Note, EveryFlippedBitIsRefused) {
  const auto signer = MakeSigner();
  const std::string note =
      signer.SignCheckpoint({"net-dev/accountability/1", 7, std::string(32, 'r')});
  for (size_t bit = 0; bit < note.size() * 8; ++bit) {
    std::string bad = note;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(signer.verifier().OpenCheckpoint(bad).ok()) << bit;
  }
}

// ---- The ledger ---------------------------------------------------------------------------------

class LedgerTest : public testing::Test {
 protected:
  std::unique_ptr<Ledger> Open() {
    Ledger::Options options;
    options.store = &store_;
    options.network = "net-dev";
    options.signer = &signer_;
    options.clock = &clock_;
    options.anchor_path = anchor_;
    auto ledger = Ledger::Open(options);
    last_error_ = ledger.status();
    return ledger.ok() ? *std::move(ledger) : nullptr;
  }
  static Appended Append(Ledger* ledger, const std::string& id) {
    AppendRequest request;
    request.entry.set_entry_id(id);
    request.entry.mutable_access()->set_organisation("organisations/ods-qnx");
    request.organisations = {"ods-qnx"};
    auto appended = coro::SyncWait(ledger->Append(std::move(request)));
    EXPECT_TRUE(appended.ok()) << appended.status();
    return *std::move(appended);
  }
  void SetUp() override {
    folder_ = testing::TempDir() + "waterline-ledger-XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    anchor_ = folder_ + "/ANCHOR";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_, anchor_;
  waterline::storage::MemoryStore store_;
  NoteSigner signer_ = MakeSigner();
  SystemClock system_;
  MonotoneClock clock_{&system_};
  absl::Status last_error_;
};

TEST_F(LedgerTest, EveryReceiptProvesItself) {
  auto ledger = Open();
  ASSERT_NE(ledger, nullptr) << last_error_;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const auto appended = Append(ledger.get(), std::to_string(t) + "/" + std::to_string(i));
        const auto head = signer_.verifier().OpenCheckpoint(*appended.checkpoint);
        ASSERT_TRUE(head.ok());
        EXPECT_TRUE(VerifyInclusion(appended.leaf_hash, appended.position.index(), head->size,
                                    appended.inclusion_proof, head->root));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ledger->size(), 201u) << "200 entries and the start of the epoch";
}

TEST_F(LedgerTest, ReopensWhereItEndedAndProvesOldSizes) {
  std::vector<Appended> receipts;
  {
    auto ledger = Open();
    for (int i = 0; i < 20; ++i) receipts.push_back(Append(ledger.get(), std::to_string(i)));
  }
  auto ledger = Open();
  ASSERT_NE(ledger, nullptr) << last_error_;
  EXPECT_EQ(ledger->size(), 21u);
  Append(ledger.get(), "after");
  const auto now = *signer_.verifier().OpenCheckpoint(*ledger->checkpoint());
  for (const auto& receipt : receipts) {
    const auto then = *signer_.verifier().OpenCheckpoint(*receipt.checkpoint);
    auto consistency = coro::SyncWait(ledger->ProveConsistency(1, then.size, 0));
    ASSERT_TRUE(consistency.ok());
    EXPECT_TRUE(VerifyConsistency(then.size, now.size, consistency->hashes, then.root, now.root));
    auto inclusion = coro::SyncWait(ledger->ProveInclusion(1, receipt.position.index(), 0));
    ASSERT_TRUE(inclusion.ok());
    EXPECT_TRUE(VerifyInclusion(receipt.leaf_hash, receipt.position.index(), now.size,
                                inclusion->hashes, now.root));
  }
}

TEST_F(LedgerTest, ListsNewestFirstInPages) {
  auto ledger = Open();
  for (int i = 0; i < 5; ++i) Append(ledger.get(), std::to_string(i));
  auto first = *coro::SyncWait(ledger->ListByOrganisation("ods-qnx", std::nullopt, 3));
  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ(first[0].position.index(), 5u);
  auto rest = *coro::SyncWait(ledger->ListByOrganisation("ods-qnx", first.back().position, 3));
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[1].position.index(), 1u);
}

// The controller is told of what others opened for a person's safety, and of nothing else.
TEST_F(LedgerTest, ListsWhatOthersOpenedForSafeguardingOfTheirController) {
  auto ledger = Open();
  const auto append = [&](const std::string& id, const std::string& purpose, v1::Result result,
                          const std::string& controller) {
    AppendRequest request;
    request.entry.set_entry_id(id);
    auto* access = request.entry.mutable_access();
    access->set_organisation("organisations/ods-qnx");
    access->set_controller(controller);
    access->set_purpose(purpose);
    access->set_result(result);
    EXPECT_TRUE(coro::SyncWait(ledger->Append(std::move(request))).ok());
    return ledger->size() - 1;
  };
  const std::string charity = "organisations/chc-1";
  const uint64_t first = append("1", "safeguarding", v1::RESULT_PERMIT, charity);
  append("2", "safeguarding", v1::RESULT_DENY, charity);
  append("3", "service_planning", v1::RESULT_PERMIT, charity);
  append("4", "safeguarding", v1::RESULT_PERMIT, "organisations/ods-qnx");
  append("5", "safeguarding", v1::RESULT_PERMIT, "organisations/chc-2");
  append("6", "safeguarding", v1::RESULT_PERMIT, "network");
  const uint64_t last = append("7", "safeguarding", v1::RESULT_REDUCED, charity);
  const auto newest = *coro::SyncWait(ledger->ListSafeguarding("chc-1", std::nullopt, 1));
  ASSERT_EQ(newest.size(), 1u);
  EXPECT_EQ(newest[0].position.index(), last);
  const auto rest = *coro::SyncWait(ledger->ListSafeguarding("chc-1", newest[0].position, 9));
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].position.index(), first);
  EXPECT_TRUE(coro::SyncWait(ledger->ListSafeguarding("ods-qnx", std::nullopt, 9))->empty());
}

TEST_F(LedgerTest, RefusesAStoreBehindItsAnchor) {
  std::string newer;
  {
    auto ledger = Open();
    Append(ledger.get(), "1");
    Append(ledger.get(), "2");
    newer = signer_.SignCheckpoint({"net-dev/accountability/1", 9, std::string(32, 'x')});
  }
  std::ofstream(anchor_, std::ios::binary) << AnchorContent(newer);
  EXPECT_EQ(Open(), nullptr);
  EXPECT_EQ(ReasonOf(last_error_), reason::kDataDamaged.name);
  EXPECT_NE(last_error_.message().find("ANCHOR"), absl::string_view::npos);
}

TEST_F(LedgerTest, RefusesAStoreOfAnEarlierEpochThanItsAnchor) {
  Append(Open().get(), "1");
  const std::string newer =
      signer_.SignCheckpoint({"net-dev/accountability/10", 1, std::string(32, 'x')});
  std::ofstream(anchor_, std::ios::binary) << AnchorContent(newer);
  EXPECT_EQ(Open(), nullptr);
  EXPECT_EQ(ReasonOf(last_error_), reason::kDataDamaged.name);
}

TEST_F(LedgerTest, NamesTheEntryThatWasChanged) {
  {
    auto ledger = Open();
    for (int i = 0; i < 10; ++i) Append(ledger.get(), std::to_string(i));
  }
  auto stored =
      *coro::SyncWait(store_.Get(waterline::storage::Partition("ledger"), {EntryKey(1, 4)}));
  storage::v1::EntryRecord record;
  ASSERT_TRUE(record.ParseFromString(stored[0]->value));
  record.mutable_leaf()->back() ^= 1;
  waterline::storage::Batch batch;
  batch.Put(EntryKey(1, 4), record.SerializeAsString());
  ASSERT_TRUE(coro::SyncWait(store_.Commit(waterline::storage::Partition("ledger"), batch)).ok());
  EXPECT_EQ(Open(), nullptr);
  EXPECT_NE(last_error_.message().find("entry 4"), absl::string_view::npos) << last_error_;
}

TEST_F(LedgerTest, TimeNeverGoesBackEvenIfTheMachineClockDoes) {
  struct FixedClock : Clock {
    int64_t now = 1'900'000'000'000;
    int64_t NowMs() override { return now; }
  } fixed;
  MonotoneClock monotone(&fixed);
  Ledger::Options options;
  options.store = &store_;
  options.network = "net-dev";
  options.signer = &signer_;
  options.clock = &monotone;
  { auto ledger = *Ledger::Open(options); }
  fixed.now = 1'000'000'000'000;
  MonotoneClock after_restart(&fixed);
  options.clock = &after_restart;
  auto ledger = *Ledger::Open(options);
  Append(ledger.get(), "late");
  auto entries = *coro::SyncWait(ledger->Read(1, 1, 1));
  v1::Entry entry;
  ASSERT_TRUE(entry.ParseFromString(entries[0].record.leaf()));
  EXPECT_EQ(entry.recorded_at().seconds(), 1'900'000'000);
}

}  // namespace
}  // namespace waterline::accountability
