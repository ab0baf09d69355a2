#include "services/accountability/ledger/merkle.h"

#include <bit>

#include "services/common/crypto/hash.h"
#include "services/common/status/macros.h"

namespace waterline::accountability {
namespace {

uint64_t LargestPowerOfTwoBelow(uint64_t n) { return std::bit_floor(n - 1); }

void PlanSubproof(uint64_t m, uint64_t begin, uint64_t end, bool whole, ProofPlan* plan) {
  const uint64_t n = end - begin;
  if (m == n) {
    if (!whole) plan->push_back(Decompose(begin, end));
    return;
  }
  const uint64_t k = LargestPowerOfTwoBelow(n);
  if (m <= k) {
    PlanSubproof(m, begin, begin + k, whole, plan);
    plan->push_back(Decompose(begin + k, end));
  } else {
    PlanSubproof(m - k, begin + k, end, false, plan);
    plan->push_back(Decompose(begin, begin + k));
  }
}

bool AreHashes(const std::vector<std::string>& proof) {
  for (const auto& hash : proof) {
    if (hash.size() != crypto::kSha256Bytes) return false;
  }
  return true;
}

}  // namespace

std::string LeafHash(std::string_view leaf) {
  std::string input(1, '\0');
  input += leaf;
  return crypto::Sha256(input);
}

std::string NodeHash(std::string_view left, std::string_view right) {
  std::string input(1, '\x01');
  input += left;
  input += right;
  return crypto::Sha256(input);
}

std::string EmptyRoot() { return crypto::Sha256(""); }

std::vector<NodeId> Decompose(uint64_t begin, uint64_t end) {
  std::vector<NodeId> nodes;
  while (begin < end) {
    const int level = static_cast<int>(std::bit_width(end - begin)) - 1;
    nodes.push_back({level, begin >> level});
    begin += uint64_t{1} << level;
  }
  return nodes;
}

ProofPlan PlanInclusion(uint64_t index, uint64_t size) {
  ProofPlan plan;
  uint64_t last = size - 1;
  for (int level = 0; last > 0; ++level, index >>= 1, last >>= 1) {
    if (index % 2 == 1) {
      plan.push_back({NodeId{level, index - 1}});
    } else if (index < last) {
      const uint64_t begin = (index + 1) << level;
      const uint64_t end = std::min(size, (index + 2) << level);
      plan.push_back(Decompose(begin, end));
    }
  }
  return plan;
}

ProofPlan PlanConsistency(uint64_t first, uint64_t second) {
  ProofPlan plan;
  PlanSubproof(first, 0, second, true, &plan);
  return plan;
}

absl::StatusOr<std::string> Fold(const std::vector<NodeId>& nodes, const NodeReader& reader) {
  if (nodes.empty()) return EmptyRoot();
  WATERLINE_ASSIGN_OR_RETURN(std::string hash, reader(nodes.back()));
  for (size_t i = nodes.size() - 1; i-- > 0;) {
    WATERLINE_ASSIGN_OR_RETURN(const std::string left, reader(nodes[i]));
    hash = NodeHash(left, hash);
  }
  return hash;
}

absl::StatusOr<std::vector<std::string>> FillProof(const ProofPlan& plan,
                                                   const NodeReader& reader) {
  std::vector<std::string> proof;
  for (const auto& nodes : plan) {
    WATERLINE_ASSIGN_OR_RETURN(auto hash, Fold(nodes, reader));
    proof.push_back(std::move(hash));
  }
  return proof;
}

bool VerifyInclusion(std::string_view leaf_hash, uint64_t index, uint64_t size,
                     const std::vector<std::string>& proof, std::string_view root) {
  if (leaf_hash.size() != crypto::kSha256Bytes || root.size() != crypto::kSha256Bytes) return false;
  if (!AreHashes(proof) || index >= size) return false;
  uint64_t last = size - 1;
  std::string hash(leaf_hash);
  for (const auto& sibling : proof) {
    if (last == 0) return false;
    if (index % 2 == 1 || index == last) {
      hash = NodeHash(sibling, hash);
      while (index % 2 == 0 && index != 0) {
        index >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, sibling);
    }
    index >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

bool VerifyConsistency(uint64_t first, uint64_t second, const std::vector<std::string>& proof,
                       std::string_view first_root, std::string_view second_root) {
  if (first == 0 || first > second) return false;
  if (first == second) return proof.empty() && first_root == second_root;
  if (first_root.size() != crypto::kSha256Bytes || second_root.size() != crypto::kSha256Bytes)
    return false;
  if (!AreHashes(proof)) return false;
  std::vector<std::string> path = proof;
  if (std::has_single_bit(first)) path.insert(path.begin(), std::string(first_root));
  if (path.empty()) return false;
  uint64_t index = first - 1, last = second - 1;
  while (index % 2 == 1) {
    index >>= 1;
    last >>= 1;
  }
  std::string first_hash = path[0], second_hash = path[0];
  for (size_t i = 1; i < path.size(); ++i) {
    if (last == 0) return false;
    if (index % 2 == 1 || index == last) {
      first_hash = NodeHash(path[i], first_hash);
      second_hash = NodeHash(path[i], second_hash);
      while (index % 2 == 0 && index != 0) {
        index >>= 1;
        last >>= 1;
      }
    } else {
      second_hash = NodeHash(second_hash, path[i]);
    }
    index >>= 1;
    last >>= 1;
  }
  return last == 0 && first_hash == first_root && second_hash == second_root;
}

std::string Frontier::Root() const {
  if (hashes_.empty()) return EmptyRoot();
  std::string hash = hashes_.back();
  for (size_t i = hashes_.size() - 1; i-- > 0;) hash = NodeHash(hashes_[i], hash);
  return hash;
}

void Frontier::Append(std::string leaf_hash,
                      const std::function<void(const NodeId&, const std::string&)>& completed) {
  uint64_t index = size_;
  completed({0, index}, leaf_hash);
  hashes_.push_back(std::move(leaf_hash));
  for (int level = 1; index % 2 == 1; ++level) {
    index >>= 1;
    std::string right = std::move(hashes_.back());
    hashes_.pop_back();
    hashes_.back() = NodeHash(hashes_.back(), right);
    completed({level, index}, hashes_.back());
  }
  ++size_;
}

}  // namespace waterline::accountability
