#include "services/inference/projector/projector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <optional>
#include <random>

#include "services/common/coro/sync_wait.h"
#include "services/common/records/records.h"
#include "services/common/storage/faulty/faulty_store.h"
#include "services/common/storage/memory/memory_store.h"
#include "services/common/storage/rocksdb/rocksdb_store.h"
#include "services/common/testing/random.h"
#include "services/inference/domain/tally.h"
#include "services/inference/projector/fake_evidence.h"

namespace waterline::inference {
namespace {

using coro::SyncWait;
using events::v1::EventEvidence;
using storage::v1::ScopeState;
using testing::EventName;
using testing::FakeModel;
using testing::FakeSource;
using testing::RandomEvidence;
using waterline::storage::FaultyStore;
using waterline::storage::MemoryStore;
using waterline::storage::Partition;
using waterline::storage::RocksDbStore;
using waterline::storage::Store;

const char kOrganisation[] = "organisations/ods-qnx";

Projector::Parts PartsOf(Store* store, EvidenceSource* source, const ScopeModel* model) {
  Projector::Parts parts;
  parts.store = store;
  parts.source = source;
  parts.model = model;
  parts.owner = "test";
  parts.page = 7;  // Small, so that pages end in the middle of things.
  return parts;
}

std::vector<waterline::storage::Item> All(Store* store, const std::string& collection,
                                          const std::string& partition) {
  std::vector<waterline::storage::Item> all;
  waterline::storage::Range range(collection);
  while (true) {
    auto items = SyncWait(
        store->Scan(Partition(partition), range, 1000, waterline::storage::Direction::kForward));
    EXPECT_TRUE(items.ok());
    all.insert(all.end(), items->begin(), items->end());
    if (items->size() < 1000) return all;
    range.begin = items->back().id + '\0';
  }
}

// What a map would be made of, by scope: state and tally, bit for bit. Scopes without events are
// left out: they are as if they had never been.
std::map<std::string, std::string> Snapshot(Store* store,
                                            const std::string& partition = "ods-qnx") {
  std::map<std::string, std::string> snapshot;
  for (const auto& item : All(store, kScopes, partition)) {
    ScopeState state;
    EXPECT_TRUE(state.ParseFromString(item.versioned.value));
    if (state.tally().events() == 0) {
      EXPECT_EQ(state.state().bins(), 0) << item.id;
      continue;
    }
    snapshot[item.id] = records::Serialise(state.state()) + "|" + records::Serialise(state.tally());
  }
  return snapshot;
}

std::optional<ScopeState> LoadScope(Store* store, const std::string& scope) {
  auto loaded = SyncWait(records::Load<ScopeState>(store, Partition("ods-qnx"), ScopeKey(scope)));
  EXPECT_TRUE(loaded.ok());
  if (!loaded.ok() || !*loaded) return std::nullopt;
  return (*loaded)->record;
}

std::vector<EventEvidence> RandomEvents(unsigned seed, int count, int days, int items) {
  std::mt19937 random(seed);
  std::vector<EventEvidence> events;
  for (int i = 0; i < count; ++i) events.push_back(RandomEvidence(&random, i, days, items));
  return events;
}

// The snapshot of `events` put in order of days, absorbed at once.
std::map<std::string, std::string> InOrder(std::vector<EventEvidence> events,
                                           const ScopeModel* model) {
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return BinDayOf(a) < BinDayOf(b); });
  FakeSource source;
  for (auto& event : events) source.Put(std::move(event));
  MemoryStore store;
  Projector projector(PartsOf(&store, &source, model));
  EXPECT_TRUE(projector.CatchUp().ok());
  return Snapshot(&store);
}

TEST(Scopes, AreOrganisationEventProgrammeAndPlaces) {
  EventEvidence evidence;
  evidence.set_event("organisations/ods-qnx/events/e1");
  evidence.set_programme("organisations/ods-qnx/programmes/p1");
  evidence.add_places("places/brighton");
  evidence.add_places("places/brighton");
  EXPECT_THAT(ScopesOf(evidence), ::testing::IsEmpty());
  evidence.set_present(true);
  EXPECT_THAT(ScopesOf(evidence),
              ::testing::ElementsAre("organisations/ods-qnx", "organisations/ods-qnx/events/e1",
                                     "organisations/ods-qnx/programmes/p1", "places/brighton"));
}

