#include <algorithm>
#include <set>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/events/api/events_api.h"
#include "services/events/domain/rules.h"
#include "services/events/store/rows.h"

namespace waterline::events {
namespace {

using gate::Operation;
using storage::v1::ReactionRow;
using waterline::storage::Batch;

constexpr auto kCategory = common::v1::CATEGORY_REACTION;
constexpr int kRowsMax = 1000;

void Count(const ReactionRow& row, bool current, v1::ReactionTally* tally) {
  if (!current) {
    tally->set_superseded(tally->superseded() + 1);
  } else if (row.value() == v1::Reaction::VALUE_AGREE) {
    tally->set_agree(tally->agree() + 1);
  } else if (row.value() == v1::Reaction::VALUE_DISAGREE) {
    tally->set_disagree(tally->disagree() + 1);
  } else {
    tally->set_pass(tally->pass() + 1);
  }
}

v1::Reaction* ToReaction(const ReactionRow& row, const std::string& organisation,
                         const std::string& event, v1::Reaction* reaction) {
  reaction->set_contribution(ContributionName(organisation, event, row.contribution()));
  reaction->set_informant(crypto::IdFromBytes('i', row.informant()));
  reaction->set_value(row.value());
  *reaction->mutable_reacted_at() = text::ToTimestamp(row.reacted_at_ms());
  if (!row.import().empty()) reaction->set_import(ImportName(organisation, row.import()));
  return reaction;
}

v1::ReactionTally EmptyTally() {
  v1::ReactionTally tally;
  tally.set_agree(0);
  tally.set_disagree(0);
  tally.set_pass(0);
  tally.set_superseded(0);
  return tally;
}

void AddTally(const v1::ReactionTally& some, v1::ReactionTally* total) {
  total->set_agree(total->agree() + some.agree());
  total->set_disagree(total->disagree() + some.disagree());
  total->set_pass(total->pass() + some.pass());
  total->set_superseded(total->superseded() + some.superseded());
}

// What of a tally may be shown as an aggregate. How many changed their mind stays here.
absl::Status HideSmall(privacy::SmallNumberPolicy policy, const v1::ReactionTally& tally,
                       v1::ReactionCounts* out) {
  privacy::Counts counts{{3}, {tally.agree(), tally.disagree(), tally.pass()}};
  WATERLINE_ASSIGN_OR_RETURN(const auto shown, privacy::ReleaseCounts(policy, counts));
  if (const auto& count = shown.At({0})) out->set_agree(*count);
  if (const auto& count = shown.At({1})) out->set_disagree(*count);
  if (const auto& count = shown.At({2})) out->set_pass(*count);
  return absl::OkStatus();
}

// Every wrong field of the request at once.
std::vector<FieldViolation> CheckReactions(const v1::RecordReactionsRequest& request) {
  std::vector<FieldViolation> violations;
  const auto ids = text::MatchName(request.parent(), "organisations/*/events/*");
  if (!ids) violations.push_back({"parent", "is not a name organisations/{id}/events/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  if (request.reactions().empty() || request.reactions_size() > kRowsMax)
    violations.push_back({"reactions", "needs 1 to 1,000 entries"});
  for (int i = 0; i < request.reactions_size() && i < kRowsMax; ++i) {
    const std::string path = "reactions[" + std::to_string(i) + "]";
    const auto problems = CheckReaction(path, request.reactions(i));
    violations.insert(violations.end(), problems.begin(), problems.end());
    const auto contribution = text::MatchName(request.reactions(i).contribution(),
                                              "organisations/*/events/*/contributions/*");
    if (!contribution || !ids || (*contribution)[0] != (*ids)[0] || (*contribution)[1] != (*ids)[1])
      violations.push_back({path + ".contribution", "is not a contribution of this event"});
  }
  return violations;
}

std::vector<std::string> InformantsOf(const v1::RecordReactionsRequest& request) {
  std::vector<std::string> informants;
  for (const auto& reaction : request.reactions()) informants.push_back(reaction.informant());
  return informants;
}

}  // namespace

// The reactions to contributions that the event does not hold.
coro::Task<absl::StatusOr<std::vector<FieldViolation>>> EventsApi::UnknownContributions(
    EventRef event, const v1::RecordReactionsRequest& request) {
  std::map<std::string, size_t> places;  // Contribution -> where it stands in `keys`.
  std::vector<waterline::storage::Key> keys;
  for (const auto& reaction : request.reactions()) {
    if (!places.emplace(reaction.contribution(), keys.size()).second) continue;
    keys.emplace_back(kContributions, event.id + "/" + IdOf(reaction.contribution()));
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto stored,
                                co_await parts_.store->Get(event.partition(), std::move(keys)));
  std::vector<FieldViolation> violations;
  for (int i = 0; i < request.reactions_size(); ++i) {
    if (!stored[places.at(request.reactions(i).contribution())])
      violations.push_back({"reactions[" + std::to_string(i) + "].contribution",
                            "names no contribution of this event"});
  }
  co_return violations;
}

EventsApi::Answer<v1::RecordReactionsResponse> EventsApi::RecordReactions(
    const rpc::Call& call, const v1::RecordReactionsRequest& request) {
  auto violations = CheckReactions(request);
  if (!violations.empty()) co_return BadFields(violations);
  const auto ids = text::MatchName(request.parent(), "organisations/*/events/*");
  const EventRef event{(*ids)[0], (*ids)[1]};
  const std::vector<std::string> no_subjects;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await Ask(call, Operation::OPERATION_WRITE, event.organisation, "reactions",
                                  request.parent() + "/reactions", kCategory, no_subjects,
                                  static_cast<uint32_t>(request.reactions_size())));
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry, co_await records::FindRetry(parts_.store, event.partition(), &mutation,
                                                    parts_.clock->NowMs()));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto stored_event, co_await LoadEvent(event));
  v1::RecordReactionsResponse response;
  auto* report = response.mutable_report();
  report->set_rows_read(static_cast<uint64_t>(request.reactions_size()));
  if (retry) {
    report->set_unchanged(report->rows_read());
    co_return gate::Draft<v1::RecordReactionsResponse>(std::move(response), std::move(decision));
  }
  WATERLINE_CO_RETURN_IF_ERROR(CheckRecording(stored_event.record.public_()));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto unknown, co_await UnknownContributions(event, request));
  if (!unknown.empty()) co_return BadFields(unknown);
  EvidenceHook hook(parts_.gate, &decision, event.name());
  const auto people = InformantsOf(request);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto informants, co_await LabelsOf(event, people, "", &hook));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto index_key,
                                co_await parts_.vault->IndexKey(event.partition()));
  // By identity: repeated rows of the request fall together.
  std::map<std::string, ReactionRow> rows;
  for (const auto& reaction : request.reactions()) {
    ReactionRow row;
    row.set_informant(informants.labels.at(reaction.informant()));
    row.set_contribution(IdOf(reaction.contribution()));
    row.set_value(reaction.value());
    row.set_reacted_at_ms(text::ToMs(reaction.reacted_at()));
    row.set_row_key(
        ReactionKey(privacy::SourceKey(index_key, "reaction",
                                       event.id + '\0' + row.informant() + row.contribution()),
                    row.reacted_at_ms()));
    rows[ReactionTraits::Order(row)] = std::move(row);
  }
  std::vector<ReactionRow> fresh;
  for (auto& [order, row] : rows) fresh.push_back(std::move(row));
  const uint64_t distinct = fresh.size();
  ReactionRows store(parts_.store, event.organisation, event.id);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto counts, co_await store.Merge(std::move(fresh), &hook));
  report->set_created(counts.created);
  report->set_unchanged(counts.unchanged);
  report->set_superseded(counts.superseded);
  report->set_repeated_rows(static_cast<uint64_t>(request.reactions_size()) - distinct);
  Batch batch;
  records::Remember(&batch, mutation, request.parent(), decision.position(), parts_.clock->NowMs());
  WATERLINE_CO_RETURN_IF_ERROR(
      (co_await parts_.store->Commit(event.partition(), std::move(batch))).status());
  co_return gate::Draft<v1::RecordReactionsResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::ListReactionsResponse> EventsApi::ListReactions(
    const rpc::Call& call, const v1::ListReactionsRequest& request) {
  const auto ids = text::MatchName(request.parent(), "organisations/*/events/*");
  if (!ids) co_return BadFields({{"parent", "is not a name organisations/{id}/events/{id}"}});
  const std::string arguments =
      request.parent() + (request.show_superseded() ? "|all" : "|current");
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), arguments));
  const EventRef event{(*ids)[0], (*ids)[1]};
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto facts, co_await FactsOfEvent(call, event));
  gate::PageFill fill(page.limit, page.after);
  std::vector<ReactionRow> stored;
  std::vector<std::string> keys;
  std::vector<bool> superseded;
  gate::Decision decision;
  do {
    stored.clear();
    keys.clear();
    superseded.clear();
    ReactionRows rows(parts_.store, event.organisation, event.id);
    ReactionRows::Visit visit = [&](const ReactionRow& row, bool current) {
      if (!current && !request.show_superseded()) return true;
      stored.push_back(row);
      keys.push_back(ReactionTraits::Order(row));
      superseded.push_back(!current);
      return static_cast<int>(stored.size()) < fill.count();
    };
    WATERLINE_CO_RETURN_IF_ERROR(co_await rows.ForEach(fill.after(), visit));
    gate::Ask ask(Operation::OPERATION_SEARCH, event.organisation, "reactions",
                  request.parent() + "/reactions", {kCategory});
    ask.rows_field = "reactions";
    WATERLINE_CO_RETURN_IF_ERROR(co_await DescribeReactions(event, facts, stored, &ask));
    WATERLINE_CO_ASSIGN_OR_RETURN(decision, co_await parts_.gate->Ask(call, ask));
  } while (!fill.Enough(keys, decision));
  v1::ListReactionsResponse response;
  for (size_t i = 0; i < static_cast<size_t>(fill.rows()); ++i)
    ToReaction(stored[i], event.organisation, event.id, response.add_reactions())
        ->set_superseded(superseded[i]);
  if (!fill.next().empty())
    response.set_next_page_token(records::NextPageToken(fill.next(), arguments));
  co_return gate::Draft<v1::ListReactionsResponse>(std::move(response), std::move(decision));
}

