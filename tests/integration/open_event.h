#pragma once

// An event made, published and opened through the API. Thread safety: one thread.

#include <string>

#include "tests/integration/fixture.h"
#include "tests/integration/workshop.h"
#include "waterline/events/v1/events_service.grpc.pb.h"

namespace waterline::testing {

// Its name. Request ids are new for every event of a program.
inline std::string OpenEvent(events::v1::EventsService::Stub* stub,
                             const events::v1::Event& event = Workshop(), const Who& who = {}) {
  using Stub = events::v1::EventsService::Stub;
  static int count = 0;
  const std::string request_id = "open-event-" + std::to_string(count++);
  events::v1::CreateEventRequest create;
  create.set_parent("organisations/" + who.organisation);
  *create.mutable_event() = event;
  create.set_request_id(request_id);
  events::v1::CreateEventResponse created;
  absl::Status status = Call(stub, &Stub::CreateEvent, create, &created, who);
  EXPECT_TRUE(status.ok()) << status;
  events::v1::PublishEventRequest publish;
  publish.set_name(created.event().name());
  publish.set_request_id(request_id);
  events::v1::PublishEventResponse published;
  status = Call(stub, &Stub::PublishEvent, publish, &published, who);
  EXPECT_TRUE(status.ok()) << status;
  events::v1::OpenEventRequest open;
  open.set_name(created.event().name());
  open.set_request_id(request_id);
  events::v1::OpenEventResponse opened;
  status = Call(stub, &Stub::OpenEvent, open, &opened, who);
  EXPECT_TRUE(status.ok()) << status;
  return created.event().name();
}

}  // namespace waterline::testing
