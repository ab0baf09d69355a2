// What a row of an import costs: reading the CSV, and merging rows into buckets on RocksDB.

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <random>

#include "services/common/coro/sync_wait.h"
#include "services/common/data/indicators.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"
#include "services/events/domain/response_file.h"
#include "services/events/store/bulk_rows.h"
#include "services/events/store/rows.h"

namespace waterline::events {
namespace {

std::string Csv(int64_t rows) {
  const auto& indicators = data::AllIndicators();
  std::string csv =
      "source_id,indicator,respondent_group,value,missing,informant,collected_on,counts\n";
  for (int64_t i = 0; i < rows; ++i) {
    const auto& indicator = indicators[static_cast<size_t>(i) % indicators.size()];
    csv += "," + indicator.id + "," + indicator.groups[0] + "," + std::to_string(i % 2) +
           ",,seat-" + std::to_string(i / 48) + ",2026-03-02,\n";
  }
  return csv;
}

void BM_ParseResponses(benchmark::State& state) {
  const std::string csv = Csv(state.range(0));
  for (auto _ : state) {
    ResponseFile file("responses.csv");
    if (!file.Feed(csv).ok() || !file.Finish().ok()) state.SkipWithError("the file was refused");
    if (file.responses().size() != static_cast<size_t>(state.range(0)))
      state.SkipWithError("rows are missing");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ParseResponses)->Arg(20'000)->Unit(benchmark::kMillisecond);

std::vector<storage::v1::ResponseRow> Rows(int64_t count) {
  std::mt19937_64 random(1);
  const auto& indicators = data::AllIndicators();
  std::vector<storage::v1::ResponseRow> rows;
  for (int64_t i = 0; i < count; ++i) {
    auto& row = rows.emplace_back();
    std::string key;
    for (size_t j = 0; j < kGroupBytes; ++j) key.push_back(static_cast<char>(random()));
    row.set_row_key(key);
    row.set_indicator(indicators[static_cast<size_t>(i) % indicators.size()].id);
    row.set_indicator_version(1);
    row.set_respondent_group("SU");
    row.set_value(1);
    row.set_missing("");
    row.set_informant(key);
    row.set_day(20'000);
    row.set_content_digest(ContentDigest(row));
    row.set_import("m0123456789abcdefghijklmno");
    row.set_recorded_at_ms(1'740'000'000'000);
  }
  return rows;
}

class NoHook : public CommitHook {
 public:
  coro::Task<absl::Status> Before(waterline::storage::Batch*) override {
    co_return absl::OkStatus();
  }
};

// Of the whole process: the store commits on a thread of its own.
void BM_MergeResponses(benchmark::State& state) {
  std::string folder = (std::filesystem::temp_directory_path() / "waterline-merge-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return state.SkipWithError("no folder for the store");
  waterline::storage::RocksDbStore::Options options;
  options.path = folder;
  auto store = waterline::storage::RocksDbStore::Open(options);
  if (!store.ok()) return state.SkipWithError("the store does not open");
  const auto rows = Rows(state.range(0));
  NoHook hook;
  int event = 0;
  for (auto _ : state) {
    ResponseRows bulk(store->get(), "org", "event" + std::to_string(event++));
    const auto counts = coro::SyncWait(bulk.Merge(rows, &hook));
    if (!counts.ok() || counts->created != rows.size()) state.SkipWithError("rows are missing");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  store->reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_MergeResponses)->Arg(20'000)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace waterline::events
