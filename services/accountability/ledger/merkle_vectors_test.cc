// The proofs and roots of other implementations: every inclusion and consistency proof of
// rfc6962-merkle/testdata, good and bad, and leaves_and_roots.json. The proofs are read in place
// from the folder named by WATERLINE_VECTORS, by default ../shared/vectors beside the project; the
// roots from there and from the project's own copy.

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "services/accountability/ledger/merkle.h"
#include "services/common/crypto/encoding.h"

namespace waterline::accountability {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::element;

fs::path Folder() {
  const char* named = std::getenv("WATERLINE_VECTORS");
  const fs::path vectors = named != nullptr && *named != '\0' ? named : "../shared/vectors";
  return vectors / "rfc6962-merkle";
}

// True when the published proofs are there; says in one line when they are not. A folder that was
// named and is not there is a failure.
bool HaveProofs() {
  if (fs::exists(Folder() / "testdata")) return true;
  printf("%s is not there: the published proofs were not read\n", Folder().c_str());
  EXPECT_EQ(std::getenv("WATERLINE_VECTORS"), nullptr) << "WATERLINE_VECTORS names no vectors";
  return false;
}

std::string Bytes(element value) {
  const std::string_view text = value.get_string();
  auto bytes = crypto::Base64Decode(text);
  EXPECT_TRUE(bytes.ok()) << text;
  return bytes.ok() ? *bytes : "";
}

std::vector<std::string> Proof(element vector) {
  std::vector<std::string> hashes;
  element proof = vector["proof"];
  if (proof.is_null()) return hashes;
  for (element hash : proof.get_array()) hashes.push_back(Bytes(hash));
  return hashes;
}

bool Inclusion(element vector) {
  return VerifyInclusion(Bytes(vector["leafHash"]), vector["leafIdx"].get_uint64(),
                         vector["treeSize"].get_uint64(), Proof(vector), Bytes(vector["root"]));
}

bool Consistency(element vector) {
  return VerifyConsistency(vector["size1"].get_uint64(), vector["size2"].get_uint64(),
                           Proof(vector), Bytes(vector["root1"]), Bytes(vector["root2"]));
}

// Runs every vector of one kind; how many there are.
int RunKind(const std::string& kind, bool (*verify)(element)) {
  int count = 0, good = 0;
  for (const auto& file : fs::recursive_directory_iterator(Folder() / "testdata" / kind)) {
    if (file.path().extension() != ".json") continue;
    simdjson::dom::parser parser;
    element vector = parser.load(file.path().string());
    const bool wants_error = vector["wantErr"].get_bool();
    EXPECT_EQ(verify(vector), !wants_error) << file.path();
    ++count;
    good += wants_error ? 0 : 1;
  }
  EXPECT_GT(good, 0) << kind;
  EXPECT_LT(good, count) << kind;
  return count;
}

int CountKind(const std::string& kind) {
  int count = 0;
  for (const auto& file : fs::recursive_directory_iterator(Folder() / "testdata" / kind))
    count += file.path().extension() == ".json" ? 1 : 0;
  return count;
}

TEST(MerkleVectors, EveryPublishedProofIsJudgedAsItsAuthorsJudgeIt) {
  if (!HaveProofs()) return;
  const int ran = RunKind("inclusion", Inclusion) + RunKind("consistency", Consistency);
  const int other = CountKind("subtreeinclusion") + CountKind("subtreeconsistency");
  printf("%d proofs run; %d subtree proofs do not apply: Waterline neither makes nor takes any\n",
         ran, other);
  EXPECT_EQ(ran, 196);
  EXPECT_EQ(ran + other, 518) << "a kind of proof is missing or new";
}

void CheckRoots(const fs::path& path) {
  simdjson::dom::parser parser;
  element file = parser.load(path.string());
  std::vector<std::string> leaf_hashes, roots;
  for (element hash : file["leaf_hashes"].get_array())
    leaf_hashes.emplace_back(std::string_view(hash.get_string()));
  for (element root : file["roots_by_size"].get_array())
    roots.emplace_back(std::string_view(root.get_string()));
  Frontier frontier;
  ASSERT_FALSE(roots.empty());
  EXPECT_EQ(crypto::HexEncode(frontier.Root()), roots[0]);
  size_t index = 0;
  for (element leaf : file["leaves"].get_array()) {
    const std::string hash = LeafHash(*crypto::HexDecode(std::string_view(leaf.get_string())));
    ASSERT_LT(index, leaf_hashes.size());
    EXPECT_EQ(crypto::HexEncode(hash), leaf_hashes[index]);
    frontier.Append(hash, [](const NodeId&, const std::string&) {});
    ASSERT_LT(++index, roots.size());
    EXPECT_EQ(crypto::HexEncode(frontier.Root()), roots[index]);
  }
  EXPECT_EQ(index, 8u);
}

TEST(MerkleVectors, LeavesAndRootsOfTheProjectsCopy) {
  CheckRoots("tests/data/rfc6962/leaves_and_roots.json");
}

TEST(MerkleVectors, LeavesAndRootsReadInPlace) {
  if (HaveProofs()) CheckRoots(Folder() / "leaves_and_roots.json");
}

}  // namespace
}  // namespace waterline::accountability
