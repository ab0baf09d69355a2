#pragma once

// The handlers of events over a store in memory, and a Decider that knows one agreement: what the
// policy will do with the facts of a question, in its simplest form. Thread safety: one thread.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>

#include "services/common/coro/sync_wait.h"
#include "services/common/storage/memory/memory_store.h"
#include "services/events/api/events_api.h"
#include "tests/integration/workshop.h"

namespace waterline::testing {

inline constexpr char kLead[] = "chc-1234567";
inline constexpr char kAsker[] = "ods-qnx";

// Own records are permitted, writes of them whatever the standing of a person; those of others as
// far as `scopes` reach. Keeps every question.
class OneAgreement : public gate::Decider {
 public:
  coro::Task<absl::StatusOr<accountability::v1::Decision>> Decide(
      accountability::v1::Question question,
      std::chrono::steady_clock::time_point /*deadline*/) override {
    accountability::v1::Decision decision;
    const bool own = question.caller().organisation() == question.controller();
    const bool writes = question.operation() == accountability::v1::OPERATION_WRITE;
    const bool counts = question.operation() == accountability::v1::OPERATION_COUNT;
    decision.set_result(accountability::v1::RESULT_PERMIT);
    decision.set_level(!own && counts ? common::v1::RELEASE_LEVEL_AGGREGATE
                                      : common::v1::RELEASE_LEVEL_IDENTIFIABLE);
    decision.set_small_numbers(small_numbers);
    bool any = question.records().empty() && (own || Covers(question.scopes()));
    for (const auto& record : question.records()) {
      const bool shows =
          own ? writes || !Stands(question, record) : ShowsToOthers(question, record);
      any = any || shows;
      auto* release = decision.add_records();
      release->set_level(shows ? decision.level() : common::v1::RELEASE_LEVEL_NOTHING);
      release->set_text(shows && (own || record.text_reviewed()));
    }
    const bool list = question.operation() == accountability::v1::OPERATION_SEARCH || counts;
    if (!any && (!list || question.records().empty())) {
      decision.set_result(accountability::v1::RESULT_DENY);
      decision.add_reasons("NOT_COVERED");
    }
    questions.push_back(std::move(question));
    co_return decision;
  }

  std::set<std::string> scopes;           // Of the agreement.
  std::set<std::string> hidden_subjects;  // Who objected.
  accountability::v1::SmallNumberPolicy small_numbers =
      accountability::v1::SMALL_NUMBER_POLICY_UNSPECIFIED;
  std::vector<accountability::v1::Question> questions;

 private:
  bool Covers(const google::protobuf::RepeatedPtrField<std::string>& names) const {
    if (scopes.contains(std::string("organisations/") + kLead)) return true;
    return std::any_of(names.begin(), names.end(),
                       [this](const auto& name) { return scopes.contains(name); });
  }
  bool Stands(const accountability::v1::Question& question,
              const accountability::v1::RecordFacts& record) const {
    if (record.subject() == 0) return false;
    EXPECT_LE(record.subject(), static_cast<uint32_t>(question.subject_ids_size()));
    return hidden_subjects.contains(question.subject_ids(static_cast<int>(record.subject()) - 1));
  }
  bool ShowsToOthers(const accountability::v1::Question& question,
                     const accountability::v1::RecordFacts& record) const {
    return !record.lead_only() && !record.safeguarding() && !Stands(question, record) &&
           Covers(record.scopes().empty() ? question.scopes() : record.scopes());
  }
};

// Every name is registered; a participant's subject is made of its name.
class AnyName : public rpc::Directory {
 public:
  coro::Task<absl::StatusOr<std::vector<std::optional<std::string>>>> Look(
      std::vector<std::string> names) override {
    std::vector<std::optional<std::string>> found;
    for (const auto& name : names)
      found.push_back(name.find("/participants/") == std::string::npos ? "" : SubjectOf(name));
    co_return found;
  }
  coro::Task<absl::StatusOr<bool>> IsTest(std::string organisation) override {
    co_return test_organisations.contains(organisation);
  }
  std::set<std::string> test_organisations;

