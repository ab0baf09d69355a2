#include "services/common/identity/json.h"

#include <simdjson.h>

#include <algorithm>

namespace waterline::identity {

using simdjson::dom::element;
using simdjson::dom::element_type;

struct Json::Builder {
  static absl::Status Duplicate() {
    return absl::InvalidArgumentError("a member of the JSON text comes twice");
  }

  static absl::StatusOr<Json> Object(simdjson::dom::object object) {
    Json json;
    json.kind_ = Kind::kObject;
    for (const auto& [name, value] : object) {
      if (json.Find(name) != nullptr) return Duplicate();
      auto item = From(value);
      if (!item.ok()) return item.status();
      json.names_.emplace_back(name);
      json.items_.push_back(*std::move(item));
    }
    return json;
  }

  static absl::StatusOr<Json> Array(simdjson::dom::array array) {
    Json json;
    json.kind_ = Kind::kArray;
    for (const element value : array) {
      auto item = From(value);
      if (!item.ok()) return item.status();
      json.items_.push_back(*std::move(item));
    }
    return json;
  }

  static absl::StatusOr<Json> From(element value) {
    Json json;
    switch (value.type()) {
      case element_type::OBJECT:
        return Object(value);
      case element_type::ARRAY:
        return Array(value);
      case element_type::STRING:
        json.kind_ = Kind::kString;
        json.text_ = std::string_view(value);
        return json;
      case element_type::INT64:
        json.kind_ = Kind::kInteger;
        json.integer_ = int64_t{value};
        return json;
      default:
        return json;
    }
  }
};

absl::StatusOr<Json> Json::ParseObject(std::string_view text) {
  if (text.size() > kJsonBytesMax) return absl::InvalidArgumentError("the JSON text is too long");
  simdjson::dom::parser parser;
  element root;
  if (parser.allocate(std::max<size_t>(text.size(), 64), kJsonLevelsMax) != simdjson::SUCCESS ||
      parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("this is no JSON text of at most 8 levels");
  if (!root.is_object()) return absl::InvalidArgumentError("the JSON text is not an object");
  return Builder::From(root);
}

std::optional<int64_t> Json::Integer() const {
  if (kind_ != Kind::kInteger) return std::nullopt;
  return integer_;
}

std::optional<std::string> Json::String() const {
  if (kind_ != Kind::kString) return std::nullopt;
  return text_;
}

const Json* Json::Find(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() ? nullptr : &items_[static_cast<size_t>(found - names_.begin())];
}

std::optional<std::string> Json::StringOf(std::string_view name) const {
  const Json* found = Find(name);
  return found == nullptr ? std::nullopt : found->String();
}

std::string JsonQuote(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace waterline::identity
