#include "services/accountability/ledger/export.h"

#include <charconv>
#include <utility>

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "waterline/accountability/v1/ledger.pb.h"

namespace waterline::accountability {
namespace {

constexpr std::string_view kMagic = "waterline-ledger-export v1\n";
constexpr char kHashOnly = 0;
constexpr char kWhole = 1;
constexpr size_t kLengthBytes = 4;
constexpr size_t kHashBytes = 32;
constexpr int32_t kNanosPerSecond = 1'000'000'000;

std::string WithLength(std::string_view bytes) {
  const auto size = static_cast<uint32_t>(bytes.size());
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(size >> shift & 0xFF));
  return out.append(bytes);
}

absl::Status Damaged(const std::string& what) {
  return Error(reason::kDataDamaged, "the export does not verify: " + what);
}

// Takes one length-prefixed string from the front of `rest`.
bool TakeString(std::string_view* rest, std::string_view* out) {
  if (rest->size() < kLengthBytes) return false;
  uint32_t size = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) size = size << 8 | static_cast<uint8_t>((*rest)[i]);
  rest->remove_prefix(kLengthBytes);
  if (rest->size() < size) return false;
  *out = rest->substr(0, size);
  rest->remove_prefix(size);
  return true;
}

absl::StatusOr<uint64_t> EpochOf(const Checkpoint& checkpoint, const NoteVerifier& verifier) {
  const std::string prefix = verifier.name() + "/";
  uint64_t epoch = 0;
  if (checkpoint.origin.starts_with(prefix)) {
    const char* begin = checkpoint.origin.data() + prefix.size();
    std::from_chars(begin, checkpoint.origin.data() + checkpoint.origin.size(), epoch);
  }
  if (epoch == 0 || checkpoint.origin != prefix + std::to_string(epoch))
    return Damaged("its checkpoint is of no epoch of the ledger that " + verifier.name() +
                   " signs");
  if (checkpoint.size == 0) return Damaged("it has no entry 0, which every epoch starts with");
  return epoch;
}

absl::Status CheckHeldFits(const Checkpoint& held, const Checkpoint& exported) {
  if (held.origin != exported.origin)
    return Error(reason::kInvalidFields, "the checkpoint you hold is of " + held.origin +
                                             ", the export of " + exported.origin +
                                             ": export that epoch with --epoch");
  if (held.size > exported.size)
    return Damaged("it ends before entry " + std::to_string(exported.size) +
                   ", and the checkpoint you hold covers " + std::to_string(held.size) +
                   ": it is older than that checkpoint, or the log was cut back");
  if (held.size == 0 && held.root != EmptyRoot())
    return Damaged("the checkpoint you hold is of an empty log and does not have its root");
  return absl::OkStatus();
}

// Takes entry by entry from an export and checks each with those before it.
class EntryReader {
 public:
  EntryReader(const Checkpoint& checkpoint, uint64_t epoch)
      : origin_(checkpoint.origin), epoch_(epoch) {}
  absl::Status Take(std::string_view* rest);
  const Frontier& tree() const { return tree_; }
  uint64_t whole_entries() const { return whole_entries_; }

 private:
  absl::Status CheckWhole(std::string_view bytes, const std::string& where);
  const std::string origin_;
  const uint64_t epoch_;
  Frontier tree_;
  uint64_t whole_entries_ = 0;
  std::pair<int64_t, int32_t> last_time_;  // Seconds and nanoseconds, of whole entries.
};

