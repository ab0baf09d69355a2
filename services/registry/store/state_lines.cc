#include "services/registry/store/state_lines.h"

#include "services/common/records/records.h"
#include "services/registry/store/keys.h"
#include "waterline/registry/storage/v1/records.pb.h"

namespace waterline::registry {
namespace {

using waterline::storage::Partition;
using waterline::storage::Range;

constexpr size_t kPageMax = 1000;

template <class Record>
coro::Task<absl::StatusOr<std::vector<records::Stored<Record>>>> All(
    waterline::storage::Store* store, std::string partition, std::string collection) {
  std::vector<records::Stored<Record>> all;
  Range range(std::move(collection));
  while (true) {
    auto page = co_await records::Scan<Record>(store, Partition(partition), range, kPageMax);
    if (!page.ok()) co_return page.status();
    if (page->empty()) co_return all;
    range.begin = page->back().id + '\0';
    for (auto& one : *page) all.push_back(std::move(one));
  }
}

template <class Message>
std::string Line(const std::string& collection, const std::string& source, Message content) {
  content.clear_create_time();
  content.clear_update_time();
  return collection + '\0' + source + '\0' + records::Serialise(content);
}

coro::Task<absl::Status> AddParticipants(waterline::storage::Store* store, privacy::Vault* vault,
                                         std::string organisation,
                                         std::map<std::string, std::string>* participants,
                                         std::vector<std::string>* lines) {
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto all, co_await All<storage::v1::ParticipantRecord>(
                                                    store, organisation, kParticipants));
  for (const auto& stored : all) {
    v1::Participant participant = stored.record.public_();
    const std::vector<std::string> ids = {stored.record.sealed().key_id()};
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto keys,
                                  co_await vault->Load(Partition(organisation), ids));
    if (keys[0] && stored.record.has_sealed()) {
      WATERLINE_CO_RETURN_IF_ERROR(privacy::OpenPersonal(stored.record.sealed(), participant.name(),
                                                         *keys[0], &participant));
    }
    (*participants)[participant.name()] = participant.source_id();
    participant.clear_name();
    lines->push_back(organisation + '\0' +
                     Line(kParticipants, participant.source_id(), participant));
  }
  co_return absl::OkStatus();
}

}  // namespace

coro::Task<absl::StatusOr<std::vector<std::string>>> StateLines(
    waterline::storage::Store* store, privacy::Vault* vault,
    std::map<std::string, std::string>* participants) {
  std::vector<std::string> lines;
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto organisations,
      co_await All<storage::v1::OrganisationRecord>(store, kNetworkPartition, kOrganisations));
  for (const auto& stored : organisations)
    lines.push_back(Line(kOrganisations, stored.id, stored.record.public_()));
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto members, co_await All<storage::v1::MemberRecord>(
                                                        store, kNetworkPartition, kMembers));
  for (const auto& stored : members) lines.push_back(std::string(kMembers) + '\0' + stored.id);
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto joining, co_await All<storage::v1::JoinRequestRecord>(
                                                        store, kNetworkPartition, kJoinRequests));
  for (const auto& stored : joining)
    lines.push_back(std::string(kJoinRequests) + '\0' + stored.id + '\0' +
                    stored.record.public_().fingerprint());
  WATERLINE_CO_ASSIGN_OR_RETURN(
      const auto places, co_await All<storage::v1::PlaceRecord>(store, kNetworkPartition, kPlaces));
  for (const auto& stored : places)
    lines.push_back(Line(kPlaces, stored.id, stored.record.public_()));
  std::string after;
  while (true) {
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto page, co_await store->Partitions(after, kPageMax));
    for (const auto& partition : page) {
      if (partition.id == kNetworkPartition) continue;
      WATERLINE_CO_RETURN_IF_ERROR(
          co_await AddParticipants(store, vault, partition.id, participants, &lines));
    }
    if (page.size() < kPageMax) co_return lines;
    after = page.back().id;
  }
}

}  // namespace waterline::registry
