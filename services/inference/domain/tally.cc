#include "services/inference/domain/tally.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "services/inference/domain/values.h"

namespace waterline::inference {
namespace {

using storage::v1::EvidenceTally;

// Behind one value at one event.
struct Behind {
  std::set<std::string_view> informants;
  std::map<std::string_view, uint64_t> anonymous;  // Answers by indicator.
  bool touched = false;

  uint64_t Count() const {
    uint64_t largest = 0;
    for (const auto& [indicator, answers] : anonymous) largest = std::max(largest, answers);
    return informants.size() + largest;
  }
};

uint64_t AnswersOf(const events::v1::EvidenceItem& item) {
  uint64_t answers = 0;
  for (const uint64_t count : item.counts()) answers += count;
  return answers;
}

void CountItem(const events::v1::EvidenceItem& item, std::array<Behind, kValues>* values) {
  const auto* indicator = data::FindIndicator(item.indicator());
  const uint64_t answers = AnswersOf(item);
  if (indicator == nullptr || answers == 0) return;
  if (item.perspective() < 0 || item.perspective() >= kPerspectiveCount) return;
  for (const int value : ValuesTouchedBy(indicator->cell(), item.perspective())) {
    Behind& behind = (*values)[static_cast<size_t>(value)];
    behind.touched = true;
    if (item.informant().empty()) {
      behind.anonymous[item.indicator()] += answers;
    } else {
      behind.informants.insert(item.informant());
    }
  }
}

void AddLevel(const std::string& scheme, const std::string& promised, const std::string& delivered,
              EvidenceTally* tally) {
  auto* level = tally->add_levels();
  level->set_scheme(scheme);
  level->set_promised(promised);
  level->set_delivered(delivered);
  level->set_events(1);
}

// Levels of two schemes cannot stand side by side: each gets a row of its own.
void AddLevels(const events::v1::SurfaceMeasures& surface, EvidenceTally* tally) {
  const auto& promised = surface.level_promised();
  const auto& delivered = surface.level_delivered();
  if (promised.code().empty() && delivered.code().empty()) return;
  if (promised.code().empty()) {
    AddLevel(delivered.scheme(), "", delivered.code(), tally);
  } else if (delivered.code().empty() || promised.scheme() == delivered.scheme()) {
    AddLevel(promised.scheme(), promised.code(), delivered.code(), tally);
  } else {
    AddLevel(promised.scheme(), promised.code(), "", tally);
    AddLevel(delivered.scheme(), "", delivered.code(), tally);
  }
}

using Rows = google::protobuf::RepeatedPtrField<storage::v1::DayTally>;
using LevelRows = google::protobuf::RepeatedPtrField<storage::v1::LevelTally>;

uint64_t Combine(uint64_t sum, uint64_t change, bool add) {
  return add ? sum + change : sum - change;
}

void CombineDays(const Rows& change, bool add, Rows* sum) {
  std::map<int64_t, uint64_t> events;
  for (const auto& row : *sum) events[row.days()] = row.events();
  for (const auto& row : change)
    events[row.days()] = Combine(events[row.days()], row.events(), add);
  sum->Clear();
  for (const auto& [days, count] : events) {
    if (count == 0) continue;
    auto* row = sum->Add();
    row->set_days(days);
    row->set_events(count);
  }
}

void CombineLevels(const LevelRows& change, bool add, LevelRows* sum) {
  std::map<std::tuple<std::string, std::string, std::string>, uint64_t> events;
  for (const auto& row : *sum)
    events[{row.scheme(), row.promised(), row.delivered()}] = row.events();
  for (const auto& row : change) {
    auto& count = events[{row.scheme(), row.promised(), row.delivered()}];
    count = Combine(count, row.events(), add);
  }
  sum->Clear();
  for (const auto& [level, count] : events) {
    if (count == 0) continue;
    auto* row = sum->Add();
    std::tie(*row->mutable_scheme(), *row->mutable_promised(), *row->mutable_delivered()) = level;
    row->set_events(count);
  }
}

using Numbers = google::protobuf::RepeatedField<uint64_t>;

void CombineNumbers(const Numbers& change, bool add, Numbers* sum) {
  sum->Resize(kValues, 0);
  for (int i = 0; i < change.size() && i < kValues; ++i)
    sum->Set(i, Combine(sum->Get(i), change[i], add));
}

void CombineTallies(const EvidenceTally& change, bool add, EvidenceTally* sum) {
  sum->set_events(Combine(sum->events(), change.events(), add));
  sum->set_reach(Combine(sum->reach(), change.reach(), add));
  sum->set_contributions(Combine(sum->contributions(), change.contributions(), add));
  sum->set_reactions(Combine(sum->reactions(), change.reactions(), add));
  CombineNumbers(change.value_informants(), add, sum->mutable_value_informants());
  CombineNumbers(change.value_events(), add, sum->mutable_value_events());
  CombineDays(change.notice_days(), add, sum->mutable_notice_days());
  CombineDays(change.days(), add, sum->mutable_days());
  CombineLevels(change.levels(), add, sum->mutable_levels());
}

void CountSurface(const events::v1::EventEvidence& evidence, EvidenceTally* tally) {
  const auto& surface = evidence.surface();
  tally->set_events(1);
  tally->set_reach(surface.reach());
  tally->set_contributions(surface.contributions());
  tally->set_reactions(surface.reactions());
  auto* day = tally->add_days();
  day->set_days(evidence.day());
  day->set_events(1);
  if (surface.has_notice_days()) {
    auto* notice = tally->add_notice_days();
    notice->set_days(surface.notice_days());
    notice->set_events(1);
  }
  AddLevels(surface, tally);
}

std::vector<uint64_t> Padded(const Numbers& numbers) {
  std::vector<uint64_t> padded(numbers.begin(), numbers.end());
  padded.resize(kValues, 0);
  return padded;
}

}  // namespace

EvidenceTally TallyOf(const events::v1::EventEvidence& evidence) {
  EvidenceTally tally;
  if (!evidence.present()) return tally;
  CountSurface(evidence, &tally);
  std::array<Behind, kValues> values;
  for (const auto& item : evidence.items()) CountItem(item, &values);
  for (const auto& value : values) {
    tally.add_value_informants(value.Count());
    tally.add_value_events(value.touched ? 1 : 0);
  }
  return tally;
}

void Add(const EvidenceTally& tally, EvidenceTally* sum) { CombineTallies(tally, true, sum); }
void Subtract(const EvidenceTally& tally, EvidenceTally* sum) { CombineTallies(tally, false, sum); }

std::vector<uint64_t> InformantsOf(const EvidenceTally& tally) {
  return Padded(tally.value_informants());
}
std::vector<uint64_t> EventsOf(const EvidenceTally& tally) { return Padded(tally.value_events()); }

}  // namespace waterline::inference
