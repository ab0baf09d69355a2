#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>

#include "services/common/crypto/random.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/events/api/events_api.h"
#include "services/events/domain/rules.h"
#include "services/events/store/rows.h"

namespace waterline::events {
namespace {

using gate::Operation;
using storage::v1::ResponseRow;
using waterline::storage::Batch;

constexpr auto kCategory = common::v1::CATEGORY_INDICATOR_RESPONSE;
constexpr int kRowsMax = 1000;

v1::IndicatorResponse* ToResponse(const ResponseRow& row, const std::string& organisation,
                                  v1::IndicatorResponse* out) {
  out->set_indicator(row.indicator());
  out->set_indicator_version(row.indicator_version());
  out->set_respondent_group(row.respondent_group());
  if (row.has_value()) out->set_value(row.value());
  if (!row.missing().empty()) out->set_missing(row.missing());
  out->mutable_counts()->CopyFrom(row.counts());
  if (!row.informant().empty()) out->set_informant(crypto::IdFromBytes('i', row.informant()));
  out->set_collected_on(text::FormatDate(row.day()));
  if (!row.import().empty()) out->set_import(ImportName(organisation, row.import()));
  return out;
}

// The people behind a page of answers: labels once; anonymous answers as many as they count.
uint32_t CountInformants(const v1::ListResponsesResponse& response) {
  std::set<std::string> labels;
  uint64_t anonymous = 0;
  for (const auto& one : response.responses()) {
    if (!one.informant().empty()) {
      labels.insert(one.informant());
    } else if (one.counts().empty()) {
      ++anonymous;
    } else {
      anonymous = std::accumulate(one.counts().begin(), one.counts().end(), anonymous);
    }
  }
  return static_cast<uint32_t>(
      std::min<uint64_t>(anonymous + labels.size(), std::numeric_limits<uint32_t>::max()));
}

}  // namespace

// Two answers of one request or file with one source id are versions of one answer: the later day
// wins, then the larger digest, whatever their order.
coro::Task<absl::StatusOr<std::vector<ResponseRow>>> EventsApi::ToRows(
    EventRef event, const v1::Event& record, std::vector<v1::IndicatorResponse> responses,
    const Informants& informants, std::string import, int64_t recorded_at_ms) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto index_key,
                                co_await parts_.vault->IndexKey(event.partition()));
  const int64_t event_day = text::DayOf(text::ToMs(record.starts_at()));
  std::vector<ResponseRow> rows;
  rows.reserve(responses.size());
  for (const auto& response : responses) {
    ResponseRow& row = rows.emplace_back();
    row.set_row_key(
        privacy::SourceKey(index_key, "response", event.id + '\0' + response.source_id())
            .substr(0, kGroupBytes));
    row.set_indicator(response.indicator());
    row.set_indicator_version(response.has_indicator_version() ? response.indicator_version() : 1);
    row.set_respondent_group(response.respondent_group());
    if (response.has_value()) row.set_value(response.value());
    row.set_missing(response.missing());
    row.mutable_counts()->CopyFrom(response.counts());
    if (!response.informant().empty())
      row.set_informant(informants.labels.at(response.informant()));
    row.set_day(response.collected_on().empty() ? event_day
                                                : *text::ParseDate(response.collected_on()));
    row.set_content_digest(ContentDigest(row));
    row.set_import(import);
    row.set_recorded_at_ms(recorded_at_ms);
  }
  const auto before = [](const ResponseRow& a, const ResponseRow& b) {
    return std::tie(a.row_key(), a.content_digest()) < std::tie(b.row_key(), b.content_digest());
  };
  const auto same = [](const ResponseRow& a, const ResponseRow& b) {
    return a.row_key() == b.row_key() && a.content_digest() == b.content_digest();
  };
  std::sort(rows.begin(), rows.end(), before);
  rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
  co_return rows;
}