absl::Status EntryReader::Take(std::string_view* rest) {
  const std::string where = "entry " + std::to_string(tree_.size());
  if (rest->empty()) return Damaged("it ends before " + where);
  const char kind = rest->front();
  rest->remove_prefix(1);
  std::string_view bytes;
  if ((kind != kWhole && kind != kHashOnly) || !TakeString(rest, &bytes))
    return Damaged(where + " is malformed");
  if (kind == kHashOnly && bytes.size() != kHashBytes)
    return Damaged(where + " has a hash of the wrong length");
  if (kind == kHashOnly && tree_.size() == 0)
    return Damaged(where + ", the start of the epoch, is not whole");
  if (kind == kWhole) WATERLINE_RETURN_IF_ERROR(CheckWhole(bytes, where));
  tree_.Append(kind == kWhole ? LeafHash(bytes) : std::string(bytes),
               [](const NodeId&, const std::string&) {});
  return absl::OkStatus();
}

absl::Status EntryReader::CheckWhole(std::string_view bytes, const std::string& where) {
  v1::Entry entry;
  if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Damaged(where + " is no entry");
  if (entry.entry_id().size() != kHashBytes || !entry.has_recorded_at())
    return Damaged(where + " has no id or no time");
  if (entry.has_epoch_start() != (tree_.size() == 0))
    return Damaged(where + ": an epoch starts at entry 0 and only there");
  const auto& start = entry.epoch_start();
  if (entry.has_epoch_start() && (start.epoch() != epoch_ || start.origin() != origin_))
    return Damaged(where + " starts another epoch than the one that was signed");
  const std::pair time(entry.recorded_at().seconds(), entry.recorded_at().nanos());
  if (time.second < 0 || time.second >= kNanosPerSecond)
    return Damaged(where + " has no time that there is");
  if (whole_entries_ > 0 && time < last_time_)
    return Damaged(where + " is of an earlier time than one before it");
  last_time_ = time;
  ++whole_entries_;
  return absl::OkStatus();
}

}  // namespace

std::string ExportHeader(std::string_view checkpoint) {
  return std::string(kMagic) + WithLength(checkpoint);
}
std::string ExportLeaf(std::string_view leaf) { return std::string(1, kWhole) + WithLength(leaf); }
std::string ExportHash(std::string_view leaf_hash) {
  return std::string(1, kHashOnly) + WithLength(leaf_hash);
}

std::optional<std::string_view> CheckpointOfExport(std::string_view file) {
  std::string_view note;
  if (!file.starts_with(kMagic)) return std::nullopt;
  file.remove_prefix(kMagic.size());
  if (!TakeString(&file, &note)) return std::nullopt;
  return note;
}

absl::StatusOr<ExportSummary> VerifyExport(std::string_view file, const NoteVerifier& verifier,
                                           const std::optional<Checkpoint>& held) {
  if (!file.starts_with(kMagic)) return Damaged("it is not a waterline ledger export, version 1");
  const auto note = CheckpointOfExport(file);
  if (!note) return Damaged("it ends inside the checkpoint");
  ExportSummary summary;
  WATERLINE_ASSIGN_OR_RETURN(summary.checkpoint, verifier.OpenCheckpoint(*note));
  WATERLINE_ASSIGN_OR_RETURN(const uint64_t epoch, EpochOf(summary.checkpoint, verifier));
  if (held) WATERLINE_RETURN_IF_ERROR(CheckHeldFits(*held, summary.checkpoint));
  std::string_view rest = file.substr(kMagic.size() + kLengthBytes + note->size());
  EntryReader reader(summary.checkpoint, epoch);
  while (reader.tree().size() < summary.checkpoint.size) {
    WATERLINE_RETURN_IF_ERROR(reader.Take(&rest));
    if (held && reader.tree().size() == held->size && reader.tree().Root() != held->root)
      return Damaged("its first " + std::to_string(held->size) +
                     " entries are not those of the checkpoint you hold: two logs were signed");
  }
  if (!rest.empty()) return Damaged("bytes follow the last entry");
  if (reader.tree().Root() != summary.checkpoint.root)
    return Damaged(
        "the entries do not make the root that was signed: one was changed, added or left out");
  summary.whole_entries = reader.whole_entries();
  return summary;
}

}  // namespace waterline::accountability
