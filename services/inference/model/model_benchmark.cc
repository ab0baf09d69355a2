// How fast evidence is absorbed at d = 48 (wanted: 300,000 items per second and core, 8 per event),
// and what the parts cost. Run by hand in a release build.

#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "services/inference/model/filter.h"
#include "services/inference/model/functionals.h"
#include "services/inference/model/scalar.h"

namespace waterline::model {
namespace {

constexpr int kItemsPerEvent = 8;

const Model& TheModel() {
  static const Model model = Model::Create(VersionZero()).value();
  return model;
}

// Sites of different indicators with `people` random answers each; with informants: two people.
Bin RandomBin(int64_t day, int sites, int people, bool informants, std::mt19937_64& random) {
  Bin bin{day, {}};
  const int first = static_cast<int>(random() % static_cast<uint64_t>(TheModel().items()));
  for (int i = 0; i < sites; ++i) {
    Observation o;
    o.event = "event-" + std::to_string(day);
    o.indicator = (first + 5 * i) % TheModel().items();
    o.perspective = static_cast<int>(random() % 4);
    if (informants) o.informant = random() % 2 == 0 ? "a" : "b";
    const int categories = TheModel().item(o.indicator).categories();
    o.counts.resize(static_cast<size_t>(categories));
    for (int n = 0; n < people; ++n) o.counts[random() % static_cast<uint64_t>(categories)] += 1;
    bin.observations.push_back(o);
  }
  return bin;
}

std::vector<Bin> RandomBins(int bins, int sites, int people, bool informants) {
  std::mt19937_64 random(20250101);
  std::vector<Bin> made;
  for (int day = 0; day < bins; ++day)
    made.push_back(RandomBin(day, sites, people, informants, random));
  return made;
}

// Two years of days, again and again; items are answers, or sites where a site has many answers.
void AbsorbAll(benchmark::State& run, const std::vector<Bin>& bins) {
  int64_t items = 0;
  for (auto _ : run) {
    State state = Prior(TheModel());
    for (const Bin& bin : bins) {
      const auto result = Absorb(TheModel(), bin, state);
      if (!result.ok()) return run.SkipWithError("refused");
      items += static_cast<int64_t>(bin.observations.size());
    }
    benchmark::DoNotOptimize(state.deficit.data());
  }
  run.SetItemsProcessed(items);
}

void BM_AbsorbSingleAnswers(benchmark::State& run) {
  AbsorbAll(run, RandomBins(730, kItemsPerEvent, 1, false));
}
BENCHMARK(BM_AbsorbSingleAnswers)->Unit(benchmark::kMillisecond);

void BM_AbsorbAnswersOfInformants(benchmark::State& run) {
  AbsorbAll(run, RandomBins(730, kItemsPerEvent, 1, true));
}
BENCHMARK(BM_AbsorbAnswersOfInformants)->Unit(benchmark::kMillisecond);

// Items are count sites here: one stands for `people` answers.
void BM_AbsorbCounts(benchmark::State& run) {
  AbsorbAll(run, RandomBins(100, kItemsPerEvent, static_cast<int>(run.range(0)), false));
}
BENCHMARK(BM_AbsorbCounts)->Arg(8)->Arg(1000)->Unit(benchmark::kMillisecond);

// One event of many informants with the 12 questions of the short form each.
void BM_AbsorbLargeEvent(benchmark::State& run) {
  std::mt19937_64 random(1);
  Bin bin{0, {}};
  for (int informant = 0; informant < run.range(0); ++informant) {
    Bin answers = RandomBin(0, 12, 1, false, random);
    for (Observation& o : answers.observations) o.informant = "i" + std::to_string(informant);
    bin.observations.insert(bin.observations.end(), answers.observations.begin(),
                            answers.observations.end());
  }
  AbsorbAll(run, {bin});
}
BENCHMARK(BM_AbsorbLargeEvent)
    ->Arg(5)
    ->Arg(9)
    ->Arg(10)
    ->Arg(100)
    ->Arg(500)
    ->Unit(benchmark::kMillisecond);

void BM_EmptyDay(benchmark::State& run) {
  State state = Prior(TheModel());
  Bin bin{0, {}};
  for (auto _ : run) {
    benchmark::DoNotOptimize(Absorb(TheModel(), bin, state).ok());
    ++bin.day;
  }
}
BENCHMARK(BM_EmptyDay);

void BM_AllAnswers(benchmark::State& run) {
  const auto bins = RandomBins(20, kItemsPerEvent, 1, false);
  const State state = Replay(TheModel(), Prior(TheModel()), bins).value();
  const auto targets = StandardTargets(TheModel());
  for (auto _ : run) benchmark::DoNotOptimize(Answers(TheModel(), state, 30, targets).ok());
}
BENCHMARK(BM_AllAnswers)->Unit(benchmark::kMicrosecond);

void BM_Truncate(benchmark::State& run) {
  const double lower = static_cast<double>(run.range(0));
  const double upper = static_cast<double>(run.range(1));
  for (auto _ : run) benchmark::DoNotOptimize(Truncate(lower, upper).mean);
}
BENCHMARK(BM_Truncate)->Args({0, 1})->Args({-1, 40})->Args({1, 9})->Args({9, 40});

}  // namespace
}  // namespace waterline::model