  static std::string SubjectOf(const std::string& name) {
    std::string subject = name.substr(name.rfind('/') + 1);
    subject.resize(16, '-');
    return subject;
  }
};

// Damages the sealed words of every record of a collection of the lead organisation.
template <class Record>
void DamageSealed(waterline::storage::Store* store, const std::string& collection) {
  const waterline::storage::Partition partition(kLead);
  const auto items = coro::SyncWait(store->Scan(partition, waterline::storage::Range(collection),
                                                100, waterline::storage::Direction::kForward));
  ASSERT_TRUE(items.ok()) << items.status();
  waterline::storage::Batch batch;
  for (const auto& item : *items) {
    Record record;
    ASSERT_TRUE(record.ParseFromString(item.versioned.value));
    record.mutable_sealed()->set_ciphertext("not what was sealed");
    batch.Put(waterline::storage::Key(collection, item.id), record.SerializeAsString());
  }
  ASSERT_FALSE(batch.empty());
  ASSERT_TRUE(coro::SyncWait(store->Commit(partition, std::move(batch))).ok());
}

class SharingRig : public ::testing::Test {
 protected:
  SharingRig() {
    static int count = 0;
    keys_ = ::testing::TempDir() + "/sharing-" + std::to_string(getpid()) + "-" +
            std::to_string(count++) + ".keys";
    EXPECT_TRUE(privacy::MasterKeys::Create(keys_).ok());
    vault_ = std::make_unique<privacy::Vault>(&store_, *privacy::MasterKeys::Load(keys_),
                                              std::vector<std::string>{});
    events::EventsApi::Parts parts;
    parts.store = &store_;
    parts.vault = vault_.get();
    parts.gate = &gate_;
    parts.clock = &clock_;
    parts.pool = &pool_;
    parts.directory = &directory_;
    api_ = std::make_unique<events::EventsApi>(parts);
    lead_.caller.set_organisation(kLead);
    lead_.caller.set_role("engagement_lead");
    lead_.purpose = "service_planning";
    asker_ = lead_;
    asker_.caller.set_organisation(kAsker);
  }
  ~SharingRig() override { std::filesystem::remove(keys_); }

  // One call of a handler; what it would release.
  template <class Request, class Response>
  absl::StatusOr<Response> Ask(events::EventsApi::Answer<Response> (events::EventsApi::*method)(
                                   const rpc::Call&, const Request&),
                               const Request& request, const rpc::Call& call) {
    auto draft = coro::SyncWait((api_.get()->*method)(call, request));
    if (!draft.ok()) return draft.status();
    auto released = coro::SyncWait(gate_.Release(*std::move(draft)));
    if (!released.ok()) return released.status();
    return std::move(*released).TakeMessage();
  }

  // An event of the lead organisation that people may speak at; it happens at `places`.
  std::string OpenEvent(const std::vector<std::string>& places, const std::string& programme = "",
                        const std::string& starts = "2026-03-02T10:00:00Z",
                        const std::string& method = "co_design_workshop") {
    events::v1::CreateEventRequest create;
    create.set_parent(std::string("organisations/") + kLead);
    *create.mutable_event() = Workshop();
    create.mutable_event()->set_method(method);
    const int64_t start = *text::ParseInstant(starts);
    *create.mutable_event()->mutable_starts_at() = text::ToTimestamp(start);
    *create.mutable_event()->mutable_ends_at() = text::ToTimestamp(start + 3'600'000);
    for (const auto& place : places) create.mutable_event()->add_places(place);
    create.mutable_event()->set_programme(programme);
    create.set_request_id(NewRequest());
    const auto created = Ask(&events::EventsApi::CreateEvent, create, lead_);
    EXPECT_TRUE(created.ok()) << created.status();
    events::v1::PublishEventRequest publish;
    publish.set_name(created->event().name());
    publish.set_request_id(NewRequest());
    EXPECT_TRUE(Ask(&events::EventsApi::PublishEvent, publish, lead_).ok());
    events::v1::OpenEventRequest open;
    open.set_name(created->event().name());
    open.set_request_id(NewRequest());
    EXPECT_TRUE(Ask(&events::EventsApi::OpenEvent, open, lead_).ok());
    return created->event().name();
  }

  // Records a contribution; `edit` changes it before. Its name.
  std::string Say(const std::string& event, const std::string& text,
                  const std::function<void(events::v1::Contribution*)>& edit = {}) {
    events::v1::RecordContributionsRequest request;
    request.set_parent(event);
    request.set_request_id(NewRequest());
    auto* one = request.add_contributions();
    one->set_text(text);
    one->set_source_id("source-" + std::to_string(requests_));
    one->set_share_scope("agreement");
    if (edit) edit(one);
    const auto recorded = Ask(&events::EventsApi::RecordContributions, request, lead_);
    EXPECT_TRUE(recorded.ok()) << recorded.status();
    return recorded->contributions(0).name();
  }
  std::string Participant(const std::string& id) {
    return std::string("organisations/") + kLead + "/participants/" + id;
  }
  std::string NewRequest() { return "request-" + std::to_string(requests_++); }
  const accountability::v1::Question& Asked() const { return decider_.questions.back(); }

  storage::MemoryStore store_;
  std::string keys_;
  std::unique_ptr<privacy::Vault> vault_;
  OneAgreement decider_;
  gate::Gate gate_{&decider_};
  SystemClock clock_;
  coro::Pool pool_{"files", 1};
  AnyName directory_;
  std::unique_ptr<events::EventsApi> api_;
  rpc::Call lead_;
  rpc::Call asker_;
  int requests_ = 0;
};

}  // namespace waterline::testing
