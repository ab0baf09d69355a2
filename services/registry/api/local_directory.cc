#include "services/registry/api/local_directory.h"

#include "services/common/records/records.h"
#include "services/common/text/id.h"
#include "services/registry/store/keys.h"
#include "waterline/registry/storage/v1/records.pb.h"

namespace waterline::registry {

using waterline::storage::Key;
using waterline::storage::Partition;

coro::Task<absl::StatusOr<std::optional<LocalDirectory::Found>>> LocalDirectory::FindOne(
    std::string name) {
  std::optional<Found> found;
  if (const auto ids = text::MatchName(name, "organisations/*/participants/*")) {
    auto stored = co_await records::Load<registry::storage::v1::ParticipantRecord>(
        store_, Partition((*ids)[0]), Key(kParticipants, (*ids)[1]));
    if (!stored.ok()) co_return stored.status();
    if (*stored) found.emplace().subject = (*stored)->record.subject_id();
  } else if (const auto organisation = text::MatchName(name, "organisations/*")) {
    auto stored = co_await records::Load<registry::storage::v1::OrganisationRecord>(
        store_, NetworkPartition(), Key(kOrganisations, (*organisation)[0]));
    if (!stored.ok()) co_return stored.status();
    if (*stored) found.emplace().is_test = (*stored)->record.public_().test();
  } else if (const auto place = text::MatchName(name, "places/*")) {
    const std::vector<Key> keys(1, Key(kPlaces, (*place)[0]));
    WATERLINE_CO_ASSIGN_OR_RETURN(const auto values,
                                  co_await store_->Get(NetworkPartition(), keys));
    if (values[0]) found.emplace();
  }
  co_return found;
}

coro::Task<absl::StatusOr<std::vector<std::optional<LocalDirectory::Found>>>> LocalDirectory::Find(
    std::vector<std::string> names) {
  std::vector<std::optional<Found>> answers;
  for (const auto& name : names) {
    WATERLINE_CO_ASSIGN_OR_RETURN(auto answer, co_await FindOne(name));
    answers.push_back(std::move(answer));
  }
  co_return answers;
}

coro::Task<absl::StatusOr<std::vector<std::optional<std::string>>>> LocalDirectory::Look(
    std::vector<std::string> names) {
  WATERLINE_CO_ASSIGN_OR_RETURN(auto found, co_await Find(std::move(names)));
  std::vector<std::optional<std::string>> answers;
  for (auto& one : found) {
    auto& answer = answers.emplace_back();
    if (one) answer = std::move(one->subject);
  }
  co_return answers;
}

coro::Task<absl::StatusOr<bool>> LocalDirectory::IsTest(std::string organisation) {
  std::string name = "organisations/" + organisation;
  WATERLINE_CO_ASSIGN_OR_RETURN(const auto found, co_await FindOne(std::move(name)));
  co_return found.has_value() && found->is_test;
}

}  // namespace waterline::registry