TEST(Bins, StandOnTheDayByWhichHalfOfTheAnswersHadCome) {
  EventEvidence evidence;
  evidence.set_day(100);
  EXPECT_EQ(BinDayOf(evidence), 100);
  const auto add = [&](int64_t day, uint64_t count) {
    auto* item = evidence.add_items();
    item->set_day(day);
    item->add_counts(count);
  };
  add(0, 2);  // Without a day: the event's own.
  EXPECT_EQ(BinDayOf(evidence), 100);
  add(110, 1);
  EXPECT_EQ(BinDayOf(evidence), 100);
  add(120, 9);
  EXPECT_EQ(BinDayOf(evidence), 120);
}

// One suite on both stores and on both models.
struct Setting {
  bool on_disk;
  bool real_model;
};

class ProjectorTest : public ::testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    if (GetParam().real_model) {
      model_ = VersionZeroModel();
    } else {
      model_ = std::make_unique<FakeModel>();
    }
    Open();
  }
  void TearDown() override {
    store_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  // Opens the store, again without what was only in memory.
  void Open() {
    if (!GetParam().on_disk) {
      if (!store_) store_ = std::make_unique<MemoryStore>([this] { return now_; });
      now_ += std::chrono::hours(2);  // Leases of the dead run out.
      return;
    }
    if (folder_.empty()) {
      std::string pattern = ::testing::TempDir() + "/projectorXXXXXX";
      folder_ = mkdtemp(pattern.data());
    }
    store_.reset();
    auto opened = RocksDbStore::Open({folder_});
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  absl::Status CatchUp() { return CatchUp(store_.get()); }
  absl::Status CatchUp(Store* store) {
    Projector projector(PartsOf(store, &source_, model_.get()));
    return projector.CatchUp();
  }

  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
  std::unique_ptr<ScopeModel> model_;
  std::unique_ptr<Store> store_;
  std::string folder_;
  FakeSource source_;
};

TEST_P(ProjectorTest, KeepsTallyAndStateOfEveryScope) {
  auto events = RandomEvents(1, 3, 50, 4);
  for (auto& event : events) event.set_programme("organisations/ods-qnx/programmes/p0");
  for (const auto& event : events) source_.Put(event);
  ASSERT_TRUE(CatchUp().ok());
  const auto scope = LoadScope(store_.get(), kOrganisation);
  ASSERT_TRUE(scope);
  EXPECT_EQ(scope->tally().events(), 3);
  EXPECT_EQ(scope->evidence_version(), 3);
  EXPECT_EQ(scope->model_version(), model_->version());
  EXPECT_GE(scope->state().bins(), 1);
  EXPECT_EQ(LoadScope(store_.get(), "organisations/ods-qnx/programmes/p0")->tally().events(), 3);
  EXPECT_EQ(LoadScope(store_.get(), EventName(0))->tally().events(), 1);
  EXPECT_FALSE(LoadScope(store_.get(), "places/nowhere"));
}

TEST_P(ProjectorTest, AnyOrderOfArrivalGivesTheSameBits) {
  const auto seed = waterline::testing::Seed();
  std::mt19937 random(seed);
  auto events = RandomEvents(seed, 60, 40, 5);
  const auto expected = InOrder(events, model_.get());
  std::shuffle(events.begin(), events.end(), random);
  for (const auto& event : events) {
    source_.Put(event);
    if (random() % 5 == 0) {
      ASSERT_TRUE(CatchUp().ok());
    }
  }
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Snapshot(store_.get()), expected);
}

