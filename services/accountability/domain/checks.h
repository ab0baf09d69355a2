#pragma once

// What the rules of this folder share: a list of violations and how its paths are written.
// Thread safety: a Checks belongs to one thread.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/message.h"
#include "services/common/status/error.h"

namespace waterline::accountability {

class Checks {
 public:
  void Add(std::string field, std::string description) {
    violations_.push_back({std::move(field), std::move(description)});
  }
  // Adds `description` when `is_wrong`.
  void If(bool is_wrong, const std::string& field, const std::string& description) {
    if (is_wrong) Add(field, description);
  }
  // A code of `list`; an empty one is wrong only where it is required.
  void Code(const std::string& field, const std::string& list, const std::string& code,
            bool required);
  void Organisation(const std::string& field, const std::string& name);
  void Text(const std::string& field, const std::string& value, size_t min, size_t max);

  std::vector<FieldViolation> Take() { return std::move(violations_); }

 private:
  std::vector<FieldViolation> violations_;
};

// terms.parties, 3 -> terms.parties[3]
std::string At(const std::string& path, int index);

// Calls `visit` with path and value of every text that `message` holds, at any depth.
void ForEachText(const google::protobuf::Message& message, const std::string& path,
                 const std::function<void(const std::string& path, const std::string& field,
                                          const std::string& value)>& visit);

}  // namespace waterline::accountability
