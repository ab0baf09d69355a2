#pragma once

// For tests: the policy a second time, straight from services/decisions/0014-evaluation.md, over
// agreements as they are signed. Slow, and without a line of the evaluator's. Thread safety: pure.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "waterline/accountability/v1/decision.pb.h"
#include "waterline/accountability/v1/standing_service.pb.h"

namespace waterline::accountability::oracle {

// What was said of a person: UNSPECIFIED, GIVEN, REFUSED or WITHDRAWN of each permission.
struct Person {
  std::map<v1::StandingItem, v1::StandingValue> said;
  std::map<v1::StandingItem, int64_t> ends_ms;  // Of what was given; absent: never.
  bool objection = false;
  bool restriction = false;
  bool hold = false;
};

struct World {
  std::string host;
  std::vector<v1::Agreement> agreements;
  std::map<std::string, Person> people;  // By subject id.
};

struct Release {
  common::v1::ReleaseLevel level = common::v1::RELEASE_LEVEL_NOTHING;
  std::string reason;
  bool text = false;
};

struct Answer {
  v1::Result result = v1::RESULT_DENY;
  common::v1::ReleaseLevel level = common::v1::RELEASE_LEVEL_NOTHING;
  std::string reason;
  std::string basis;
  std::string agreement;
  v1::SmallNumberPolicy small_numbers = v1::SMALL_NUMBER_POLICY_UNSPECIFIED;
  uint32_t decisions_per_minute = 0;
  std::vector<Release> records;  // One per record of the question, of a permit.
};

Answer Decide(const World& world, const v1::Question& question, int64_t now_ms);

}  // namespace waterline::accountability::oracle
