#pragma once

// What the policy must know of events and of what was recorded at them (decision.proto
// RecordFacts): never their content. Thread safety: pure functions; Subjects as its owner.

#include <map>
#include <string>
#include <vector>

#include "services/common/gate/facts.h"
#include "waterline/events/storage/v1/records.pb.h"
#include "waterline/events/v1/events.pb.h"

namespace waterline::events {

// The distinct subjects of a question, in the order in which they come.
class Subjects {
 public:
  // The place of a subject in ids(), from 1; 0 for nobody registered.
  uint32_t Place(const std::string& subject_id);
  const std::vector<std::string>& ids() const { return ids_; }

 private:
  std::vector<std::string> ids_;
  std::map<std::string, uint32_t> places_;
};

// An event as a question about it and what was recorded at it needs it.
struct EventFacts {
  std::vector<std::string> scopes;  // Itself, its programme, its places; none when it is absent.
  bool caller_is_partner = false;   // The caller has a function in its programme.
};

std::vector<std::string> ScopesOf(const v1::Event& event);

using gate::KeptByLead;

accountability::v1::RecordFacts FactsOf(const v1::Programme& programme);

// An event with its scopes. A draft stays with its controller.
accountability::v1::RecordFacts FactsOf(const v1::Event& event);

// A contribution; its scopes are those of the question. `event` is where it was said.
accountability::v1::RecordFacts FactsOf(const storage::v1::ContributionRecord& record,
                                        const EventFacts& event, Subjects* subjects);

}  // namespace waterline::events
