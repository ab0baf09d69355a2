#include "services/events/store/state_lines.h"

#include <map>

#include "services/common/crypto/encoding.h"
#include "services/common/crypto/random.h"
#include "services/common/records/records.h"
#include "services/events/store/bulk_rows.h"
#include "services/events/store/evidence.h"
#include "services/events/store/keys.h"
#include "waterline/events/storage/v1/records.pb.h"

namespace waterline::events {
namespace {

using waterline::storage::Partition;
using waterline::storage::Range;

constexpr int kPageMax = 1000;
constexpr char kStart[] = "";

// The lines of one organisation.
class Lines {
 public:
  Lines(waterline::storage::Store* store, privacy::Vault* vault,
        const std::map<std::string, std::string>* participants, std::string organisation)
      : store_(store),
        vault_(vault),
        participants_(participants),
        organisation_(std::move(organisation)) {}

  coro::Task<absl::Status> Collect(std::vector<std::string>* lines);

 private:
  template <class Record>
  coro::Task<absl::StatusOr<std::vector<records::Stored<Record>>>> All(Range range);
  coro::Task<absl::Status> AddEvent(records::Stored<storage::v1::EventRecord> stored);
  coro::Task<absl::Status> AddInformants(std::string event);
  coro::Task<absl::Status> AddContributions(std::string event);
  coro::Task<absl::Status> AddRows(std::string event);
  coro::Task<absl::Status> Open(common::storage::v1::Sealed sealed, std::string name,
                                google::protobuf::Message* message);
  void Add(std::initializer_list<std::string> parts);

  waterline::storage::Store* const store_;
  privacy::Vault* const vault_;
  const std::map<std::string, std::string>* const participants_;  // Name -> source id.
  const std::string organisation_;
  std::map<std::string, std::string> titles_;         // Programme and event names -> titles.
  std::map<std::string, std::string> informants_;     // Label -> source id.
  std::map<std::string, std::string> contributions_;  // Id -> source id.
  std::vector<std::string>* lines_ = nullptr;
};

template <class Record>
coro::Task<absl::StatusOr<std::vector<records::Stored<Record>>>> Lines::All(Range range) {
  std::vector<records::Stored<Record>> all;
  while (true) {
    auto page = co_await records::Scan<Record>(store_, Partition(organisation_), range, kPageMax);
    if (!page.ok()) co_return page.status();
    if (page->empty()) co_return all;
    range.begin = page->back().id + '\0';
    for (auto& one : *page) all.push_back(std::move(one));
  }
}

void Lines::Add(std::initializer_list<std::string> parts) {
  std::string line = organisation_;
  for (const auto& part : parts) line.append(1, '\0').append(part);
  lines_->push_back(std::move(line));
}

coro::Task<absl::Status> Lines::Open(common::storage::v1::Sealed sealed, std::string name,
                                     google::protobuf::Message* message) {
  const std::vector<std::string> ids = {sealed.key_id()};
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto keys,
                                co_await vault_->Load(Partition(organisation_), ids));
  if (!keys[0]) co_return absl::OkStatus();
  co_return privacy::OpenPersonal(sealed, name, *keys[0], message);
}

coro::Task<absl::Status> Lines::Collect(std::vector<std::string>* lines) {
  lines_ = lines;
  WATERLINE_CO_ASSIGN_OR_RETURN(auto programmes,
                                co_await All<storage::v1::ProgrammeRecord>(Range(kProgrammes)));
  for (auto& stored : programmes) {
    auto* programme = stored.record.mutable_public_();
    titles_[programme->name()] = programme->title();
    programme->clear_name();
    programme->clear_create_time();
    programme->clear_update_time();
    Add({kProgrammes, programme->title(), records::Serialise(*programme)});
  }
  WATERLINE_CO_ASSIGN_OR_RETURN(auto events,
                                co_await All<storage::v1::EventRecord>(Range(kEvents)));
  for (auto& stored : events) WATERLINE_CO_RETURN_IF_ERROR(co_await AddEvent(std::move(stored)));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto imports,
                                co_await All<storage::v1::ImportRecord>(Range(kImports)));
  for (const auto& stored : imports) {
    const auto& import = stored.record.public_();
    if (import.state() == v1::Import::STATE_REVERTED) continue;  // A tombstone is no content.
    // Not its content digest: the same rows in another order are the same content.
    Add({kImports, titles_[import.event()], std::to_string(import.kind()),
         std::to_string(import.state())});
  }
  co_return absl::OkStatus();
}