// A reaction tells of the contribution it answers, so it goes as far as that does.
coro::Task<absl::Status> EventsApi::DescribeReactions(EventRef event, EventFacts facts,
                                                      std::vector<ReactionRow> rows,
                                                      gate::Ask* ask) {
  std::vector<std::string> ids;
  std::set<std::string> informants;
  for (const auto& row : rows) {
    ids.push_back(row.contribution());
    informants.insert(row.informant());
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto contributions, co_await LoadContributions(event, ids));
  Subjects subjects;
  ask->scopes = facts.scopes;
  for (const auto& id : ids) {
    const auto found = contributions.find(id);
    ask->records.push_back(found == contributions.end() ? KeptByLead()
                                                        : FactsOf(found->second, facts, &subjects));
  }
  if (rows.empty()) ask->records.push_back(KeptByLead());
  ask->subject_ids = subjects.ids();
  ask->informants = static_cast<uint32_t>(informants.size());
  co_return absl::OkStatus();
}

coro::Task<absl::StatusOr<std::map<std::string, storage::v1::ContributionRecord>>>
EventsApi::LoadContributions(EventRef event, std::vector<std::string> contribution_ids) {
  const std::set<std::string> distinct(contribution_ids.begin(), contribution_ids.end());
  std::vector<waterline::storage::Key> keys;
  for (const auto& id : distinct) keys.emplace_back(kContributions, event.id + "/" + id);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto values,
                                co_await parts_.store->Get(event.partition(), keys));
  std::map<std::string, storage::v1::ContributionRecord> records;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    auto& record = records[IdOf(keys[i].id)];
    WATERLINE_CO_RETURN_IF_ERROR(records::ParseInto(values[i]->value, keys[i], &record));
  }
  co_return records;
}

