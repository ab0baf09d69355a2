#pragma once

// What PartitionProjector's two files share; included by them only. Thread safety: one
// thread at a time, as PartitionProjector.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "services/inference/projector/partition_projector.h"

namespace waterline::inference {

// One event whose evidence changed.
struct PartitionProjector::Change {
  std::string event_id;
  storage::v1::EvidenceRecord before;  // Empty when the event is new.
  storage::v1::EvidenceRecord after;   // As stored: without items when there are parts.
  Evidence evidence;                   // With all items.
  bool answers_changed = false;        // The scopes' states change, not only their tallies.
  std::vector<std::string> scopes_before;
  std::vector<std::string> scopes_after;
  size_t size_bytes = 0;  // About what it adds to the batch.
};

// Changes that are committed together.
struct PartitionProjector::Group {
  std::vector<Change> changes;
  std::set<std::string> scopes;
  std::map<std::string, size_t> by_event;  // Into changes.
  size_t size_bytes = 0;
  uint64_t position = 0;  // Of the last feed item considered.
};

struct PartitionProjector::ScopeUpdate {
  void Apply(const Change& change);
  void Touch(const std::string& event_id, int64_t day, std::map<std::string, int64_t>* events);

  storage::v1::ScopeState state;
  bool replay = false;                   // Some answers changed.
  int64_t earliest_day = 0;              // Of a changed bin.
  std::map<std::string, int64_t> added;  // Event id -> day of its bin.
  std::map<std::string, int64_t> removed;
  std::map<int64_t, storage::v1::FilterState> checkpoints;  // New ones.
};

}  // namespace waterline::inference
