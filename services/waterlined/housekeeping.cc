#include "services/waterlined/housekeeping.h"

#include <string>

#include "services/common/coro/sync_wait.h"
#include "services/common/log/log.h"
#include "services/common/records/records.h"
#include "services/common/status/error.h"

namespace waterline::deployment {
namespace {

constexpr int kPageMax = 1000;

void LogFailure(const absl::Status& status) {
  log::Warning("housekeeping_failed", {{"reason", ReasonOf(status).value_or("UNEXPECTED")},
                                       {"message", std::string(status.message())}});
}

}  // namespace

int Housekeeping::Round() {
  int swept = 0;
  for (auto* store : stores_) swept += Sweep(store);
  if (swept > 0) log::Info("housekeeping", {{"swept", int64_t{swept}}});
  return swept;
}

int Housekeeping::Sweep(storage::Store* store) {
  int swept = 0;
  std::string after;
  while (!rounds_.stopping()) {
    const auto page = coro::SyncWait(store->Partitions(after, kPageMax));
    if (!page.ok()) LogFailure(page.status());
    if (!page.ok() || page->empty()) break;
    for (const auto& partition : *page) {
      if (rounds_.stopping()) return swept;
      const auto some = coro::SyncWait(records::SweepDedupe(store, partition, clock_->NowMs()));
      if (!some.ok()) LogFailure(some.status());
      swept += some.value_or(0);
    }
    after = page->back().id;
  }
  return swept;
}

}  // namespace waterline::deployment
