#include "services/events/store/evidence.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "services/common/data/indicators.h"
#include "services/common/records/records.h"
#include "services/common/text/date.h"
#include "services/common/text/id.h"
#include "services/events/store/bulk_rows.h"
#include "services/events/store/keys.h"
#include "waterline/events/storage/v1/records.pb.h"

namespace waterline::events {
namespace {

using storage::v1::ResponseRow;
using waterline::storage::Key;
using waterline::storage::Partition;

constexpr int kPageMax = 1000;

bool IsEvidence(v1::Event::State state) {
  return state == v1::Event::STATE_OPEN || state == v1::Event::STATE_HELD ||
         state == v1::Event::STATE_REPORTED || state == v1::Event::STATE_FED_BACK ||
         state == v1::Event::STATE_CLOSED;
}

// Days from the first public word of the event (publication, or the papers) to its start; nothing
// when it was written down afterwards only.
std::optional<int64_t> NoticeDays(const v1::Event& event) {
  const int64_t start = text::DayOf(text::ToMs(event.starts_at()));
  std::optional<int64_t> first;
  if (event.has_published_at()) first = text::DayOf(text::ToMs(event.published_at()));
  if (const auto papers = text::ParseDate(event.papers_sent_on()))
    first = first ? std::min(*first, *papers) : *papers;
  if (!first || *first > start) return std::nullopt;
  return start - *first;
}

// Indicator, perspective, day, informant: answers that agree in these are one item.
using ItemKey = std::tuple<std::string, int, int64_t, std::string>;

void AddAnswer(const ResponseRow& row, std::map<ItemKey, v1::EvidenceItem>* items) {
  const auto* indicator = data::FindIndicator(row.indicator());
  const int perspective = data::PerspectiveOf(row.respondent_group());
  if (indicator == nullptr || perspective < 0 || !row.missing().empty()) return;
  auto& item = (*items)[{row.indicator(), perspective, row.day(), row.informant()}];
  item.set_indicator(row.indicator());
  item.set_perspective(perspective);
  item.set_day(row.day());
  item.set_informant(row.informant());
  while (item.counts_size() < indicator->categories()) item.add_counts(0);
  if (row.has_value()) {
    const int category = static_cast<int>(row.value());
    item.set_counts(category, item.counts(category) + 1);
  }
  for (int i = 0; i < row.counts_size(); ++i) item.set_counts(i, item.counts(i) + row.counts(i));
}

}  // namespace

coro::Task<absl::StatusOr<std::vector<std::string>>> EvidenceReader::Partitions() {
  std::vector<std::string> ids;
  std::string after;
  while (true) {
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto page, co_await store_->Partitions(after, kPageMax));
    for (const auto& partition : page) {
      if (partition.id != "network") ids.push_back(partition.id);
    }
    if (static_cast<int>(page.size()) < kPageMax) co_return ids;
    after = page.back().id;
  }
}

coro::Task<absl::StatusOr<std::vector<v1::FeedItem>>> EvidenceReader::ReadFeed(
    std::string partition, uint64_t after, int limit) {
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto items, co_await store_->ReadLog(Partition(partition), kEvidenceLog, after, limit));
  std::vector<v1::FeedItem> feed;
  for (const auto& item : items) {
    common::storage::v1::LogRecord record;
    if (!record.ParseFromString(item.payload))
      co_return Error(reason::kDataDamaged, "an item of the evidence feed does not parse");
    auto& out = feed.emplace_back();
    out.set_position(item.position);
    out.set_event(record.name());
    out.set_revision(item.revision);
  }
  co_return feed;
}

