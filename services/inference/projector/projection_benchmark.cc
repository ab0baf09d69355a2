// Evidence absorbed per second: the model alone, and the whole projection into memory.

#include <benchmark/benchmark.h>

#include <random>

#include "services/common/storage/memory/memory_store.h"
#include "services/inference/projector/fake_evidence.h"
#include "services/inference/projector/projector.h"

namespace waterline::inference {
namespace {

std::vector<events::v1::EventEvidence> Events(int count, int items) {
  std::mt19937 random(1);
  std::vector<events::v1::EventEvidence> events;
  for (int i = 0; i < count; ++i) {
    events.push_back(testing::RandomEvidence(&random, i, 1, items));
    events.back().set_day(20'000 + i);
    for (auto& item : *events.back().mutable_items()) item.set_day(events.back().day());
  }
  return events;
}

void BM_AbsorbBin(benchmark::State& state) {
  const auto model = VersionZeroModel();
  const int items = static_cast<int>(state.range(0));
  std::vector<std::shared_ptr<const events::v1::EventEvidence>> events;
  for (auto& event : Events(256, items))
    events.push_back(std::make_shared<events::v1::EventEvidence>(event));
  storage::v1::FilterState filter;
  size_t i = 0;
  int64_t day = 0;
  for (auto _ : state) {
    filter = *model->Absorb(filter, ++day, {events[i++ % events.size()]});
  }
  state.SetItemsProcessed(state.iterations() * items);
}
BENCHMARK(BM_AbsorbBin)->Arg(8)->Arg(48);

void BM_ReadMap(benchmark::State& state) {
  const auto model = VersionZeroModel();
  storage::v1::FilterState filter;
  for (auto& event : Events(20, 8)) {
    filter =
        *model->Absorb(filter, event.day(), {std::make_shared<events::v1::EventEvidence>(event)});
  }
  for (auto _ : state) benchmark::DoNotOptimize(model->Read(filter, filter.day() + 10));
}
BENCHMARK(BM_ReadMap);

void BM_ProjectFeed(benchmark::State& state) {
  const auto model = VersionZeroModel();
  const auto events = Events(static_cast<int>(state.range(0)), 8);
  for (auto _ : state) {
    testing::FakeSource source;
    for (const auto& event : events) source.Put(event);
    waterline::storage::MemoryStore store;
    Projector::Parts parts;
    parts.store = &store;
    parts.source = &source;
    parts.model = model.get();
    parts.owner = "benchmark";
    Projector projector(parts);
    if (!projector.CatchUp().ok()) state.SkipWithError("the projection failed");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * 8);
}
BENCHMARK(BM_ProjectFeed)->Arg(100)->Arg(400)->Unit(benchmark::kMillisecond);

void BM_ReplayLateEvent(benchmark::State& state) {
  const auto model = VersionZeroModel();
  const auto events = Events(500, 8);
  testing::FakeSource source;
  for (const auto& event : events) source.Put(event);
  waterline::storage::MemoryStore store;
  Projector::Parts parts;
  parts.store = &store;
  parts.source = &source;
  parts.model = model.get();
  parts.owner = "benchmark";
  Projector projector(parts);
  if (!projector.CatchUp().ok()) state.SkipWithError("the projection failed");
  auto late = events[static_cast<size_t>(state.range(0))];
  for (auto _ : state) {
    late.mutable_items(0)->mutable_counts()->SwapElements(0, 1);
    source.Put(late);
    if (!projector.CatchUp().ok()) state.SkipWithError("the projection failed");
  }
}
BENCHMARK(BM_ReplayLateEvent)->Arg(0)->Arg(450)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace waterline::inference