coro::Task<absl::StatusOr<v1::ReactionTally>> EventsApi::Tally(
    EventRef event, std::map<std::string, v1::ReactionTally>* by_contribution) {
  v1::ReactionTally total = EmptyTally();
  ReactionRows rows(parts_.store, event.organisation, event.id);
  ReactionRows::Visit visit = [&](const ReactionRow& row, bool current) {
    Count(row, current, &total);
    if (by_contribution != nullptr) Count(row, current, &(*by_contribution)[row.contribution()]);
    return true;
  };
  const std::string start;
  WATERLINE_CO_RETURN_IF_ERROR(co_await rows.ForEach(start, visit));
  co_return total;
}

EventsApi::Answer<v1::TallyReactionsResponse> EventsApi::TallyReactions(
    const rpc::Call& call, const v1::TallyReactionsRequest& request) {
  const auto ids = text::MatchName(request.parent(), "organisations/*/events/*");
  if (!ids) co_return BadFields({{"parent", "is not a name organisations/{id}/events/{id}"}});
  const EventRef event{(*ids)[0], (*ids)[1]};
  co_await parts_.pool->Hop();
  std::map<std::string, v1::ReactionTally> by_contribution;
  WATERLINE_CO_RETURN_IF_ERROR((co_await Tally(event, &by_contribution)).status());
  WATERLINE_CO_ASSIGN_OR_RETURN(auto records,
                                co_await CountedReactions(call, event, by_contribution));
  gate::Ask ask(Operation::OPERATION_COUNT, event.organisation, "reactions",
                request.parent() + "/reactions", {kCategory});
  WATERLINE_CO_ASSIGN_OR_RETURN(auto counted, co_await AskCounted(call, ask, std::move(records)));
  v1::ReactionTally total = EmptyTally();
  v1::TallyReactionsResponse response;
  size_t i = 0;
  for (auto& [id, tally] : by_contribution) {
    if (!counted.Shows(i++)) continue;
    AddTally(tally, &total);
    if (!counted.exact()) continue;
    tally.set_contribution(ContributionName(event.organisation, event.id, id));
    *response.add_tallies() = std::move(tally);
  }
  if (counted.exact()) {
    *response.mutable_total() = std::move(total);
  } else {
    WATERLINE_CO_RETURN_IF_ERROR(HideSmall(counted.policy(), total, response.mutable_counts()));
  }
  co_return gate::Draft<v1::TallyReactionsResponse>(std::move(response),
                                                    std::move(counted).TakeLast());
}

// One record per contribution that was reacted to, in the order of the map.
coro::Task<absl::StatusOr<std::vector<CountedRecord>>> EventsApi::CountedReactions(
    const rpc::Call& call, EventRef event,
    const std::map<std::string, v1::ReactionTally>& by_contribution) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto facts, co_await FactsOfEvent(call, event));
  std::vector<CountedRecord> records;
  std::vector<std::string> ids;
  for (auto it = by_contribution.begin(); it != by_contribution.end();) {
    ids.push_back(it->first);
    const bool last = ++it == by_contribution.end();
    if (!last && ids.size() < Counted::kRecordsPerQuestion) continue;
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto contributions, co_await LoadContributions(event, ids));
    for (const auto& id : ids) {
      auto& record = records.emplace_back();
      for (const auto& scope : facts.scopes) record.facts.add_scopes(scope);
      const auto found = contributions.find(id);
      if (found != contributions.end()) record.subject_id = found->second.subject_id();
    }
    ids.clear();
  }
  co_return records;
}

}  // namespace waterline::events
