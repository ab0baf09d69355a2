#include "services/accountability/ledger/ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/hash.h"
#include "services/common/crypto/random.h"
#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "services/common/storage/byte_order.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/common/text/serialise.h"

namespace waterline::accountability {
namespace {

using waterline::storage::Batch;
using waterline::storage::BigEndian;
using waterline::storage::Direction;
using waterline::storage::FromBigEndian;
using waterline::storage::Key;
using waterline::storage::Partition;
using waterline::storage::Range;

constexpr size_t kGroupMax = 64;  // Entries per group: their writes fit one batch.
constexpr size_t kAnchorBytes = 512;
constexpr char kEntries[] = "entries";
constexpr char kNodes[] = "nodes";
constexpr char kHeads[] = "heads";
constexpr char kByOrganisation[] = "by_org";
constexpr char kSafeguarding[] = "safeguarding";

Partition LedgerPartition() { return Partition(kLedgerPartition); }

Key IndexKey(const char* collection, const std::string& organisation, uint64_t epoch,
             uint64_t index) {
  return Key(collection, organisation + "/" + BigEndian(epoch) + BigEndian(index));
}

// Somebody may see another organisation's records for a person's safety: its controller is told.
bool OpensForSafeguarding(const v1::Entry& entry) {
  const auto& access = entry.access();
  return access.purpose() == kSafeguarding && access.result() != v1::RESULT_DENY &&
         access.organisation() != access.controller() &&
         access.controller().starts_with("organisations/");
}

// A group that is in the tree: what the answer to each of its entries is made from.
struct Sequenced {
  uint64_t epoch = 0;
  uint64_t before = 0;  // Size of the tree without the group.
  uint64_t size = 0;
  std::map<NodeId, std::string> nodes;
  std::shared_ptr<const std::string> note;

  Appended ToAppended(size_t i) const {
    const NodeReader reader = [this](const NodeId& node) -> absl::StatusOr<std::string> {
      return nodes.at(node);
    };
    Appended appended;
    appended.position.set_epoch(epoch);
    appended.position.set_index(before + i);
    appended.leaf_hash = nodes.at({0, before + i});
    appended.checkpoint = note;
    appended.inclusion_proof = *FillProof(PlanInclusion(before + i, size), reader);
    return appended;
  }
};

absl::Status Damaged(const std::string& what) {
  return Error(reason::kDataDamaged,
               "the ledger is damaged: " + what + "; restore it from its backup");
}

}  // namespace

std::string OriginOf(const std::string& network, uint64_t epoch) {
  return network + "/accountability/" + std::to_string(epoch);
}

Key EntryKey(uint64_t epoch, uint64_t index) {
  return Key(kEntries, BigEndian(epoch) + BigEndian(index));
}

Key NodeKey(uint64_t epoch, const NodeId& node) {
  return Key(kNodes, BigEndian(epoch) + static_cast<char>(node.level) + BigEndian(node.index));
}

Key HeadKey(uint64_t epoch) { return Key(kHeads, BigEndian(epoch)); }

uint64_t EpochFromHeadId(const std::string& id) { return FromBigEndian(id); }

std::string SerialiseEntry(const v1::Entry& entry) { return text::Serialise(entry); }

std::string AnchorContent(const std::string& checkpoint) {
  std::string content = checkpoint;
  content.resize(std::max(kAnchorBytes, checkpoint.size()), '\n');
  return content;
}

Ledger::Ledger(Options options) : options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(Options options) {
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(options)));
  WATERLINE_RETURN_IF_ERROR(ledger->Recover());
  ledger->resumers_ = std::make_unique<coro::Pool>("ledger-resume", 2);
  ledger->sequencer_ = std::thread([raw = ledger.get()] { raw->SequenceLoop(); });
  return ledger;
}

Ledger::~Ledger() {
  if (sequencer_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    sequencer_.join();
    resumers_.reset();
    WriteAnchor(*checkpoint_, true).IgnoreError();
  }
  if (anchor_file_ >= 0) close(anchor_file_);
}

