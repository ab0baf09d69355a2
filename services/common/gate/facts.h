#pragma once

// Facts of records that every service asks with. Thread safety: pure functions.

#include "waterline/accountability/v1/decision.pb.h"

namespace waterline::gate {

// A record that the controller keeps to itself, whatever an agreement says. What is absent is asked
// as one, and so is a page without rows: to others both are like what their agreement does not
// reach.
inline accountability::v1::RecordFacts KeptByLead() {
  accountability::v1::RecordFacts facts;
  facts.set_lead_only(true);
  return facts;
}

}  // namespace waterline::gate
