#pragma once

// JSON as tokens and keys need it read: strictly. A member that comes twice, also in two spellings
// of one name, text that is not UTF-8, more than 64 KiB or 8 levels are refused: two readers must
// never see two things in one token. Errors are INVALID_ARGUMENT and name no value.
// Thread safety: values are immutable once read; pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace waterline::identity {

inline constexpr size_t kJsonBytesMax = 64 * 1024;
inline constexpr size_t kJsonLevelsMax = 8;

class Json {
 public:
  // Kinds nobody asks for (true, false, null, fractions) are kOther.
  enum class Kind { kOther, kInteger, kString, kArray, kObject };

  // An object and nothing around it.
  static absl::StatusOr<Json> ParseObject(std::string_view text);

  Kind kind() const { return kind_; }
  bool IsObject() const { return kind_ == Kind::kObject; }
  bool IsArray() const { return kind_ == Kind::kArray; }

  // Nothing for another kind.
  std::optional<int64_t> Integer() const;
  std::optional<std::string> String() const;
  const std::vector<Json>& items() const { return items_; }  // Of an array.

  // A member of an object; nullptr when there is none.
  const Json* Find(std::string_view name) const;
  // A member that is a string: nothing when it is absent or of another kind.
  std::optional<std::string> StringOf(std::string_view name) const;

  // For json.cc.
  struct Builder;

 private:
  Kind kind_ = Kind::kOther;
  int64_t integer_ = 0;
  std::string text_;
  std::vector<std::string> names_;  // Of members, in the order of items_.
  std::vector<Json> items_;
};

// The text as a JSON string with its quotes.
std::string JsonQuote(std::string_view text);

}  // namespace waterline::identity
