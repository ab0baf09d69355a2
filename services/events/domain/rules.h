#pragma once

// Rules for programmes, events, contributions and responses (domain.md 8.2 and rules 13 to 23).
// They bring values into their normal form and return every violation at once. Thread safety: pure
// functions.

#include <cstdint>
#include <string>
#include <vector>

#include "google/protobuf/field_mask.pb.h"
#include "services/common/status/error.h"
#include "waterline/events/v1/events.pb.h"

namespace waterline::events {

std::vector<FieldViolation> CheckProgramme(v1::Programme* programme);

// What every event must fulfil, draft or not. `organisation` is the lead organisation's id.
std::vector<FieldViolation> CheckEvent(v1::Event* event, const std::string& organisation);

// What it takes to publish (rule 14).
std::vector<FieldViolation> CheckPublishable(const v1::Event& event);

// Whether the event may go from its state to `to`; FAILED_PRECONDITION/STATE_FORBIDS with the
// states in words. `now_ms` for rule 13: nothing is held before it starts.
absl::Status CheckTransition(const v1::Event& event, v1::Event::State to, int64_t now_ms);
absl::Status CheckEditable(const v1::Event& event);
// Open or held: when contributions, reactions and responses may be recorded.
absl::Status CheckRecording(const v1::Event& event);
std::string StateName(v1::Event::State state);

// Copies the fields that `mask` names from `from` to `to`. Fields that only the service sets are
// violations; `*` copies all others.
std::vector<FieldViolation> ApplyMask(const google::protobuf::FieldMask& mask,
                                      const google::protobuf::Message& from,
                                      const std::vector<std::string>& fixed,
                                      google::protobuf::Message* to);

// `path` is `contributions[3]`. Text that holds an NHS number is quarantined, not refused (rule 7).
std::vector<FieldViolation> CheckContribution(const std::string& path,
                                              v1::Contribution* contribution);
// A review as asked for: the state, and text exactly when it is `redacted` (rule 17).
std::vector<FieldViolation> CheckReview(const std::string& redaction_state,
                                        const std::string& redacted_text);
// Applies it. FAILED_PRECONDITION: PERSONAL_DATA_FOUND when what others would read tells who
// somebody is (rule 18); STATE_FORBIDS when there is no text to review.
absl::Status ApplyReview(const std::string& redaction_state, const std::string& redacted_text,
                         v1::Contribution* contribution);
std::vector<FieldViolation> CheckReaction(const std::string& path, const v1::Reaction& reaction);
// Exactly one of value, missing, counts, on the indicator's scale, from an allowed group.
std::vector<FieldViolation> CheckResponse(const std::string& path,
                                          const v1::IndicatorResponse& response);

}  // namespace waterline::events