coro::Task<absl::StatusOr<v1::EventEvidence>> EvidenceReader::Read(std::string event) {
  const auto ids = text::MatchName(event, "organisations/*/events/*");
  if (!ids) co_return Error(reason::kUnexpected, "the feed names no event");
  v1::EventEvidence evidence;
  evidence.set_event(event);
  const Key key(kEvents, (*ids)[1]);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto stored, co_await records::Load<storage::v1::EventRecord>(
                                                       store_, Partition((*ids)[0]), key));
  if (!stored) co_return evidence;
  const auto& record = stored->record.public_();
  evidence.set_revision(stored->revision);
  evidence.set_programme(record.programme());
  evidence.mutable_places()->CopyFrom(record.places());
  evidence.set_day(text::DayOf(text::ToMs(record.starts_at())));
  if (!IsEvidence(record.state())) co_return evidence;
  evidence.set_present(true);
  auto* surface = evidence.mutable_surface();
  for (const auto& tally : record.tallies()) surface->set_reach(surface->reach() + tally.count());
  if (const auto days = NoticeDays(record)) surface->set_notice_days(*days);
  if (record.has_level_promised()) *surface->mutable_level_promised() = record.level_promised();
  if (record.has_level_delivered()) *surface->mutable_level_delivered() = record.level_delivered();
  surface->set_method(record.method());
  WATERLINE_CO_RETURN_IF_ERROR(co_await AddSurface((*ids)[0], (*ids)[1], surface));
  WATERLINE_CO_RETURN_IF_ERROR(co_await AddResponses((*ids)[0], (*ids)[1], &evidence));
  co_return evidence;
}

coro::Task<absl::Status> EvidenceReader::AddSurface(std::string organisation, std::string event,
                                                    v1::SurfaceMeasures* surface) {
  auto range = waterline::storage::PrefixRange(kContributions, event + "/");
  while (true) {
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto page,
                                  co_await records::Scan<storage::v1::ContributionRecord>(
                                      store_, Partition(organisation), range, kPageMax));
    if (page.empty()) break;
    for (const auto& one : page)
      surface->set_contributions(surface->contributions() + !one.record.public_().withdrawn());
    range.begin = page.back().id + '\0';
  }
  ReactionRows rows(store_, organisation, event);
  ReactionRows::Visit visit = [surface](const storage::v1::ReactionRow&, bool current) {
    surface->set_reactions(surface->reactions() + current);
    return true;
  };
  const std::string start;
  co_return co_await rows.ForEach(start, visit);
}

// One answer per informant and indicator: of several source ids the last recorded counts (domain.md
// rule 23). Anonymous answers add up.
coro::Task<absl::Status> EvidenceReader::AddResponses(std::string organisation, std::string event,
                                                      v1::EventEvidence* evidence) {
  std::map<std::pair<std::string, std::string>, ResponseRow> last;  // Informant, indicator.
  std::map<ItemKey, v1::EvidenceItem> items;
  const auto later = [](const ResponseRow& a, const ResponseRow& b) {
    return std::tuple(a.recorded_at_ms(), a.day(), a.content_digest()) >
           std::tuple(b.recorded_at_ms(), b.day(), b.content_digest());
  };
  ResponseRows rows(store_, organisation, event);
  ResponseRows::Visit visit = [&](const ResponseRow& row, bool current) {
    if (!current) return true;
    if (row.informant().empty()) {
      AddAnswer(row, &items);
      return true;
    }
    const auto [known, is_new] = last.try_emplace({row.informant(), row.indicator()}, row);
    if (!is_new && later(row, known->second)) known->second = row;
    return true;
  };
  const std::string start;
  WATERLINE_CO_RETURN_IF_ERROR(co_await rows.ForEach(start, visit));
  for (const auto& [key, row] : last) AddAnswer(row, &items);
  for (auto& [key, item] : items) *evidence->add_items() = std::move(item);
  co_return absl::OkStatus();
}

coro::Task<absl::Status> EvidenceReader::Wait(std::map<std::string, uint64_t> after,
                                              std::chrono::milliseconds timeout) {
  std::vector<waterline::storage::LogCursor> cursors;
  for (const auto& [partition, position] : after)
    cursors.push_back({Partition(partition), kEvidenceLog, position});
  co_return (co_await store_->Wait(std::move(cursors), timeout)).status();
}

}  // namespace waterline::events
