#include "services/common/text/personal.h"

#include <algorithm>
#include <array>

#include "services/common/text/identifiers.h"
#include "services/common/text/utf8.h"

namespace waterline::text {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLetter(char c) { return IsUpper(c) || (c >= 'a' && c <= 'z'); }
// Bytes of other scripts and accents count as letters of a word.
bool IsWord(char c) { return IsLetter(c) || IsDigit(c) || c == '\'' || (c & 0x80) != 0; }

// Words with where each stands; everything else separates.
struct Word {
  std::string_view text;
  size_t begin;
  size_t end;
};
std::vector<Word> WordsOf(std::string_view text) {
  std::vector<Word> words;
  for (size_t i = 0; i < text.size();) {
    if (!IsWord(text[i])) {
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < text.size() && IsWord(text[i])) ++i;
    words.push_back({text.substr(begin, i - begin), begin, i});
  }
  return words;
}

constexpr std::array<std::string_view, 12> kTitles = {"dr",     "mr",   "mrs",        "ms",
                                                      "miss",   "mx",   "prof",       "professor",
                                                      "doctor", "lady", "councillor", "cllr"};

// The commonest first names of England and Wales over a century of births.
constexpr std::array<std::string_view, 116> kFirstNames = {
    "adam",        "ahmed",    "aisha",     "alan",       "alex",      "alice",    "amanda",
    "amelia",      "amy",      "andrea",    "andrew",     "angela",    "ann",      "anna",
    "anne",        "anthony",  "barbara",   "ben",        "benjamin",  "brenda",   "brian",
    "carol",       "caroline", "catherine", "charles",    "charlotte", "chloe",    "christine",
    "christopher", "claire",   "colin",     "craig",      "daniel",    "david",    "deborah",
    "denise",      "derek",    "donna",     "dorothy",    "edward",    "elaine",   "elizabeth",
    "emily",       "emma",     "fatima",    "fiona",      "gareth",    "gary",     "geoffrey",
    "george",      "gillian",  "graham",    "hannah",     "harry",     "hassan",   "heather",
    "helen",       "ian",      "jack",      "jacqueline", "james",     "jane",     "janet",
    "jason",       "jean",     "jennifer",  "jessica",    "joan",      "john",     "jonathan",
    "joseph",      "joyce",    "julie",     "karen",      "keith",     "kelly",    "kenneth",
    "kevin",       "laura",    "lesley",    "linda",      "lisa",      "lucy",     "margaret",
    "maria",       "martin",   "mary",      "matthew",    "michael",   "michelle", "mohammed",
    "muhammad",    "nicola",   "olivia",    "patricia",   "paul",      "pauline",  "peter",
    "petra",       "philip",   "rachel",    "rebecca",    "richard",   "robert",   "sandra",
    "sarah",       "sharon",   "simon",     "sophie",     "stephen",   "steven",   "susan",
    "thomas",      "tracey",   "victoria",  "william"};

template <size_t n>
bool Holds(const std::array<std::string_view, n>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), ToLower(word)) != list.end();
}

bool IsCapital(const Word& word) { return IsUpper(word.text[0]) && word.text.size() > 1; }

// Only spaces, or the full stop of a title, between two words.
bool Follows(std::string_view text, const Word& first, const Word& second) {
  const auto between = text.substr(first.end, second.begin - first.end);
  return between.find_first_not_of(" .\t") == std::string_view::npos && between.size() <= 3;
}

bool HoldsName(std::string_view text, const std::vector<Word>& words) {
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const bool capital = IsCapital(words[i + 1]) && Follows(text, words[i], words[i + 1]);
    if (capital && IsUpper(words[i].text[0]) &&
        (Holds(kTitles, words[i].text) || Holds(kFirstNames, words[i].text)))
      return true;
    const bool introduced =
        i > 0 && ((ToLower(words[i - 1].text) == "name" && ToLower(words[i].text) == "is") ||
                  (ToLower(words[i - 1].text) == "am" && ToLower(words[i].text) == "called"));
    if (introduced || ToLower(words[i].text) == "i'm" || ToLower(words[i].text) == "signed") {
      const bool called = Holds(kFirstNames, words[i + 1].text) && IsUpper(words[i + 1].text[0]);
      if (capital && (introduced || called)) return true;
    }
  }
  return false;
}

bool HoldsEmail(std::string_view text) {
  for (size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    if (at == 0 || (!IsWord(text[at - 1]) && text[at - 1] != '.' && text[at - 1] != '_')) continue;
    size_t end = at + 1;
    while (end < text.size() && (IsWord(text[end]) || text[end] == '.' || text[end] == '-')) ++end;
    const auto domain = text.substr(at + 1, end - at - 1);
    const size_t dot = domain.find('.');
    if (dot != std::string_view::npos && dot > 0 && dot + 2 < domain.size()) return true;
  }
  return false;
}

// Digits that begin with 0 or 44 and hold ten or eleven of a number in the United Kingdom.
bool IsTelephone(std::string_view digits) {
  if (digits.starts_with("0044")) digits.remove_prefix(2);
  if (digits.starts_with("440")) digits.remove_prefix(2);
  if (digits.starts_with("44")) return digits.size() == 11 || digits.size() == 12;
  return digits.starts_with("0") && (digits.size() == 10 || digits.size() == 11);
}

bool HoldsTelephone(std::string_view text) {
  std::string run;
  size_t gap = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : 'x';
    if (IsDigit(c)) {
      run.push_back(c);
      gap = 0;
    } else if (!run.empty() && std::string_view(" -().").find(c) != std::string_view::npos &&
               ++gap <= 2) {
      continue;
    } else {
      if (IsTelephone(run)) return true;
      run.clear();
      gap = 0;
    }
  }
  return false;
}

bool HoldsPostcode(std::string_view text, const std::vector<Word>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (NormalisePostcode(words[i].text)) return true;
    if (i + 1 == words.size() || !Follows(text, words[i], words[i + 1])) continue;
    std::string both(words[i].text);
    both.append(1, ' ').append(words[i + 1].text);
    if (NormalisePostcode(both)) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> FindPersonal(std::string_view text) {
  const auto words = WordsOf(text);
  std::vector<std::string> found;
  if (HoldsName(text, words)) found.push_back("name");
  if (HoldsEmail(text)) found.push_back("email");
  if (HoldsTelephone(text)) found.push_back("telephone");
  if (HoldsNhsNumber(text)) found.push_back("nhs_number");
  if (HoldsPostcode(text, words)) found.push_back("postcode");
  return found;
}

}  // namespace waterline::text
