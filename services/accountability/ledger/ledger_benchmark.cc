// Entries appended per second: on memory (what hashing and signing cost) and on RocksDB with an
// anchor (what a service waits for), by how many callers wait at once.

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "services/accountability/ledger/ledger.h"
#include "services/common/coro/sync_wait.h"
#include "services/common/crypto/hash.h"
#include "services/common/storage/memory/memory_store.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"

namespace waterline::accountability {
namespace {

enum class Engine { kMemory, kRocksDb };

class Bench {
 public:
  explicit Bench(Engine engine) : signer_("net-dev/accountability", Key()) {
    folder_ = std::filesystem::temp_directory_path().string() + "/waterline-ledger-bench-XXXXXX";
    if (mkdtemp(folder_.data()) == nullptr) std::abort();
    Ledger::Options options;
    if (engine == Engine::kRocksDb) {
      waterline::storage::RocksDbStore::Options store;
      store.path = folder_ + "/store";
      store_ = *waterline::storage::RocksDbStore::Open(store);
      options.anchor_path = folder_ + "/ANCHOR";
    } else {
      store_ = std::make_unique<waterline::storage::MemoryStore>();
    }
    options.store = store_.get();
    options.network = "net-dev";
    options.signer = &signer_;
    options.clock = &clock_;
    ledger_ = *Ledger::Open(options);
  }
  ~Bench() {
    ledger_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Ledger* ledger() { return ledger_.get(); }

 private:
  static crypto::Ed25519Key Key() { return *crypto::Ed25519Key::FromSeed(std::string(32, 's')); }

  SystemClock system_;
  MonotoneClock clock_{&system_};
  NoteSigner signer_;
  std::string folder_;
  std::unique_ptr<waterline::storage::Store> store_;
  std::unique_ptr<Ledger> ledger_;
};

std::unique_ptr<Bench> shared_bench;  // Of the threads of one run.

void BM_Append(benchmark::State& state, Engine engine) {
  if (state.thread_index() == 0) shared_bench = std::make_unique<Bench>(engine);
  const std::string digest = crypto::Sha256("payload");
  uint64_t count = 0;
  for (auto _ : state) {
    AppendRequest request;
    request.entry.set_entry_id(
        crypto::Sha256(std::to_string(state.thread_index()) + "/" + std::to_string(count++)));
    request.entry.mutable_access()->set_organisation("organisations/ods-qnx");
    request.entry.mutable_access()->set_payload_hash(digest);
    request.organisations = {"ods-qnx"};
    auto appended = coro::SyncWait(shared_bench->ledger()->Append(std::move(request)));
    if (!appended.ok()) state.SkipWithError(appended.status().ToString().c_str());
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() != 0) return;
  const auto figures = shared_bench->ledger()->figures();
  state.counters["entries_per_group"] =
      static_cast<double>(figures.entries) / static_cast<double>(figures.groups);
  shared_bench.reset();
}
BENCHMARK_CAPTURE(BM_Append, memory, Engine::kMemory)->Threads(1)->Threads(64)->UseRealTime();
BENCHMARK_CAPTURE(BM_Append, rocksdb, Engine::kRocksDb)
    ->Threads(1)
    ->Threads(16)
    ->Threads(64)
    ->UseRealTime();

}  // namespace
}  // namespace waterline::accountability