absl::Status Ledger::Recover() {
  auto heads = coro::SyncWait(
      options_.store->Scan(LedgerPartition(), Range(kHeads), 1, Direction::kBackward));
  WATERLINE_RETURN_IF_ERROR(heads.status());
  if (!options_.anchor_path.empty()) {
    anchor_file_ = open(options_.anchor_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (anchor_file_ < 0) return Error(reason::kUnavailable, "cannot open " + options_.anchor_path);
  }
  if (heads->empty()) {
    char byte = 0;
    if (anchor_file_ >= 0 && pread(anchor_file_, &byte, 1, 0) == 1) {
      return Damaged("the store is empty but " + options_.anchor_path + " is not");
    }
    v1::EpochStart start;
    start.set_epoch(1);
    start.set_reason("first epoch");
    return StartEpoch(std::move(start));
  }
  epoch_ = EpochFromHeadId(heads->front().id);
  WATERLINE_RETURN_IF_ERROR(LoadHead());
  WATERLINE_RETURN_IF_ERROR(VerifyTail());
  WATERLINE_RETURN_IF_ERROR(CheckAnchor());
  WATERLINE_RETURN_IF_ERROR(WriteAnchor(*checkpoint_, true));
  return options_.new_epoch ? BeginNextEpoch() : absl::OkStatus();
}

// A log of its own that says what was known of the one before, and what of it was restored.
absl::Status Ledger::BeginNextEpoch() {
  v1::EpochStart start = *options_.new_epoch;
  start.set_epoch(epoch_ + 1);
  start.set_restored_size(size_);
  start.set_restored_root(frontier_.Root());
  if (!start.has_last_known_size()) {
    start.set_last_known_size(size_);
    start.set_last_known_root(frontier_.Root());
  }
  frontier_ = Frontier();
  return StartEpoch(std::move(start));
}

absl::Status Ledger::StartEpoch(v1::EpochStart start) {
  epoch_ = start.epoch();
  start.set_origin(OriginOf(options_.network, epoch_));
  AppendRequest request;
  request.entry.set_entry_id(crypto::RandomBytes(crypto::kSha256Bytes));
  *request.entry.mutable_epoch_start() = std::move(start);
  coro::OneShot<absl::StatusOr<Appended>> done;
  std::vector<Pending> group;
  group.push_back({std::move(request), done.setter()});
  resumers_ = std::make_unique<coro::Pool>("ledger-resume", 1);
  SequenceGroup(std::move(group));
  resumers_.reset();
  return done.await_resume().status();
}

// The head of the current epoch, its signature, and the frontier it signs.
absl::Status Ledger::LoadHead() {
  auto stored = coro::SyncWait(options_.store->Get(LedgerPartition(), {HeadKey(epoch_)}));
  WATERLINE_RETURN_IF_ERROR(stored.status());
  if (!stored->front())
    return Damaged("the head of epoch " + std::to_string(epoch_) + " is missing");
  auto head = verifier().OpenCheckpoint(stored->front()->value);
  if (!head.ok() || head->origin != OriginOf(options_.network, epoch_)) {
    return Damaged("the head of epoch " + std::to_string(epoch_) +
                   " is not signed by this network's key");
  }
  const auto nodes = Decompose(0, head->size);
  std::vector<Key> keys;
  for (const auto& node : nodes) {
    keys.push_back(node.level == 0 ? EntryKey(epoch_, node.index) : NodeKey(epoch_, node));
  }
  auto hashes = coro::SyncWait(options_.store->Get(LedgerPartition(), keys));
  WATERLINE_RETURN_IF_ERROR(hashes.status());
  std::vector<std::string> frontier;
  for (size_t i = 0; i < nodes.size(); ++i) {
    storage::v1::EntryRecord record;
    if (!(*hashes)[i]) return Damaged("a node of the frontier is missing");
    if (nodes[i].level > 0) {
      frontier.push_back((*hashes)[i]->value);
    } else if (record.ParseFromString((*hashes)[i]->value)) {
      frontier.push_back(record.leaf_hash());
    } else {
      return Damaged("entry " + std::to_string(nodes[i].index) + " does not parse");
    }
  }
  frontier_ = Frontier(head->size, std::move(frontier));
  if (frontier_.Root() != head->root)
    return Damaged("the frontier does not hash to the signed root");
  checkpoint_ = std::make_shared<const std::string>(stored->front()->value);
  size_ = head->size;
  return absl::OkStatus();
}

// Every one of the newest entries hashes to what is stored, and those hashes to the signed root.
absl::Status Ledger::VerifyTail() {
  const uint64_t first = size_ > kVerifiedAtStart ? (size_ - kVerifiedAtStart) >> 16 << 16 : 0;
  const auto covered = Decompose(0, first);
  std::vector<std::string> hashes;
  for (const auto& node : covered) {
    auto stored = coro::SyncWait(options_.store->Get(LedgerPartition(), {NodeKey(epoch_, node)}));
    WATERLINE_RETURN_IF_ERROR(stored.status());
    if (!stored->front()) return Damaged("a node of the tree is missing");
    hashes.push_back(stored->front()->value);
  }
  Frontier tree(first, std::move(hashes));
  while (tree.size() < size_) {
    auto entries = coro::SyncWait(Read(epoch_, tree.size(), waterline::storage::kScanLimitMax));
    WATERLINE_RETURN_IF_ERROR(entries.status());
    if (entries->empty()) return Damaged("entry " + std::to_string(tree.size()) + " is missing");
    for (auto& entry : *entries) {
      const std::string index = std::to_string(tree.size());
      if (entry.position.index() != tree.size()) return Damaged("entry " + index + " is missing");
      if (LeafHash(entry.record.leaf()) != entry.record.leaf_hash())
        return Damaged("entry " + index + " does not match its hash");
      if (tree.size() == size_) return Damaged("entry " + index + " lies beyond the head");
      tree.Append(entry.record.leaf_hash(), [](const NodeId&, const std::string&) {});
    }
    v1::Entry newest;
    if (newest.ParseFromString(entries->back().record.leaf())) {
      options_.clock->AtLeast(text::ToMs(newest.recorded_at()));
    }
  }
  if (tree.Root() != frontier_.Root())
    return Damaged("the newest entries do not hash to the signed root");
  return absl::OkStatus();
}

absl::Status Ledger::CheckAnchor() {
  if (anchor_file_ < 0) return absl::OkStatus();
  std::ifstream file(options_.anchor_path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  std::string note = text.str();
  note.erase(note.find_last_not_of('\n') + 1);
  note += "\n";
  auto anchor = verifier().OpenCheckpoint(note);
  if (!anchor.ok() || AnchorContent(note) != text.str())
    return Damaged(options_.anchor_path + " is not a signed checkpoint of this network");
  if (anchor->origin != OriginOf(options_.network, epoch_)) {
    for (uint64_t earlier = 1; earlier < epoch_; ++earlier) {
      if (anchor->origin == OriginOf(options_.network, earlier)) return absl::OkStatus();
    }
    return Damaged("the store holds an older epoch than " + options_.anchor_path);
  }
  if (anchor->size > size_) {
    return Damaged("the store ends at entry " + std::to_string(size_) + ", " +
                   options_.anchor_path + " has seen " + std::to_string(anchor->size));
  }
  auto nodes = Decompose(0, anchor->size);
  ProofPlan plan = {std::move(nodes)};
  auto root = coro::SyncWait(ReadProof(epoch_, std::move(plan)));
  WATERLINE_RETURN_IF_ERROR(root.status());
  if (root->front() != anchor->root)
    return Damaged("the store and " + options_.anchor_path + " are different logs");
  return absl::OkStatus();
}

absl::Status Ledger::WriteAnchor(const std::string& checkpoint, bool sync) {
  if (anchor_file_ < 0) return absl::OkStatus();
  const std::string content = AnchorContent(checkpoint);
  const bool written = pwrite(anchor_file_, content.data(), content.size(), 0) ==
                       static_cast<ssize_t>(content.size());
  if (!written || (sync && fdatasync(anchor_file_) != 0)) {
    return Error(reason::kUnavailable, "cannot write " + options_.anchor_path);
  }
  return absl::OkStatus();
}

void Ledger::SequenceLoop() {
  while (true) {
    auto group = NextGroup();
    if (group.empty()) return;
    SequenceGroup(std::move(group));
  }
}

// What waits, up to kGroupMax entries; a change of the rules alone. Empty: the ledger stops.
std::vector<Ledger::Pending> Ledger::NextGroup() {
  std::vector<Pending> group;
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  while (!queue_.empty() && group.size() < kGroupMax) {
    const bool change = queue_.front().request.change.has_value();
    if (change && !group.empty()) break;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (change) break;
  }
  return group;
}

// Gives the entry its time and its last word; what a change of the rules writes beside it.
absl::StatusOr<Batch> Ledger::Finish(AppendRequest* request, uint64_t index) {
  const int64_t now_ms = options_.clock->NowMs();
  *request->entry.mutable_recorded_at() = text::ToTimestamp(now_ms);
  if (request->finish) request->finish(&request->entry, &request->beside);
  if (!request->change) return Batch();
  common::v1::LedgerPosition position;
  position.set_epoch(epoch_);
  position.set_index(index);
  return request->change->effects(position, &request->entry);
}

// One group: leaves, tree, one signature, one commit. Nothing of it is visible before the commit.
void Ledger::SequenceGroup(std::vector<Pending> group) {
  const uint64_t before = frontier_.size();
  Frontier next = frontier_;
  std::map<NodeId, std::string> nodes;
  const auto old_nodes = Decompose(0, before);
  for (size_t i = 0; i < old_nodes.size(); ++i) nodes[old_nodes[i]] = frontier_.hashes()[i];
  Batch batch;
  for (auto& pending : group) {
    const uint64_t index = next.size();
    auto effects = Finish(&pending.request, index);
    if (!effects.ok()) {  // Only of a change, which is alone in its group.
      resumers_->Run([done = std::move(pending.done), status = effects.status()]() mutable {
        done.Set(std::move(status));
      });
      return;
    }
    if (!effects->empty()) batch = *std::move(effects);
    storage::v1::EntryRecord record;
    record.set_leaf(SerialiseEntry(pending.request.entry));
    record.set_leaf_hash(LeafHash(record.leaf()));
    *record.mutable_beside() = std::move(pending.request.beside);
    batch.Put(EntryKey(epoch_, index), record.SerializeAsString());
    for (const auto& organisation : pending.request.organisations)
      batch.Put(IndexKey(kByOrganisation, organisation, epoch_, index), "");
    if (const auto& entry = pending.request.entry; OpensForSafeguarding(entry))
      batch.Put(IndexKey(kSafeguarding, text::IdOf(entry.access().controller()), epoch_, index),
                "");
    next.Append(record.leaf_hash(), [&](const NodeId& node, const std::string& hash) {
      nodes[node] = hash;
      if (node.level > 0) batch.Put(NodeKey(epoch_, node), hash);
    });
  }
  const Checkpoint head{OriginOf(options_.network, epoch_), next.size(), next.Root()};
  auto note = std::make_shared<const std::string>(options_.signer->SignCheckpoint(head));
  batch.Put(HeadKey(epoch_), *note);
  const auto started = std::chrono::steady_clock::now();
  auto committed = coro::SyncWait(options_.store->Commit(LedgerPartition(), std::move(batch)));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  absl::Status status = committed.status();
  if (status.ok()) {
    frontier_ = std::move(next);
    status = WriteAnchor(*note, false);
    if (group.front().request.change) group.front().request.change->install();
    std::lock_guard lock(mutex_);
    checkpoint_ = note;
    size_ = frontier_.size();
    figures_.groups += 1;
    figures_.entries += group.size();
    figures_.sync_seconds += took.count();
  }
  // Proofs are made by the threads that resume the callers, so that the next group starts at once.
  auto sequenced = std::make_shared<const Sequenced>(
      Sequenced{epoch_, before, head.size, std::move(nodes), std::move(note)});
  for (size_t i = 0; i < group.size(); ++i) {
    resumers_->Run([done = std::move(group[i].done), status, sequenced, i]() mutable {
      if (status.ok()) {
        done.Set(sequenced->ToAppended(i));
      } else {
        done.Set(std::move(status));
      }
    });
  }
}

coro::Task<absl::StatusOr<Appended>> Ledger::Append(AppendRequest request) {
  coro::OneShot<absl::StatusOr<Appended>> done;
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({std::move(request), done.setter()});
  }
  wake_.notify_one();
  co_return co_await done;
}

std::shared_ptr<const std::string> Ledger::checkpoint() const {
  std::lock_guard lock(mutex_);
  return checkpoint_;
}

uint64_t Ledger::size() const {
  std::lock_guard lock(mutex_);
  return size_;
}

Ledger::Figures Ledger::figures() const {
  std::lock_guard lock(mutex_);
  return figures_;
}

coro::Task<absl::StatusOr<std::string>> Ledger::GetCheckpoint(uint64_t epoch) {
  if (epoch == epoch_) co_return *checkpoint();
  const std::vector<Key> keys = {HeadKey(epoch)};
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored, co_await options_.store->Get(LedgerPartition(), keys));
  if (!stored[0])
    co_return Error(reason::kNotFound, "there never was an epoch " + std::to_string(epoch));
  co_return stored[0]->value;
}

