#include <map>
#include <set>

#include "services/common/text/id.h"
#include "services/events/api/events_api.h"

namespace waterline::events {
namespace {

using gate::Operation;
using storage::v1::ContributionRecord;
using storage::v1::EventRecord;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr int kScanMax = 1000;

template <class Request>
CountQuery ReadRequest(const Request& request, std::vector<FieldViolation>* violations) {
  if (!text::MatchName(request.parent(), "organisations/*"))
    violations->push_back({"parent", "is not a name organisations/{id}"});
  const std::vector<int> group_by(request.group_by().begin(), request.group_by().end());
  return ReadCountQuery(group_by, request.from_month(), request.to_month(), request.place(),
                        violations);
}

// The same for both counts: rows of what may be counted, and how they were made safe.
template <class Response>
absl::Status FillIn(const std::vector<CountedThings>& things, const CountQuery& query,
                    const Counted& counted, Response* response) {
  std::optional<privacy::SmallNumberPolicy> policy;
  if (!counted.exact()) policy = counted.policy();
  WATERLINE_ASSIGN_OR_RETURN(auto rows, CountRows(things, query, policy));
  for (auto& row : rows) *response->add_rows() = std::move(row);
  if (policy) response->set_notice(NoticeOf(*policy));
  return absl::OkStatus();
}

// The place that was asked for is what the answer belongs to: a draft from a refusal asks for no
// more.
void Narrow(const CountQuery& query, gate::Ask* ask) {
  ask->whole_collection = !text::MatchName(query.place, "places/*");
  if (ask->whole_collection) return;
  ask->scopes = {query.place};
  ask->filter.assign("place = ").append(query.place);
}

// The contributions of one event that are alike to the policy: those of one person, and those of
// people who are not registered.
struct Alike {
  uint64_t count = 0;
  uint32_t anonymous = 0;
  std::set<std::string> labels;
};

void Add(const ContributionRecord& record, std::map<std::string, Alike>* by_subject) {
  if (record.public_().withdrawn()) return;
  auto& alike = (*by_subject)[record.subject_id()];
  ++alike.count;
  if (!record.subject_id().empty()) return;
  if (record.public_().informant().empty()) {
    ++alike.anonymous;
  } else {
    alike.labels.insert(record.public_().informant());
  }
}

}  // namespace

coro::Task<absl::StatusOr<Counted>> EventsApi::AskCounted(const rpc::Call& call, gate::Ask ask,
                                                          std::vector<CountedRecord> records) {
  if (call.caller.organisation() != ask.controller) {
    WATERLINE_CO_ASSIGN_OR_RETURN(const bool is_test,
                                  co_await parts_.directory->IsTest(ask.controller));
    if (is_test) records.clear();
  }
  ask.rows_field = gate::kCounted;
  std::vector<gate::Decision> decisions;
  for (size_t begin = 0; begin == 0 || begin < records.size();
       begin += Counted::kRecordsPerQuestion) {
    Subjects subjects;
    ask.records.clear();
    ask.informants = 0;
    const size_t end = std::min(records.size(), begin + Counted::kRecordsPerQuestion);
    for (size_t i = begin; i < end; ++i) {
      ask.records.push_back(records[i].facts);
      ask.records.back().set_subject(subjects.Place(records[i].subject_id));
      ask.informants += records[i].informants;
    }
    if (ask.records.empty()) ask.records.push_back(KeptByLead());
    ask.subject_ids = subjects.ids();
    WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
    decisions.push_back(std::move(decision));
  }
  // What was decided first may be over by now.
  for (auto& decision : decisions) {
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Refresh(std::move(decision)));
  }
  // An answer of another service ends on a thread of the network; tables take longer than it bears.
  co_await parts_.pool->Hop();
  co_return Counted(std::move(decisions), records.size());
}

