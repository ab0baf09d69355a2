#pragma once

// An event that may be published. Thread safety: pure function.

#include "services/common/text/date.h"
#include "waterline/events/v1/events.pb.h"

namespace waterline::testing {

inline events::v1::Event Workshop() {
  events::v1::Event event;
  event.set_title("Workshop on appointment letters");
  event.set_method("co_design_workshop");
  event.set_mode("in_person");
  *event.mutable_starts_at() = text::ToTimestamp(*text::ParseInstant("2026-03-02T10:00:00Z"));
  *event.mutable_ends_at() = text::ToTimestamp(*text::ParseInstant("2026-03-02T12:00:00Z"));
  event.mutable_venue()->set_title("Quay Hall");
  event.set_purpose("To shape the letters that invite people to appointments.");
  event.set_question("What would make the letter clear?");
  event.add_what_is_open("The wording");
  event.mutable_level_promised()->set_scheme("iap2");
  event.mutable_level_promised()->set_code("involve");
  event.set_recruitment_route("Practice lists");
  event.set_notice_version("1");
  return event;
}

}  // namespace waterline::testing
