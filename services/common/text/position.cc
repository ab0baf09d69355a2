#include "services/common/text/position.h"

#include <charconv>

namespace waterline::text {
namespace {

std::optional<uint64_t> ParseNumber(std::string_view digits) {
  uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

std::string FormatPosition(const common::v1::LedgerPosition& position) {
  return std::to_string(position.epoch()) + "/" + std::to_string(position.index());
}

std::optional<common::v1::LedgerPosition> ParsePosition(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto epoch = ParseNumber(text.substr(0, slash));
  const auto index = ParseNumber(text.substr(slash + 1));
  if (!epoch || !index) return std::nullopt;
  common::v1::LedgerPosition position;
  position.set_epoch(*epoch);
  position.set_index(*index);
  return position;
}

}  // namespace waterline::text
