// One flipped bit anywhere in the files that hold entries, tree, head or anchor: start or
// verification refuses the folder and names the file.
//
// WATERLINE_TAMPER_OFFSETS: how many seeded offsets (default 2,000), or `all` for one bit of every
// byte. WATERLINE_SEED repeats a run.

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "services/accountability/ledger/merkle.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/hash.h"
#include "services/common/status/error.h"
#include "services/common/testing/random.h"
#include "services/waterlined/deployment.h"
#include "services/waterlined/foundation.h"

namespace waterline::deployment {
namespace {

namespace fs = std::filesystem;

constexpr int kEntries = 300;

std::unique_ptr<Foundation> Open(const Layout& layout, absl::Status* status = nullptr) {
  static SystemClock clock;
  auto foundation = Foundation::Open(layout, &clock);
  if (status != nullptr) *status = foundation.status();
  return foundation.ok() ? *std::move(foundation) : nullptr;
}

// An entry with tokens and a payload beside it, as the recorder makes them.
accountability::AppendRequest MakeEntry(int i) {
  accountability::AppendRequest request;
  request.entry.set_entry_id(crypto::Sha256("entry " + std::to_string(i)));
  request.organisations = {"local-test-board"};
  request.beside.set_payload_nonce(crypto::Sha256("nonce " + std::to_string(i)));
  request.beside.set_payload(crypto::Sha256("payload " + std::to_string(i)));
  accountability::Frontier tokens;
  for (int t = 0; t < i % 4; ++t) {
    const std::string token = crypto::Sha256("token " + std::to_string(i * 10 + t));
    request.beside.add_subject_tokens(token);
    tokens.Append(accountability::LeafHash(token),
                  [](const accountability::NodeId&, const std::string&) {});
  }
  auto* access = request.entry.mutable_access();
  access->set_organisation("organisations/local-test-board");
  if (i % 4 > 0) access->set_subjects_root(tokens.Root());
  access->set_payload_hash(
      crypto::Sha256(request.beside.payload_nonce() + request.beside.payload()));
  return request;
}

void MakeFolder(const Layout& layout) {
  InitOptions options;
  options.data = layout.data;
  options.network = "dev-test";
  options.host = "local-test-board";
  options.administrator = "stella";
  options.development = true;
  ASSERT_TRUE(Init(options).ok());
  for (int i = 0; i < kEntries;) {  // Closed in between, so that there is more than one table.
    auto foundation = Open(layout);
    ASSERT_NE(foundation, nullptr);
    for (const int end = i + kEntries / 3; i < end; ++i)
      ASSERT_TRUE(coro::SyncWait(foundation->ledger()->Append(MakeEntry(i))).ok());
  }
}

// What a flip cannot hurt: LOG files are text that RocksDB writes for people and never reads; LOCK
// is empty. Everything else in the ledger's folder counts, and so does the anchor beside it.
bool IsOfNoConsequence(const std::string& name) {
  return name == "LOCK" || name == "LOG" || name == "LOG.old";
}

struct File {
  fs::path path;
  uint64_t begin = 0;  // Of its bytes in the concatenation of all.
  uint64_t size = 0;
};

std::vector<File> FilesThatCount(const Layout& layout) {
  std::vector<File> files = {{layout.Anchor(), 0, 0}};
  for (const auto& file : fs::directory_iterator(layout.Store("accountability"))) {
    if (!IsOfNoConsequence(file.path().filename().string())) files.push_back({file.path(), 0, 0});
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.path < b.path; });
  uint64_t begin = 0;
  for (auto& file : files) {
    file.begin = begin;
    file.size = fs::file_size(file.path);
    begin += file.size;
  }
  return files;
}

void Flip(const fs::path& path, uint64_t offset, int bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ (1 << bit));
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  file.close();
  ASSERT_TRUE(file);
}

// Verification of the folder must fail and name `file`.
void ExpectRefused(const Layout& layout, const fs::path& file) {
  const auto verified = Verify(layout.data);
  ASSERT_FALSE(verified.ok()) << "nobody saw it";
  EXPECT_EQ(ReasonOf(verified.status()), reason::kDataDamaged.name) << verified.status();
  EXPECT_NE(verified.status().message().find(file.filename().string()), absl::string_view::npos)
      << verified.status();
}

class TamperTest : public ::testing::Test {
 protected:
  TamperTest() : layout_(Memory() + "waterline-tamper-" + std::to_string(getpid())) {}
  void SetUp() override {
    fs::remove_all(layout_.data);
    MakeFolder(layout_);
    const auto verified = Verify(layout_.data);
    ASSERT_TRUE(verified.ok()) << verified.status();
  }
  void TearDown() override { fs::remove_all(layout_.data); }

  static std::string Memory() {
    return fs::exists("/dev/shm") ? "/dev/shm/" : ::testing::TempDir();
  }

  const Layout layout_;
};

TEST_F(TamperTest, EveryFlippedBitIsSeenAndItsFileNamed) {
  const auto files = FilesThatCount(layout_);
  const uint64_t total = files.back().begin + files.back().size;
  const char* wanted = getenv("WATERLINE_TAMPER_OFFSETS");
  const bool all = wanted != nullptr && std::string(wanted) == "all";
  const uint64_t flips = all ? total : wanted != nullptr ? strtoull(wanted, nullptr, 10) : 2000;
  printf("%lu of %lu bytes in %zu files (WATERLINE_TAMPER_OFFSETS)\n", flips, total, files.size());
  ASSERT_GT(flips, 0u);
  std::mt19937_64 random(waterline::testing::Seed());
  for (uint64_t i = 0; i < flips && !HasFailure(); ++i) {
    const uint64_t offset = all ? i : random() % total;
    const int bit = static_cast<int>(random() % 8);
    const auto file =
        std::prev(std::upper_bound(files.begin(), files.end(), offset,
                                   [](uint64_t at, const File& f) { return at < f.begin; }));
    SCOPED_TRACE(file->path.string() + ", byte " + std::to_string(offset - file->begin) + ", bit " +
                 std::to_string(bit));
    Flip(file->path, offset - file->begin, bit);
    ExpectRefused(layout_, file->path);
    Flip(file->path, offset - file->begin, bit);
  }
  EXPECT_TRUE(Verify(layout_.data).ok()) << "all flips were undone";
}

TEST_F(TamperTest, TheFilesThatCountAreTheOnesWeKnow) {
  std::string kinds;
  for (const auto& file : FilesThatCount(layout_)) kinds += file.path.filename().string() + "\n";
  EXPECT_THAT(kinds, ::testing::HasSubstr("accountability.anchor"));
  for (const char* kind : {"CURRENT", "IDENTITY", "MANIFEST-", "OPTIONS-", "SEAL", ".sst"})
    EXPECT_THAT(kinds, ::testing::HasSubstr(kind));
}

// Start does not read every byte of old tables, but whatever it needs.
TEST_F(TamperTest, StartRefusesWhatItReads) {
  for (const auto& file : FilesThatCount(layout_)) {
    if (file.size == 0 || file.path.extension() == ".sst") continue;
    Flip(file.path, file.size / 2, 3);
    absl::Status status;
    EXPECT_EQ(Open(layout_, &status), nullptr) << file.path;
    EXPECT_NE(status.message().find(file.path.filename().string()), absl::string_view::npos)
        << status;
    Flip(file.path, file.size / 2, 3);
  }
  absl::Status status;
  EXPECT_NE(Open(layout_, &status), nullptr) << status;
}

}  // namespace
}  // namespace waterline::deployment