coro::Task<absl::StatusOr<uint64_t>> Ledger::SizeOf(uint64_t epoch) {
  if (epoch == epoch_) co_return size();
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto note, co_await GetCheckpoint(epoch));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto head, verifier().OpenCheckpoint(note));
  co_return head.size;
}

coro::Task<absl::StatusOr<std::vector<std::string>>> Ledger::ReadProof(uint64_t epoch,
                                                                       ProofPlan plan) {
  std::vector<NodeId> ids;
  std::vector<Key> keys;
  for (const auto& nodes : plan) {
    for (const auto& node : nodes) {
      ids.push_back(node);
      keys.push_back(node.level == 0 ? EntryKey(epoch, node.index) : NodeKey(epoch, node));
    }
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored,
                                co_await options_.store->Get(LedgerPartition(), std::move(keys)));
  std::map<NodeId, std::string> hashes;
  for (size_t i = 0; i < ids.size(); ++i) {
    storage::v1::EntryRecord record;
    if (!stored[i]) co_return Damaged("a node of the tree is missing");
    if (ids[i].level == 0 && !record.ParseFromString(stored[i]->value))
      co_return Damaged("entry " + std::to_string(ids[i].index) + " does not parse");
    hashes[ids[i]] = ids[i].level == 0 ? record.leaf_hash() : stored[i]->value;
  }
  co_return FillProof(plan, [&hashes](const NodeId& node) -> absl::StatusOr<std::string> {
    return hashes.at(node);
  });
}

