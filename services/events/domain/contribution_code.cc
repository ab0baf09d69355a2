#include "services/events/domain/contribution_code.h"

#include <cstdint>
#include <string_view>

namespace waterline::events {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr size_t kLetters = 7;

// Weights 1 to 7 modulo the prime 31 find every single wrong letter but one, and every swap.
char CheckLetter(std::string_view letters) {
  size_t sum = 0;
  for (size_t i = 0; i < letters.size(); ++i) sum += (i + 1) * kAlphabet.find(letters[i]);
  return kAlphabet[sum % 31];
}

}  // namespace

std::string ContributionCode(const std::string& random) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 5; ++i) bits = bits << 8 | static_cast<uint8_t>(random[i]);
  std::string letters;
  for (size_t i = 0; i < kLetters; ++i, bits >>= 5) letters.push_back(kAlphabet[bits & 31]);
  letters.push_back(CheckLetter(letters));
  return letters.substr(0, 4) + "-" + letters.substr(4);
}

bool IsContributionCode(const std::string& code) {
  if (code.size() != kLetters + 2 || code[4] != '-') return false;
  const std::string letters = code.substr(0, 4) + code.substr(5);
  if (letters.find_first_not_of(kAlphabet) != std::string::npos) return false;
  return CheckLetter(std::string_view(letters).substr(0, kLetters)) == letters.back();
}

}  // namespace waterline::events
