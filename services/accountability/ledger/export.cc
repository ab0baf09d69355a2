#include "services/accountability/ledger/export.h"

#include "services/common/status/error.h"
#include "services/common/status/macros.h"
#include "waterline/accountability/v1/ledger.pb.h"

namespace waterline::accountability {
namespace {

constexpr std::string_view kMagic = "waterline-ledger-export v1\n";
constexpr char kHashOnly = 0;
constexpr char kWhole = 1;
constexpr size_t kHashBytes = 32;

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
  if (rest->size() < 4) return false;
  uint32_t size = 0;
  for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<uint8_t>((*rest)[i]);
  rest->remove_prefix(4);
  if (rest->size() < size) return false;
  *out = rest->substr(0, size);
  rest->remove_prefix(size);
  return true;
}

}  // namespace

std::string ExportHeader(std::string_view checkpoint) {
  return std::string(kMagic) + WithLength(checkpoint);
}
std::string ExportLeaf(std::string_view leaf) { return std::string(1, kWhole) + WithLength(leaf); }
std::string ExportHash(std::string_view leaf_hash) {
  return std::string(1, kHashOnly) + WithLength(leaf_hash);
}

absl::StatusOr<ExportSummary> VerifyExport(std::string_view file, const NoteVerifier& verifier) {
  if (!file.starts_with(kMagic)) return Damaged("it is not a waterline ledger export, version 1");
  std::string_view rest = file.substr(kMagic.size());
  std::string_view note;
  if (!TakeString(&rest, &note)) return Damaged("it ends inside the checkpoint");
  ExportSummary summary;
  WATERLINE_ASSIGN_OR_RETURN(summary.checkpoint, verifier.OpenCheckpoint(note));
  Frontier tree;
  const auto ignore = [](const NodeId&, const std::string&) {};
  for (uint64_t index = 0; index < summary.checkpoint.size; ++index) {
    const std::string where = "entry " + std::to_string(index);
    if (rest.empty()) return Damaged("it ends before " + where);
    const char kind = rest[0];
    rest.remove_prefix(1);
    std::string_view bytes;
    if ((kind != kWhole && kind != kHashOnly) || !TakeString(&rest, &bytes))
      return Damaged(where + " is malformed");
    v1::Entry entry;
    if (kind == kHashOnly && bytes.size() != kHashBytes)
      return Damaged(where + " has a hash of the wrong length");
    if (kind == kWhole && !entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return Damaged(where + " is no entry");
    summary.whole_entries += kind == kWhole;
    tree.Append(kind == kWhole ? LeafHash(bytes) : std::string(bytes), ignore);
  }
  if (!rest.empty()) return Damaged("bytes follow the last entry");
  const std::string root = summary.checkpoint.size == 0 ? EmptyRoot() : tree.Root();
  if (root != summary.checkpoint.root)
    return Damaged(
        "the entries do not make the root that was signed: one was changed, added or left out");
  return summary;
}

}  // namespace waterline::accountability