TEST_P(ProjectorTest, CorrectionsAndRemovalsLeaveWhatWouldHaveBeenWithoutThem) {
  const auto seed = waterline::testing::Seed();
  std::mt19937 random(seed);
  const auto kept = RandomEvents(seed, 30, 40, 4);
  for (int i = 0; i < 30; ++i) {
    source_.Put(RandomEvidence(&random, i, 40, 3));         // To be corrected.
    source_.Put(RandomEvidence(&random, 1000 + i, 40, 3));  // To be removed.
    if (random() % 4 == 0) {
      ASSERT_TRUE(CatchUp().ok());
    }
  }
  ASSERT_TRUE(CatchUp().ok());
  for (int i = 0; i < 30; ++i) {
    source_.Put(kept[static_cast<size_t>(i)]);
    source_.Remove(EventName(1000 + i));
    if (random() % 4 == 0) {
      ASSERT_TRUE(CatchUp().ok());
    }
  }
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Snapshot(store_.get()), InOrder(kept, model_.get()));
}

// Every commit fails once, in both ways; after each a new process goes on.
TEST_P(ProjectorTest, ACallThatFailsLeavesNoGapAndNoDouble) {
  const auto events = RandomEvents(7, 25, 20, 3);
  const auto expected = InOrder(events, model_.get());
  for (const auto& event : events) source_.Put(event);
  for (const auto mode : {FaultyStore::Mode::kBefore, FaultyStore::Mode::kLostAcknowledgement}) {
    bool has_failed = true;
    for (int n = 1; has_failed; ++n) {
      MemoryStore memory([this] { return now_; });
      FaultyStore faulty(&memory);
      faulty.FailAt(n, mode);
      (void)CatchUp(&faulty);
      has_failed = faulty.Disarm();
      now_ += std::chrono::hours(2);
      ASSERT_TRUE(CatchUp(&memory).ok());
      ASSERT_EQ(Snapshot(&memory), expected) << "call " << n;
      ASSERT_EQ(LoadScope(&memory, kOrganisation)->evidence_version(), events.size())
          << "call " << n;
      ASSERT_LT(n, 1000);
    }
  }
}

TEST_P(ProjectorTest, ReadsAnEventOncePerRevision) {
  for (const auto& event : RandomEvents(3, 5, 20, 3)) {
    source_.Put(event);
    source_.Put(event);  // Two changes before the projector looks: one reading.
  }
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(source_.reads(), 5);
  EXPECT_EQ(LoadScope(store_.get(), kOrganisation)->evidence_version(), 5);
  Open();
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(source_.reads(), 5);
}

TEST_P(ProjectorTest, EvidenceTheModelRefusesIsNotApplied) {
  auto events = RandomEvents(5, 2, 20, 3);
  events[1].mutable_items(0)->set_indicator("trust.skills.unheard_of");
  for (const auto& event : events) source_.Put(event);
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(Snapshot(store_.get()), InOrder({events[0]}, model_.get()));
  events[1].mutable_items(0)->set_indicator(events[1].items(1).indicator());
  *events[1].mutable_items(0) = events[1].items(1);
  source_.Put(events[1]);
  ASSERT_TRUE(CatchUp().ok());
  EXPECT_EQ(LoadScope(store_.get(), kOrganisation)->tally().events(), 2);
}

TEST_P(ProjectorTest, GoesOnWhereItStoppedAfterReopening) {
  const auto events = RandomEvents(11, 40, 30, 3);
  for (size_t i = 0; i < events.size(); ++i) {
    source_.Put(events[i]);
    if (i % 10 != 9) continue;
    ASSERT_TRUE(CatchUp().ok());
    Open();
  }
  EXPECT_EQ(Snapshot(store_.get()), InOrder(events, model_.get()));
}

INSTANTIATE_TEST_SUITE_P(Stores, ProjectorTest,
                         ::testing::Values(Setting{false, false}, Setting{true, false},
                                           Setting{false, true}),
                         [](const auto& test) {
                           return std::string(test.param.on_disk ? "RocksDb" : "Memory") +
                                  (test.param.real_model ? "RealModel" : "FakeModel");
                         });

// --- replay -----------------------------------------------------------------------------------