coro::Task<absl::StatusOr<std::vector<records::Stored<EventRecord>>>> EventsApi::CountedEvents(
    std::string organisation) {
  std::vector<records::Stored<EventRecord>> events;
  waterline::storage::Range range(kEvents);
  while (true) {
    WATERLINE_CO_ASSIGN_OR_RETURN(
        auto page, co_await records::Scan<EventRecord>(parts_.store, Partition(organisation), range,
                                                       kScanMax));
    if (page.empty()) co_return events;
    range.begin = page.back().id + '\0';
    for (auto& one : page) {
      const auto state = one.record.public_().state();
      if (state == v1::Event::STATE_DRAFT || state == v1::Event::STATE_CANCELLED) continue;
      events.push_back(std::move(one));
    }
  }
}

EventsApi::Answer<v1::CountEventsResponse> EventsApi::CountEvents(
    const rpc::Call& call, const v1::CountEventsRequest& request) {
  std::vector<FieldViolation> violations;
  const auto query = ReadRequest(request, &violations);
  if (!violations.empty()) co_return BadFields(violations);
  const std::string organisation = IdOf(request.parent());
  co_await parts_.pool->Hop();
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto events, co_await CountedEvents(organisation));
  std::vector<CountedRecord> records;
  for (const auto& event : events) {
    auto& record = records.emplace_back();
    record.facts = FactsOf(event.record.public_());
  }
  gate::Ask ask(Operation::OPERATION_COUNT, organisation, kEvents, request.parent() + "/events",
                {common::v1::CATEGORY_EVENT});
  Narrow(query, &ask);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto counted, co_await AskCounted(call, ask, std::move(records)));
  std::vector<CountedThings> things;
  for (size_t i = 0; i < events.size(); ++i) {
    if (!counted.Shows(i)) continue;
    things.push_back(CellOf(events[i].record.public_()));
    things.back().count = 1;
  }
  v1::CountEventsResponse response;
  WATERLINE_CO_RETURN_IF_ERROR(FillIn(things, query, counted, &response));
  co_return gate::Draft<v1::CountEventsResponse>(std::move(response),
                                                 std::move(counted).TakeLast());
}

EventsApi::Answer<v1::CountContributionsResponse> EventsApi::CountContributions(
    const rpc::Call& call, const v1::CountContributionsRequest& request) {
  std::vector<FieldViolation> violations;
  const auto query = ReadRequest(request, &violations);
  if (!violations.empty()) co_return BadFields(violations);
  const std::string organisation = IdOf(request.parent());
  co_await parts_.pool->Hop();
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto events, co_await CountedEvents(organisation));
  std::vector<CountedRecord> records;
  std::vector<CountedThings> cells;  // One per record.
  for (const auto& event : events) {
    std::map<std::string, Alike> by_subject;
    auto range = waterline::storage::PrefixRange(kContributions, event.id + "/");
    while (true) {
      WATERLINE_CO_ASSIGN_OR_RETURN(const auto page,
                                    co_await records::Scan<ContributionRecord>(
                                        parts_.store, Partition(organisation), range, kScanMax));
      if (page.empty()) break;
      range.begin = page.back().id + '\0';
      for (const auto& one : page) Add(one.record, &by_subject);
    }
    for (const auto& [subject, alike] : by_subject) {
      auto& record = records.emplace_back();
      record.facts = FactsOf(event.record.public_());
      record.subject_id = subject;
      record.informants = alike.anonymous + static_cast<uint32_t>(alike.labels.size());
      cells.push_back(CellOf(event.record.public_()));
      cells.back().count = alike.count;
    }
  }
  gate::Ask ask(Operation::OPERATION_COUNT, organisation, kContributions,
                request.parent() + "/contributions", {common::v1::CATEGORY_CONTRIBUTION_TEXT});
  Narrow(query, &ask);
  WATERLINE_CO_ASSIGN_OR_RETURN(auto counted, co_await AskCounted(call, ask, std::move(records)));
  std::vector<CountedThings> things;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (counted.Shows(i)) things.push_back(cells[i]);
  }
  v1::CountContributionsResponse response;
  WATERLINE_CO_RETURN_IF_ERROR(FillIn(things, query, counted, &response));
  co_return gate::Draft<v1::CountContributionsResponse>(std::move(response),
                                                        std::move(counted).TakeLast());
}

}  // namespace waterline::events