coro::Task<absl::StatusOr<Ledger::Proof>> Ledger::ProveInclusion(uint64_t epoch, uint64_t index,
                                                                 uint64_t size) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const uint64_t current, co_await SizeOf(epoch));
  if (size == 0) size = current;
  std::vector<FieldViolation> violations;
  if (size > current)
    violations.push_back(
        {"tree_size", "is larger than the log, which has " + std::to_string(current) + " entries"});
  if (index >= size) violations.push_back({"position.index", "is not below the tree size"});
  if (!violations.empty()) co_return BadFields(violations);
  Proof proof;
  proof.size = size;
  ProofPlan leaf_plan = {{NodeId{0, index}}};
  WATERLINE_CO_ASSIGN_OR_RETURN(auto leaf, co_await ReadProof(epoch, std::move(leaf_plan)));
  proof.leaf_hash = leaf.front();
  WATERLINE_CO_ASSIGN_OR_RETURN(proof.hashes,
                                co_await ReadProof(epoch, PlanInclusion(index, size)));
  co_return proof;
}

coro::Task<absl::StatusOr<Ledger::Proof>> Ledger::ProveConsistency(uint64_t epoch, uint64_t first,
                                                                   uint64_t second) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const uint64_t current, co_await SizeOf(epoch));
  if (second == 0) second = current;
  std::vector<FieldViolation> violations;
  if (second > current)
    violations.push_back({"second_size", "is larger than the log, which has " +
                                             std::to_string(current) + " entries"});
  if (first == 0 || first > second)
    violations.push_back({"first_size", "is not between 1 and the second size"});
  if (!violations.empty()) co_return BadFields(violations);
  Proof proof;
  proof.size = second;
  WATERLINE_CO_ASSIGN_OR_RETURN(proof.hashes,
                                co_await ReadProof(epoch, PlanConsistency(first, second)));
  co_return proof;
}

