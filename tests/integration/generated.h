#pragma once

// Polis export sets from a seeded generator: edited votes, exact repeats, votes on statements that
// are not there, authors who do not vote.

#include <algorithm>
#include <random>
#include <sstream>

#include "tests/integration/importing.h"

namespace waterline::testing {

struct PolisShape {
  unsigned seed = 1;
  int statements = 60;
  int voters = 300;
  int votes = 3000;
};

inline Files GeneratedPolis(const PolisShape& shape) {
  std::mt19937 random(shape.seed);
  const auto below = [&random](int n) {
    return static_cast<int>(random() % static_cast<unsigned>(n));
  };
  std::ostringstream comments, votes;
  comments << "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body\n";
  for (int i = 0; i < shape.statements; ++i) {
    comments << 1658933760000 + i * 1000 << ",x," << i << ',' << below(shape.voters + 20) << ",0,0,"
             << below(3) - 1 << ",\"Statement " << i << ", said \"\"aloud\"\"\"\n";
  }
  votes << "timestamp,datetime,comment-id,voter-id,vote\n";
  std::string line;
  for (int i = 0; i < shape.votes; ++i) {
    if (line.empty() || below(50) != 0) {
      line = std::to_string(1658933800000 + below(1'000'000)) + ",x," +
             std::to_string(below(shape.statements + 1)) + ',' +
             std::to_string(below(shape.voters)) + ',' + std::to_string(below(3) - 1) + '\n';
    }
    votes << line;
  }
  return {{"comments.csv", comments.str()},
          {"summary.csv", "topic,Generated conversation " + std::to_string(shape.seed) + "\n"},
          {"votes.csv", votes.str()}};
}

// The rows of a CSV without line breaks in fields, below its header, in another order.
inline std::string ShuffledLines(const std::string& csv, unsigned seed) {
  std::istringstream in(csv);
  std::string header;
  std::getline(in, header);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::shuffle(lines.begin(), lines.end(), std::mt19937(seed));
  std::string out = header + "\n";
  for (const auto& line : lines) out += line + "\n";
  return out;
}

}  // namespace waterline::testing
