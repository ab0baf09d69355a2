#include "clients/demonstration/plan.h"

#include <charconv>
#include <string_view>

#include "fmt/format.h"
#include "services/common/text/date.h"
#include "services/common/text/serialise.h"

namespace waterline::demonstration {
namespace {

// Raise the number when the generator makes other content: a network of another edition cannot be
// completed.
constexpr std::string_view kAnyEdition = "Invented for a demonstration network, edition ";
constexpr std::string_view kThisEdition = "1, seed ";
constexpr std::string_view kAsOf = ", as of ";

// The plan has no maps, but says itself that its bytes are stable.
void Append(const google::protobuf::Message& message, std::string* out) {
  const std::string bytes = text::Serialise(message);
  *out += fmt::format("{}:{}", bytes.size(), bytes);
}

void Append(const std::string& text, std::string* out) {
  *out += fmt::format("{}:{}", text.size(), text);
}

void Append(const PlannedEvent& event, std::string* out) {
  Append(event.key, out);
  Append(event.programme, out);
  Append(event.event, out);
  for (const auto& one : event.contributions) {
    Append(one.contribution, out);
    Append(one.participant, out);
  }
  for (const auto& one : event.reactions) {
    Append(std::to_string(one.contribution), out);
    Append(one.reaction, out);
  }
  for (const auto& response : event.responses) Append(response, out);
  Append(event.hold, out);
  Append(event.is_reported ? "reported" : "held", out);
}

}  // namespace

std::string FormatEdition(const Edition& edition) {
  return fmt::format("{}{}{}{}{}.", kAnyEdition, kThisEdition, edition.seed, kAsOf,
                     text::FormatDate(edition.as_of));
}

bool ParseEdition(const std::string& description, Edition* edition) {
  const std::string start = std::string(kAnyEdition) + std::string(kThisEdition);
  const size_t at = description.rfind(start);
  if (at == std::string::npos) return false;
  const char* const end = description.data() + description.size();
  Edition found;
  const auto [next, error] =
      std::from_chars(description.data() + at + start.size(), end, found.seed);
  const std::string_view rest(next, static_cast<size_t>(end - next));
  if (error != std::errc() || !rest.starts_with(kAsOf)) return false;
  const auto day = text::ParseDate(rest.substr(kAsOf.size(), 10));
  if (!day) return false;
  found.as_of = *day;
  *edition = found;
  return description.ends_with(FormatEdition(found));
}

bool IsDemonstrationProgramme(const events::v1::Programme& programme) {
  return programme.description().find(kAnyEdition) != std::string::npos;
}

std::string Bytes(const Plan& plan) {
  std::string out;
  Append(FormatEdition({plan.seed, plan.as_of}), &out);
  for (const auto& organisation : plan.organisations) Append(organisation, &out);
  for (const auto& member : plan.members) Append(member, &out);
  for (const auto& place : plan.places) {
    Append(place.id, &out);
    Append(place.place, &out);
    for (const auto& membership : place.memberships) Append(membership, &out);
  }
  for (const auto& programme : plan.programmes) Append(programme, &out);
  for (const auto& participant : plan.participants) Append(participant, &out);
  for (const auto& event : plan.events) Append(event, &out);
  return out;
}

}  // namespace waterline::demonstration