coro::Task<absl::StatusOr<std::vector<Ledger::Stored>>> Ledger::ListByOrganisation(
    std::string organisation, std::optional<common::v1::LedgerPosition> before, int limit) {
  co_return co_await ListIndex(kByOrganisation, std::move(organisation), before, limit);
}

coro::Task<absl::StatusOr<std::vector<Ledger::Stored>>> Ledger::ListSafeguarding(
    std::string controller, std::optional<common::v1::LedgerPosition> before, int limit) {
  co_return co_await ListIndex(kSafeguarding, std::move(controller), before, limit);
}

coro::Task<absl::StatusOr<std::vector<Ledger::Stored>>> Ledger::ListIndex(
    std::string collection, std::string organisation,
    std::optional<common::v1::LedgerPosition> before, int limit) {
  Range range = waterline::storage::PrefixRange(std::move(collection), organisation + "/");
  if (before)
    range.end = organisation + "/" + BigEndian(before->epoch()) + BigEndian(before->index());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto items,
      co_await options_.store->Scan(LedgerPartition(), range, limit, Direction::kBackward));
  std::vector<Stored> entries;
  std::vector<Key> keys;
  for (const auto& item : items) {
    const std::string position = item.id.substr(item.id.size() - 16);
    Stored entry;
    entry.position.set_epoch(FromBigEndian(position));
    entry.position.set_index(FromBigEndian(std::string_view(position).substr(8)));
    keys.push_back(EntryKey(entry.position.epoch(), entry.position.index()));
    entries.push_back(std::move(entry));
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(auto stored,
                                co_await options_.store->Get(LedgerPartition(), std::move(keys)));
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!stored[i] || !entries[i].record.ParseFromString(stored[i]->value)) {
      co_return Damaged("entry " + std::to_string(entries[i].position.index()) +
                        " is missing or does not parse");
    }
  }
  co_return entries;
}

coro::Task<absl::StatusOr<std::vector<Ledger::Stored>>> Ledger::Read(uint64_t epoch, uint64_t from,
                                                                     int limit) {
  const Range range(kEntries, BigEndian(epoch) + BigEndian(from), BigEndian(epoch + 1));
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto items,
      co_await options_.store->Scan(LedgerPartition(), range, limit, Direction::kForward));
  std::vector<Stored> entries;
  for (const auto& item : items) {
    Stored entry;
    entry.position.set_epoch(epoch);
    entry.position.set_index(FromBigEndian(std::string_view(item.id).substr(8)));
    if (!entry.record.ParseFromString(item.versioned.value)) {
      co_return Damaged("entry " + std::to_string(entry.position.index()) + " does not parse");
    }
    entries.push_back(std::move(entry));
  }
  co_return entries;
}

}  // namespace waterline::accountability
