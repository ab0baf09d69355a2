#pragma once

// Word and WordSet: looking for one text in many small sets that lie cold in memory. A text is
// hashed once; a set keeps its hashes side by side, so that a text it lacks costs one look.
// Thread safety: constant after construction.

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace waterline::accountability {

// Refers to a text of which somebody else takes care.
struct Word {
  explicit Word(std::string_view of)
      : text(of),
        hash(static_cast<uint32_t>(absl::HashOf(absl::string_view(of.data(), of.size())))) {}

  std::string_view text;
  uint32_t hash;
};

class WordSet {
 public:
  WordSet() = default;
  // What is named twice counts once.
  explicit WordSet(std::vector<std::string> words);

  // The place of a word, the same as in texts(); nothing when it is not there.
  std::optional<size_t> Find(const Word& word) const {
    return filter_[word.hash % kFilterBits] ? Search(word) : std::nullopt;
  }
  bool contains(const Word& word) const { return Find(word).has_value(); }
  size_t size() const { return hashes_.size(); }
  bool empty() const { return hashes_.empty(); }
  std::string_view text(size_t place) const;
  std::vector<std::string> texts() const;

 private:
  std::optional<size_t> Search(const Word& word) const;

  static constexpr size_t kInline = 6;  // As many as most agreements name roles.
  static constexpr size_t kFilterBits = 256;

  std::bitset<kFilterBits> filter_;                // A word whose bit is not set is not there.
  absl::InlinedVector<uint32_t, kInline> hashes_;  // Ascending.
  std::vector<uint32_t> ends_;                     // Of each text in all_.
  std::string all_;                                // The texts, one after another.
};

}  // namespace waterline::accountability
