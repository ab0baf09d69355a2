#include "services/events/api/record_facts.h"

namespace waterline::events {

using accountability::v1::RecordFacts;

uint32_t Subjects::Place(const std::string& subject_id) {
  if (subject_id.empty()) return 0;
  const auto [found, is_new] = places_.emplace(subject_id, static_cast<uint32_t>(ids_.size()) + 1);
  if (is_new) ids_.push_back(subject_id);
  return found->second;
}

std::vector<std::string> ScopesOf(const v1::Event& event) {
  std::vector<std::string> scopes = {event.name()};
  if (!event.programme().empty()) scopes.push_back(event.programme());
  scopes.insert(scopes.end(), event.places().begin(), event.places().end());
  return scopes;
}

RecordFacts FactsOf(const v1::Programme& programme) {
  RecordFacts facts;
  facts.add_scopes(programme.name());
  return facts;
}

RecordFacts FactsOf(const v1::Event& event) {
  RecordFacts facts;
  for (const auto& scope : ScopesOf(event)) facts.add_scopes(scope);
  facts.set_lead_only(event.state() == v1::Event::STATE_DRAFT);
  return facts;
}

RecordFacts FactsOf(const storage::v1::ContributionRecord& record, const EventFacts& event,
                    Subjects* subjects) {
  const auto& contribution = record.public_();
  const auto& scope = contribution.share_scope();
  RecordFacts facts;
  facts.set_subject(subjects->Place(record.subject_id()));
  facts.set_text_reviewed(contribution.redaction_state() == "clean" ||
                          contribution.redaction_state() == "redacted");
  facts.set_safeguarding(contribution.sensitivity() == "safeguarding");
  const bool shared = scope == "agreement" || scope == "public" ||
                      (scope == "event_partners" && event.caller_is_partner);
  // What is flagged is decided by the flag: the safeguarding role of an agreement may open it.
  facts.set_lead_only((!shared && !facts.safeguarding()) || contribution.withdrawn());
  return facts;
}

}  // namespace waterline::events
