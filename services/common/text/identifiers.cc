#include "services/common/text/identifiers.h"

#include <algorithm>

#include "services/common/text/utf8.h"

namespace waterline::text {
namespace {

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool All(std::string_view text, bool (*fits)(char)) {
  return std::all_of(text.begin(), text.end(), fits);
}

// The outward forms of BS 7666: A9, A99, AA9, AA99, A9A, AA9A, with the letters that never occur.
bool IsOutward(std::string_view code) {
  static constexpr std::string_view kNotFirst = "QVX";
  static constexpr std::string_view kNotSecond = "IJZ";
  static constexpr std::string_view kThird = "ABCDEFGHJKPSTUW";
  static constexpr std::string_view kFourth = "ABEHMNPRVWXY";
  if (code.size() < 2 || code.size() > 4 || !IsUpper(code[0]) ||
      kNotFirst.find(code[0]) != std::string_view::npos)
    return false;
  if (IsDigit(code[1])) {
    if (code.size() == 2) return true;
    return code.size() == 3 && (IsDigit(code[2]) || kThird.find(code[2]) != std::string_view::npos);
  }
  if (!IsUpper(code[1]) || kNotSecond.find(code[1]) != std::string_view::npos || code.size() < 3 ||
      !IsDigit(code[2]))
    return false;
  return code.size() == 3 || IsDigit(code[3]) || kFourth.find(code[3]) != std::string_view::npos;
}

bool IsInward(std::string_view code) {
  static constexpr std::string_view kNever = "CIKMOV";
  return code.size() == 3 && IsDigit(code[0]) && IsUpper(code[1]) && IsUpper(code[2]) &&
         kNever.find(code[1]) == std::string_view::npos &&
         kNever.find(code[2]) == std::string_view::npos;
}

// Weights 10 to 2, check = 11 - sum mod 11; 11 counts as 0, 10 never fits (domain.md 4.1).
bool IsNhsNumber(std::string_view digits) {
  if (All(digits, [](char c) { return c == '0'; })) return false;
  int sum = 0;
  for (int i = 0; i < 9; ++i) sum += (digits[static_cast<size_t>(i)] - '0') * (10 - i);
  const int check = (11 - sum % 11) % 11;
  return check != 10 && check == digits[9] - '0';
}

}  // namespace

std::optional<std::string> NormaliseOds(std::string_view value) {
  std::string code = ToUpper(Trim(value));
  if (code.size() < 3 || code.size() > 12 ||
      !All(code, [](char c) { return IsUpper(c) || IsDigit(c); }))
    return std::nullopt;
  return code;
}

std::optional<std::string> NormaliseCharity(std::string_view value) {
  std::string code(Trim(value));
  if (code.size() < 6 || code.size() > 7 || !All(code, IsDigit)) return std::nullopt;
  return code;
}

std::optional<std::string> NormaliseCompany(std::string_view value) {
  std::string code = ToUpper(Trim(value));
  if (code.size() != 8 || !All(std::string_view(code).substr(2), IsDigit)) return std::nullopt;
  const std::string_view start = std::string_view(code).substr(0, 2);
  if (!All(start, IsDigit) && !All(start, IsUpper)) return std::nullopt;
  return code;
}

std::optional<std::string> NormaliseGss(std::string_view value) {
  std::string code = ToUpper(Trim(value));
  if (code.size() != 9 || std::string_view("EWSN").find(code[0]) == std::string_view::npos ||
      !All(std::string_view(code).substr(1), IsDigit)) {
    return std::nullopt;
  }
  return code;
}

std::optional<std::string> NormaliseLocal(std::string_view value) {
  std::string code = ToLower(Trim(value));
  if (code.empty() || code.size() > 51 || code[0] == '-' || code.back() == '-' ||
      !All(code, [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; })) {
    return std::nullopt;
  }
  return code;
}

std::optional<std::string> NormaliseIdentifier(std::string_view scheme, std::string_view value) {
  if (scheme == "ods") return NormaliseOds(value);
  if (scheme == "chc") return NormaliseCharity(value);
  if (scheme == "coh") return NormaliseCompany(value);
  if (scheme == "gss") return NormaliseGss(value);
  if (scheme == "local") return NormaliseLocal(value);
  return std::nullopt;
}

std::optional<std::string> NormalisePostcode(std::string_view value) {
  std::string code = ToUpper(Trim(value));
  const size_t space = code.find(' ');
  if (space != std::string::npos) {
    if (space + 4 != code.size()) return std::nullopt;
    code.erase(space, 1);
  }
  if (code.size() < 5 || code.size() > 7) return std::nullopt;
  const std::string outward = code.substr(0, code.size() - 3);
  const std::string inward = code.substr(code.size() - 3);
  const bool special =
      (outward == "GIR" && inward == "0AA") ||
      (outward == "ZZ99" && IsDigit(inward[0]) && IsUpper(inward[1]) && IsUpper(inward[2]));
  if (!special && (!IsOutward(outward) || !IsInward(inward))) return std::nullopt;
  return outward + " " + inward;
}

std::optional<std::string> NormaliseOutwardPostcode(std::string_view value) {
  std::string code = ToUpper(Trim(value));
  if (!IsOutward(code)) return std::nullopt;
  return code;
}

bool HoldsNhsNumber(std::string_view text) {
  std::string run;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : 'x';
    if (IsDigit(c)) {
      run.push_back(c);
    } else if (!run.empty() && (c == ' ' || c == '-')) {
      continue;
    } else {
      if (run.size() == 10 && IsNhsNumber(run)) return true;
      run.clear();
    }
  }
  return false;
}

}  // namespace waterline::text