EventsApi::Answer<v1::RecordResponsesResponse> EventsApi::RecordResponses(
    const rpc::Call& call, const v1::RecordResponsesRequest& request) {
  std::vector<FieldViolation> violations;
  const auto ids = text::MatchName(request.parent(), "organisations/*/events/*");
  if (!ids) violations.push_back({"parent", "is not a name organisations/{id}/events/{id}"});
  records::CheckRequestId(request.request_id(), &violations);
  if (request.responses().empty() || request.responses_size() > kRowsMax)
    violations.push_back({"responses", "needs 1 to 1,000 entries"});
  std::vector<std::string> people;
  for (int i = 0; i < request.responses_size() && i < kRowsMax; ++i) {
    const auto problems =
        CheckResponse("responses[" + std::to_string(i) + "]", request.responses(i));
    violations.insert(violations.end(), problems.begin(), problems.end());
    if (!request.responses(i).informant().empty())
      people.push_back(request.responses(i).informant());
  }
  if (!violations.empty()) co_return BadFields(violations);
  const EventRef event{(*ids)[0], (*ids)[1]};
  const std::vector<std::string> no_subjects;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto decision, co_await Ask(call, Operation::OPERATION_WRITE, event.organisation, "responses",
                                  request.parent() + "/responses", kCategory, no_subjects,
                                  static_cast<uint32_t>(request.responses_size())));
  auto mutation = records::MutationOf(call, request);
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto retry, co_await records::FindRetry(parts_.store, event.partition(), &mutation,
                                                    parts_.clock->NowMs()));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto stored_event, co_await LoadEvent(event));
  v1::RecordResponsesResponse response;
  auto* report = response.mutable_report();
  report->set_rows_read(static_cast<uint64_t>(request.responses_size()));
  if (retry) {
    report->set_unchanged(report->rows_read());
    co_return gate::Draft<v1::RecordResponsesResponse>(std::move(response), std::move(decision));
  }
  WATERLINE_CO_RETURN_IF_ERROR(CheckRecording(stored_event.record.public_()));
  EvidenceHook hook(parts_.gate, &decision, event.name());
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto informants, co_await LabelsOf(event, people, "", &hook));
  const std::vector<v1::IndicatorResponse> responses(request.responses().begin(),
                                                     request.responses().end());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      auto rows, co_await ToRows(event, stored_event.record.public_(), responses, informants, "",
                                 parts_.clock->NowMs()));
  report->set_repeated_rows(report->rows_read() - rows.size());
  ResponseRows store(parts_.store, event.organisation, event.id);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto counts, co_await store.Merge(std::move(rows), &hook));
  report->set_created(counts.created);
  report->set_unchanged(counts.unchanged);
  report->set_superseded(counts.superseded);
  Batch batch;
  records::Remember(&batch, mutation, request.parent(), decision.position(), parts_.clock->NowMs());
  WATERLINE_CO_RETURN_IF_ERROR(
      (co_await parts_.store->Commit(event.partition(), std::move(batch))).status());
  co_return gate::Draft<v1::RecordResponsesResponse>(std::move(response), std::move(decision));
}

EventsApi::Answer<v1::ListResponsesResponse> EventsApi::ListResponses(
    const rpc::Call& call, const v1::ListResponsesRequest& request) {
  const auto ids = text::MatchName(request.parent(), "organisations/*/events/*");
  if (!ids) co_return BadFields({{"parent", "is not a name organisations/{id}/events/{id}"}});
  const std::string arguments =
      request.parent() + (request.show_superseded() ? "|all" : "|current");
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto page, records::ReadPage(request.page_size(), request.page_token(), arguments));
  const EventRef event{(*ids)[0], (*ids)[1]};
  v1::ListResponsesResponse response;
  std::string last;
  ResponseRows rows(parts_.store, event.organisation, event.id);
  ResponseRows::Visit visit = [&](const ResponseRow& row, bool current) {
    if (!current && !request.show_superseded()) return true;
    ToResponse(row, event.organisation, response.add_responses())->set_superseded(!current);
    last = ResponseTraits::Order(row);
    return response.responses_size() < page.limit;
  };
  WATERLINE_CO_RETURN_IF_ERROR(co_await rows.ForEach(page.after, visit));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto facts, co_await FactsOfEvent(call, event));
  gate::Ask ask(Operation::OPERATION_SEARCH, event.organisation, "responses",
                request.parent() + "/responses", {kCategory});
  ask.rows_field = "responses";
  ask.scopes = facts.scopes;
  ask.informants = CountInformants(response);
  ask.records.resize(static_cast<size_t>(response.responses_size()));
  if (ask.records.empty()) ask.records.push_back(KeptByLead());
  WATERLINE_CO_ASSIGN_OR_RETURN(auto decision, co_await parts_.gate->Ask(call, ask));
  // The rows of an event are alike: all of them stay, or none does.
  if (decision.Shows(0) && response.responses_size() == page.limit)
    response.set_next_page_token(records::NextPageToken(last, arguments));
  co_return gate::Draft<v1::ListResponsesResponse>(std::move(response), std::move(decision));
}

}  // namespace waterline::events