coro::Task<absl::Status> Lines::AddEvent(records::Stored<storage::v1::EventRecord> stored) {
  auto* event = stored.record.mutable_public_();
  titles_[event->name()] = event->title();
  event->clear_name();
  event->clear_create_time();
  event->clear_update_time();
  event->clear_published_at();
  event->clear_made_by_import();
  if (!event->programme().empty()) event->set_programme(titles_[event->programme()]);
  Add({kEvents, event->title(), records::Serialise(*event)});
  WATERLINE_CO_RETURN_IF_ERROR(co_await AddInformants(stored.id));
  WATERLINE_CO_RETURN_IF_ERROR(co_await AddContributions(stored.id));
  co_return co_await AddRows(stored.id);
}

coro::Task<absl::Status> Lines::AddInformants(std::string event) {
  std::vector<storage::v1::InformantRow> rows;
  InformantRows informants(store_, organisation_, event);
  InformantRows::Visit visit = [&rows](const storage::v1::InformantRow& row, bool) {
    rows.push_back(row);
    return true;
  };
  WATERLINE_CO_RETURN_IF_ERROR(co_await informants.ForEach(kStart, visit));
  for (const auto& row : rows) {
    v1::Contribution source;
    WATERLINE_CO_RETURN_IF_ERROR(
        co_await Open(row.source_id(), EventName(organisation_, event) + "/informants", &source));
    informants_[row.label()] = source.source_id();
    informants_[crypto::IdFromBytes('i', row.label())] = source.source_id();
    Add({"informants", titles_[EventName(organisation_, event)], source.source_id()});
  }
  co_return absl::OkStatus();
}

coro::Task<absl::Status> Lines::AddContributions(std::string event) {
  WATERLINE_CO_ASSIGN_OR_RETURN(auto all,
                                co_await All<storage::v1::ContributionRecord>(
                                    waterline::storage::PrefixRange(kContributions, event + "/")));
  for (auto& stored : all) {
    auto contribution = stored.record.public_();
    if (contribution.withdrawn()) continue;
    WATERLINE_CO_RETURN_IF_ERROR(
        co_await Open(stored.record.sealed(), contribution.name(), &contribution));
    contributions_[IdOf(contribution.name())] = contribution.source_id();
    contribution.clear_name();
    contribution.clear_import();
    contribution.clear_contribution_code();
    contribution.clear_create_time();
    contribution.clear_review_time();
    if (!contribution.informant().empty())
      contribution.set_informant(informants_[contribution.informant()]);
    if (const auto known = participants_->find(contribution.participant());
        known != participants_->end())
      contribution.set_participant(known->second);
    Add({kContributions, titles_[EventName(organisation_, event)], contribution.source_id(),
         records::Serialise(contribution)});
  }
  co_return absl::OkStatus();
}

coro::Task<absl::Status> Lines::AddRows(std::string event) {
  const std::string title = titles_[EventName(organisation_, event)];
  ReactionRows reactions(store_, organisation_, event);
  ReactionRows::Visit add_reaction = [&](const storage::v1::ReactionRow& row, bool current) {
    Add({"reactions", title, informants_[row.informant()], contributions_[row.contribution()],
         std::to_string(row.reacted_at_ms()), std::to_string(row.value()),
         std::to_string(current)});
    return true;
  };
  WATERLINE_CO_RETURN_IF_ERROR(co_await reactions.ForEach(kStart, add_reaction));
  ResponseRows responses(store_, organisation_, event);
  ResponseRows::Visit add_response = [&](const storage::v1::ResponseRow& row, bool current) {
    storage::v1::ResponseRow content = row;
    content.clear_row_key();
    content.clear_import();
    content.clear_also_imports();
    content.clear_recorded_at_ms();
    content.clear_content_digest();
    content.clear_informant();
    Add({"responses", title, row.informant().empty() ? "" : informants_[row.informant()],
         records::Serialise(content), std::to_string(current)});
    return true;
  };
  co_return co_await responses.ForEach(kStart, add_response);
}

}  // namespace

coro::Task<absl::StatusOr<std::vector<std::string>>> StateLines(
    waterline::storage::Store* store, privacy::Vault* vault,
    const std::map<std::string, std::string>& participants) {
  EvidenceReader reader(store);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto organisations, co_await reader.Partitions());
  std::vector<std::string> lines;
  for (const auto& organisation : organisations) {
    Lines one(store, vault, &participants, organisation);
    WATERLINE_CO_RETURN_IF_ERROR(co_await one.Collect(&lines));
  }
  co_return lines;
}

}  // namespace waterline::events
