#include "services/accountability/policy/words.h"

#include <algorithm>

namespace waterline::accountability {

WordSet::WordSet(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::stable_sort(words.begin(), words.end(), [](const std::string& a, const std::string& b) {
    return Word(a).hash < Word(b).hash;
  });
  for (const auto& word : words) {
    hashes_.push_back(Word(word).hash);
    filter_.set(hashes_.back() % kFilterBits);
    all_ += word;
    ends_.push_back(static_cast<uint32_t>(all_.size()));
  }
}

std::optional<size_t> WordSet::Search(const Word& word) const {
  const auto first = std::lower_bound(hashes_.begin(), hashes_.end(), word.hash);
  for (auto hash = first; hash != hashes_.end() && *hash == word.hash; ++hash) {
    const auto place = static_cast<size_t>(hash - hashes_.begin());
    if (text(place) == word.text) return place;
  }
  return std::nullopt;
}

std::string_view WordSet::text(size_t place) const {
  const uint32_t begin = place == 0 ? 0 : ends_[place - 1];
  return std::string_view(all_).substr(begin, ends_[place] - begin);
}

std::vector<std::string> WordSet::texts() const {
  std::vector<std::string> texts;
  for (size_t place = 0; place < size(); ++place) texts.emplace_back(text(place));
  return texts;
}

}  // namespace waterline::accountability
