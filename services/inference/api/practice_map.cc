#include "services/inference/api/practice_map.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "services/common/data/conceptual_map.h"
#include "services/common/status/macros.h"
#include "services/common/text/date.h"
#include "services/inference/domain/suppression.h"
#include "services/inference/domain/tally.h"
#include "services/inference/domain/values.h"
#include "services/inference/domain/words.h"

namespace waterline::inference {
namespace {

constexpr int64_t kDayMs = 86'400'000;

double Rounded(double value, double steps) { return std::round(value * steps) / steps; }

v1::MapNode::Kind KindOf(const std::string& kind) {
  if (kind == "practice") return v1::MapNode::KIND_PRACTICE;
  if (kind == "element") return v1::MapNode::KIND_ELEMENT;
  return v1::MapNode::KIND_CELL;
}

v1::MapNode ToNode(const data::MapNode& node) {
  v1::MapNode out;
  out.set_id(node.id);
  out.set_kind(KindOf(node.kind));
  out.set_title(node.title);
  out.set_description(node.description);
  for (const auto& look_for : node.look_for) out.add_look_for(look_for);
  for (const auto& [audience, text] : node.prompts) {
    auto* prompt = out.add_prompts();
    prompt->set_audience(audience);
    prompt->set_text(text);
  }
  out.set_scored(out.kind() != v1::MapNode::KIND_ELEMENT);
  return out;
}

v1::Estimate::Status StatusOf(Shown shown, const Reading& reading) {
  if (shown == Shown::kNoEvidence) return v1::Estimate::STATUS_NO_EVIDENCE;
  if (IsSuppressed(shown)) return v1::Estimate::STATUS_SUPPRESSED;
  return reading.status;
}

// What every value of a map rests on.
struct Basis {
  std::vector<Reading> readings;
  std::vector<uint64_t> informants;
  std::vector<uint64_t> events;
  std::vector<Shown> shown;
};

void AddNumbers(const Reading& reading, v1::Estimate* estimate) {
  estimate->set_index(Rounded(reading.index, 10));
  estimate->set_low(Rounded(reading.low, 10));
  estimate->set_high(Rounded(reading.high, 10));
  estimate->set_information(Rounded(reading.information, 100));
}

v1::Estimate EstimateOf(int value, const Basis& basis) {
  const auto i = static_cast<size_t>(value);
  const ValueId id = ValueOf(value);
  const auto status = StatusOf(basis.shown[i], basis.readings[i]);
  v1::Estimate estimate;
  estimate.set_node(NodeOf(id));
  estimate.set_map_version(data::CurrentMap().version);
  estimate.set_practice(std::string(data::kPractices[static_cast<size_t>(id.practice)]));
  if (!id.is_practice())
    estimate.set_element(std::string(data::kElements[static_cast<size_t>(id.element)]));
  estimate.set_perspective(PerspectiveName(id.perspective));
  estimate.set_words(WordsOf(status, id));
  estimate.set_status(status);
  estimate.set_suppressed(IsSuppressed(basis.shown[i]));
  estimate.set_informants(PeopleInWords(basis.informants[i]));
  estimate.set_events(EventsInWords(basis.events[i]));
  if (basis.shown[i] == Shown::kPublished) AddNumbers(basis.readings[i], &estimate);
  if (const auto why = WhyOf(status, basis.shown[i], id); !why.empty()) estimate.set_why(why);
  return estimate;
}

}  // namespace

v1::ConceptualMap CurrentConceptualMap() {
  const auto& map = data::CurrentMap();
  v1::ConceptualMap out;
  out.set_version(map.version);
  out.set_title(map.title);
  out.set_state(map.state);
  out.set_notice(map.notice);
  for (const auto& node : map.nodes) *out.add_nodes() = ToNode(node);
  for (const auto& link : map.links) {
    auto* row = out.add_links();
    row->set_from(link.from);
    row->set_to(link.to);
    row->set_note(link.note);
  }
  for (const auto& change : map.changes) out.add_change_log(change);
  for (const auto& reviewer : map.reviewers) out.add_reviewers(reviewer);
  return out;
}

absl::StatusOr<v1::PracticeMap> BuildPracticeMap(const std::string& scope,
                                                 const storage::v1::ScopeState& state,
                                                 const ScopeModel& model, int64_t as_of) {
  if (state.state().bins() > 0) as_of = std::max(as_of, state.state().day());
  Basis basis;
  WATERLINE_ASSIGN_OR_RETURN(basis.readings, model.Read(state.state(), as_of));
  basis.informants = InformantsOf(state.tally());
  basis.events = EventsOf(state.tally());
  basis.shown = Suppress(basis.informants);
  v1::PracticeMap map;
  map.set_scope(scope);
  *map.mutable_as_of() = text::ToTimestamp(as_of * kDayMs);
  map.set_model_version(model.version());
  map.set_map_version(data::CurrentMap().version);
  map.set_evidence_version(state.evidence_version());
  map.set_basis(v1::PracticeMap::BASIS_FILTERED);
  for (int value = 0; value < kValues; ++value) {
    *(value < kCellValues ? map.add_cells() : map.add_practices()) = EstimateOf(value, basis);
  }
  *map.mutable_surface() = SurfaceOf(state.tally());
  map.set_notice(data::CurrentMap().notice);
  return map;
}

}  // namespace waterline::inference
