// Signed notes and checkpoints of other implementations: the worked example of C2SP signed-note and
// the log that Tessera publishes with its sources (16 checkpoints, hash tiles, entry bundles of
// c2sp.org/tlog-tiles). Both are read in place from the folder named by WATERLINE_VECTORS, by
// default ../shared/vectors beside the project; the project's own notes are always read.

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "services/accountability/ledger/merkle.h"
#include "services/accountability/ledger/note.h"
#include "services/common/crypto/encoding.h"
#include "services/common/text/utf8.h"

namespace waterline::accountability {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::element;

constexpr size_t kHashBytes = 32;

fs::path Folder() {
  const char* named = std::getenv("WATERLINE_VECTORS");
  return named != nullptr && *named != '\0' ? named : "../shared/vectors";
}

// True when the published vectors are there; says in one line when they are not. A folder that was
// named and is not there is a failure.
bool Have(const fs::path& path) {
  if (fs::exists(path)) return true;
  printf("%s is not there: the published vectors were not read\n", path.c_str());
  EXPECT_EQ(std::getenv("WATERLINE_VECTORS"), nullptr) << "WATERLINE_VECTORS names no vectors";
  return false;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

NoteVerifier VerifierOf(std::string_view vkey) {
  auto verifier = NoteVerifier::FromVkey(vkey);
  EXPECT_TRUE(verifier.ok()) << vkey;
  return verifier.ok() ? *std::move(verifier) : NoteVerifier("", "");
}

// A tree of entries with all its nodes.
struct Tree {
  Frontier frontier;
  std::map<NodeId, std::string> nodes;
  void Add(const std::string& leaf_hash) {
    frontier.Append(leaf_hash,
                    [this](const NodeId& id, const std::string& hash) { nodes[id] = hash; });
  }
  NodeReader reader() const {
    return [this](const NodeId& id) -> absl::StatusOr<std::string> { return nodes.at(id); };
  }
  std::string Root() const { return frontier.size() == 0 ? EmptyRoot() : frontier.Root(); }
};

// Of all sizes from 0 on: every later checkpoint must be consistent with every earlier one, and no
// other root may be.
void ExpectConsistent(const Tree& whole, const std::vector<Checkpoint>& checkpoints) {
  for (uint64_t first = 1; first < checkpoints.size(); ++first) {
    for (uint64_t second = first; second < checkpoints.size(); ++second) {
      const auto proof = *FillProof(PlanConsistency(first, second), whole.reader());
      const std::string& root = checkpoints[second].root;
      EXPECT_TRUE(VerifyConsistency(first, second, proof, checkpoints[first].root, root));
      EXPECT_FALSE(VerifyConsistency(first, second, proof, checkpoints[first - 1].root, root));
    }
  }
}

// ---- The project's own --------------------------------------------------------------------------

TEST(NoteVectors, EveryNoteOfTheProjectIsJudgedAsItSays) {
  simdjson::dom::parser parser;
  element file = parser.load("tests/data/signed_notes/notes.json");
  const auto verifier = VerifierOf(std::string_view(file["vkey"].get_string()));
  int good = 0, bad = 0;
  for (element vector : file["notes"].get_array()) {
    const std::string note(std::string_view(vector["note"].get_string()));
    const auto text = verifier.OpenNote(note);
    const bool wanted = vector["verifies"].get_bool();
    EXPECT_EQ(text.ok(), wanted) << std::string_view(vector["what"].get_string());
    EXPECT_TRUE(!text.ok() || note.starts_with(*text + "\n"));
    ++(wanted ? good : bad);
  }
  EXPECT_GE(good, 6);
  EXPECT_GE(bad, 18);
}

TEST(NoteVectors, TheProjectsCheckpointsSignThePublishedTrees) {
  simdjson::dom::parser notes_parser, trees_parser;
  element notes = notes_parser.load("tests/data/signed_notes/notes.json");
  element trees = trees_parser.load("tests/data/rfc6962/leaves_and_roots.json");
  const auto verifier = VerifierOf(std::string_view(notes["vkey"].get_string()));
  Tree tree;
  std::vector<Checkpoint> checkpoints;
  auto leaves = trees["leaves"].get_array();
  auto leaf = leaves.begin();
  for (element note : notes["checkpoints"].get_array()) {
    const auto checkpoint = verifier.OpenCheckpoint(std::string_view(note.get_string()));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    checkpoints.push_back(*checkpoint);
    EXPECT_EQ(checkpoint->origin, "vectors.example/accountability/1");
    EXPECT_EQ(checkpoint->size, tree.frontier.size());
    EXPECT_EQ(checkpoint->root, tree.Root());
    if (leaf != leaves.end()) {
      tree.Add(LeafHash(*crypto::HexDecode(std::string_view((*leaf).get_string()))));
      ++leaf;
    }
  }
  ASSERT_EQ(checkpoints.size(), 9u);
  ExpectConsistent(tree, checkpoints);
}

// ---- C2SP ---------------------------------------------------------------------------------------

TEST(NoteVectors, TheExampleOfC2spReadInPlace) {
  const fs::path folder = Folder() / "c2sp";
  if (!Have(folder)) return;
  const std::string note = ReadFile(folder / "signed-note-example.txt");
  const std::string vkey(text::Trim(ReadFile(folder / "signed-note-example.vkey")));
  const auto verifier = VerifierOf(vkey);
  EXPECT_EQ(verifier.Vkey(), vkey);
  const auto text = verifier.OpenNote(note);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "This is an example message.\n");
  for (size_t bit = 0; bit < note.size() * 8; ++bit) {
    std::string changed = note;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(verifier.OpenNote(changed).ok()) << "bit " << bit;
  }
}

// ---- Tessera ------------------------------------------------------------------------------------

constexpr int kTesseraSizes = 16;  // Checkpoints of sizes 0 to 15.

fs::path Tessera() { return Folder() / "tlog-tessera" / "testdata"; }

// From the script that made the log.
std::string TesseraKey() {
  const std::string script = ReadFile(Tessera() / "build_log.sh");
  const std::string mark = "LOG_PUBLIC_KEY=\"";
  const size_t begin = script.find(mark);
  EXPECT_NE(begin, std::string::npos);
  const size_t end = script.find('"', begin + mark.size());
  return script.substr(begin + mark.size(), end - begin - mark.size());
}

// A tile as it was when the tree had `size` leaves: partial, in a folder of its own.
std::string Tile(const std::string& kind, int size) {
  return ReadFile(Tessera() / "log" / "tile" / kind / "000.p" / std::to_string(size));
}

// Entries, each behind a big-endian length of 16 bits.
std::vector<std::string> EntriesOf(const std::string& bundle) {
  std::vector<std::string> entries;
  for (size_t at = 0; at + 2 <= bundle.size();) {
    const size_t size =
        static_cast<uint8_t>(bundle[at]) << 8 | static_cast<uint8_t>(bundle[at + 1]);
    entries.push_back(bundle.substr(at + 2, size));
    at += 2 + size;
  }
  return entries;
}

TEST(NoteVectors, TheLogOfTesseraReadInPlace) {
  if (!Have(Tessera())) return;
  const auto verifier = VerifierOf(TesseraKey());
  Tree whole;
  std::vector<Checkpoint> checkpoints;
  for (int size = 0; size < kTesseraSizes; ++size) {
    const auto note = ReadFile(Tessera() / "log" / ("checkpoint." + std::to_string(size)));
    const auto checkpoint = verifier.OpenCheckpoint(note);
    ASSERT_TRUE(checkpoint.ok()) << size << ": " << checkpoint.status();
    EXPECT_EQ(checkpoint->origin, "example.com/log/testdata");
    EXPECT_EQ(checkpoint->size, static_cast<uint64_t>(size));
    checkpoints.push_back(*checkpoint);
    const auto entries = size == 0 ? std::vector<std::string>() : EntriesOf(Tile("entries", size));
    const std::string hashes = size == 0 ? "" : Tile("0", size);
    ASSERT_EQ(entries.size(), static_cast<size_t>(size));
    ASSERT_EQ(hashes.size(), static_cast<size_t>(size) * kHashBytes);
    Tree tree;
    for (size_t i = 0; i < entries.size(); ++i) {
      tree.Add(LeafHash(entries[i]));
      EXPECT_EQ(LeafHash(entries[i]), hashes.substr(i * kHashBytes, kHashBytes)) << i;
    }
    EXPECT_EQ(tree.Root(), checkpoint->root) << size;
    whole = std::move(tree);
  }
  ExpectConsistent(whole, checkpoints);
  EXPECT_EQ(*verifier.OpenCheckpoint(ReadFile(Tessera() / "log" / "checkpoint")),
            checkpoints.back());
}

}  // namespace
}  // namespace waterline::accountability