TEST(Replay, StartsAtTheNewestCheckpointBeforeALateEvent) {
  const FakeModel model;
  std::vector<EventEvidence> events;
  std::mt19937 random(21);
  for (int i = 0; i < 200; ++i) {  // One bin a day: checkpoints after days 63, 127 and 191.
    events.push_back(RandomEvidence(&random, i, 1, 2));
    events.back().set_day(20'000 + i);
    for (auto& item : *events.back().mutable_items()) item.set_day(0);
    events.back().clear_programme();
    events.back().clear_places();
  }
  auto late = events[150];
  events.erase(events.begin() + 150);
  FakeSource source;
  for (const auto& event : events) source.Put(event);
  MemoryStore store;
  uint64_t bins = 0;
  auto parts = PartsOf(&store, &source, &model);
  parts.on_progress = [&](const Projector::Progress& progress) {
    bins = progress.counts.bins_computed;
  };
  Projector projector(parts);
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_EQ(All(&store, kCheckpoints, "ods-qnx").size(), 3);
  const uint64_t before = bins;
  source.Put(late);
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_EQ(bins - before,
            1 + 200 - 128);  // Its own scope, and the organisation's from day 128 on.
  events.push_back(late);
  EXPECT_EQ(Snapshot(&store), InOrder(events, &model));
  EXPECT_EQ(All(&store, kCheckpoints, "ods-qnx").size(), 3);
}

TEST(Replay, AStaleCheckpointIsNeverStartedFrom) {
  const FakeModel model;
  std::mt19937 random(22);
  std::vector<EventEvidence> events;
  for (int i = 0; i < 150; ++i) {
    events.push_back(RandomEvidence(&random, i, 1, 1));
    events.back().set_day(20'000 + i);
    events.back().mutable_items(0)->set_day(0);
  }
  FakeSource source;
  for (const auto& event : events) source.Put(event);
  MemoryStore store;
  Projector projector(PartsOf(&store, &source, &model));
  ASSERT_TRUE(projector.CatchUp().ok());
  source.Remove(EventName(10));
  ASSERT_TRUE(projector.CatchUp().ok());
  source.Remove(EventName(140));  // Behind the checkpoints that the first removal moved.
  ASSERT_TRUE(projector.CatchUp().ok());
  events.erase(events.begin() + 140);
  events.erase(events.begin() + 10);
  EXPECT_EQ(Snapshot(&store), InOrder(events, &model));
}

TEST(Replay, ChangesAboveTheWaterDoNotTouchTheState) {
  const FakeModel model;
  auto events = RandomEvents(23, 20, 20, 2);
  FakeSource source;
  for (const auto& event : events) source.Put(event);
  MemoryStore store;
  uint64_t bins = 0;
  auto parts = PartsOf(&store, &source, &model);
  parts.on_progress = [&](const Projector::Progress& progress) {
    bins = progress.counts.bins_computed;
  };
  Projector projector(parts);
  ASSERT_TRUE(projector.CatchUp().ok());
  const uint64_t before = bins;
  events[3].mutable_surface()->set_contributions(500);
  source.Put(events[3]);
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_EQ(bins, before);
  EXPECT_EQ(Snapshot(&store), InOrder(events, &model));
}

TEST(Replay, ANewModelVersionStartsFromThePrior) {
  FakeModel model;
  auto events = RandomEvents(24, 80, 200, 2);
  FakeSource source;
  for (const auto& event : events) source.Put(event);
  MemoryStore store;
  Projector projector(PartsOf(&store, &source, &model));
  ASSERT_TRUE(projector.CatchUp().ok());
  model.set_version("next");
  events[5].mutable_surface()->set_reach(1);
  source.Put(events[5]);
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_EQ(LoadScope(&store, kOrganisation)->model_version(), "next");
  EXPECT_EQ(Snapshot(&store), InOrder(events, &model));
}

// --- large evidence ---------------------------------------------------------------------------

EventEvidence Survey(int people, unsigned seed) {
  std::mt19937 random(seed);
  EventEvidence evidence = RandomEvidence(&random, 0, 1, 0);
  for (int person = 0; person < people; ++person) {
    for (const auto& indicator : data::AllIndicators()) {
      auto* item = evidence.add_items();
      item->set_indicator(indicator.id);
      item->set_perspective(person % 4);
      item->set_informant("person-with-a-long-random-label-" + std::to_string(person));
      for (int k = 0; k < indicator.categories(); ++k) item->add_counts(0);
      item->set_counts(static_cast<int>(random() % static_cast<unsigned>(indicator.categories())),
                       1);
    }
  }
  return evidence;
}

TEST(LargeEvidence, IsKeptInPartsAndReadBack) {
  const FakeModel model;
  const auto survey = Survey(600, 31);
  ASSERT_GT(survey.ByteSizeLong(), 1'500'000);
  std::mt19937 random(32);
  auto neighbour =
      RandomEvidence(&random, 1, 1, 3);  // Of the same day: both are absorbed together.
  FakeSource source;
  source.Put(survey);
  MemoryStore store;
  {
    Projector projector(PartsOf(&store, &source, &model));
    ASSERT_TRUE(projector.CatchUp().ok());
  }
  EXPECT_GE(All(&store, kEvidenceParts, "ods-qnx").size(), 3);
  source.Put(neighbour);
  Projector projector(PartsOf(&store, &source, &model));  // With nothing in memory.
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_EQ(Snapshot(&store), InOrder({survey, neighbour}, &model));
}

TEST(LargeEvidence, LeavesNoPartsBehind) {
  const FakeModel model;
  FakeSource source;
  MemoryStore store;
  Projector projector(PartsOf(&store, &source, &model));
  source.Put(Survey(600, 33));
  ASSERT_TRUE(projector.CatchUp().ok());
  const size_t parts = All(&store, kEvidenceParts, "ods-qnx").size();
  source.Put(Survey(600, 34));
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_EQ(All(&store, kEvidenceParts, "ods-qnx").size(), parts);
  source.Remove(EventName(0));
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_TRUE(All(&store, kEvidenceParts, "ods-qnx").empty());
  EXPECT_TRUE(Snapshot(&store).empty());
}

TEST(LargeEvidence, AnAttemptThatEndedHalfwayIsCleanedUp) {
  const FakeModel model;
  auto now = std::chrono::steady_clock::now();
  FakeSource source;
  MemoryStore store([&] { return now; });
  FaultyStore faulty(&store);
  source.Put(Survey(600, 35));
  faulty.FailAt(3, FaultyStore::Mode::kLostAcknowledgement);  // The lease, a part, a part.
  {
    Projector projector(PartsOf(&faulty, &source, &model));
    EXPECT_FALSE(projector.CatchUp().ok());
  }
  EXPECT_FALSE(All(&store, kEvidenceParts, "ods-qnx").empty());
  EXPECT_TRUE(Snapshot(&store).empty());
  now += std::chrono::hours(2);
  const auto small = Survey(1, 36);
  source.Put(small);
  Projector projector(PartsOf(&store, &source, &model));
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_TRUE(All(&store, kEvidenceParts, "ods-qnx").empty());
  EXPECT_EQ(Snapshot(&store), InOrder({small}, &model));
}

// The real model takes a survey whose named answers would be far too many sites.
TEST(LargeEvidence, TheModelPoolsNamesBeyondItsLimit) {
  const auto model = VersionZeroModel();
  const auto survey = std::make_shared<const EventEvidence>(Survey(40, 37));
  ASSERT_GT(survey->items_size(), kNamedSitesMax);
  EventEvidence anonymous = *survey;
  for (auto& item : *anonymous.mutable_items()) item.clear_informant();
  const storage::v1::FilterState prior;
  const auto named = model->Absorb(prior, survey->day(), {survey});
  const auto pooled =
      model->Absorb(prior, survey->day(), {std::make_shared<const EventEvidence>(anonymous)});
  ASSERT_TRUE(named.ok() && pooled.ok());
  EXPECT_EQ(records::Serialise(*named), records::Serialise(*pooled));
}

TEST(LargeEvidence, AnEventOfTooManyPlacesIsRejected) {
  const FakeModel model;
  std::mt19937 random(38);
  auto evidence = RandomEvidence(&random, 0, 1, 1);
  for (int i = 0; i <= kPlacesOfAnEventMax; ++i)
    evidence.add_places("places/extra-" + std::to_string(i));
  FakeSource source;
  source.Put(evidence);
  MemoryStore store;
  Projector projector(PartsOf(&store, &source, &model));
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_TRUE(Snapshot(&store).empty());
  evidence.mutable_places()->RemoveLast();
  while (evidence.places_size() > kPlacesOfAnEventMax) evidence.mutable_places()->RemoveLast();
  source.Put(evidence);
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_GE(Snapshot(&store).size(), static_cast<size_t>(kPlacesOfAnEventMax));
}

TEST(LargeEvidence, ManyEventsOfManyPlacesFitIntoBatches) {
  const auto model = VersionZeroModel();  // Its states are 19 KB each.
  std::vector<EventEvidence> events;
  std::mt19937 random(39);
  for (int i = 0; i < 30; ++i) {
    events.push_back(RandomEvidence(&random, i, 10, 1));
    events.back().clear_places();
    for (int p = 0; p < kPlacesOfAnEventMax; ++p)
      events.back().add_places("places/many-" + std::to_string(p + i));
  }
  FakeSource source;
  for (const auto& event : events) source.Put(event);
  MemoryStore store;
  auto parts = PartsOf(&store, &source, model.get());
  parts.page = 256;
  Projector projector(parts);
  EXPECT_TRUE(projector.CatchUp().ok());
  EXPECT_EQ(LoadScope(&store, kOrganisation)->tally().events(), 30);
}

// --- ownership and the background thread ------------------------------------------------------

TEST(Ownership, APartitionHasOneProjector) {
  const FakeModel model;
  FakeSource source;
  for (const auto& event : RandomEvents(41, 5, 10, 2)) source.Put(event);
  MemoryStore store;
  PartitionProjector::Parts parts;
  parts.store = &store;
  parts.source = &source;
  parts.model = &model;
  parts.owner = "first";
  PartitionProjector first(parts, "ods-qnx");
  parts.owner = "second";
  PartitionProjector second(parts, "ods-qnx");
  ASSERT_TRUE(first.Step().ok());
  EXPECT_EQ(ReasonOf(second.Step().status()), "CONFLICT");
  first.Release();
  EXPECT_TRUE(second.Step().ok());
}

TEST(Ownership, AProjectorThatLostItsLeaseCommitsNothing) {
  const FakeModel model;
  auto now = std::chrono::steady_clock::now();
  FakeSource source;
  std::mt19937 random(42);
  source.Put(RandomEvidence(&random, 0, 10, 2));
  MemoryStore store([&] { return now; });
  PartitionProjector::Parts parts;
  parts.store = &store;
  parts.source = &source;
  parts.model = &model;
  parts.owner = "first";
  PartitionProjector first(parts, "ods-qnx");
  ASSERT_TRUE(first.Step().ok());
  now += std::chrono::hours(2);  // The store's clock; the first has not noticed.
  parts.owner = "second";
  PartitionProjector second(parts, "ods-qnx");
  ASSERT_TRUE(second.Step().ok());
  source.Put(RandomEvidence(&random, 1, 10, 2));
  const auto before = Snapshot(&store);
  EXPECT_EQ(ReasonOf(first.Step().status()), "CONFLICT");
  EXPECT_EQ(Snapshot(&store), before);
  ASSERT_TRUE(second.Step().ok());
  EXPECT_EQ(LoadScope(&store, kOrganisation)->tally().events(), 2);
}

TEST(Background, FollowsTheFeedAndStops) {
  const FakeModel model;
  FakeSource source;
  MemoryStore store;
  std::promise<void> caught_up;
  bool is_set = false;
  auto parts = PartsOf(&store, &source, &model);
  parts.poll = std::chrono::milliseconds(20);
  parts.on_progress = [&](const Projector::Progress& progress) {
    if (progress.position < 30 || progress.catching_up || is_set) return;
    is_set = true;
    caught_up.set_value();
  };
  Projector projector(parts);
  EXPECT_FALSE(SyncWait(projector.IsCatchingUp("ods-qnx")));
  projector.Start();
  const auto events = RandomEvents(51, 30, 20, 2);
  for (const auto& event : events) source.Put(event);
  caught_up.get_future().wait();
  EXPECT_FALSE(SyncWait(projector.IsCatchingUp("ods-qnx")));
  projector.Stop();
  EXPECT_EQ(Snapshot(&store), InOrder(events, &model));
  source.Put(events[0]);
  EXPECT_TRUE(SyncWait(projector.IsCatchingUp("ods-qnx")));
  projector.Start();  // The lease was given back: it starts again at once.
  projector.Stop();
}

TEST(Background, GoesOnAfterTheStoreFailed) {
  const FakeModel model;
  FakeSource source;
  MemoryStore store;
  FaultyStore faulty(&store);
  faulty.FailAt(3, FaultyStore::Mode::kLostAcknowledgement);
  const auto events = RandomEvents(52, 30, 20, 2);
  for (const auto& event : events) source.Put(event);
  std::promise<void> caught_up;
  bool is_set = false;
  auto parts = PartsOf(&faulty, &source, &model);
  parts.poll = std::chrono::milliseconds(20);
  parts.on_progress = [&](const Projector::Progress& progress) {
    if (progress.catching_up || is_set) return;
    is_set = true;
    caught_up.set_value();
  };
  Projector projector(parts);
  projector.Start();
  caught_up.get_future().wait();
  projector.Stop();
  EXPECT_TRUE(faulty.Disarm());
  EXPECT_EQ(Snapshot(&store), InOrder(events, &model));
}

// --- kill -9 ----------------------------------------------------------------------------------

// A child projects on disk and says after each page how far it is; it is killed after a random
// number of pages, again and again, until one ends by itself.
TEST(Kill, NothingIsLostAndNothingIsDoubled) {
  const auto seed = waterline::testing::Seed();
  std::mt19937 random(seed);
  const auto events = RandomEvents(seed, 120, 60, 2);
  std::string pattern = ::testing::TempDir() + "/projector-killXXXXXX";
  const std::string folder = mkdtemp(pattern.data());
  for (int round = 0; round < 6; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(pipe_ends[0]);
      const FakeModel model;
      FakeSource source;
      for (const auto& event : events) source.Put(event);
      auto store = RocksDbStore::Open({folder});
      if (!store.ok()) _exit(3);
      auto parts = PartsOf(store->get(), &source, &model);
      parts.page = 1;
      parts.on_progress = [&](const Projector::Progress&) { (void)!write(pipe_ends[1], "x", 1); };
      Projector projector(parts);
      _exit(projector.CatchUp().ok() ? 0 : 4);
    }
    close(pipe_ends[1]);
    char said = 0;
    auto pages = 5 + random() % 30;
    while (pages > 0 && read(pipe_ends[0], &said, 1) == 1) --pages;
    usleep(static_cast<useconds_t>(random() % 3000));  // Anywhere within a page.
    kill(child, SIGKILL);
    int how = 0;
    waitpid(child, &how, 0);
    close(pipe_ends[0]);
    ASSERT_TRUE(WIFSIGNALED(how) || WEXITSTATUS(how) == 0) << how;
  }
  auto store = RocksDbStore::Open({folder});
  ASSERT_TRUE(store.ok());
  const FakeModel model;
  FakeSource source;
  for (const auto& event : events) source.Put(event);
  Projector projector(PartsOf(store->get(), &source, &model));
  ASSERT_TRUE(projector.CatchUp().ok());
  EXPECT_EQ(Snapshot(store->get()), InOrder(events, &model));
  EXPECT_EQ(LoadScope(store->get(), kOrganisation)->evidence_version(), events.size());
  store->reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace waterline::inference
