#pragma once

// For tests and benchmarks: a feed in memory, a small exact model, a store that fails on demand.
// Thread safety: the feed and the store from any thread, the model is constant.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "services/common/data/indicators.h"
#include "services/common/status/error.h"
#include "services/common/storage/store.h"
#include "services/inference/projector/evidence_source.h"
#include "services/inference/projector/model_adapter.h"
#include "services/inference/store/keys.h"

namespace waterline::inference::testing {

// A feed that tests write to.
class FakeSource : public EvidenceSource {
 public:
  // Gives the evidence the next revision of its partition, and a feed item.
  void Put(events::v1::EventEvidence evidence) {
    std::lock_guard lock(mutex_);
    auto& feed = feeds_[PartitionOf(evidence.event())];
    evidence.set_revision(feed.size() + 1);
    auto& item = feed.emplace_back();
    item.set_position(feed.size());
    item.set_event(evidence.event());
    item.set_revision(evidence.revision());
    evidence_[evidence.event()] = std::move(evidence);
    moved_.notify_all();
  }

  void Remove(const std::string& event) {
    events::v1::EventEvidence gone;
    gone.set_event(event);
    Put(std::move(gone));
  }

  coro::Task<absl::StatusOr<std::vector<std::string>>> Partitions() override {
    std::lock_guard lock(mutex_);
    std::vector<std::string> partitions;
    for (const auto& [partition, feed] : feeds_) partitions.push_back(partition);
    co_return partitions;
  }

  coro::Task<absl::StatusOr<std::vector<events::v1::FeedItem>>> ReadFeed(std::string partition,
                                                                         uint64_t after,
                                                                         int limit) override {
    std::lock_guard lock(mutex_);
    std::vector<events::v1::FeedItem> items;
    const auto& feed = feeds_[partition];
    for (size_t i = after; i < feed.size() && items.size() < static_cast<size_t>(limit); ++i)
      items.push_back(feed[i]);
    co_return items;
  }

  coro::Task<absl::StatusOr<events::v1::EventEvidence>> GetEventEvidence(
      std::string event) override {
    std::lock_guard lock(mutex_);
    ++reads_;
    const auto found = evidence_.find(event);
    if (found == evidence_.end()) co_return Error(reason::kNotFound, "no such event");
    co_return found->second;
  }

  coro::Task<absl::Status> Wait(std::map<std::string, uint64_t> after,
                                std::chrono::milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    moved_.wait_for(lock, timeout, [&] {
      for (const auto& [partition, feed] : feeds_) {
        if (feed.size() > after[partition]) return true;
      }
      return false;
    });
    co_return absl::OkStatus();
  }

  int reads() const { return reads_; }

 private:
  static std::string PartitionOf(const std::string& event) {
    const size_t begin = event.find('/') + 1;
    return event.substr(begin, event.find('/', begin) - begin);
  }

  mutable std::mutex mutex_;  // Guards the rest.
  std::condition_variable moved_;
  std::map<std::string, std::vector<events::v1::FeedItem>> feeds_;
  std::map<std::string, events::v1::EventEvidence> evidence_;
  int reads_ = 0;
};

// A model whose result depends on every bit of its input and on the order of bins: what a replay
// that skips, repeats or reorders a bin cannot hide from.
class FakeModel : public ScopeModel {
 public:
  std::string version() const override { return version_; }
  void set_version(std::string version) { version_ = std::move(version); }

  absl::Status Check(const events::v1::EventEvidence& evidence) const override {
    for (const auto& item : evidence.items()) {
      if (data::FindIndicator(item.indicator()) == nullptr)
        return BadFields({{"indicator", "is not known"}});
    }
    return absl::OkStatus();
  }

  absl::StatusOr<storage::v1::FilterState> Absorb(
      const storage::v1::FilterState& before, int64_t day,
      const std::vector<std::shared_ptr<const events::v1::EventEvidence>>& events) const override {
    if (before.bins() > 0 && day <= before.day()) return absl::InternalError("bins out of order");
    double mean = before.mean().empty() ? 1.0 : before.mean(0);
    mean *=
        before.bins() == 0 ? 1.0 : 1.0 / (1.0 + 0.001 * static_cast<double>(day - before.day()));
    for (const auto& event : events) {
      for (const auto& item : event->items()) {
        for (const uint64_t count : item.counts())
          mean = 0.7 * mean + 0.1 * static_cast<double>(count + 1);
        mean += 0.01 * item.perspective();
      }
    }
    storage::v1::FilterState after;
    after.set_day(day);
    after.set_bins(before.bins() + 1);
    after.add_mean(mean);
    return after;
  }

  absl::StatusOr<std::vector<Reading>> Read(const storage::v1::FilterState&,
                                            int64_t) const override {
    return absl::UnimplementedError("the fake model is not read");
  }

 private:
  std::string version_ = "fake";
};

inline std::string EventName(int i) { return "organisations/ods-qnx/events/e" + std::to_string(i); }

inline void AddAnswers(std::mt19937* random, events::v1::EventEvidence* evidence, int items) {
  const auto& catalogue = data::AllIndicators();
  for (int i = 0; i < items; ++i) {
    auto* item = evidence->add_items();
    const auto& indicator = catalogue[(*random)() % catalogue.size()];
    item->set_indicator(indicator.id);
    item->set_perspective(static_cast<int32_t>((*random)() % 4));
    item->set_day(evidence->day());
    const bool is_named = (*random)() % 2 == 0;
    if (is_named) item->set_informant("informant-" + std::to_string((*random)() % 12));
    for (int k = 0; k < indicator.categories(); ++k)
      item->add_counts(is_named ? 0 : (*random)() % 4);
    if (is_named)
      item->set_counts(
          static_cast<int>((*random)() % static_cast<unsigned>(indicator.categories())), 1);
  }
}

// An event of ods-qnx on one of `days` days, in one of three programmes, naming up to two places.
inline events::v1::EventEvidence RandomEvidence(std::mt19937* random, int i, int days, int items) {
  events::v1::EventEvidence evidence;
  evidence.set_event(EventName(i));
  evidence.set_present(true);
  evidence.set_day(20'000 + static_cast<int64_t>((*random)() % static_cast<unsigned>(days)));
  if ((*random)() % 4 != 0) {
    evidence.set_programme("organisations/ods-qnx/programmes/p" + std::to_string((*random)() % 3));
  }
  for (auto places = (*random)() % 3; places > 0; --places) {
    evidence.add_places("places/place-" + std::to_string((*random)() % 3));
  }
  evidence.mutable_surface()->set_reach((*random)() % 40);
  evidence.mutable_surface()->set_contributions((*random)() % 40);
  evidence.mutable_surface()->set_notice_days(static_cast<int64_t>((*random)() % 30));
  AddAnswers(random, &evidence, items);
  return evidence;
}

}  // namespace waterline::inference::testing
