#pragma once

// For tests: practice maps as the service makes them, from invented evidence and the real model.
// Thread safety: one thread.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "services/common/data/indicators.h"
#include "services/common/text/date.h"
#include "services/inference/api/practice_map.h"
#include "services/inference/domain/tally.h"
#include "services/inference/projector/model_adapter.h"

namespace waterline::cli::testing {

inline constexpr int64_t kAsOfDay = 20'500;  // 2026-02-16

inline events::v1::EventEvidence EmptyWorkshop(int number) {
  events::v1::EventEvidence event;
  event.set_event("organisations/local-board/events/e" + std::to_string(number));
  event.set_present(true);
  event.set_day(kAsOfDay - 40 * number);
  auto* surface = event.mutable_surface();
  surface->set_notice_days(10 + number % 7);
  surface->set_contributions(static_cast<uint64_t>(20 + 9 * number));
  surface->set_reactions(static_cast<uint64_t>(130 * number));
  surface->mutable_level_promised()->set_scheme("iap2");
  surface->mutable_level_promised()->set_code(number % 3 == 0 ? "collaborate" : "involve");
  surface->mutable_level_delivered()->set_scheme("iap2");
  surface->mutable_level_delivered()->set_code(number % 3 == 0 ? "involve" : "consult");
  return event;
}

// `people` of one perspective answer two questions of a cell around `level` (0 to 4); counted, not
// told apart.
inline void AddAnswers(int cell, int perspective, int people, double level, std::mt19937* random,
                       events::v1::EventEvidence* event) {
  int questions = 0;
  for (const auto& indicator : data::AllIndicators()) {
    if (indicator.cell() != cell || indicator.categories() != 5 || ++questions > 2) continue;
    auto* item = event->add_items();
    item->set_indicator(indicator.id);
    item->set_perspective(perspective);
    std::vector<uint64_t> counts(5);
    for (int person = 0; person < people; ++person) {
      const double noise = static_cast<double>((*random)() % 1000) / 1000 * 2 - 1;
      const int value = std::clamp(static_cast<int>(level + noise + 0.5), 0, 4);
      ++counts[static_cast<size_t>(indicator.reverse ? 4 - value : value)];
    }
    for (const uint64_t count : counts) item->add_counts(count);
  }
}

inline inference::v1::PracticeMap MapOf(const std::vector<events::v1::EventEvidence>& evidence) {
  const auto model = inference::VersionZeroModel();
  inference::storage::v1::ScopeState state;
  std::map<int64_t, std::vector<std::shared_ptr<const events::v1::EventEvidence>>> bins;
  for (const auto& event : evidence) {
    inference::Add(inference::TallyOf(event), state.mutable_tally());
    if (event.items_size() > 0)
      bins[event.day()].push_back(std::make_shared<const events::v1::EventEvidence>(event));
  }
  for (const auto& [day, events] : bins) {
    auto after = model->Absorb(state.state(), day, events);
    EXPECT_TRUE(after.ok()) << after.status();
    if (after.ok()) *state.mutable_state() = *std::move(after);
  }
  state.set_evidence_version(evidence.size());
  auto map = inference::BuildPracticeMap("places/lewes", state, *model, kAsOfDay);
  EXPECT_TRUE(map.ok()) << map.status();
  return map.ok() ? *map : inference::v1::PracticeMap();
}

// Twelve events, every group asked; trust strong, learning weak, and clinicians and people far
// apart on what trust means.
inline inference::v1::PracticeMap MakeRichMap() {
  constexpr double kLevels[] = {3.4, 3.2, 2.6, 2.4, 2.0, 1.6, 0.9, 1.2, 2.2, 3.0, 2.3, 1.4};
  std::mt19937 random(7);
  std::vector<events::v1::EventEvidence> events;
  for (int number = 1; number <= 12; ++number) {
    auto event = EmptyWorkshop(number);
    event.mutable_surface()->set_reach(static_cast<uint64_t>(14 + number));
    for (int cell = 0; cell < data::kCells; ++cell) {
      for (int perspective = 0; perspective < 4; ++perspective) {
        double level = kLevels[cell];
        if (cell == 2) level = perspective == 1 ? 3.9 : perspective == 0 ? 0.6 : 2.2;
        AddAnswers(cell, perspective, 4, level, &random, &event);
      }
    }
    events.push_back(std::move(event));
  }
  return MapOf(events);
}

// One workshop of nine people.
inline inference::v1::PracticeMap MakeThinMap() {
  std::mt19937 random(7);
  auto event = EmptyWorkshop(1);
  event.mutable_surface()->set_reach(9);
  for (int cell = 0; cell < 8; ++cell) AddAnswers(cell, 0, 9, 2.8, &random, &event);
  return MapOf({event});
}

// Five people: nothing may be shown of what they said.
inline inference::v1::PracticeMap MakeSuppressedMap() {
  std::mt19937 random(7);
  auto event = EmptyWorkshop(1);
  event.mutable_surface()->set_reach(5);
  for (int cell = 0; cell < data::kCells; ++cell) AddAnswers(cell, 0, 5, 2.8, &random, &event);
  return MapOf({event});
}

// Nine people and seven clinicians: the people can be shown, the mean cannot.
inline inference::v1::PracticeMap MakeProtectingMap() {
  std::mt19937 random(7);
  std::vector<events::v1::EventEvidence> events;
  for (int number = 1; number <= 3; ++number) {
    auto event = EmptyWorkshop(number);
    event.mutable_surface()->set_reach(16);
    for (int cell = 0; cell < data::kCells; ++cell) {
      AddAnswers(cell, 0, 9, 1.5, &random, &event);
      if (number == 1) AddAnswers(cell, 1, 7, 3.5, &random, &event);
    }
    events.push_back(std::move(event));
  }
  return MapOf(events);
}

// Made once per program.
inline const inference::v1::PracticeMap& RichMap() {
  static const auto map = MakeRichMap();
  return map;
}
inline const inference::v1::PracticeMap& ThinMap() {
  static const auto map = MakeThinMap();
  return map;
}
inline const inference::v1::PracticeMap& SuppressedMap() {
  static const auto map = MakeSuppressedMap();
  return map;
}
inline const inference::v1::PracticeMap& ProtectingMap() {
  static const auto map = MakeProtectingMap();
  return map;
}
inline inference::v1::PracticeMap EmptyMap() { return MapOf({}); }

// Practices p0, p1, ... and elements e0, e1, ...
inline inference::v1::ConceptualMap ConceptsOf(int practices, int elements) {
  inference::v1::ConceptualMap concepts;
  const auto add = [&](const std::string& id, inference::v1::MapNode::Kind kind) {
    auto* node = concepts.add_nodes();
    node->set_id(id);
    node->set_kind(kind);
    node->set_title("Title of " + id);
  };
  for (int e = 0; e < elements; ++e)
    add("e" + std::to_string(e), inference::v1::MapNode::KIND_ELEMENT);
  for (int p = 0; p < practices; ++p) {
    const std::string practice = "p" + std::to_string(p);
    add(practice, inference::v1::MapNode::KIND_PRACTICE);
    for (int e = 0; e < elements; ++e)
      add(practice + ".e" + std::to_string(e), inference::v1::MapNode::KIND_CELL);
  }
  return concepts;
}

// A map of those, every value established.
inline inference::v1::PracticeMap MapFor(const inference::v1::ConceptualMap& concepts) {
  inference::v1::PracticeMap map;
  map.set_scope("places/lewes");
  map.set_notice("Not a validated instrument.");
  for (const auto& node : concepts.nodes()) {
    if (node.kind() == inference::v1::MapNode::KIND_ELEMENT) continue;
    const bool is_cell = node.kind() == inference::v1::MapNode::KIND_CELL;
    auto* estimate = is_cell ? map.add_cells() : map.add_practices();
    estimate->set_node(node.id());
    estimate->set_practice(node.id().substr(0, node.id().find('.')));
    if (is_cell) estimate->set_element(node.id().substr(node.id().find('.') + 1));
    estimate->set_perspective("all");
    estimate->set_words(node.title() + ": it is established.");
    estimate->set_status(inference::v1::Estimate::STATUS_ESTABLISHED);
    estimate->set_index(72.4);
    estimate->set_low(61.2);
    estimate->set_high(81.9);
    estimate->set_information(0.81);
    estimate->set_suppressed(false);
    estimate->set_informants("about 40");
    estimate->set_events("8 events");
  }
  return map;
}

// Every number of `map` set to values that can be searched for, and every value suppressed.
inline inference::v1::PracticeMap SuppressedEverywhere(inference::v1::PracticeMap map) {
  const auto hide = [](inference::v1::Estimate* estimate) {
    estimate->set_suppressed(true);
    estimate->set_status(inference::v1::Estimate::STATUS_SUPPRESSED);
    estimate->set_index(73.3);
    estimate->set_low(61.6);
    estimate->set_high(87.7);
    estimate->set_information(0.97);
    estimate->set_words("It is not shown, to protect the few people who answered.");
    estimate->set_informants("under 8");
    estimate->set_why("Fewer than 8 people stand behind this. Asking more people helps.");
  };
  for (auto& cell : *map.mutable_cells()) hide(&cell);
  for (auto& practice : *map.mutable_practices()) hide(&practice);
  return map;
}

}  // namespace waterline::cli::testing
