#include "services/accountability/ledger/verify.h"

#include <fstream>
#include <sstream>

#include "services/accountability/ledger/ledger.h"
#include "services/accountability/ledger/merkle.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/hash.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"

namespace waterline::accountability {
namespace {

using waterline::storage::Key;
using waterline::storage::Partition;
using waterline::storage::RocksDbStore;

constexpr int kPageMax = 500;

absl::Status Damaged(const std::string& what) {
  return Error(reason::kDataDamaged, "the ledger does not verify: " + what);
}

struct Verification {
  RocksDbStore* store;
  std::string network;
  const NoteVerifier* verifier;
  FolderSummary summary;
  std::string newest_head;

  absl::StatusOr<std::string> Value(const Key& key, const std::string& what) {
    auto values = coro::SyncWait(store->Get(Partition(kLedgerPartition), {key}));
    WATERLINE_RETURN_IF_ERROR(values.status());
    if (!values->front()) return Damaged(what + " is missing");
    return values->front()->value;
  }
  absl::Status CheckEntry(uint64_t epoch, uint64_t index, const std::string& value, Frontier* tree);
  absl::Status CheckBeside(const storage::v1::EntryRecord& record, const std::string& where);
  absl::Status CheckEpoch(uint64_t epoch);
};

std::string Where(uint64_t epoch, uint64_t index) {
  return "entry " + std::to_string(index) + " of epoch " + std::to_string(epoch);
}

// Tokens make the subjects root, nonce and ciphertext the payload hash.
absl::Status Verification::CheckBeside(const storage::v1::EntryRecord& record,
                                       const std::string& where) {
  v1::Entry entry;
  if (!entry.ParseFromString(record.leaf())) return Damaged(where + " does not parse");
  if (!entry.has_access()) return absl::OkStatus();
  const auto& beside = record.beside();
  Frontier tokens;
  for (const auto& token : beside.subject_tokens())
    tokens.Append(LeafHash(token), [](const NodeId&, const std::string&) {});
  const std::string root = beside.subject_tokens().empty() ? "" : tokens.Root();
  if (root != entry.access().subjects_root())
    return Damaged("the tokens beside " + where + " were changed");
  if (crypto::Sha256(beside.payload_nonce() + beside.payload()) != entry.access().payload_hash()) {
    return Damaged("the payload beside " + where + " was changed");
  }
  return absl::OkStatus();
}

absl::Status Verification::CheckEntry(uint64_t epoch, uint64_t index, const std::string& value,
                                      Frontier* tree) {
  const std::string where = Where(epoch, index);
  storage::v1::EntryRecord record;
  if (!record.ParseFromString(value)) return Damaged(where + " does not parse");
  if (LeafHash(record.leaf()) != record.leaf_hash())
    return Damaged(where + " does not match its hash");
  WATERLINE_RETURN_IF_ERROR(CheckBeside(record, where));
  absl::Status nodes;
  tree->Append(record.leaf_hash(), [&](const NodeId& node, const std::string& hash) {
    if (node.level == 0 || !nodes.ok()) return;
    const auto stored = Value(NodeKey(epoch, node), "a node of the tree above " + where);
    if (!stored.ok()) nodes = stored.status();
    if (stored.ok() && *stored != hash)
      nodes = Damaged("a node of the tree above " + where + " was changed");
  });
  return nodes;
}

absl::Status Verification::CheckEpoch(uint64_t epoch) {
  const std::string name = "the head of epoch " + std::to_string(epoch);
  WATERLINE_ASSIGN_OR_RETURN(const std::string note, Value(HeadKey(epoch), name));
  const auto head = verifier->OpenCheckpoint(note);
  if (!head.ok() || head->origin != OriginOf(network, epoch))
    return Damaged(name + " is not signed by this network's key");
  Frontier tree;
  while (tree.size() < head->size) {
    auto page =
        coro::SyncWait(store->Scan(Partition(kLedgerPartition),
                                   {EntryKey(epoch, 0).collection, EntryKey(epoch, tree.size()).id,
                                    EntryKey(epoch, head->size).id},
                                   kPageMax, waterline::storage::Direction::kForward));
    WATERLINE_RETURN_IF_ERROR(page.status());
    if (page->empty()) return Damaged(Where(epoch, tree.size()) + " is missing");
    for (const auto& item : *page) {
      if (item.id != EntryKey(epoch, tree.size()).id)
        return Damaged(Where(epoch, tree.size()) + " is missing");
      WATERLINE_RETURN_IF_ERROR(CheckEntry(epoch, tree.size(), item.versioned.value, &tree));
    }
  }
  if (tree.Root() != head->root)
    return Damaged("the entries of epoch " + std::to_string(epoch) +
                   " do not make the signed root");
  summary.entries += head->size;
  newest_head = note;
  return absl::OkStatus();
}

// At rest the anchor is the newest head; after a kill it may be behind, never beyond or beside it.
absl::Status CheckAnchor(const std::string& path, const NoteVerifier& verifier,
                         const std::string& newest_head) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (text.str() == AnchorContent(newest_head)) return absl::OkStatus();
  std::string note = text.str();
  note.erase(note.find_last_not_of('\n') + 1);
  note += "\n";
  const auto anchor = verifier.OpenCheckpoint(note);
  const auto head = verifier.OpenCheckpoint(newest_head);
  if (!anchor.ok() || AnchorContent(note) != text.str())
    return Damaged(path + " is not a signed checkpoint of this network");
  if (anchor->origin == head->origin && anchor->size >= head->size)
    return Damaged(path + " has seen entries the store does not hold");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FolderSummary> VerifyFolder(const std::string& store_path,
                                           const std::string& anchor_path,
                                           const std::string& network,
                                           const NoteVerifier& verifier) {
  RocksDbStore::Options options;
  options.path = store_path;
  options.read_only = true;
  WATERLINE_ASSIGN_OR_RETURN(auto store, RocksDbStore::Open(std::move(options)));
  WATERLINE_RETURN_IF_ERROR(store->VerifyChecksums());
  Verification verification{store.get(), network, &verifier, {}, ""};
  auto heads = coro::SyncWait(
      store->Scan(Partition(kLedgerPartition), waterline::storage::Range(HeadKey(1).collection),
                  waterline::storage::kScanLimitMax, waterline::storage::Direction::kForward));
  WATERLINE_RETURN_IF_ERROR(heads.status());
  if (heads->empty()) return Damaged("the store in " + store_path + " holds no head");
  for (const auto& head : *heads) {
    if (EpochFromHeadId(head.id) != ++verification.summary.epochs)
      return Damaged("an epoch is missing");
    WATERLINE_RETURN_IF_ERROR(verification.CheckEpoch(verification.summary.epochs));
  }
  WATERLINE_RETURN_IF_ERROR(CheckAnchor(anchor_path, verifier, verification.newest_head));
  return verification.summary;
}

}  // namespace waterline::accountability
