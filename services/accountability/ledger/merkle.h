#pragma once

// The Merkle tree of RFC 6962 section 2.1 over SHA-256. A tree is described by its perfect nodes:
// node (level, index) is the root of the leaves [index << level, (index + 1) << level). Every hash
// a proof needs is a fold of perfect nodes, so a proof is first planned and then filled in from
// wherever nodes are kept. Thread safety: pure functions.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace waterline::accountability {

std::string LeafHash(std::string_view leaf);                          // SHA-256(0x00 | leaf)
std::string NodeHash(std::string_view left, std::string_view right);  // SHA-256(0x01 | l | r)
std::string EmptyRoot();                                              // SHA-256("")

struct NodeId {
  int level = 0;
  uint64_t index = 0;
  auto operator<=>(const NodeId&) const = default;
};

// The perfect nodes that cover [begin, end) from left to right; `begin` is aligned as in a tree.
std::vector<NodeId> Decompose(uint64_t begin, uint64_t end);

// One element of a proof: the perfect nodes whose fold it is.
using ProofPlan = std::vector<std::vector<NodeId>>;
ProofPlan PlanInclusion(uint64_t index, uint64_t size);      // index < size
ProofPlan PlanConsistency(uint64_t first, uint64_t second);  // 1 <= first <= second

using NodeReader = std::function<absl::StatusOr<std::string>(const NodeId&)>;
absl::StatusOr<std::string> Fold(const std::vector<NodeId>& nodes, const NodeReader& reader);
absl::StatusOr<std::vector<std::string>> FillProof(const ProofPlan& plan, const NodeReader& reader);

// RFC 9162 2.1.3.2 and 2.1.4.2. Every hash must have 32 bytes; equal sizes need no more than equal
// roots. A first size of 0 is refused.
bool VerifyInclusion(std::string_view leaf_hash, uint64_t index, uint64_t size,
                     const std::vector<std::string>& proof, std::string_view root);
bool VerifyConsistency(uint64_t first, uint64_t second, const std::vector<std::string>& proof,
                       std::string_view first_root, std::string_view second_root);

// The right edge of a growing tree. Append reports every perfect node it completes, from the leaf
// (level 0) upwards.
class Frontier {
 public:
  Frontier() = default;
  // The nodes of Decompose(0, size), in that order.
  Frontier(uint64_t size, std::vector<std::string> hashes)
      : size_(size), hashes_(std::move(hashes)) {}

  uint64_t size() const { return size_; }
  const std::vector<std::string>& hashes() const { return hashes_; }
  std::string Root() const;
  void Append(std::string leaf_hash,
              const std::function<void(const NodeId&, const std::string&)>& completed);

 private:
  uint64_t size_ = 0;
  std::vector<std::string> hashes_;
};

}  // namespace waterline::accountability
